"""What a team takes over from outside its names: the platform's file lets it, and nobody else gets in."""

from __future__ import annotations

import pytest
from tests.ground import PLATFORM, recording
from tests.isolation.judge import Judge, Question

from modelyard import Keys, KeysSpec, TeamFence, TeamHeader
from modelyard.assess.access import Access, collect
from modelyard.foundation.tenancy import AdoptedSpec


def fence(team: str, adopted: AdoptedSpec | None) -> None:
    context = PLATFORM.for_team(team)
    owner = {"name": "Ada", "email": "ada@acme.example"}
    header = TeamHeader.model_validate({"team": team, "owners": [owner]})
    keys = Keys(f"{team}-keys", KeysSpec(), context=context)
    TeamFence(f"{team}-fence", header, context=context, keys=keys, adopted=adopted)


def program() -> None:
    fence("fraud", AdoptedSpec(buckets=("old-lake",), databases=("legacy",)))
    fence("churn", None)


@pytest.fixture(scope="module")
def access() -> Access:
    return collect(recording(program))


GLUE = "arn:aws:glue:eu-west-1:123456789012"


@pytest.mark.parametrize(
    ("team", "action", "resource", "allowed"),
    [
        ("fraud", "s3:PutBucketPolicy", "arn:aws:s3:::old-lake", True),
        ("fraud", "s3:GetObject", "arn:aws:s3:::old-lake/a", True),
        ("fraud", "glue:CreateTable", f"{GLUE}:database/legacy", True),
        ("fraud", "glue:CreateTable", f"{GLUE}:table/legacy/events", True),
        ("fraud", "s3:PutBucketPolicy", "arn:aws:s3:::old-lake-2", False),
        ("fraud", "glue:CreateTable", f"{GLUE}:database/legacy2", False),
        ("churn", "s3:PutBucketPolicy", "arn:aws:s3:::old-lake", False),
        ("churn", "s3:GetObject", "arn:aws:s3:::old-lake/a", False),
        ("churn", "glue:CreateTable", f"{GLUE}:table/legacy/events", False),
    ],
)
def test_what_is_adopted_is_in_its_teams_reach_and_in_no_others(
    judge: Judge, access: Access, team: str, action: str, resource: str, allowed: bool
):
    (role,) = [found for found in access.identities if found.endswith(f"-{team}-fence-deployment")]
    (verdict,) = judge.ask(access, [Question(role, action, resource)])
    assert verdict.allowed is allowed, verdict
