"""What starts work by the clock: a group of schedules, and the role that they start it under."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.core.access import Statement
from modelyard.core.component import Component
from modelyard.core.service_role import ServiceRole
from modelyard.core.source import Source

FLEXIBLE_MINUTES: Final = 5
"""How long after its time a schedule may start, so that not all start at once."""


class Schedules:
    """The schedules of a component, and the role that may do `statements` on their behalf."""

    def __init__(
        self, component: Component, *, statements: Sequence[Statement], description: str, written: Source
    ) -> None:
        self._component = component
        name = component.physical("schedule")
        self._group = aws.scheduler.ScheduleGroup(component.named("schedules"), name=name, opts=component.options())
        self._starter = ServiceRole(
            component,
            "starter",
            "scheduler",
            source_arn=component.context.arn("scheduler", f"schedule-group/{name}"),
            statements=statements,
            description=description,
            written=written,
        )

    def add(
        self,
        role: str,
        expression: str,
        arn: pulumi.Input[str],
        *,
        given: str | None = None,
        written: Source | None = None,
        sharp: bool = False,
    ) -> aws.scheduler.Schedule:
        """Start what `arn` names when `expression` says, in UTC, with `given` as its input.

        `sharp`: at that minute, where an alarm waits for each start.
        """
        component = self._component
        target: dict[str, Any] = {"arn": arn, "role_arn": self._starter.arn}
        if given is not None:
            target["input"] = given
        return aws.scheduler.Schedule(
            component.written_at(role, written) if written else component.named(role),
            name=component.physical("schedule", role),
            group_name=self._group.name,
            schedule_expression=expression,
            flexible_time_window={"mode": "OFF"}
            if sharp
            else {"mode": "FLEXIBLE", "maximum_window_in_minutes": FLEXIBLE_MINUTES},
            target=target,  # pyright: ignore[reportArgumentType]
            opts=component.options(depends_on=[self._starter.may_work]),
        )
