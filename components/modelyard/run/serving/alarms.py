"""What tells that an endpoint is ill: the same alarms take a rollout back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.core.component import Component
from modelyard.run.serving.rollout import RollbackSpec

_MICROSECONDS = 1000


def alarm_names(endpoint: Component, spec: RollbackSpec, variants: Sequence[str]) -> list[str]:
    """The names of all alarms that take a rollout back, known before there are any: the file's, and one of each kind
    for each variant."""
    kinds = [
        kind for kind, limit in (("errors", spec.error_percent), ("latency", spec.latency_ms)) if limit is not None
    ]
    return [
        *spec.alarms,
        *(endpoint.physical("alarm", f"{variant}-{kind}") for variant in variants for kind in kinds),
    ]


def rollback_alarms(
    endpoint: Component, spec: RollbackSpec, *, name: str, variants: Sequence[str], topic: pulumi.Input[str]
) -> list[aws.cloudwatch.MetricAlarm]:
    """Our own alarms that take a rollout back, one of each kind for each variant; they tell the owner's topic, too.

    Errors are a share of the calls, so that neither a quiet night nor a busy noon changes what is many. Metrics:
    sagemaker/latest/dg/monitoring-cloudwatch; latency comes in microseconds.
    """
    made: list[aws.cloudwatch.MetricAlarm] = []
    for variant in variants:
        dimensions = {"EndpointName": name, "VariantName": variant}
        if spec.error_percent is not None:
            about = f"{name}/{variant}"
            percent = spec.error_percent
            made.append(error_alarm(endpoint, variant, about, dimensions, percent=percent, topic=topic))
        if spec.latency_ms is not None:
            alarm = aws.cloudwatch.MetricAlarm(
                endpoint.named(f"{variant}-latency"),
                name=endpoint.physical("alarm", f"{variant}-latency"),
                alarm_description=f"One call of {name}/{variant} in a hundred takes more than {spec.latency_ms:g} ms",
                namespace="AWS/SageMaker",
                metric_name="ModelLatency",
                dimensions=dimensions,
                extended_statistic="p99",
                period=60,
                evaluation_periods=3,
                datapoints_to_alarm=2,
                comparison_operator="GreaterThanThreshold",
                threshold=spec.latency_ms * _MICROSECONDS,
                treat_missing_data="notBreaching",
                alarm_actions=[topic],
                ok_actions=[topic],
                opts=endpoint.options(),
            )
            made.append(alarm)
    return made


def error_alarm(
    owner: Component,
    role: str,
    about: str,
    dimensions: Mapping[str, pulumi.Input[str]],
    *,
    percent: float,
    topic: pulumi.Input[str],
) -> aws.cloudwatch.MetricAlarm:
    """Tells when more than so many percent of the calls of `about` fail on the server's side, two minutes of three."""
    return aws.cloudwatch.MetricAlarm(
        owner.named(f"{role}-errors"),
        name=owner.physical("alarm", f"{role}-errors"),
        alarm_description=f"More than {percent:g} percent of the calls of {about} fail",
        metric_queries=error_share(dimensions, period=60),
        evaluation_periods=3,
        datapoints_to_alarm=2,
        comparison_operator="GreaterThanThreshold",
        threshold=percent,
        treat_missing_data="notBreaching",
        alarm_actions=[topic],
        ok_actions=[topic],
        opts=owner.options(),
    )


def error_share(dimensions: Mapping[str, pulumi.Input[str]], *, period: int, counted: str = "errors") -> Any:
    """The queries of an alarm on the percent of calls that fail on the server's side; `period` counts seconds.

    `counted` is what the expression calls those that fail: another word would update every alarm that has it.
    """
    share = {
        "id": "share",
        "expression": f"IF(calls > 0, 100 * {counted} / calls, 0)",
        "label": "percent",
        "return_data": True,
    }
    calls = [
        {
            "id": query,
            "metric": {
                "namespace": "AWS/SageMaker",
                "metric_name": metric,
                "dimensions": dict(dimensions),
                "period": period,
                "stat": "Sum",
            },
        }
        for query, metric in (("calls", "Invocations"), (counted, "Invocation5XXErrors"))
    ]
    return [share, *calls]
