"""No role of a team reaches another team's things, the platform's, or its own fence; and each refusal has its twin."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.isolation.judge import Judge
from tests.isolation.report import table
from tests.isolation.shared import SHARED, UNSEEN
from tests.isolation.trials import Outcome, Trials
from tests.isolation.world import TEAMS, World

PAGE = Path(__file__).resolve().parents[2] / "docs" / "isolation.md"
LEAST = 20_000


@pytest.fixture(scope="module")
def outcome(trials: Trials) -> Outcome:
    return trials.outcome()


def test_everything_that_decides_is_read(teams: World):
    assert not teams.access.unread, "a policy that nobody reads makes every verdict a guess"
    assert set(teams.teams) == set(TEAMS)
    for team in teams.teams.values():
        assert team.deployment is not None and team.boundary is not None and team.key, team.name
        assert len(team.roles) >= 2, "a fence around nobody proves nothing"


def test_no_try_reaches_past_a_fence(outcome: Outcome, capsys: pytest.CaptureFixture[str]):
    with capsys.disabled():
        print(f"\n{table(outcome)}")
    assert [str(verdict) for _, verdict in outcome.leaks] == []
    assert len(outcome.trials) >= LEAST


def test_each_refusal_has_a_twin_that_is_allowed(outcome: Outcome):
    hollow = sorted({f"{trial.what}: {trial.question.action} on {trial.question.resource}" for trial in outcome.hollow})
    assert hollow == [], "nobody at all may do this, so its refusal says nothing about the fence"
    assert all(trial.twins for trial in outcome.trials)


def test_every_service_has_owners_who_reach_their_own_things(outcome: Outcome):
    for service in ("athena", "dynamodb", "glue", "iam", "kinesis", "kms", "s3", "sagemaker", "secretsmanager", "ssm"):
        assert outcome.twins[service] > 0, f"the fence keeps {service} from its owner too"


def test_every_grant_works(judge: Judge, teams: World, trials: Trials):
    """Under both readings of a wildcard for a type, but for SageMaker, whose seventy types nobody can list: under the
    one in which it matches, as it does in AWS's own managed policies."""
    asked = [question for question, _ in trials.grants()]
    strictly = [question for question in asked if not question.action.startswith("sagemaker")]
    for access, questions in ((teams.access, strictly), (trials.loosely().access, asked)):
        refused = [str(verdict) for verdict in judge.ask(access, questions) if not verdict.allowed]
        assert refused == [], "a grant that something else refuses fails in production first"
    assert len(asked) > 20 * len(TEAMS) < len(strictly)


def test_every_grant_works_through_the_networks_endpoints(judge: Judge, teams: World, trials: Trials):
    asked = [
        question.through(service)
        for question, _ in trials.grants()
        for service in (question.action.partition(":")[0],)
        if service in teams.access.endpoints
    ]
    refused = [str(verdict) for verdict in judge.ask(teams.access, asked) if not verdict.allowed]
    assert refused == []
    assert {question.endpoint for question in asked} >= {"s3", "kms", "ssm", "glue"}


def test_what_is_shared_is_on_the_page():
    page = PAGE.read_text()
    missing = [action for shared in SHARED for action in shared.actions if f"`{action}`" not in page]
    missing += [action for action in UNSEEN if action not in page]
    assert missing == [], "docs/isolation.md names everything that an account can't separate"
