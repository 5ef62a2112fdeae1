"""OpenSSF model-signing against the registry: its artifacts, signed by its key in KMS, verified by the real command."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.clients.servers import REGION, Clients

from modelyard import Context, Keys, KeysSpec, KnownAudit, ModelRegistry, RegistrySpec, Role
from modelyard.build.registry import function
from modelyard.core.access import trust_service
from modelyard.core.addresses import ModelAddress
from modelyard_jobs.resources import resources
from modelyard_sandbox.inprocess import Deployment

FRAUD = Context(
    organization="acme", platform="ml", environment="dev", region=REGION, account="123456789012", team="fraud"
)
GATES = {"recall": {"kind": "accuracy", "metric": "recall", "threshold": 0.8}}
MODEL = {"description": "Scores payments", "owner": "ada@acme.example", "metrics": ["recall"], "gates": GATES}
ARTIFACT = "models/scores/model.tar.gz"
WEIGHTS = b"weights of a model" * 1000


def program() -> dict[str, Any]:
    registry = ModelRegistry(
        "registry",
        RegistrySpec.model_validate({"models": {"scores": MODEL}}),
        context=FRAUD,
        keys=Keys("keys", KeysSpec(), context=FRAUD),
        audit=KnownAudit(FRAUD),
    )
    trusted = [trust_service("sagemaker.amazonaws.com", context=FRAUD)]
    trainer = Role("trainer", context=FRAUD, trusted=trusted, description="trains")
    registry.grant_submit(trainer)
    return {"resources": trainer.resources_path}


@pytest.fixture(scope="module")
def stack(deployed: Callable[[Any], Deployment]) -> Deployment:
    return deployed(program)


@pytest.fixture
def model(stack: Deployment) -> ModelAddress:
    """The model as who may submit finds it, with an artifact."""
    found = resources(stack.outputs["resources"], ssm=stack.client("ssm")).model("scores")
    # The emulator can't tell the promoter from others; who writes where is judged in tests/isolation.
    stack.client("s3").delete_bucket_policy(Bucket=found.bucket)
    stack.client("s3").put_object(Bucket=found.bucket, Key=ARTIFACT, Body=WEIGHTS)
    return found


@pytest.fixture
def signed(model: ModelAddress, clients: Clients) -> dict[str, str]:
    """A signed artifact: where it lies, and the key."""
    where = {"bucket": model.bucket, "artifact": ARTIFACT, "key": model.signing_key_arn}
    clients.script("sign_model", where)
    return where


def test_an_artifact_signed_by_the_registrys_key_is_verified_from_the_bucket(signed: dict[str, str], clients: Clients):
    assert clients.script("verify_model", signed)["verified"]


def test_what_the_promoter_puts_beside_a_release_is_verified_by_model_signing(
    model: ModelAddress, clients: Clients, stack: Deployment, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(function.boto3, "client", stack.client)
    s3 = stack.client("s3")
    (found,) = s3.list_object_versions(Bucket=model.bucket, Prefix=ARTIFACT)["Versions"][:1]
    record = {
        "artifact": f"s3://{model.bucket}/{ARTIFACT}",
        "artifact_version": found["VersionId"],
        "artifact_digest": hashlib.sha256(WEIGHTS).hexdigest(),
    }
    settings = {
        "BUCKET": model.bucket,
        "LOCK_DAYS": "1",
        "LOCK_MODE": "GOVERNANCE",
        "SIGNING_KEY": model.signing_key_arn,
    }
    function._release(s3, record, "releases/scores/1.json", settings, datetime.now(UTC))
    where = {"bucket": model.bucket, "artifact": ARTIFACT, "key": model.signing_key_arn}
    assert clients.script("verify_model", {**where, "beside": "releases/scores/1.sig"})["verified"]
    s3.put_object(Bucket=model.bucket, Key=ARTIFACT, Body=WEIGHTS + b" ")
    assert not clients.script("verify_model", {**where, "beside": "releases/scores/1.sig"})["verified"]


def test_other_bytes_under_the_same_name_are_refused(signed: dict[str, str], clients: Clients, stack: Deployment):
    stack.client("s3").put_object(Bucket=signed["bucket"], Key=ARTIFACT, Body=WEIGHTS + b" ")
    said = clients.script("verify_model", signed)
    assert not said["verified"]
    assert "Hash mismatch" in said["said"]


def test_another_keys_word_for_it_is_refused(signed: dict[str, str], clients: Clients, stack: Deployment):
    other = stack.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    clients.script("sign_model", {**signed, "key": other})
    said = clients.script("verify_model", signed)
    assert not said["verified"]
    assert "Key mismatch" in said["said"]


def test_a_signature_whose_statement_was_changed_is_refused(
    signed: dict[str, str], clients: Clients, stack: Deployment
):
    s3 = stack.client("s3")
    where = {"Bucket": signed["bucket"], "Key": f"{ARTIFACT}.sig"}
    bundle = json.loads(s3.get_object(**where)["Body"].read())
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    other = WEIGHTS + b" "
    statement["predicate"]["resources"][0]["digest"] = hashlib.sha256(other).hexdigest()
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    s3.put_object(**where, Body=json.dumps(bundle).encode())
    s3.put_object(Bucket=signed["bucket"], Key=ARTIFACT, Body=other)
    assert not clients.script("verify_model", signed)["verified"]
