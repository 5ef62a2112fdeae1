"""Secrets Manager: a rotation is kept as it was asked for, and needs a function that lets the service invoke it.

No function runs here: a rotation that is asked for at once leaves the value as it was.
"""

from __future__ import annotations

import json
import time
from typing import Any, Final

from moto.awslambda.utils import get_backend
from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceNotFoundException,
    SecretNotFoundException,
    SecretsManagerClientError,
)
from moto.secretsmanager.models import FakeSecret, ReplicaSecret, SecretsManagerBackend

_PRINCIPAL: Final = "secretsmanager.amazonaws.com"
_to_dict = FakeSecret.to_dict
_create_replicas = FakeSecret.create_replicas
_cancel = SecretsManagerBackend.cancel_rotate_secret
_list_versions = SecretsManagerBackend.list_secret_version_ids


def _function(backend: Any, arn: str) -> Any:
    try:
        return get_backend(backend.account_id, backend.region_name).get_function(arn)
    except Exception:
        raise ResourceNotFoundException(f"Resource not found for ARN '{arn}'.") from None


def _may_be_invoked(function: Any, secret_arn: str) -> bool:
    for statement in function.policy.statements:
        principal = statement["Principal"]
        tests = {key.lower(): value for test in statement.get("Condition", {}).values() for key, value in test.items()}
        named = principal.get("Service") if isinstance(principal, dict) else principal
        if named == _PRINCIPAL and tests.get("aws:sourcearn") in (None, secret_arn):
            return True
    return False


def rotate_secret(
    self: Any,
    secret_id: str,
    client_request_token: str | None = None,
    rotation_lambda_arn: str | None = None,
    rotation_rules: dict[str, Any] | None = None,
    rotate_immediately: bool = True,
) -> str:
    """RotateSecret: the schedule is kept; the function has to exist, and to let Secrets Manager in."""
    if secret_id not in self.secrets:
        raise SecretNotFoundException()
    secret = self.secrets[secret_id]
    if secret.is_deleted():
        raise InvalidRequestException("You can't perform this operation on the secret because it was deleted.")
    arn = rotation_lambda_arn or secret.rotation_lambda_arn
    if not arn:
        raise InvalidRequestException("No Lambda rotation function ARN is associated with this secret.")
    rules = rotation_rules or {}
    if "AutomaticallyAfterDays" in rules and "ScheduleExpression" in rules:
        raise InvalidParameterException("You can't specify both AutomaticallyAfterDays and ScheduleExpression.")
    if not _may_be_invoked(_function(self, arn), secret.arn):
        message = f"Secrets Manager cannot invoke the specified Lambda function: {arn}"
        raise SecretsManagerClientError("AccessDeniedException", message)
    secret.rotation_requested = secret.rotation_enabled = True
    secret.rotation_lambda_arn = arn
    secret.rotation_rules = rules or getattr(secret, "rotation_rules", {})
    if rotate_immediately:
        secret.last_rotation_date = int(time.time())
    return secret.to_short_dict()


def cancel_rotate_secret(self: Any, secret_id: str) -> str:
    """CancelRotateSecret: the schedule goes with the rotation."""
    answer = _cancel(self, secret_id)
    self.secrets[secret_id].rotation_rules = {}
    return answer


def to_dict(self: Any) -> dict[str, Any]:
    """DescribeSecret, with the whole schedule."""
    shown = _to_dict(self)
    if self.rotation_requested:
        shown["RotationRules"] = getattr(self, "rotation_rules", {})
    return shown


def create_replicas(self: Any, replica_regions: list[dict[str, str]], force_overwrite: bool) -> list[ReplicaSecret]:
    """Replicas, each under the key that was asked for."""
    replicas = _create_replicas(self, replica_regions, force_overwrite=force_overwrite)
    for replica, wanted in zip(replicas, replica_regions, strict=True):
        if wanted.get("KmsKeyId"):
            replica.config["KmsKeyId"] = wanted["KmsKeyId"]
    return replicas


def list_secret_version_ids(self: Any, secret_id: str) -> str:
    """ListSecretVersionIds, each version with the time at which it was made."""
    answer = json.loads(_list_versions(self, secret_id))
    for version in answer["Versions"]:
        version["CreatedDate"] = self.secrets[secret_id].versions[version["VersionId"]]["createdate"]
    return json.dumps(answer)


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    FakeSecret.to_dict = to_dict
    FakeSecret.create_replicas = create_replicas
    SecretsManagerBackend.rotate_secret = rotate_secret
    SecretsManagerBackend.cancel_rotate_secret = cancel_rotate_secret
    SecretsManagerBackend.list_secret_version_ids = list_secret_version_ids
