"""What a pipeline of Argo Workflows can't be: what its pods wouldn't know, and what starts nothing on a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelyard.build.pipelines.steps import TrainStep
from modelyard.core.errors import Fault

if TYPE_CHECKING:
    from modelyard.build.pipelines.spec import ArgoWorkflows, PipelineSpec

_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON: Final = re.compile(r"cron\((.*)\)")
_NEVER_IN_CRON: Final = re.compile(r"[LW#]")


def argo_that_fails(spec: PipelineSpec, flavour: ArgoWorkflows) -> Iterator[Fault]:
    """Every fault that shows in the file."""
    for name, step in spec.jobs.items():
        path = f"steps.{name}"
        if not step.command:
            yield spec.fault(
                f"{path}.command",
                "is missing, and Argo would have to ask the image's registry what it starts",
                'Say it, as ["python", "train.py"].',
            )
        if step.resources.instances is not None and step.resources.instances > 1:
            yield spec.fault(
                f"{path}.resources.instances",
                "is more than one, and a step is one pod",
                "Remove it; jobs of many nodes are started as programs of the pool.",
                step.resources.instances,
            )
        if isinstance(step, TrainStep) and step.launcher not in (None, "torchrun"):
            yield spec.fault(
                f"{path}.launcher", "reaches other machines, and there is one", "Use torchrun, or none.", step.launcher
            )
    for name in spec.registers:
        if flavour.tools_image is None:
            yield spec.fault(
                "flavour.tools_image", f"is missing: {name} registers by it", "Name an image with modelyard_jobs."
            )
            break
    for name, trigger in spec.triggers.items():
        if trigger.kind != "schedule":
            yield spec.fault(
                f"triggers.{name}.kind",
                "starts nothing on a cluster, which hears no events of AWS",
                'Use "schedule", start runs from CI, or use the flavour step_functions.',
                trigger.kind,
            )
        elif crontab(trigger.expression) is None:
            yield spec.fault(
                f"triggers.{name}.expression",
                "can't be said as the five fields of cron",
                'Use a rate that divides an hour or a day, or one such as "cron(30 5 * * ? *)".',
                trigger.expression,
            )


def crontab(expression: str) -> str | None:
    """A schedule of EventBridge's as the five fields of cron; None where those can't say it.

    Source: scheduler/latest/UserGuide/schedule-types; its Sunday is 1, that of cron 0.
    """
    rate = _RATE.fullmatch(expression)
    if rate is not None:
        every, unit = int(rate[1]), rate[2]
        most = {"minute": 60, "hour": 24, "day": 1}[unit]
        if most % every:
            return None
        return {
            "minute": f"*/{every} * * * *" if every < most else "0 * * * *",
            "hour": f"0 */{every} * * *" if every < most else "0 0 * * *",
            "day": "0 0 * * *",
        }[unit]
    cron = _CRON.fullmatch(expression)
    fields = cron[1].split() if cron is not None else []
    if len(fields) != 6 or fields[5] != "*" or _NEVER_IN_CRON.search(f"{fields[2]}{_named(fields[4])}"):
        return None
    minute, hour, day, month, weekday = fields[:5]
    sunday_first = re.sub(r"(?<!/)\b\d\b", lambda found: str(int(found[0]) - 1), weekday)
    return " ".join(each.replace("?", "*") for each in (minute, hour, day, month, sunday_first))


def _named(weekday: str) -> str:
    """A field of weekdays without their names, some of which have an L or a W."""
    return re.sub(r"SUN|MON|TUE|WED|THU|FRI|SAT", "", weekday)
