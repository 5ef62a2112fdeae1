"""Who reads the trail of all teams: the platform's auditors, and nobody in a team, whatever its policies say."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import pytest
from tests.isolation.judge import Judge, Question
from tests.isolation.world import ENVIRONMENT, ROOT, World

from modelyard.assess.access import Identity, Policy
from modelyard.blueprints.platform import platform_context
from modelyard.blueprints.project import Project
from modelyard.foundation.audit.places import Places

CONTEXT: Final = platform_context(Project(ROOT).platform(ENVIRONMENT), ENVIRONMENT)
PLACES: Final = Places(CONTEXT)
FILE: Final = f"{PLACES.bucket}/AWSLogs/{CONTEXT.account}/CloudTrail/eu-west-1/2026/11/20/a.json.gz"
VIA_S3: Final = {"kms:ViaService": f"s3.{CONTEXT.region}.amazonaws.com"}
AUDITOR: Final = CONTEXT.arn(
    "iam", f"role{CONTEXT.names.path}ml-{ENVIRONMENT}-platform-persona-auditor", regional=False
)
OLGA, ADA = "olga@acme.example", "ada@acme.example"
READS: Final = (
    ("s3:ListBucket", PLACES.bucket),
    ("s3:GetBucketLocation", PLACES.bucket),
    ("s3:GetObject", FILE),
    ("cloudtrail:GetEventSelectors", PLACES.trail),
    ("cloudtrail:DescribeTrails", "*"),
    ("cloudtrail:ListPublicKeys", "*"),
    ("logs:StartQuery", f"{PLACES.log_group}:*"),
    ("logs:FilterLogEvents", f"{PLACES.log_group}:*"),
)
"""What `yard evidence audit`, `aws cloudtrail validate-logs` and a search ask for."""
CHANGES: Final = (
    ("s3:PutObject", FILE),
    ("s3:DeleteObject", FILE),
    ("s3:DeleteObjectVersion", FILE),
    ("s3:BypassGovernanceRetention", FILE),
    ("s3:PutBucketPolicy", PLACES.bucket),
    ("cloudtrail:StopLogging", PLACES.trail),
    ("cloudtrail:PutEventSelectors", PLACES.trail),
    ("cloudtrail:DeleteTrail", PLACES.trail),
    ("logs:DeleteLogGroup", f"{PLACES.log_group}:*"),
)


def allowed(
    judge: Judge, teams: World, who: str, action: str, resource: str, context: dict[str, Any] | None = None
) -> bool:
    (verdict,) = judge.ask(teams.access, [Question(who, action, resource, context or {})])
    return verdict.allowed


def key_of(teams: World) -> str:
    """The key that encrypts the trail: the one of the platform's own."""
    return teams.platform.key


@pytest.mark.parametrize(("action", "thing"), READS)
def test_an_auditor_of_the_platform_reads_the_trail(judge: Judge, teams: World, action: str, thing: str):
    assert allowed(judge, teams, AUDITOR, action, thing)


def test_an_auditor_decrypts_the_trail_through_s3_and_nothing_by_hand(judge: Judge, teams: World):
    assert allowed(judge, teams, AUDITOR, "kms:Decrypt", key_of(teams), VIA_S3)
    assert not allowed(judge, teams, AUDITOR, "kms:Decrypt", key_of(teams))
    assert not allowed(judge, teams, AUDITOR, "kms:GenerateDataKey", key_of(teams), VIA_S3)


@pytest.mark.parametrize(("action", "thing"), CHANGES)
def test_an_auditor_changes_nothing_of_it(judge: Judge, teams: World, action: str, thing: str):
    assert not allowed(judge, teams, AUDITOR, action, thing)
    if action != "s3:PutObject":  # which is CloudTrail's alone
        assert allowed(judge, teams, teams.administrator.arn, action, thing), "the question makes sense"


@pytest.mark.parametrize(
    ("action", "pattern"),
    [
        ("s3:GetObject", "arn:${Partition}:s3:::${BucketName}/${ObjectName}"),
        ("s3:ListBucket", "arn:${Partition}:s3:::${BucketName}"),
        ("glue:GetDatabase", "arn:${Partition}:glue:${Region}:${Account}:database/${DatabaseName}"),
    ],
)
def test_an_auditor_of_the_platform_reads_nothing_of_a_team(judge: Judge, teams: World, action: str, pattern: str):
    alpha = teams.teams["alpha"]
    assert not allowed(judge, teams, AUDITOR, action, alpha.thing(pattern))
    assert allowed(judge, teams, alpha.greedy.arn, action, alpha.thing(pattern)), "the question makes sense"


@pytest.mark.parametrize(("action", "thing"), [*READS, ("kms:Decrypt", "")])
def test_no_role_of_a_team_reads_it_though_its_own_policies_allow_everything(
    judge: Judge, teams: World, action: str, thing: str
):
    alpha = teams.teams["alpha"]
    question = (action, thing or key_of(teams), {} if thing else VIA_S3)
    assert alpha.deployment is not None
    for role in (alpha.greedy, alpha.deployment):
        assert not allowed(judge, teams, role.arn, *question)


def door(owner: str, persona: str) -> str:
    """A role of Identity Center's, as it calls the one of a permission set."""
    name = f"AWSReservedSSO_ml-{ENVIRONMENT}-{owner}-{persona}_0123456789abcdef"
    return CONTEXT.arn("iam", f"role/aws-reserved/sso.amazonaws.com/eu-west-1/{name}", regional=False)


@pytest.mark.parametrize(
    ("caller", "session", "name", "becomes"),
    [
        (door("platform", "auditor"), OLGA, OLGA, True),
        (door("platform", "auditor"), ADA, ADA, False),
        (door("platform", "auditor"), ADA, OLGA, False),
        (door("alpha", "auditor"), OLGA, OLGA, False),
        (door("alpha", "data-scientist"), ADA, ADA, False),
    ],
    ids=["an auditor", "not in the list", "as another", "through a team's door", "a team's scientist"],
)
def test_only_who_is_in_the_platforms_list_becomes_one(
    judge: Judge, teams: World, caller: str, session: str, name: str, becomes: bool
):
    everything = teams.administrator.policies
    trust = Policy("trust of a door", {"Version": "2012-10-17", "Statement": []})
    through = Identity(arn=caller, name=caller.rpartition("/")[2], path="/", policies=everything, trust=trust)
    there = dataclasses.replace(teams.access, identities={**teams.access.identities, caller: through})
    carrying = {"aws:userid": f"AROAEXAMPLE:{session}", "sts:RoleSessionName": name}
    (verdict,) = judge.ask(there, [Question(caller, "sts:AssumeRole", AUDITOR, carrying)])
    assert verdict.allowed is becomes, str(verdict)
