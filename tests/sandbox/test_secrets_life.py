"""Secrets in the emulator: made, unchanged, changed, gone, rotated by what they were given, and told to nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.sandbox.lives import changed

from modelyard import Context, Keys, KeysSpec, Role, Secrets, SecretsSpec
from modelyard.core.access import trust_service
from modelyard.core.errors import SpecError
from modelyard.testing import Deployment, deploy
from modelyard_sandbox.accounting import counted

CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD = CONTEXT.for_team("fraud")
GENERATED = {"kind": "generated"}
ROTATION = {"kind": "code", "folder": "rotate", "every_days": 7}
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:rotate"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "rotate").mkdir()
    (tmp_path / "rotate" / "main.py").write_text("def handler(event, context): ...\n")
    return tmp_path


def some_secrets(folder: Path | None = None, context: Context = FRAUD, **entries: Any) -> Any:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=context)
        spec = SecretsSpec.model_validate({"entries": entries})
        secrets = Secrets("secrets", spec, context=context, keys=keys, folder=folder)
        trusted = [trust_service("sagemaker.amazonaws.com", context=context)]
        role = Role("reader", context=context, trusted=trusted, description="reads")
        secrets.grant_read(role, secrets=[name for name in ("db",) if name in entries])

    return program


def value(stack: Deployment, name: str, stage: str = "AWSCURRENT") -> str:
    client = stack.client("secretsmanager")
    return client.get_secret_value(SecretId=f"ml-dev-fraud-secrets-{name}", VersionStage=stage)["SecretString"]


def test_secrets_are_made_stay_as_they_are_change_by_what_changed_and_go(
    emulator: str, code: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VENDOR_KEY", "canary-one")
    vendor = {"kind": "environment", "variable": "VENDOR_KEY"}
    with deploy(lambda: None, region="eu-west-1", emulator=emulator) as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(some_secrets(code, db={**GENERATED, "rotation": ROTATION}, vendor=vendor))
        assert set(stack.operations.values()) <= {"create", "same"}
        made = value(stack, "db")
        assert len(made) == 32

        stack.update(some_secrets(code, db={**GENERATED, "rotation": ROTATION}, vendor=vendor))
        assert changed(stack) == {}, "another random password at every run changes nothing"
        assert (value(stack, "db"), value(stack, "vendor")) == (made, "canary-one")

        monkeypatch.setenv("VENDOR_KEY", "canary-two")
        stack.update(some_secrets(code, db={**GENERATED, "rotation": ROTATION}, vendor=vendor))
        assert changed(stack) == {}, "no state holds the value, so none can tell that it changed"
        raised = {**vendor, "version": 2}
        stack.update(some_secrets(code, db={**GENERATED, "rotation": ROTATION}, vendor=raised))
        assert changed(stack) == {"secrets-vendor-value": "replace"}
        assert (value(stack, "vendor"), value(stack, "vendor", "AWSPREVIOUS")) == ("canary-two", "canary-one")

        weekly = {**ROTATION, "every_days": 1}
        stack.update(some_secrets(code, db={**GENERATED, "rotation": weekly}, vendor=raised))
        assert changed(stack) == {"secrets-db-rotation": "update"}
        (code / "rotate" / "main.py").write_text("def handler(event, context): return 1\n")
        stack.update(some_secrets(code, db={**GENERATED, "rotation": weekly}, vendor=raised))
        assert changed(stack) == {"secrets-db-rotator": "update"}
        assert value(stack, "db") == made
        stack.destroy()
        assert counted(stack.client, "eu-west-1") == before


def test_a_schedule_that_starts_a_state_machine_comes_and_goes():
    role = "arn:aws:iam::123456789012:role/machine"
    with deploy(lambda: None, region="eu-west-1") as stack:
        trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        stack.client("iam").create_role(RoleName="machine", AssumeRolePolicyDocument=document)
        before = counted(stack.client, "eu-west-1")
        rotation = {"kind": "state_machine", "arn": MACHINE, "role": role}
        stack.update(some_secrets(db={**GENERATED, "rotation": rotation}))
        stack.update(some_secrets(db={**GENERATED, "rotation": rotation}))
        assert changed(stack) == {}
        stack.update(some_secrets(db={**GENERATED, "rotation": {**rotation, "every_hours": 12}}))
        assert changed(stack) == {"secrets-db-schedule": "update"}
        stack.destroy()
        assert counted(stack.client, "eu-west-1") == before


def test_a_managed_secret_is_found_by_the_beginning_of_its_name_and_only_if_it_is_one():
    with deploy(lambda: None, region="eu-west-1") as stack:
        client = stack.client("secretsmanager")
        found = client.create_secret(Name="rds!cluster-7c11", SecretString="x")["ARN"]
        stack.update(some_secrets(db={"kind": "managed", "prefix": "rds!cluster-7c"}))
        policy = stack.client("iam").get_role_policy(RoleName="ml-dev-fraud-reader", PolicyName="secrets")
        assert policy["PolicyDocument"]["Statement"][0]["Resource"] == found
        client.create_secret(Name="rds!cluster-7c22", SecretString="x")
        with pytest.raises(Exception, match="begins the names of 2 secrets"):
            stack.update(some_secrets(db={"kind": "managed", "prefix": "rds!cluster-7c"}))
        with pytest.raises(Exception, match="begins no secret's name"):
            stack.update(some_secrets(db={"kind": "managed", "prefix": "rds!db-99"}))


def test_a_value_that_is_missing_or_empty_is_a_fault_that_names_the_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("VENDOR_KEY", raising=False)
    monkeypatch.setenv("OTHER_KEY", "  ")
    entries: dict[str, Any] = {
        "vendor": {"kind": "environment", "variable": "VENDOR_KEY"},
        "other": {"kind": "environment", "variable": "OTHER_KEY"},
    }
    with pytest.raises(SpecError) as raised:
        deploy(some_secrets(**entries), region="eu-west-1")
    said = str(raised.value)
    assert "'VENDOR_KEY'; is not set in the environment. Run: export VENDOR_KEY=…" in said
    assert "'OTHER_KEY'; is set, and empty" in said


def test_the_name_of_a_production_secret_is_reserved_while_its_deletion_can_be_taken_back():
    with deploy(some_secrets(db=GENERATED), region="eu-west-1") as stack:
        client = stack.client("secretsmanager")
        client.delete_secret(SecretId="ml-dev-fraud-secrets-db", RecoveryWindowInDays=30)
        with pytest.raises(ClientError, match="marked deleted"):
            value(stack, "db")
