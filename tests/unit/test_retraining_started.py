"""A loop started by hand: which one, what is refused before anything starts, and what is said of a run that goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from modelyard import Context
from modelyard.cli import main
from modelyard.cli.app import app
from modelyard.core.errors import InputError
from modelyard.operate import retraining
from modelyard.operate.retraining import Loop, as_json, loop_of, start, told
from modelyard.run.retraining import RetrainingSpec

SPEC = RetrainingSpec.model_validate(
    {
        "endpoint": "score",
        "pipeline": "fit",
        "owner": "ada@acme.example",
        "budget": {"usd_a_month": 100, "usd_a_run": 10},
    }
)
ARN = "arn:aws:states:eu-west-1:123456789012:execution:ml-dev-fraud-weekly-loop:it"


class Account:
    """AWS as a caller sees it whose run is past its guards after a look; `asked` is what was started."""

    def __init__(self, *, past: bool = True) -> None:
        self.asked: list[dict[str, Any]] = []
        self.past = past
        self.exceptions = type("Exceptions", (), {"ClientError": RuntimeError})

    def __call__(self, service: str, region: str = "") -> Any:
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": "arn:aws:sts::123456789012:assumed-role/persona/lin@acme.example"}

    def start_execution(self, **asked: Any) -> dict[str, str]:
        self.asked.append(asked)
        return {"executionArn": ARN}

    def describe_execution(self, **_: Any) -> dict[str, str]:
        return {"status": "RUNNING"}

    def get_execution_history(self, **_: Any) -> dict[str, Any]:
        return {"events": [{"stateEnteredEventDetails": {"name": "Train"}}] if self.past else []}

    def get_parameter(self, **_: Any) -> dict[str, Any]:
        champion = {
            "endpoint": "score",
            "model": "scores",
            "version": 7,
            "package": "p/7",
            "run": "r",
            "released_at": "2026-01-01T00:00:00Z",
            "why": "w",
        }
        return {"Parameter": {"Value": json.dumps(champion)}}


def loop(account: Account, name: str = "weekly", team: str = "fraud") -> Loop:
    context = Context(
        organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team=team
    )
    return Loop(context, name, SPEC, account)


@pytest.mark.parametrize("why", ["", "   ", "\n\t"])
def test_an_empty_reason_starts_nothing(why: str):
    account = Account()
    with pytest.raises(InputError, match="is empty") as raised:
        start(loop(account), why)
    assert raised.value.exit_code == 2 and account.asked == []


def test_a_reason_longer_than_a_record_takes_starts_nothing():
    account = Account()
    with pytest.raises(InputError, match="more than 1024 characters"):
        start(loop(account), "x" * 1_025)
    assert account.asked == []


def test_a_run_that_the_guards_let_through_goes_on_by_itself():
    account = Account()
    found = start(loop(account), "labels came", pause=lambda _: None)
    (asked,) = account.asked
    assert asked["stateMachineArn"].endswith(":stateMachine:ml-dev-fraud-weekly-loop")
    assert asked["name"].startswith("lin-acme-example-"), "who it was is seen in the list of runs"
    given = json.loads(asked["input"])
    assert (given["trigger"], given["why"]) == ("person", "labels came")
    assert given["by"].endswith("/lin@acme.example")
    assert found.running and as_json(found)["champion"] == 7
    said = "\n".join(told(found))
    assert "its guards let it through" in said and "version 7 keeps serving" in said
    assert f"describe-execution --execution-arn {ARN}" in said


def test_guards_that_take_long_are_not_waited_for_forever():
    waited: list[float] = []
    found = start(loop(Account(past=False)), "now", pause=waited.append)
    assert found.running and sum(waited) == retraining.GUARDS_SECONDS


class TestWhichLoop:
    """What `yard retrain NAME` means."""

    @pytest.fixture(autouse=True)
    def known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        account = Account()
        loops = [loop(account), loop(account, "daily"), loop(account, "daily", "churn")]

        def loops_of(_: Any, teams: list[str] | None = None) -> list[Loop]:
            return [each for each in loops if teams is None or each.team in teams]

        monkeypatch.setattr(retraining, "loops_of", loops_of)

    where: Any = type("Place", (), {"environment": "dev"})()

    def test_a_name_that_one_team_has_is_enough(self):
        assert loop_of(self.where, "weekly").team == "fraud"

    def test_a_name_of_several_teams_needs_the_team(self):
        with pytest.raises(InputError, match="several teams have one: fraud, churn"):
            loop_of(self.where, "daily")
        assert loop_of(self.where, "daily", "churn").team == "churn"

    def test_an_unknown_loop_names_the_known_ones(self):
        with pytest.raises(InputError, match="there are: daily, weekly") as raised:
            loop_of(self.where, "hourly")
        assert raised.value.exit_code == 2
        with pytest.raises(InputError, match="of churn in dev; there are: daily"):
            loop_of(self.where, "weekly", "churn")


class TestTheCommand:
    """`yard retrain`."""

    account: Account

    @pytest.fixture(autouse=True)
    def project(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.account = Account()
        monkeypatch.setattr("modelyard.blueprints.project.Project.find", lambda: None)
        monkeypatch.setattr("modelyard.operate.deployments.place", lambda *_, **__: TestWhichLoop.where)
        monkeypatch.setattr(retraining, "loops_of", lambda *_: [loop(self.account)])

    def test_it_says_which_execution_and_how_to_follow(self):
        ended = CliRunner().invoke(app, ["retrain", "weekly", "--why", "labels came"])
        assert ended.exit_code == 0, ended.output
        assert ARN in ended.output and "follow" in ended.output
        assert json.loads(self.account.asked[0]["input"])["why"] == "labels came"

    def test_as_json(self):
        ended = CliRunner().invoke(app, ["retrain", "weekly", "--why", "labels came", "--json"])
        assert json.loads(ended.output)["execution"] == ARN

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [(["weekly", "--why", " "], "is empty"), (["hourly", "--why", "now"], "there are: weekly")],
    )
    def test_what_the_user_can_mend_ends_with_2(
        self, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setattr("sys.argv", ["yard", "retrain", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert said in capsys.readouterr().err
        assert self.account.asked == []

    def test_without_a_reason_it_asks_for_one(self):
        ended = CliRunner().invoke(app, ["retrain", "weekly"])
        assert ended.exit_code == 2 and "--why" in ended.output
