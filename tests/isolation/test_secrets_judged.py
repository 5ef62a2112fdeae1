"""Who reads a secret, as the judge decides it from the policies in the graph: each refusal beside what is allowed."""

from __future__ import annotations

import pulumi_aws as aws
import pytest
from tests.ground import CHURN, FRAUD, recording
from tests.isolation.judge import Judge, Question

from modelyard import Context, ExistingRole, Keys, KeysSpec, Role, Secrets, SecretsSpec
from modelyard.assess.access import Access, collect
from modelyard.core import access as access_documents
from modelyard.core.access import Statement, trust_service

PERSON = "arn:aws:iam::123456789012:role/people/ada"
ROTATOR = "arn:aws:iam::123456789012:role/rotator"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:rotate"


class _Everything:
    """A policy that somebody wrote by hand, and too wide."""

    component = "by-hand"


def program() -> None:
    trust = access_documents.policy_json([trust_service("lambda.amazonaws.com", context=FRAUD)])
    aws.iam.Role("ada", name="ada", path="/people/", assume_role_policy=trust)
    aws.iam.Role("rotator", name="rotator", assume_role_policy=trust)
    keys = Keys("keys", KeysSpec(), context=FRAUD)
    rotation = {"kind": "function", "arn": FUNCTION, "role": ROTATOR}
    entries = {"db": {"kind": "generated", "rotation": rotation}, "api": {"kind": "generated"}}
    secrets = Secrets("secrets", SecretsSpec.model_validate({"entries": entries}), context=FRAUD, keys=keys)

    def role(name: str, context: Context) -> Role:
        trusted = [trust_service("sagemaker.amazonaws.com", context=context)]
        return Role(name, context=context, trusted=trusted, description=name)

    secrets.grant_read(role("reader", FRAUD), secrets=["db"])
    secrets.grant_read(ExistingRole("ada", PERSON, context=FRAUD), secrets=["db"])
    role("neighbour", FRAUD)
    wide = [Statement(("secretsmanager:*", "kms:*"), ("*",))]
    role("stranger", CHURN).allow(_Everything(), "everything", wide)


@pytest.fixture(scope="module")
def access() -> Access:
    return collect(recording(program))


def arn(access: Access, name: str) -> str:
    (found,) = [found for found in access.identities if found.endswith(name)]
    return found


def secret(access: Access, name: str) -> str:
    (found,) = [found for found in access.things if f":secret:ml-dev-fraud-secrets-{name}-" in found]
    return found


READ, WRITE = "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"


@pytest.mark.parametrize(
    ("who", "action", "name", "allowed"),
    [
        ("ml-dev-fraud-reader", READ, "db", True),
        ("people/ada", READ, "db", True),
        ("role/rotator", READ, "db", True),
        ("role/rotator", WRITE, "db", True),
        ("ml-dev-fraud-reader", READ, "api", False),
        ("ml-dev-fraud-reader", WRITE, "db", False),
        ("people/ada", READ, "api", False),
        ("role/rotator", WRITE, "api", False),
        ("ml-dev-fraud-neighbour", READ, "db", False),
        ("ml-dev-churn-stranger", READ, "db", False),
        ("ml-dev-churn-stranger", WRITE, "db", False),
    ],
)
def test_a_value_is_read_and_written_by_whom_it_was_granted_to(
    judge: Judge, access: Access, who: str, action: str, name: str, allowed: bool
):
    (verdict,) = judge.ask(access, [Question(arn(access, who), action, secret(access, name))])
    assert verdict.allowed is allowed, str(verdict)
