"""What the sandbox refuses of queues, schedules and machines: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.rule_cases import rules_without_a_case

from modelyard_sandbox.knowledge import UNKNOWN, check
from modelyard_sandbox.knowledge.rules import flow

QUEUE = "aws:sqs/queue:Queue"
MACHINE = "aws:sfn/stateMachine:StateMachine"
SCHEDULE = "aws:scheduler/schedule:Schedule"

ROLE = "arn:aws:iam::123456789012:role/checks"


def states(start: str = "A", **steps: Any) -> str:
    return json.dumps({"StartAt": start, "States": steps or {"A": {"Type": "Pass", "End": True}}})


ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    QUEUE: {"name": "events"},
    MACHINE: {"name": "checks", "roleArn": ROLE, "definition": states()},
    SCHEDULE: {
        "name": "daily",
        "scheduleExpression": "rate(1 day)",
        "flexibleTimeWindow": {"mode": "OFF"},
        "target": {"arn": "arn:aws:states:eu-west-1:123456789012:stateMachine:checks", "roleArn": ROLE},
    },
}
CASES = [
    ("a queue's name has an alphabet", QUEUE, {"name": "my queue"}, {"name": "my_queue-1"}),
    ("a first-in-first-out queue is called so", QUEUE, {"fifoQueue": True}, {"name": "a.fifo", "fifoQueue": True}),
    ("only such a queue is called so", QUEUE, {"name": "a.fifo"}, {"name": "fifo"}),
    ("a queue has one encryption", QUEUE, {"kmsMasterKeyId": "k", "sqsManagedSseEnabled": True},
     {"kmsMasterKeyId": "k", "sqsManagedSseEnabled": False}),
    ("a message is delayed by 15 minutes at most", QUEUE, {"delaySeconds": 901}, {"delaySeconds": 900}),
    ("a data key lives a minute at least", QUEUE, {"kmsDataKeyReusePeriodSeconds": 59},
     {"kmsDataKeyReusePeriodSeconds": 60}),
    ("a message stays two weeks at most", QUEUE, {"messageRetentionSeconds": 1_209_601},
     {"messageRetentionSeconds": 1_209_600}),
    ("a poll waits 20 seconds at most", QUEUE, {"receiveWaitTimeSeconds": 21}, {"receiveWaitTimeSeconds": 20}),
    ("a message hides for 12 hours at most", QUEUE, {"visibilityTimeoutSeconds": 43_201},
     {"visibilityTimeoutSeconds": 43_200}),
    ("a state machine's name has an alphabet", MACHINE, {"name": "my checks"}, {"name": "my_checks-1"}),
    ("a definition is JSON", MACHINE, {"definition": "{"}, {}),
    ("a definition has states", MACHINE, {"definition": '{"StartAt": "A"}'}, {}),
    ("a definition starts at a state", MACHINE, {"definition": states("B")}, {}),
    ("a state leads to a state", MACHINE, {"definition": states(A={"Type": "Pass", "Next": "B"})},
     {"definition": states(A={"Type": "Pass", "Next": "B"}, B={"Type": "Succeed"})}),
    ("a state leads on or ends", MACHINE, {"definition": states(A={"Type": "Pass"})}, {}),
    ("a choice falls back on a state", MACHINE,
     {"definition": states(A={"Type": "Choice", "Choices": [], "Default": "B"})},
     {"definition": states(A={"Type": "Choice", "Choices": [], "Default": "B"}, B={"Type": "Fail"})}),
    ("a branch leads to a state of its own", MACHINE,
     {"definition": states(A={"Type": "Parallel", "End": True,
                              "Branches": [{"StartAt": "X", "States": {"Y": {"Type": "Succeed"}}}]})},
     {"definition": states(A={"Type": "Parallel", "End": True,
                              "Branches": [{"StartAt": "Y", "States": {"Y": {"Type": "Succeed"}}}]})}),
    ("a rate counts", SCHEDULE, {"scheduleExpression": "rate(0 days)"}, {"scheduleExpression": "rate(2 days)"}),
    ("a cron expression has six fields", SCHEDULE, {"scheduleExpression": "cron(0 3 * * *)"},
     {"scheduleExpression": "cron(0 3 * * ? *)"}),
    ("a flexible window has a length", SCHEDULE, {"flexibleTimeWindow": {"mode": "FLEXIBLE"}},
     {"flexibleTimeWindow": {"mode": "FLEXIBLE", "maximumWindowInMinutes": 15}}),
    ("a fixed time has no window", SCHEDULE, {"flexibleTimeWindow": {"mode": "OFF", "maximumWindowInMinutes": 15}}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("token", "refused", "accepted"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_what_a_rule_refuses_is_refused_and_its_neighbour_accepted(
    token: str, refused: Mapping[str, Any], accepted: Mapping[str, Any]
):
    assert check(token, {**ACCEPTED[token], **refused})
    assert check(token, {**ACCEPTED[token], **accepted}) == []


@pytest.mark.parametrize("token", ACCEPTED)
def test_ordinary_inputs_are_accepted_known_or_not(token: str):
    assert check(token, ACCEPTED[token]) == []
    assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases():
    assert rules_without_a_case(flow.RULES, ACCEPTED, CASES) == []
