"""How many hours a resource stands that schedules stop and start."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from modelyard.assess.cost.bill import HOURS
from modelyard.assess.policy.subject import Subject

SCHEDULE: Final = "aws:scheduler/schedule:Schedule"
_CALL: Final = re.compile(r".*:aws-sdk:\w+:(start|stop)\w+")
_DAILY: Final = re.compile(r"cron\((\d+) (\d+) (?:\? \* (MON-FRI) \*|\* \* \? \*)\)")
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY


def standing(subject: Subject, name: str) -> tuple[float, str]:
    """Hours in a month that the resource called `name` stands, and why; schedules may stop and start it each day."""
    events = sorted(_events(subject, name))
    if {starts for _, starts in events} != {True, False}:
        return HOURS, "all hours"
    minutes, on, since = 0, events[-1][1], 0
    for minute, starts in events:
        minutes += minute - since if on else 0
        on, since = starts, minute
    minutes += _WEEK - since if on else 0
    return minutes / _WEEK * HOURS, f"{minutes / 60:g} of 168 hours a week, as its schedules say"


def _events(subject: Subject, name: str) -> Iterator[tuple[int, bool]]:
    """Each start (true) and stop of a week, by its minute."""
    for schedule in subject.stack.subjects(SCHEDULE):
        call = _CALL.fullmatch(str(schedule.get("target.arn", "")))
        said = _DAILY.fullmatch(str(schedule.get("scheduleExpression", "")))
        if not call or not said or name not in _named(schedule):
            continue
        for day in range(5 if said[3] else 7):
            yield day * _DAY + int(said[2]) * 60 + int(said[1]), call[1] == "start"


def _named(schedule: Subject) -> list[Any]:
    try:
        return list(json.loads(schedule.get("target.input", "{}")).values())
    except (AttributeError, ValueError):
        return []
