"""Who registers, judges, approves, signs and pulls, as the judge decides it: each bypass beside what is allowed."""

from __future__ import annotations

import pytest
from tests.ground import CHURN, FRAUD, a_role, ground, recording
from tests.isolation.judge import Judge, Question
from tests.isolation.world import arn_of

from modelyard.assess.access import Access, collect
from modelyard.core.access import Statement

ROLES = ("submitter", "evaluator", "approver", "reader", "puller", "author")


class _Everything:
    """A policy that somebody wrote by hand, and too wide."""

    component = "by-hand"


def program() -> None:
    registry = ground(FRAUD, "scores", "others").registry
    made = {name: a_role(name) for name in ROLES}
    registry.grant_submit(made["submitter"], models=["scores"])
    registry.grant_evaluate(made["evaluator"], models=["scores"])
    registry.grant_approve(made["approver"], models=["scores"])
    registry.grant_read(made["reader"], models=["scores"])
    registry.grant_pull(made["puller"], models=["scores"])
    registry.grant_submit(made["author"], models=["scores"])
    wide = [Statement(("sagemaker:*", "kms:*", "s3:*"), ("*",))]
    made["author"].allow(_Everything(), "everything", wide)
    a_role("stranger", CHURN).allow(_Everything(), "everything", [Statement(("kms:*",), ("*",))])


@pytest.fixture(scope="module")
def access() -> Access:
    return collect(recording(program))


SAGEMAKER = "arn:aws:sagemaker:eu-west-1:123456789012"
PACKAGE = f"{SAGEMAKER}:model-package/ml-dev-fraud-registry-scores/3"
OTHER = f"{SAGEMAKER}:model-package/ml-dev-fraud-registry-others/3"
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:ml-dev-fraud-registry-promotion"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:ml-dev-fraud-registry-promoter"
CREATE, UPDATE = "sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"
PENDING = {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}
APPROVED = {"sagemaker:ModelApprovalStatus": "Approved"}
SIGNING = {"kms:MessageType": "RAW", "kms:SigningAlgorithm": "ECDSA_SHA_256"}
TRIES: list[tuple[str, str, str, dict[str, str], bool]] = [
    ("submitter", CREATE, PACKAGE, PENDING, True),
    ("submitter", CREATE, PACKAGE, APPROVED, False),
    ("submitter", CREATE, PACKAGE, {}, False),
    ("submitter", CREATE, OTHER, PENDING, False),
    ("submitter", UPDATE, PACKAGE, APPROVED, False),
    ("submitter", UPDATE, PACKAGE, {}, False),
    ("submitter", "states:StartExecution", MACHINE, {}, False),
    ("evaluator", CREATE, PACKAGE, PENDING, False),
    ("approver", "states:StartExecution", MACHINE, {}, True),
    ("approver", UPDATE, PACKAGE, APPROVED, False),
    ("approver", "lambda:InvokeFunction", FUNCTION, {}, False),
    ("reader", "sagemaker:DescribeModelPackage", PACKAGE, {}, True),
    ("reader", "sagemaker:DescribeModelPackage", OTHER, {}, False),
    ("reader", "states:StartExecution", MACHINE, {}, False),
    ("author", UPDATE, PACKAGE, {}, True),
    ("author", UPDATE, PACKAGE, APPROVED, False),
    ("author", CREATE, PACKAGE, APPROVED, False),
    ("registry-promotion", UPDATE, PACKAGE, APPROVED, True),
    ("registry-promotion", UPDATE, PACKAGE, {}, False),
    ("registry-promotion", "lambda:InvokeFunction", FUNCTION, {}, True),
    ("registry-promoter", UPDATE, PACKAGE, APPROVED, False),
    ("registry-guard", UPDATE, PACKAGE, APPROVED, False),
    ("registry-guard", "sagemaker:DescribeModelPackage", PACKAGE, {}, True),
    ("registry-guard", "sagemaker:DescribeModel", f"{SAGEMAKER}:model/ml-dev-fraud-serving", {}, True),
    ("registry-guard", "sagemaker:DescribeModel", f"{SAGEMAKER}:model/ml-dev-churn-serving", {}, False),
    ("registry-guard", "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Modelyard/ml/dev"}, True),
    ("registry-guard", "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/Lambda"}, False),
    ("registry-guard", "states:StartExecution", MACHINE, {}, False),
]


