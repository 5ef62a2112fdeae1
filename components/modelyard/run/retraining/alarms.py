"""What an alarm of a monitor tells a loop, and the second alarm that arms a trigger again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from modelyard.core.component import Component
from modelyard.core.errors import Fault
from modelyard.run.monitoring import METRICS, MonitorKind
from modelyard.run.retraining.spec import OnThreshold, RetrainingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorAlarm:
    """An alarm of an endpoint's monitor: its name in CloudWatch, and what it watches."""

    name: str
    kind: MonitorKind
    metric: str
    threshold: float
    dimensions: Mapping[str, pulumi.Input[str]]
    period_seconds: int

    @property
    def above(self) -> bool:
        """Whether it fires above its threshold, not below."""
        return METRICS[self.kind][self.metric].worse != "below"


def never_fires(spec: RetrainingSpec, path: str, trigger: OnThreshold, alarm: MonitorAlarm) -> Fault | None:
    """A trigger at `path` that is armed again before its metric is better than where it fires."""
    at, side = trigger.rearms_at, "above" if alarm.above else "below"
    if at is None or (at <= alarm.threshold if alarm.above else at >= alarm.threshold):
        return None
    return spec.fault(
        f"{path}.rearms_at",
        f"lies {side} {alarm.threshold:g}, where {trigger.alarm} fires: the trigger would be armed while its alarm "
        "still stands, and an alarm that stands never fires again",
        f"Use {alarm.threshold:g} or {'less' if alarm.above else 'more'}, or remove it.",
        at,
    )


def calm(
    loop: Component, trigger: str, spec: OnThreshold, alarm: MonitorAlarm, *, owner: str
) -> aws.cloudwatch.MetricAlarm:
    """The alarm whose end arms a trigger again: no value of so many periods is beyond the value of re-arming.

    Silence leaves it as it is: what nobody measures isn't calm.
    """
    metric = METRICS[alarm.kind][alarm.metric]
    percentile = metric.statistic.startswith("p")
    bound = alarm.threshold if spec.rearms_at is None else spec.rearms_at
    return aws.cloudwatch.MetricAlarm(
        loop.written_at(f"{trigger}-calm", spec.source()),
        name=loop.physical("alarm", f"loop-{trigger}-calm"),
        alarm_description=f"{loop.component}: while it stands, {spec.alarm} starts no further run ({trigger})",
        namespace=METRICS[alarm.kind].namespace,
        metric_name=alarm.metric,
        dimensions=alarm.dimensions,
        statistic=None if percentile else metric.statistic,
        extended_statistic=metric.statistic if percentile else None,
        period=alarm.period_seconds,
        evaluation_periods=spec.quiet_periods,
        datapoints_to_alarm=1,
        comparison_operator="GreaterThanThreshold" if alarm.above else "LessThanThreshold",
        threshold=bound,
        treat_missing_data="ignore",
        tags={"owner": owner},
        opts=loop.options(),
    )
