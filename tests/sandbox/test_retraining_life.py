"""The life of a loop in the emulator: made, unchanged, changed, another approval, gone, and nothing left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.sandbox.lives import changed

from modelyard.core.champions import Champion, champion_parameter
from modelyard.testing import Deployment, deploy
from modelyard_sandbox.accounting import counted

from .models_world import DEV, REGION
from .retraining_world import LOOP, a_team

TRIGGERS = {
    "mondays": {"kind": "schedule", "expression": "cron(0 4 ? * MON *)"},
    "arrived": {"kind": "data", "dataset": "transactions"},
    "pushed": {"kind": "push", "repository": "acme/fraud"},
    "drifted": {"kind": "threshold", "alarm": "data_drift.data_drift_worst", "rearms_at": 0.1},
}
FULL: dict[str, Any] = {
    **LOOP,
    "triggers": TRIGGERS,
    "canary": {"bake_minutes": 20, "alarms": ["data_drift.data_drift_worst"]},
}


@pytest.fixture
def stack() -> Iterator[Deployment]:
    with deploy(a_team(loop=None), region=REGION) as made:
        made.client("events").create_event_bus(Name="ml-dev-platform-audit")
        serves(made)
        yield made.update(a_team(loop=None))


def serves(stack: Deployment) -> None:
    """A first version is the champion, so that there is an endpoint, and alarms to hear."""
    image = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/serve@sha256:{'d' * 64}"
    package = stack.client("sagemaker").create_model_package(
        ModelPackageGroupName="ml-dev-fraud-registry-scores",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": image, "ModelDataUrl": "s3://bucket/models/scores/0/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    champion = Champion(
        endpoint="score",
        model="scores",
        version=1,
        package=package,
        run="a run",
        released_at=datetime(2026, 1, 1, tzinfo=UTC),
        why="the first",
    )
    name = champion_parameter(DEV.names, "score")
    stack.client("ssm").put_parameter(Name=name, Value=champion.model_dump_json(), Type="String")


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


def test_before_the_first_release_what_hears_an_alarm_waits():
    with deploy(a_team(loop=None), region=REGION) as stack:
        stack.client("events").create_event_bus(Name="ml-dev-platform-audit")
        stack.update(a_team(loop=FULL))
        assert stack.client("events").list_rules(NamePrefix="ml-dev-fraud-weekly")["Rules"] == []
        serves(stack)
        stack.update(a_team(loop=FULL))
        assert len(stack.client("events").list_rules(NamePrefix="ml-dev-fraud-weekly")["Rules"]) == 2
