"""Who reads a secret, as the judge decides it from the policies in the graph: each refusal beside what is allowed."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pytest
from tests.fenced import CLUSTER, ISSUER
from tests.ground import CHURN, FRAUD, recording
from tests.isolation.judge import Judge, Question

from modelyard import Context, ExistingRole, Keys, KeysSpec, Role, Secrets, SecretsSpec
from modelyard.assess.access import Access, collect
from modelyard.core import access as access_documents
from modelyard.core.access import Statement, trust_service
from modelyard.foundation.tenancy import SyncedSecrets

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


def mounting() -> None:
    """A team with a secret that comes into its namespace and one that doesn't, beside another team's."""
    kept: dict[str, Secrets] = {}
    for context in (FRAUD, CHURN):
        keys = Keys(f"{context.team}-keys", KeysSpec(), context=context)
        entries = {"vendor": {"kind": "generated"}, "other": {"kind": "generated"}}
        spec = SecretsSpec.model_validate({"entries": entries})
        kept[context.owner] = Secrets(f"{context.team}-secrets", spec, context=context, keys=keys)
    opts = pulumi.ResourceOptions(providers=[kubernetes.Provider("cluster", kubeconfig="{}")])
    SyncedSecrets("synced", kept["fraud"], names=["vendor"], context=FRAUD, cluster=CLUSTER, issuer=ISSUER, opts=opts)


@pytest.fixture(scope="module")
def mounted() -> Access:
    return collect(recording(mounting))


@pytest.mark.parametrize(
    ("team", "name", "allowed"), [("fraud", "vendor", True), ("fraud", "other", False), ("churn", "vendor", False)]
)
def test_what_copies_into_a_namespace_reads_what_the_file_names_and_nothing_of_another_teams(
    judge: Judge, mounted: Access, team: str, name: str, allowed: bool
):
    reader = arn(mounted, "ml-dev-fraud-secrets-reader-identity")
    (value,) = [found for found in mounted.things if f":secret:ml-dev-{team}-{team}-secrets-{name}-" in found]
    (verdict,) = judge.ask(mounted, [Question(reader, READ, value)])
    assert verdict.allowed is allowed, str(verdict)
