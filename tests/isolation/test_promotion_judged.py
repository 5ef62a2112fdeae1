"""Production pulls what development released, across accounts: both sides allow exactly that, and one alone nothing."""

from __future__ import annotations

import pytest
from tests.isolation.judge import Judge, Question

from modelyard import Context, Keys, KeysSpec, KnownAudit, ModelRegistry, RegistrySpec, Role
from modelyard.assess.access import Access, collect
from modelyard.assess.graph import record
from modelyard.build.registry import KnownRegistry, ReleaseKeys
from modelyard.core.access import trust_service

DEV = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="111122223333", team="fraud"
)
PROD = Context(
    organization="acme", platform="ml", environment="prod", region="eu-west-1", account="444455556666", team="fraud"
)
MODEL = {"description": "d", "owner": "ada@acme.example", "ungated_because": "the gates are tried elsewhere"}
BUCKET = KnownRegistry(DEV).bucket
PACKAGES = "arn:aws:sagemaker:eu-west-1:111122223333:model-package"


def dev() -> None:
    keys = Keys("keys", KeysSpec(), context=DEV)
    releases = ReleaseKeys("fraud-release-keys", context=DEV, pulled_by=[PROD.account])
    models = {"scores": {**MODEL, "pulled_by": [PROD.account]}, "others": MODEL}
    ModelRegistry(
        "registry",
        RegistrySpec.model_validate({"models": models}),
        context=DEV,
        keys=keys,
        audit=KnownAudit(DEV),
        release_keys=releases,
    )


def prod() -> None:
    def role(name: str, context: Context = PROD) -> Role:
        trusted = [trust_service("sagemaker.amazonaws.com", context=context)]
        return Role(name, context=context, trusted=trusted, description=name)

    KnownRegistry(DEV).grant_pull(role("promoting"), models=["scores", "others"])
    role("stranger")


@pytest.fixture(scope="module")
def access() -> Access:
    return collect(
        *(
            record(program, project="p", stack=context.environment, region="eu-west-1", account=context.account)
            for program, context in ((dev, DEV), (prod, PROD))
        )
    )


def role(name: str) -> str:
    return PROD.arn("iam", f"role{PROD.names.path}{PROD.names.of('iam-role', name)}", regional=False)


def key(access: Access, mark: str) -> str:
    """The key whose policy speaks of `mark`."""
    found = [(arn, access.policy_of(arn)) for arn in access.things if ":key/" in arn]
    (arn,) = [arn for arn, policies in found if policies and mark in str(policies[1].document)]
    return arn


@pytest.mark.parametrize(
    ("who", "action", "on", "allowed"),
    [
        ("promoting", "sagemaker:DescribeModelPackage", f"{PACKAGES}/ml-dev-fraud-registry-scores/3", True),
        ("promoting", "sagemaker:DescribeModelPackage", f"{PACKAGES}/ml-dev-fraud-registry-others/3", False),
        ("promoting", "sagemaker:UpdateModelPackage", f"{PACKAGES}/ml-dev-fraud-registry-scores/3", False),
        ("stranger", "sagemaker:DescribeModelPackage", f"{PACKAGES}/ml-dev-fraud-registry-scores/3", False),
        ("promoting", "s3:GetObjectVersion", f"arn:aws:s3:::{BUCKET}/models/scores/d/model.tar.gz", True),
        ("promoting", "s3:GetObject", f"arn:aws:s3:::{BUCKET}/releases/scores/3.json", True),
        ("promoting", "s3:GetObject", f"arn:aws:s3:::{BUCKET}/lineage/scores/d.json", True),
        ("promoting", "s3:GetObject", f"arn:aws:s3:::{BUCKET}/models/others/d/model.tar.gz", False),
        ("promoting", "s3:GetObject", f"arn:aws:s3:::{BUCKET}/decisions/AROA:grace/scores/3.json", False),
        ("promoting", "s3:PutObject", f"arn:aws:s3:::{BUCKET}/models/scores/d/model.tar.gz", False),
        ("stranger", "s3:GetObject", f"arn:aws:s3:::{BUCKET}/releases/scores/3.json", False),
    ],
)
def test_a_role_in_production_reads_what_development_opened_to_it(
    judge: Judge, access: Access, who: str, action: str, on: str, allowed: bool
):
    (verdict,) = judge.ask(access, [Question(role(who), action, on, account=DEV.account)])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(
    ("who", "action", "mark", "carrying", "allowed"),
    [
        (
            "promoting",
            "kms:Decrypt",
            "Account444455556666Pulls",
            {"kms:ViaService": "s3.eu-west-1.amazonaws.com"},
            True,
        ),
        ("promoting", "kms:Decrypt", "Account444455556666Pulls", {}, False),
        (
            "stranger",
            "kms:Decrypt",
            "Account444455556666Pulls",
            {"kms:ViaService": "s3.eu-west-1.amazonaws.com"},
            False,
        ),
        ("promoting", "kms:GetPublicKey", "NobodyElseSigns", {"kms:ResourceAliases": ["signing"]}, True),
        ("promoting", "kms:GetPublicKey", "NobodyElseSigns", {"kms:ResourceAliases": ["alias/other"]}, False),
        ("promoting", "kms:Sign", "NobodyElseSigns", {"kms:ResourceAliases": ["signing"]}, False),
        ("stranger", "kms:GetPublicKey", "NobodyElseSigns", {"kms:ResourceAliases": ["signing"]}, False),
    ],
)
def test_it_decrypts_through_s3_and_verifies_with_the_registrys_key(
    judge: Judge, access: Access, who: str, action: str, mark: str, carrying: dict[str, str | list[str]], allowed: bool
):
    said = {
        name: [KnownRegistry(DEV).signing_alias] if value == ["signing"] else value for name, value in carrying.items()
    }
    (verdict,) = judge.ask(access, [Question(role(who), action, key(access, mark), said, account=DEV.account)])
    assert verdict.allowed is allowed, str(verdict)


def test_the_names_are_those_that_the_registry_has(access: Access):
    assert f"arn:aws:s3:::{BUCKET}" in access.things
    assert KnownRegistry(DEV).group("scores") == "ml-dev-fraud-registry-scores"
