"""`yard access` says what the judge says, action by action."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.isolation.examples import examples, in_person
from tests.isolation.judge import Judge, Question
from tests.isolation.trials import Trials
from tests.isolation.world import ENVIRONMENT, World, loosely
from typer.testing import CliRunner

from modelyard.assess.access import decide, example
from modelyard.cli.app import app
from modelyard.core.errors import InputError
from modelyard.operate.access import TeamAccess, team_access

TEAM = "bravo"


@pytest.fixture(scope="module")
def shown(five_teams: Path) -> TeamAccess:
    return team_access(five_teams, TEAM, ENVIRONMENT)


def test_all_that_it_says_is_allowed(judge: Judge, shown: TeamAccess, trials: Trials):
    """Under the reading in which a wildcard for a type matches, as in the policies that AWS itself keeps."""
    access = loosely(shown.access, {service: tuple(kinds.values()) for service, kinds in trials.arns.items()})
    refused: list[str] = []
    asked = 0
    for who in shown.who:
        if who.role == "deployment":
            continue
        for row in who.rows:
            questions = [
                in_person(who.identity, question)
                for question in examples(judge, who.identity, row.statement)
                if question.action in row.actions and question.resource in map(example, row.resources)
            ]
            asked += len(questions)
            refused += [str(verdict) for verdict in judge.ask(access, questions) if not verdict.allowed]
    assert refused == []
    assert asked >= 20


def test_every_role_of_the_team_is_shown_with_who_may_become_it(shown: TeamAccess, teams: World):
    assert {who.identity.name for who in shown.who} == {role.name for role in teams.teams[TEAM].roles}
    trainer = next(who for who in shown.who if who.role == "trainer")
    assert trainer.trust[0].who == ("sagemaker.amazonaws.com",)
    assert trainer.identity.boundary is not None
    assert {intent for row in trainer.rows for intent in row.intents} >= {"read"}


def test_it_agrees_with_the_judge_on_every_action_of_the_services_that_a_role_uses(
    judge: Judge, shown: TeamAccess, trials: Trials
):
    """What is called allowed is allowed, what is called refused is refused; conditional may be either."""
    questions: list[Question] = []
    own, other = trials.world.teams[TEAM], trials.world.teams["alpha"]
    chosen = [who for who in shown.who if who.role in ("deployment", "ingest", "trainer")]
    assert len(chosen) == 3
    for who in chosen:
        for service in ("glue", "kms", "s3", "sagemaker", "secretsmanager"):
            for action in judge.table(service).actions:
                for kind in action.on:
                    for team in (own, other):
                        arn = team.thing(trials.arns[service][kind])
                        questions.append(Question(who.identity.arn, action.name, arn))
    wrong: list[str] = []
    counted = {"allowed": 0, "conditional": 0, "refused": 0}
    for question, verdict in zip(questions, judge.ask(trials.loosely().access, questions), strict=True):
        identity = trials.world.access.identities[question.principal]
        said = decide(trials.world.access, identity, question.action, question.resource)
        counted[said.outcome] += 1
        if said.outcome != "conditional" and (said.outcome == "allowed") != verdict.allowed:
            wrong.append(f"{said}: {verdict}")
    assert wrong == []
    assert min(counted.values()) > 20, counted


def test_a_grant_that_the_fence_takes_back_is_shown_as_refused(teams: World):
    role = next(role for role in teams.teams[TEAM].roles if role.boundary)
    decision = decide(teams.access, role, "iam:CreateUser", f"arn:aws:iam::{role.account}:user/me")
    assert decision.outcome == "refused"
    greedy = teams.teams[TEAM].greedy
    other = teams.teams["alpha"].thing("arn:${Partition}:s3:::${BucketName}/${ObjectName}")
    fenced = decide(teams.access, greedy, "s3:GetObject", other)
    assert fenced.outcome == "refused"
    assert "ml-dev-bravo-fence-boundary" in fenced.refused_by


def test_the_command_prints_the_same_as_json(five_teams: Path, monkeypatch: pytest.MonkeyPatch, shown: TeamAccess):
    monkeypatch.chdir(five_teams)
    done = CliRunner().invoke(app, ["access", TEAM, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output) == shown.as_json()


def test_people_read_it_as_a_table(five_teams: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(five_teams)
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(app, ["access", TEAM])
    assert done.exit_code == 0, done.output
    for expected in ("ml-dev-bravo-trainer", "s3:GetObject", "sagemaker.amazonaws.com", "aws:SourceAccount is"):
        assert expected in done.output, expected


def test_the_pages_example_runs(five_teams: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(five_teams)
    page = (Path(__file__).resolve().parents[2] / "docs" / "access.md").read_text()
    program = page.split("```python\n")[1].split("```")[0].replace('"fraud"', f'"{TEAM}"')
    exec(compile(program, "docs/access.md", "exec"), {})
    assert f"ml-dev-{TEAM}-fence-deployment" in capsys.readouterr().out


def test_a_team_that_is_not_there_is_named(five_teams: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InputError, match="is no team of this project; there are: alpha"):
        team_access(five_teams, "nobody", ENVIRONMENT)