@pytest.mark.parametrize(("who", "action", "on", "carrying", "allowed"), TRIES)
def test_the_promotion_alone_approves(
    judge: Judge, access: Access, who: str, action: str, on: str, carrying: dict[str, str], allowed: bool
):
    (verdict,) = judge.ask(access, [Question(arn_of(access, who), action, on, carrying)])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(
    ("who", "action", "allowed"),
    [
        ("registry-promoter", "kms:Sign", True),
        ("registry-promotion", "kms:Sign", False),
        ("registry-guard", "kms:Sign", False),
        ("registry-guard", "kms:Verify", True),
        ("author", "kms:Sign", False),
        ("approver", "kms:Sign", False),
        ("stranger", "kms:Sign", False),
        ("reader", "kms:GetPublicKey", True),
        ("puller", "kms:Verify", True),
        ("stranger", "kms:GetPublicKey", False),
        ("author", "kms:PutKeyPolicy", False),
        ("author", "kms:ScheduleKeyDeletion", False),
    ],
)
def test_one_role_signs_and_readers_verify(judge: Judge, access: Access, who: str, action: str, allowed: bool):
    (key,) = [
        arn
        for arn, policies in ((arn, access.policy_of(arn)) for arn in access.things if ":key/" in arn)
        if policies and "NobodyElseSigns" in str(policies[1].document)
    ]
    carrying = SIGNING if action == "kms:Sign" else {}
    (verdict,) = judge.ask(access, [Question(arn_of(access, who), action, key, carrying)])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(
    ("who", "action", "key", "allowed"),
    [
        ("submitter", "s3:PutObject", "models/scores/model.tar.gz", True),
        ("submitter", "s3:PutObject", "models/others/model.tar.gz", False),
        ("submitter", "s3:PutObject", "gates/scores/3.json", False),
        ("submitter", "s3:PutObject", "decisions/AROAEXAMPLE:session/scores/3.json", False),
        ("submitter", "s3:PutObject", "releases/scores/3.json", False),
        ("evaluator", "s3:PutObject", "gates/scores/3.json", True),
        ("evaluator", "s3:PutObject", "models/scores/model.tar.gz", False),
        ("approver", "s3:PutObject", "decisions/AROAEXAMPLE:session/scores/3.json", True),
        ("approver", "s3:PutObject", "decisions/AROAEXAMPLE:session/others/3.json", False),
        ("approver", "s3:PutObject", "decisions/AROAOTHER:grace/scores/3.json", False),
        ("approver", "s3:PutObject", "gates/scores/3.json", False),
        ("puller", "s3:GetObject", "models/scores/model.tar.gz", True),
        ("puller", "s3:GetObject", "models/others/model.tar.gz", False),
        ("reader", "s3:GetObject", "releases/scores/3.json", True),
        ("reader", "s3:GetObject", "models/scores/model.tar.gz", False),
        ("author", "s3:PutObject", "decisions/AROAEXAMPLE:session/scores/3.json", True),
        ("author", "s3:PutObject", "decisions/AROAOTHER:grace/scores/3.json", False),
        ("author", "s3:PutObject", "releases/scores/3.json", False),
        ("author", "s3:DeleteObject", "releases/scores/3.json", False),
        ("registry-promoter", "s3:PutObject", "releases/scores/3.json", True),
        ("registry-promoter", "s3:PutObject", "decisions/AROAOTHER:grace/scores/3.json", False),
        ("registry-guard", "s3:GetObject", "releases/scores/3.json", True),
        ("registry-guard", "s3:GetObject", "models/scores/model.tar.gz", False),
        ("registry-guard", "s3:PutObject", "releases/scores/3.json", False),
    ],
)
def test_each_writes_its_own_part_of_the_bucket(
    judge: Judge, access: Access, who: str, action: str, key: str, allowed: bool
):
    (bucket,) = [
        arn for arn in access.things if arn.startswith("arn:aws:s3:::ml-dev-fraud-registry-") and "logs" not in arn
    ]
    once = {"s3:if-none-match": "*", "s3:ObjectCreationOperation": "true"} if action == "s3:PutObject" else {}
    (verdict,) = judge.ask(access, [Question(arn_of(access, who), action, f"{bucket}/{key}", once)])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(
    ("who", "action", "key", "carrying", "allowed"),
    [
        ("submitter", "s3:PutObject", "models/scores/d/model.tar.gz", {"s3:if-none-match": "*"}, True),
        ("submitter", "s3:PutObject", "models/scores/d/model.tar.gz", {}, False),
        ("author", "s3:PutObject", "models/scores/d/model.tar.gz", {}, False),
        ("author", "s3:DeleteObject", "models/scores/d/model.tar.gz", {}, False),
        ("submitter", "s3:PutObject", "lineage/scores/d.json", {"s3:if-none-match": "*"}, True),
        ("submitter", "s3:PutObject", "lineage/scores/d.json", {}, False),
        ("submitter", "s3:PutObject", "lineage/others/d.json", {"s3:if-none-match": "*"}, False),
        ("evaluator", "s3:PutObject", "lineage/scores/d.json", {"s3:if-none-match": "*"}, False),
        ("author", "s3:DeleteObject", "lineage/scores/d.json", {}, False),
        ("reader", "s3:GetObject", "lineage/scores/d.json", {}, True),
        ("evaluator", "s3:PutObject", "gates/scores/3.json", {}, True),
    ],
)
def test_artifacts_and_lineage_are_written_once(
    judge: Judge, access: Access, who: str, action: str, key: str, carrying: dict[str, str], allowed: bool
):
    (bucket,) = [
        arn for arn in access.things if arn.startswith("arn:aws:s3:::ml-dev-fraud-registry-") and "logs" not in arn
    ]
    creation = {"s3:ObjectCreationOperation": "true", **carrying} if action == "s3:PutObject" else carrying
    (verdict,) = judge.ask(access, [Question(arn_of(access, who), action, f"{bucket}/{key}", creation)])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(("who", "allowed"), [("registry-promotion", True), ("approver", False), ("submitter", False)])
def test_the_promotion_writes_to_owners_and_nobody_in_its_name(judge: Judge, access: Access, who: str, allowed: bool):
    (topic,) = [arn for arn in access.things if ":ml-dev-fraud-registry-notices-" in arn]
    (verdict,) = judge.ask(access, [Question(arn_of(access, who), "sns:Publish", topic)])
    assert verdict.allowed is allowed, str(verdict)
