"""Who reads, writes and seals evidence, as the judge decides it: each bypass beside what is allowed."""

from __future__ import annotations

import re

import pytest
from tests.ground import CHURN, FRAUD, a_role, ground, recording
from tests.isolation.judge import Judge, Question
from tests.isolation.world import World, arn_of

from modelyard import EvidenceStore, GovernanceSpec
from modelyard.assess.access import Access, collect
from modelyard.core.access import Statement


class _Everything:
    """A policy that somebody wrote by hand, and too wide."""

    component = "by-hand"


def program() -> None:
    on = ground(FRAUD, "scores", "others")
    evidence = EvidenceStore(
        "evidence",
        GovernanceSpec(),
        context=FRAUD,
        keys=on.keys,
        registry=on.registry,
        audit=on.audit,
        infrastructure={"commit": "c" * 40},
    )

    evidence.grant_read(a_role("auditor"), models=["scores"])
    evidence.grant_report(a_role("ci"))
    on.registry.grant_approve(a_role("approver"), models=["scores"])
    wide = [Statement(("s3:*", "kms:*", "lambda:*"), ("*",))]
    a_role("author").allow(_Everything(), "everything", wide)
    a_role("neighbour", CHURN)
    a_role("stranger", CHURN).allow(_Everything(), "everything", wide)


@pytest.fixture(scope="module")
def access() -> Access:
    return collect(recording(program))


def bucket(access: Access, name: str) -> str:
    (found,) = [
        arn for arn in access.things if arn.startswith(f"arn:aws:s3:::ml-dev-fraud-{name}-") and "logs" not in arn
    ]
    return found


def key(access: Access, signing: bool) -> str:
    found = {arn: access.policy_of(arn) for arn in access.things if ":key/" in arn}
    (one,) = [arn for arn, said in found.items() if said and ("NobodyElseSigns" in str(said[1].document)) is signing]
    return one


BUNDLE, INDEX = "bundles/scores/3/card.json", "index/scores/3.json"
ONCE = {"s3:if-none-match": "*", "s3:ObjectCreationOperation": "true"}
AGAIN = {"s3:ObjectCreationOperation": "true"}
GET, PUT, DELETE = "s3:GetObject", "s3:PutObject", "s3:DeleteObject"
TRIES: list[tuple[str, str, str, dict[str, str], bool]] = [
    ("auditor", GET, BUNDLE, {}, True),
    ("auditor", GET, INDEX, {}, True),
    ("auditor", "s3:GetObjectRetention", BUNDLE, {}, True),
    ("auditor", GET, "bundles/others/3/card.json", {}, False),
    ("auditor", PUT, BUNDLE, ONCE, False),
    ("auditor", DELETE, BUNDLE, {}, False),
    ("neighbour", GET, BUNDLE, {}, False),
    ("stranger", PUT, BUNDLE, ONCE, False),
    ("stranger", DELETE, BUNDLE, {}, False),
    ("approver", GET, BUNDLE, {}, False),
    ("evidence-writer", PUT, BUNDLE, ONCE, True),
    ("evidence-writer", PUT, INDEX, ONCE, True),
    ("evidence-writer", PUT, BUNDLE, AGAIN, False),
    ("evidence-writer", PUT, "deployment/policy.json", {}, False),
    ("evidence-writer", GET, "deployment/policy.json", {}, True),
    ("evidence-writer", DELETE, BUNDLE, {}, False),
    ("evidence-writer", "s3:DeleteObjectVersion", BUNDLE, {}, False),
    ("evidence-writer", "s3:BypassGovernanceRetention", BUNDLE, {}, False),
    ("registry-promoter", PUT, BUNDLE, ONCE, False),
    ("author", GET, BUNDLE, {}, True),
    ("author", PUT, BUNDLE, ONCE, False),
    ("author", PUT, "elsewhere.json", ONCE, False),
    ("author", DELETE, BUNDLE, {}, False),
    ("author", "s3:DeleteObjectVersion", BUNDLE, {}, False),
    ("author", "s3:BypassGovernanceRetention", BUNDLE, {}, False),
    ("author", "s3:PutObjectRetention", BUNDLE, {}, False),
    ("ci", PUT, "deployment/infrastructure.json", {}, True),
    ("ci", PUT, "deployment/policy.json", {}, True),
    ("ci", PUT, BUNDLE, ONCE, False),
    ("ci", DELETE, "deployment/policy.json", {}, False),
    ("ci", GET, BUNDLE, {}, False),
]


