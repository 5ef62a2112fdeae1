"""What an alarm of a monitor tells a loop, and the second alarm that arms a trigger again."""

from __future__ import annotations

import pulumi_aws as aws

from modelyard.core.component import Component
from modelyard.core.errors import Fault
from modelyard.run.monitoring import METRICS, AlarmFacts
from modelyard.run.retraining.spec import OnThreshold, RetrainingSpec


def known_to_monitors(key: str) -> bool:
    """Whether there can be an alarm of this key, `monitor.metric` or `monitor.variant.metric`, on some endpoint."""
    kind, _, rest = key.partition(".")
    found = METRICS.get(kind)  # pyright: ignore[reportArgumentType]
    return found is not None and rest.rpartition(".")[2] in {metric.name for metric in found.metrics}


def fires_above(alarm: AlarmFacts) -> bool:
    """Whether an alarm fires above its threshold, not below."""
    return METRICS[alarm.kind][alarm.metric].worse != "below"


def never_fires(spec: RetrainingSpec, path: str, trigger: OnThreshold, alarm: AlarmFacts) -> Fault | None:
    """A trigger at `path` that is armed again before its metric is better than where it fires."""
    at, side = trigger.rearms_at, "above" if fires_above(alarm) else "below"
    if at is None or (at <= alarm.threshold if fires_above(alarm) else at >= alarm.threshold):
        return None
    return spec.fault(
        f"{path}.rearms_at",
        f"lies {side} {alarm.threshold:g}, where {trigger.alarm} fires: the trigger would be armed while its alarm "
        "still stands, and an alarm that stands never fires again",
        f"Use {alarm.threshold:g} or {'less' if fires_above(alarm) else 'more'}, or remove it.",
        at,
    )


def calm(
    loop: Component, trigger: str, spec: OnThreshold, alarm: AlarmFacts, *, owner: str
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
        comparison_operator="GreaterThanThreshold" if fires_above(alarm) else "LessThanThreshold",
        threshold=bound,
        treat_missing_data="ignore",
        tags={"owner": owner},
        opts=loop.options(),
    )
