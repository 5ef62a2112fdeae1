"""When monitoring jobs run: every hour, every few hours, once a day.

SageMaker starts a run up to twenty minutes late. Source: sagemaker/latest/APIReference/API_ScheduleConfig.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pulumi_aws as aws

from modelyard.core.component import Component
from modelyard.core.errors import Fault
from modelyard.run.monitoring.definitions import Definition, refuse
from modelyard.run.monitoring.jobs import MonitoringType

DAY: Final = 24
_HOUR: Final = 3600
_WAITS_FOR_LABELS: Final[tuple[MonitoringType, ...]] = ("ModelQuality", "ModelBias")


def schedule(
    component: Component, role: str, definition: Definition, *, every_hours: int, at: int = 0, **options: Any
) -> aws.sagemaker.MonitoringSchedule:
    """Runs a definition's job every so many hours from `at` o'clock UTC on; its physical name is fixed.

    Another definition, or another rhythm, changes the schedule in place. `options` are those of `Component.options`.
    Raises `InputError` for what SageMaker would refuse, such as a job that may run longer than the next one waits.
    """
    refuse(component, _faults(definition, every_hours, at))
    return aws.sagemaker.MonitoringSchedule(
        component.named(role),
        name=component.physical("monitoring-schedule", role),
        monitoring_schedule_config={
            "monitoring_type": definition.type,
            "monitoring_job_definition_name": definition.name,
            "schedule_config": {"schedule_expression": expression(every_hours, at)},
        },
        opts=component.options(**{**options, "depends_on": [definition.resource, *options.get("depends_on", ())]}),
    )


def expression(every_hours: int, at: int = 0) -> str:
    """The cron expression; every hour has no beginning."""
    if every_hours == 1:
        return "cron(0 * ? * * *)"
    return f"cron(0 {at} ? * * *)" if every_hours == DAY else f"cron(0 {at}/{every_hours} ? * * *)"


def most_seconds(kind: MonitoringType, every_hours: int) -> int:
    """The longest run that SageMaker leaves to a job of this kind: half an hour where an hourly one waits for labels.

    Source: sagemaker/latest/APIReference/API_MonitoringStoppingCondition.
    """
    return _HOUR // 2 if every_hours == 1 and kind in _WAITS_FOR_LABELS else every_hours * _HOUR


def _faults(definition: Definition, every_hours: int, at: int) -> Iterator[Fault]:
    if not 1 <= every_hours <= DAY:
        yield Fault(f"a monitor runs every 1 to {DAY} hours", "Give as many hours.", value=every_hours)
    elif (seconds := definition.job.most_seconds) > (most := most_seconds(definition.type, every_hours)):
        remedy = f"Give it {most} seconds, or more hours."
        yield Fault(f"a run of {definition.type} may not outlast {most} seconds here", remedy, value=seconds)
    if not 0 <= at < DAY:
        yield Fault("is no hour of the day", "Give 0 to 23.", value=at)
