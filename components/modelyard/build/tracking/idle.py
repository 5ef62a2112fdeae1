"""Stops what costs by the hour, and starts it again: schedules that call the service themselves, by a role of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.tracking.spec import IdleSpec, TrackingSpec
from modelyard.core.access import Statement
from modelyard.core.component import Component
from modelyard.core.service_role import ServiceRole

_WEEKDAYS: Final = "? * MON-FRI *"
_DAILY: Final = "* * ? *"


@dataclass(frozen=True, slots=True)
class Switch:
    """One thing that can rest: the calls that stop and start it, and the right to both.

    A call is an operation of the service in Scheduler's own writing, and its parameters.
    """

    what: str
    service: str
    stop: tuple[str, Mapping[str, pulumi.Input[Any]]]
    start: tuple[str, Mapping[str, pulumi.Input[Any]]]
    statement: Statement


def daily(spec: IdleSpec, when: str) -> str:
    """The expression of EventBridge Scheduler for a time of day (scheduler/latest/UserGuide/schedule-types)."""
    hours, minutes = when.split(":")
    return f"cron({int(minutes)} {int(hours)} {_WEEKDAYS if spec.weekends else _DAILY})"


def rest(tracking: Component, spec: TrackingSpec, switches: Sequence[Switch]) -> None:
    """The schedules that `spec` asks for; none without `idle` and `expires`."""
    if spec.idle is None and spec.expires is None:
        return
    context = tracking.context
    name = tracking.physical("schedule")
    group = aws.scheduler.ScheduleGroup(tracking.named("schedules"), name=name, opts=tracking.options())
    role = ServiceRole(
        tracking,
        "schedules",
        "scheduler",
        source_arn=context.arn("scheduler", f"schedule-group/{name}"),
        statements=[switch.statement for switch in switches],
        description=f"Stops and starts the tracking of {context.owner}",
        written=spec.source("idle"),
    )

    last = None if spec.expires is None else f"{spec.expires.isoformat()}T00:00:00Z"

    def schedule(which: str, when: str, zone: str, switch: Switch, call: tuple[str, Mapping[str, Any]]) -> None:
        operation, parameters = call
        aws.scheduler.Schedule(
            tracking.named(f"{which}-{switch.what}"),
            name=tracking.physical("schedule", f"{which}-{switch.what}"),
            group_name=group.name,
            schedule_expression=when,
            schedule_expression_timezone=zone,
            end_date=None if which == "expire" else last,
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": f"arn:{context.partition}:scheduler:::aws-sdk:{switch.service}:{operation}",
                "role_arn": role.arn,
                "input": pulumi.Output.json_dumps(dict(parameters), sort_keys=True),
                "retry_policy": {"maximum_event_age_in_seconds": 3600, "maximum_retry_attempts": 5},
            },
            opts=tracking.options(depends_on=[role.may_work]),
        )

    for switch in switches:
        if spec.idle is not None:
            schedule("stop", daily(spec.idle, spec.idle.stop), spec.idle.timezone, switch, switch.stop)
            schedule("start", daily(spec.idle, spec.idle.start), spec.idle.timezone, switch, switch.start)
        if spec.expires is not None:
            schedule("expire", f"at({spec.expires.isoformat()}T00:00:00)", "UTC", switch, switch.stop)
