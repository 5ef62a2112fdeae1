"""Queues, schedules and state machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import Rule, at_most_one, between, known, matches
from modelyard_sandbox.knowledge.values import contains_unknown

_QUEUE = "aws:sqs/queue:Queue"
_MACHINE = "aws:sfn/stateMachine:StateMachine"
_SCHEDULE = "aws:scheduler/schedule:Schedule"

_CREATE_QUEUE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"
_CREATE_MACHINE = "https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html"
_STATES = "https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html"
_SCHEDULE_TYPES = "https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html"
_WINDOW = "https://docs.aws.amazon.com/scheduler/latest/APIReference/API_FlexibleTimeWindow.html"

_CRON_FIELDS = 6
_SAYS_WHEN = "write rate(6 hours), cron(0 3 * * ? *) with six fields, or at(2026-01-31T03:00:00)"


def _fifo_name(queue: Mapping[str, Any]) -> str | None:
    name = known(queue, "name")
    if name is None or known(queue, "fifoQueue") == name.endswith(".fifo"):
        return None
    if known(queue, "fifoQueue"):
        return f"{name!r}: the name of a first-in-first-out queue ends with .fifo"
    return f"{name!r}: only a first-in-first-out queue's name ends with .fifo" if name.endswith(".fifo") else None


def _definition(text: str) -> str | None:
    if contains_unknown(text):
        return None
    try:
        machine = json.loads(text)
    except ValueError as error:
        return f"is no JSON: {error}"
    except RecursionError:
        return "is nested too deeply"
    return next(_faults(machine), None) if isinstance(machine, Mapping) else "must be a JSON object"


def _faults(machine: Mapping[str, Any]) -> Iterator[str]:
    states = machine.get("States")
    if not isinstance(states, Mapping) or not states:
        yield "has no States"
        return
    if machine.get("StartAt") not in states:
        yield f"StartAt is {machine.get('StartAt')!r}, which is no state"
    for name, state in states.items():
        if not isinstance(state, Mapping) or "Type" not in state:
            yield f"{name} has no Type"
            continue
        for target in _targets(state):
            if target not in states:
                yield f"{name} leads to {target}, which is no state"
        ends = state["Type"] in ("Choice", "Succeed", "Fail")
        if not ends and ("Next" in state) == bool(state.get("End")):
            yield f"{name} needs either Next or End"
        inner = [*state.get("Branches", ()), *(state[key] for key in ("Iterator", "ItemProcessor") if key in state)]
        for branch in inner:
            yield from _faults(branch)


def _targets(state: Mapping[str, Any]) -> Iterator[str]:
    several = [*state.get("Choices", ()), *state.get("Catch", ()), state]
    yield from (step["Next"] for step in several if "Next" in step)
    if "Default" in state:
        yield state["Default"]


def _moment(text: str) -> str | None:
    kind, _, rest = text.partition("(")
    inside = rest.removesuffix(")")
    if kind == "rate" and rest.endswith(")"):
        number, _, unit = inside.partition(" ")
        if number.isdigit() and int(number) > 0 and unit.rstrip("s") in ("minute", "hour", "day"):
            return None
    elif kind == "cron" and rest.endswith(")"):
        if len(inside.split()) == _CRON_FIELDS:
            return None
    elif kind == "at" and rest.endswith(")"):
        return None
    return f"{text!r}: {_SAYS_WHEN}"


def _bends(window: Mapping[str, Any]) -> str | None:
    flexible = known(window, "mode") == "FLEXIBLE"
    if flexible == ("maximumWindowInMinutes" in window):
        return None
    return "FLEXIBLE needs maximumWindowInMinutes" if flexible else "only FLEXIBLE takes maximumWindowInMinutes"


RULES: Sequence[Rule] = (
    Rule(_QUEUE, "name", matches(r"[A-Za-z0-9_.-]{1,80}", "queues take 80 letters, digits, _ and -"), _CREATE_QUEUE),
    Rule(_QUEUE, "", _fifo_name, _CREATE_QUEUE),
    Rule(_QUEUE, "", at_most_one("kmsMasterKeyId", "sqsManagedSseEnabled"), _CREATE_QUEUE),
    Rule(_QUEUE, "delaySeconds", between(0, 900), _CREATE_QUEUE),
    Rule(_QUEUE, "kmsDataKeyReusePeriodSeconds", between(60, 86_400), _CREATE_QUEUE),
    Rule(_QUEUE, "messageRetentionSeconds", between(60, 1_209_600), _CREATE_QUEUE),
    Rule(_QUEUE, "receiveWaitTimeSeconds", between(0, 20), _CREATE_QUEUE),
    Rule(_QUEUE, "visibilityTimeoutSeconds", between(0, 43_200), _CREATE_QUEUE),
    Rule(_MACHINE, "name", matches(r"[A-Za-z0-9_-]{1,80}", "80 letters, digits, _ and - at most"), _CREATE_MACHINE),
    Rule(_MACHINE, "definition", _definition, _STATES),
    Rule(_SCHEDULE, "scheduleExpression", _moment, _SCHEDULE_TYPES),
    Rule(_SCHEDULE, "flexibleTimeWindow", _bends, _WINDOW),
)
