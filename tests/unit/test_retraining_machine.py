"""The machine of a loop: every way comes to an end that gives the lock back, and what it keeps where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.ground import FRAUD

from modelyard.core.champions import Champion, champion_parameter, promoted_prefix, shape_parameter
from modelyard.run.retraining.machine import definition
from modelyard.run.retraining.states import LOOKS, Places, every, looks


def places(**changes: Any) -> Places:
    known: dict[str, Any] = {
        "loop": "weekly",
        "team": "fraud",
        "function": "f",
        "pipeline": "p",
        "flavour": "step_functions",
        "step": "keep",
        "endpoint": "e",
        "champion": "/c",
        "topic": "t",
        "bus": "b",
        "training_seconds": 86_400,
        "gates_seconds": 7_200,
        "approval_seconds": 259_200,
    }
    return Places(**{**known, **changes})


KINDS = [
    places(),
    places(approval_seconds=None),
    places(flavour="sagemaker"),
    places(flavour="sagemaker", approval_seconds=None),
    places(pipeline=""),
]


@pytest.mark.parametrize("made", KINDS, ids=["person", "automatic", "sagemaker", "sagemaker-automatic", "brings"])
def test_every_state_leads_somewhere_and_is_led_to(made: Places):
    machine = definition(made)
    states = machine["States"]
    named = {machine["StartAt"]}
    for state in states.values():
        named |= {state["Next"]} if "Next" in state else set()
        named |= {state["Default"]} if "Default" in state else set()
        named |= {each["Next"] for key in ("Choices", "Catch") for each in state.get(key, ())}
        assert state["Type"] in ("Succeed", "Fail", "Choice") or "Next" in state
    assert named == set(states)


@pytest.mark.parametrize("made", KINDS, ids=["person", "automatic", "sagemaker", "sagemaker-automatic", "brings"])
def test_whatever_breaks_comes_to_the_end_that_gives_the_lock_back(made: Places):
    states = definition(made)["States"]
    for name, state in states.items():
        if state["Type"] in ("Task", "Map"):
            assert [each["ErrorEquals"] for each in state["Catch"]] == [["States.ALL"]], name
    before_the_end = set(states) - {"Done", "Failed", "Outcome", "Tell", "Moved", "TellPromotion", "Loud", "TellOwner"}
    for name in before_the_end - {"End", "EndBroken"}:
        assert "Done" not in _next(states[name]) and "Failed" not in _next(states[name]), name


def _next(state: Mapping[str, Any]) -> set[str]:
    return {state.get("Next", ""), state.get("Default", "")} | {
        each["Next"] for key in ("Choices", "Catch") for each in state.get(key, ())
    }


@pytest.mark.parametrize("seconds", [60, 7_200, 86_400, 432_000, 1_209_600])
def test_looks_fit_a_history_and_last_as_long_as_they_may(seconds: int):
    assert looks(seconds) <= LOOKS
    assert seconds - every(seconds) <= looks(seconds) * every(seconds) <= seconds or seconds <= every(seconds)


def test_a_run_ends_after_all_its_parts_may_have_taken_their_time():
    machine = definition(places())
    assert machine["TimeoutSeconds"] > 86_400 + 7_200 + 259_200 + 28_800


def test_records_lie_below_the_teams_own_path():
    assert champion_parameter(FRAUD.names, "score") == "/modelyard/ml/dev/fraud/champions/score"
    assert shape_parameter(FRAUD.names, "score") == "/modelyard/ml/dev/fraud/shapes/score"
    assert promoted_prefix(FRAUD.names, "score").startswith("ml-dev-fraud-")


def test_a_champion_knows_nothing_that_it_need_not():
    with pytest.raises(ValueError, match="extra"):
        Champion.model_validate({"format": 1, "weights": "s3://…"})


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "retraining.md").read_text("utf-8")


def test_the_page_tells_of_every_end_of_the_machine():
    ends = {
        state["Parameters"]["code"]
        for made in KINDS
        for state in definition(made)["States"].values()
        if "code" in state.get("Parameters", {})
    }
    ends |= {"lock-held", "cooling-down", "disarmed", "runs-exhausted", "budget-exhausted", "gate-failed"}
    ends -= {"in-service", "no-endpoint-yet", "promotion-failed"}
    assert {code for code in ends if f"`{code}`" not in PAGE} == set()
