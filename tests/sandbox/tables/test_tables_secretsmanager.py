"""Secrets, their values, policies and rotations, and the functions that rotate them, through their whole life."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from modelyard.core.wire import ARCHIVE, ASSET, SIGNATURE
from modelyard_sandbox.aws.provider import ProviderError

SECRET = "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"
ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
FUNCTION = "aws:lambda/function:Function"
PERMISSION = "aws:lambda/permission:Permission"
LISTEN = "secretsmanager.amazonaws.com"


def a_policy(action: str = "secretsmanager:GetSecretValue") -> str:
    denied = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [denied]})


def archive(text: str) -> dict[str, Any]:
    return {SIGNATURE: ARCHIVE, "assets": {"main.py": {SIGNATURE: ASSET, "text": text}}}


def a_function(cloud: Any, text: str = "def handler(event, context): ...", **more: Any) -> Any:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = cloud.make("aws:iam/role:Role", name="rotator", assumeRolePolicy=document)
    inputs = {"name": "rotate", "role": role["arn"], "runtime": "python3.13", "handler": "main.handler"}
    return cloud.make(FUNCTION, code=archive(text), **inputs, **more)


def value(cloud: Any, secret: Any, stage: str = "AWSCURRENT") -> str:
    return cloud.client("secretsmanager").get_secret_value(SecretId=secret.id, VersionStage=stage)["SecretString"]


def test_a_secret_changes_its_description_key_and_tags_in_place(cloud: Any) -> None:
    keys = [cloud.make("aws:kms/key:Key", description=name)["arn"] for name in ("one", "two")]
    secret = cloud.make(SECRET, name="team/db", description="of the database", kmsKeyId=keys[0], tags={"team": "fraud"})
    assert secret.id == secret["arn"]
    secret.update(description="of another")
    secret.update(kmsKeyId=keys[1])
    secret.update(tags={"team": "churn"})
    assert cloud.client("secretsmanager").describe_secret(SecretId=secret.id)["KmsKeyId"] == keys[1]
    assert secret.forecast(name="other").replaces == {"name"}
    found = secret.imported(secret["arn"])
    assert found.inputs["name"] == "team/db"
    secret.delete()


def test_a_secret_in_its_recovery_window_keeps_its_name_and_one_without_gives_it_back(cloud: Any) -> None:
    kept = cloud.make(SECRET, name="kept", recoveryWindowInDays=7)
    kept.delete()
    assert "already scheduled for deletion" in cloud.refused(SECRET, name="kept")
    for _ in range(2):
        cloud.make(SECRET, name="gone", recoveryWindowInDays=0).delete()


def test_replicas_come_and_go_with_their_keys_and_never_hold_up_a_deletion(cloud: Any) -> None:
    secret = cloud.make(SECRET, name="db", recoveryWindowInDays=0, replicas=[{"region": "eu-central-1"}])
    key = "arn:aws:kms:us-east-1:123456789012:key/1234"
    secret.update(replicas=[{"region": "eu-central-1"}, {"region": "us-east-1", "kmsKeyId": key}])
    status = cloud.client("secretsmanager").describe_secret(SecretId=secret.id)["ReplicationStatus"]
    assert {found["Region"]: found["KmsKeyId"] for found in status}["us-east-1"] == key
    secret.update(replicas=[{"region": "us-east-1", "kmsKeyId": key}])
    secret.delete()
    assert cloud.session.client("secretsmanager", "us-east-1").list_secrets()["SecretList"] == []


def test_a_write_only_value_is_sent_and_kept_in_no_state(cloud: Any) -> None:
    secret = cloud.make(SECRET, name="db")
    version = cloud.make(VERSION, secretId=secret.id, secretStringWo="canary-1", secretStringWoVersion=1)
    assert value(cloud, secret) == "canary-1"
    assert "canary" not in str(version.state)
    assert version["hasSecretStringWo"] is True
    assert not version.forecast(secretStringWo="canary-2").changed, "only its version says that it changed"
    found = version.read()
    assert "canary" not in str(found), "a refresh forgets it"


def test_a_new_version_of_the_value_replaces_and_the_old_value_stays_behind_it(cloud: Any) -> None:
    secret = cloud.make(SECRET, name="db")
    first = cloud.make(VERSION, secretId=secret.id, secretStringWo="one", secretStringWoVersion=1)
    assert first.forecast(secretStringWo="two", secretStringWoVersion=2).replaces == {"secretStringWoVersion"}
    cloud.make(VERSION, secretId=secret.id, secretStringWo="two", secretStringWoVersion=2)
    cloud.provider.delete(VERSION, first.id, first.urn, first.state)
    assert (value(cloud, secret), value(cloud, secret, "AWSPREVIOUS")) == ("two", "one")


def test_a_value_in_state_is_read_back_and_its_stages_move(cloud: Any) -> None:
    secret = cloud.make(SECRET, name="db")
    cloud.make(VERSION, secretId=secret.id, secretString="one")
    version = cloud.make(VERSION, secretId=secret.id, secretString="two", versionStages=["AWSCURRENT", "BLUE"])
    assert version["secretString"] == "two"
    version.update(versionStages=["AWSCURRENT", "GREEN"])
    assert value(cloud, secret, "GREEN") == "two"
    assert version.forecast(secretString="three").replaces == {"secretString"}
    binary = cloud.make(VERSION, secretId=secret.id, secretBinary="aGk=")
    assert binary["secretBinary"] == "aGk="


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"secretStringWo": "x"}, "go together"),
        ({"secretStringWo": "", "secretStringWoVersion": 1}, "must not be empty"),
        ({"secretString": "x", "secretBinary": "eA=="}, "exactly one"),
        ({}, "exactly one"),
    ],
)
def test_a_value_that_the_service_refuses(cloud: Any, inputs: dict[str, Any], said: str) -> None:
    _, refused = cloud.provider.check(VERSION, "urn", {}, {"secretId": "db", **inputs}, b"seed")
    assert any(said in refusal.reason for refusal in refused), refused


def test_a_policy_is_put_changed_and_taken_away(cloud: Any) -> None:
    secret = cloud.make(SECRET, name="db")
    policy = cloud.make(POLICY, secretArn=secret.id, policy=a_policy())
    policy.update(policy=a_policy("secretsmanager:PutSecretValue"))
    policy.delete()
    assert secret.read() is not None


def test_a_rotation_needs_a_function_that_lets_the_service_in(cloud: Any) -> None:
    secret, function = cloud.make(SECRET, name="db"), a_function(cloud)
    rules = {"automaticallyAfterDays": 30}
    wanted = {"secretId": secret.id, "rotationLambdaArn": function["arn"], "rotationRules": rules}
    assert "cannot invoke" in cloud.refused(ROTATION, **wanted)
    permission = cloud.make(
        PERMISSION, function=function.id, action="lambda:InvokeFunction", principal=LISTEN, sourceArn=secret.id
    )
    assert permission.forecast(principal="events.amazonaws.com").replaces == {"principal"}
    rotation = cloud.make(ROTATION, **wanted)
    assert rotation["rotationEnabled"] is True
    rotation.update(rotationRules={"scheduleExpression": "rate(4 hours)", "duration": "1h"})
    cloud.client("secretsmanager").cancel_rotate_secret(SecretId=secret.id)
    assert rotation.read().state["rotationEnabled"] is False, "drift is seen"
    permission.delete()
    assert "Resource not found" in cloud.refused(ROTATION, **{**wanted, "rotationLambdaArn": function["arn"] + "-no"})


@pytest.mark.parametrize(
    "rules",
    [
        {"scheduleExpression": "rate(3 hours)"},
        {"scheduleExpression": "every day"},
        {"automaticallyAfterDays": 1001},
        {"automaticallyAfterDays": 1, "scheduleExpression": "rate(1 day)"},
    ],
)
def test_a_rotation_outside_what_the_service_takes_is_refused(cloud: Any, rules: dict[str, Any]) -> None:
    _, refused = cloud.provider.check(ROTATION, "urn", {}, {"secretId": "db", "rotationRules": rules}, b"seed")
    assert refused


def test_a_function_changes_its_code_and_settings_in_place(cloud: Any) -> None:
    function = a_function(cloud, environment={"variables": {"LEVEL": "info"}}, timeout=30, tags={"team": "fraud"})
    before = function["codeSha256"]
    function.update(code=archive("def handler(event, context): return 1"))
    assert function["codeSha256"] != before
    function.update(timeout=60)
    function.update(tags={"team": "churn"})
    function.update(environment={"variables": {"LEVEL": "debug"}})
    function.update(environment=None)
    function.update(reservedConcurrentExecutions=1)
    assert function.forecast(name="other").replaces == {"name"}
    function.delete()


def test_a_functions_code_is_the_same_archive_every_time() -> None:
    from modelyard_sandbox.aws.tables.functions import zipped

    packed = zipped(archive("x = 1"))
    assert packed == zipped(archive("x = 1"))
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        assert file.read("main.py") == b"x = 1"


def test_a_function_whose_role_is_missing_is_refused(cloud: Any) -> None:
    with pytest.raises(ProviderError, match="role"):
        a = {"name": "f", "role": "arn:aws:iam::123456789012:role/none", "runtime": "python3.13", "handler": "m.h"}
        cloud.make(FUNCTION, code=archive("x"), **a)
