"""The schedules that SageMaker's monitors take: every hour, every few hours, once a day.

Source: sagemaker/latest/APIReference/API_ScheduleConfig.
"""

from __future__ import annotations

import re
from typing import Final

HOUR: Final = 3600
NEEDS_LABELS: Final = ("ModelQuality", "ModelBias")
"""Monitors that wait for ground truth: an hourly one of them has half an hour."""
USUAL_RUNTIME: Final = HOUR
"""What SageMaker gives a job whose definition says nothing of its runtime, in seconds."""

_EXPRESSION: Final = re.compile(r"cron\(0 (?:(?P<every>\*)|(?P<at>\d{1,2})(?:/(?P<hours>\d{1,2}))?) \? \* \* \*\)")


def interval(expression: str) -> int | None:
    """The seconds between two runs of a schedule; None where SageMaker takes no such expression."""
    found = _EXPRESSION.fullmatch(expression)
    if not found:
        return None
    if found["every"]:
        return HOUR
    hours = int(found["hours"]) if found["hours"] else 24
    return hours * HOUR if int(found["at"]) <= 23 and 1 <= hours <= 24 else None


def longest_run(kind: str, expression: str) -> int | None:
    """The longest runtime, in seconds, that a schedule leaves to a job of this monitoring type.

    Source: sagemaker/latest/APIReference/API_MonitoringStoppingCondition.
    """
    every = interval(expression)
    return HOUR // 2 if every == HOUR and kind in NEEDS_LABELS else every