@pytest.mark.parametrize(("who", "action", "on", "carrying", "allowed"), TRIES)
def test_one_writes_evidence_once_auditors_read_it_and_nobody_takes_it_away(
    judge: Judge, access: Access, who: str, action: str, on: str, carrying: dict[str, str], allowed: bool
):
    question = Question(arn_of(access, who), action, f"{bucket(access, 'evidence')}/{on}", carrying)
    (verdict,) = judge.ask(access, [question])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(
    ("who", "action", "signing", "allowed"),
    [
        ("auditor", "kms:Decrypt", False, True),
        ("evidence-writer", "kms:GenerateDataKey", False, True),
        ("ci", "kms:GenerateDataKey", False, True),
        ("stranger", "kms:Decrypt", False, False),
        ("auditor", "kms:GenerateDataKey", False, False),
        ("registry-promoter", "kms:Sign", True, True),
        ("evidence-writer", "kms:Sign", True, False),
        ("auditor", "kms:Sign", True, False),
        ("author", "kms:Sign", True, False),
        ("auditor", "kms:GetPublicKey", True, True),
        ("evidence-writer", "kms:Verify", True, True),
        ("stranger", "kms:GetPublicKey", True, False),
    ],
)
def test_evidence_is_decrypted_by_its_readers_and_sealed_by_one_role(
    judge: Judge, access: Access, who: str, action: str, signing: bool, allowed: bool
):
    """Another team's role reads nothing, whatever its own policies say: the key doesn't decrypt for it."""
    carrying = {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
    if signing:
        carrying = {"kms:MessageType": "RAW", "kms:SigningAlgorithm": "ECDSA_SHA_256"} if action == "kms:Sign" else {}
    (verdict,) = judge.ask(access, [Question(arn_of(access, who), action, key(access, signing), carrying)])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(
    ("who", "action", "on", "allowed"),
    [
        ("evidence-writer", "lambda:InvokeFunction", "function:ml-dev-fraud-evidence-sealer", True),
        ("evidence-writer", "lambda:InvokeFunction", "function:ml-dev-fraud-registry-promoter", False),
        ("evidence-writer", "lambda:UpdateFunctionCode", "function:ml-dev-fraud-evidence-sealer", False),
        ("auditor", "lambda:InvokeFunction", "function:ml-dev-fraud-evidence-sealer", False),
        ("approver", "lambda:InvokeFunction", "function:ml-dev-fraud-evidence-sealer", False),
        ("approver", "lambda:InvokeFunction", "function:ml-dev-fraud-evidence-writer", False),
    ],
)
def test_the_writer_alone_has_manifests_sealed(
    judge: Judge, access: Access, who: str, action: str, on: str, allowed: bool
):
    (verdict,) = judge.ask(access, [Question(arn_of(access, who), action, FRAUD.arn("lambda", on))])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(
    ("who", "on", "allowed"),
    [
        ("auditor", "releases/scores/3.json", True),
        ("auditor", "releases/others/3.json", False),
        ("auditor", "decisions/AROAOTHER:grace/scores/3.json", False),
        ("evidence-writer", "decisions/AROAOTHER:grace/scores/3.json", True),
        ("evidence-writer", "models/scores/model.tar.gz", False),
        ("neighbour", "releases/scores/3.json", False),
    ],
)
def test_who_verifies_sees_the_registrys_record_and_no_more(
    judge: Judge, access: Access, who: str, on: str, allowed: bool
):
    (verdict,) = judge.ask(access, [Question(arn_of(access, who), GET, f"{bucket(access, 'registry')}/{on}")])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(("who", "allowed"), [("evidence-writer", True), ("auditor", False), ("stranger", False)])
def test_the_writer_sees_the_cards(judge: Judge, access: Access, who: str, allowed: bool):
    card = FRAUD.arn("sagemaker", "model-card/ml-dev-fraud-registry-scores")
    (verdict,) = judge.ask(access, [Question(arn_of(access, who), "sagemaker:DescribeModelCard", card)])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(
    ("on", "allowed"), [("deployment/policy.json", True), (BUNDLE, False), ("index/scores/3.json", False)]
)
def test_ci_of_the_shipped_team_puts_the_policy_report_down_and_no_evidence(
    judge: Judge, teams: World, on: str, allowed: bool
):
    team = teams.teams["bravo"]  # has what fraud has
    (pipeline,) = [role for role in team.roles if role.name.endswith("persona-pipeline")]
    (store,) = [arn for arn in team.real if re.fullmatch(rf"arn:aws:s3:::{team.prefix}evidence-[0-9a-z]+", arn)]
    (verdict,) = judge.ask(teams.access, [Question(pipeline.arn, PUT, f"{store}/{on}", ONCE)])
    assert verdict.allowed is allowed, str(verdict)
