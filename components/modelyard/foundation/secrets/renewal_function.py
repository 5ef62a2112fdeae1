"""The function that generates a secret's value anew, in the four steps of Secrets Manager's rotation.

It ships as text, so it uses nothing beyond boto3 and the standard library. What a value is to be lies beside it in
`wanted.json`. Source: secretsmanager/latest/userguide/rotate-secrets_lambda-functions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3


def handler(event: Mapping[str, Any], _: object) -> None:
    """One step of a rotation. `event`: SecretId, ClientRequestToken and Step."""
    client = boto3.client("secretsmanager", endpoint_url=os.environ.get("SECRETS_MANAGER_ENDPOINT"))
    steps = {"createSecret": make, "setSecret": _nothing, "testSecret": _nothing, "finishSecret": finish}
    steps[event["Step"]](client, event["SecretId"], event["ClientRequestToken"])


def make(client: Any, secret: str, token: str) -> None:
    """Put a new value beside the current one; once, however often the step is tried."""
    stages = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    if _has_value(client, secret, token, stages.get(token, ())):
        return
    wanted = json.loads(Path(__file__).with_name("wanted.json").read_text("utf-8"))
    made = client.get_random_password(
        PasswordLength=wanted["length"],
        ExcludePunctuation=not wanted["punctuation"],
        ExcludeCharacters=wanted["exclude"],
    )["RandomPassword"]
    value = _around(client.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")["SecretString"], made)
    client.put_secret_value(SecretId=secret, ClientRequestToken=token, SecretString=value, VersionStages=["AWSPENDING"])


def finish(client: Any, secret: str, token: str) -> None:
    """Make the new value the current one."""
    stages = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    current = next(version for version, names in stages.items() if "AWSCURRENT" in names)
    if current != token:
        client.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )


def _nothing(client: Any, secret: str, token: str) -> None:
    """Nobody else is told of a value that its users read here."""


def _has_value(client: Any, secret: str, token: str, stages: Any) -> bool:
    if "AWSPENDING" not in stages:
        return False
    try:
        client.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
    except client.exceptions.ResourceNotFoundException:
        return False
    return True


def _around(current: str, made: str) -> str:
    """The value: bare, or in the object that it stands in."""
    try:
        beside = json.loads(current)
    except ValueError:
        return made
    return json.dumps({**beside, "password": made}) if isinstance(beside, dict) else made
