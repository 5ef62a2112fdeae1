"""The life of a loop in the emulator: made, unchanged, changed, another approval, gone, and nothing left."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.testing import Deployment, deploy
from modelyard_sandbox.accounting import counted

from .models_world import REGION
from .retraining_world import LOOP, a_team

TRIGGERS = {
    "mondays": {"kind": "schedule", "expression": "cron(0 4 ? * MON *)"},
    "arrived": {"kind": "data", "dataset": "transactions"},
    "pushed": {"kind": "push", "repository": "acme/fraud"},
    "drifted": {"kind": "threshold", "alarm": "drift", "rearms_at": 0.1},
}
FULL: dict[str, Any] = {**LOOP, "triggers": TRIGGERS, "canary": {"bake_minutes": 20, "alarms": ["drift"]}}


@pytest.fixture
def stack() -> Any:
    with deploy(a_team(loop=None), region=REGION) as made:
        made.client("events").create_event_bus(Name="ml-dev-platform-audit")
        yield made


def changed(stack: Deployment) -> dict[str, str]:
    return {urn.rpartition("::")[2]: done for urn, done in stack.operations.items() if done != "same"}


def machine(stack: Deployment) -> dict[str, Any]:
    arn = f"arn:aws:states:{REGION}:123456789012:stateMachine:ml-dev-fraud-weekly-loop"
    return json.loads(stack.client("stepfunctions").describe_state_machine(stateMachineArn=arn)["definition"])


def test_a_loop_is_made_stays_as_it_is_and_leaves_nothing(stack: Deployment):
    before = counted(stack.client, REGION)
    stack.update(a_team(loop=FULL))
    assert counted(stack.client, REGION) != before
    stack.update(a_team(loop=FULL))
    assert changed(stack) == {}
    stack.refresh()
    stack.update(a_team(loop=FULL))
    assert changed(stack) == {}, "what lies there is what was asked for"
    stack.update(a_team(loop=None))
    assert counted(stack.client, REGION) == before


def test_another_guard_is_other_code_of_the_function_and_nothing_else(stack: Deployment):
    stack.update(a_team(loop=FULL))
    stack.update(a_team(loop={**FULL, "most_runs_a_month": 9}))
    assert changed(stack) == {"weekly-loop": "update"}


def test_another_approval_is_another_machine_in_place(stack: Deployment):
    stack.update(a_team(loop=FULL))
    assert "Approve" in machine(stack)["States"]
    stack.update(a_team(loop={**FULL, "approval": {"kind": "person", "timeout_hours": 24}}))
    assert "AskOwner" in machine(stack)["States"] and "Approve" not in machine(stack)["States"]
    assert changed(stack)["weekly-machine"] == "update"


def test_a_trigger_that_is_taken_away_leaves_no_rule(stack: Deployment):
    stack.update(a_team(loop=FULL))
    events = stack.client("events")
    assert {rule["Name"] for rule in events.list_rules(NamePrefix="ml-dev-fraud-weekly")["Rules"]} == {
        "ml-dev-fraud-weekly-loop-calm-drifted",
        "ml-dev-fraud-weekly-loop-on-drifted",
    }
    fewer = {name: each for name, each in TRIGGERS.items() if name != "drifted"}
    stack.update(a_team(loop={**FULL, "triggers": fewer, "canary": None}))
    assert events.list_rules(NamePrefix="ml-dev-fraud-weekly")["Rules"] == []
