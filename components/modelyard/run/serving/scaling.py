"""How the number of an endpoint's instances, or of a model's copies, follows the load, by Application Auto Scaling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from modelyard.core.component import Component
from modelyard.run.serving.kinds import (
    BacklogTarget,
    ConcurrencyTarget,
    GpuTarget,
    InvocationsTarget,
    ScalingSpec,
    Target,
)
from modelyard.run.serving.llm_spec import CopiesSpec

_INSTANCES = "sagemaker:variant:DesiredInstanceCount"


def scale(endpoint: Component, variant: str, spec: ScalingSpec, *, name: str, after: pulumi.Resource) -> None:
    """Let the instances of `variant` of the endpoint called `name` follow the load.

    From none, an asynchronous endpoint comes back when something waits: its backlog per instance has no value then, so
    a step policy and an alarm of their own do it. Source: sagemaker/latest/dg/async-inference-autoscale.
    """
    target = aws.appautoscaling.Target(
        endpoint.written_at(f"{variant}-scaling", spec.source()),
        service_namespace="sagemaker",
        scalable_dimension=_INSTANCES,
        resource_id=f"endpoint/{name}/variant/{variant}",
        min_capacity=spec.least,
        max_capacity=spec.most,
        opts=endpoint.options(depends_on=[after]),
    )
    follow(endpoint, variant, target, spec, _measure(spec.target, name, variant))
    if spec.least == 0:
        wake(
            endpoint,
            variant,
            target,
            heard="waits",
            says=f"Calls wait for {name}, and it has no instance",
            metric="HasBacklogWithoutCapacity",
            dimensions={"EndpointName": name},
            statistic="Average",
            minutes=2,
            cooldown=spec.in_seconds,
        )


def follow(
    owner: Component,
    role: str,
    target: aws.appautoscaling.Target,
    spec: ScalingSpec | CopiesSpec,
    measure: dict[str, Any],
) -> None:
    """Hold a measure at its value, as `predefined` says it, by adding to `target` and taking from it."""
    configuration: Any = {
        **measure,
        "scale_in_cooldown": spec.in_seconds,
        "scale_out_cooldown": spec.out_seconds,
    }
    aws.appautoscaling.Policy(
        owner.named(f"{role}-follows"),
        name=owner.physical("scaling-policy", f"{role}-follows"),
        policy_type="TargetTrackingScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        target_tracking_scaling_policy_configuration=configuration,
        opts=owner.options(),
    )


def wake(
    owner: Component,
    role: str,
    target: aws.appautoscaling.Target,
    *,
    heard: str,
    says: str,
    metric: str,
    dimensions: Mapping[str, pulumi.Input[str]],
    statistic: Literal["Average", "Maximum"],
    minutes: int,
    cooldown: int,
) -> None:
    """Add one to a `target` that has none, when SageMaker's `metric` has been one or more for so many minutes.

    `heard` is the alarm's role, beside `role`; `cooldown` counts seconds between additions.
    """
    policy = aws.appautoscaling.Policy(
        owner.named(f"{role}-wakes"),
        name=owner.physical("scaling-policy", f"{role}-wakes"),
        policy_type="StepScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        step_scaling_policy_configuration={
            "adjustment_type": "ChangeInCapacity",
            "metric_aggregation_type": statistic,
            "cooldown": cooldown,
            "step_adjustments": [{"metric_interval_lower_bound": "0", "scaling_adjustment": 1}],
        },
        opts=owner.options(),
    )
    aws.cloudwatch.MetricAlarm(
        owner.named(f"{role}-{heard}"),
        name=owner.physical("alarm", f"{role}-{heard}"),
        alarm_description=says,
        namespace="AWS/SageMaker",
        metric_name=metric,
        dimensions=dimensions,
        statistic=statistic,
        period=60,
        evaluation_periods=minutes,
        datapoints_to_alarm=minutes,
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=1,
        treat_missing_data="missing",
        alarm_actions=[policy.arn],
        opts=owner.options(),
    )


def predefined(metric: str, value: float) -> dict[str, Any]:
    """A measure that Application Auto Scaling knows by its name, and the value that is held."""
    return {"predefined_metric_specification": {"predefined_metric_type": metric}, "target_value": value}


def _measure(target: Target, name: str, variant: str) -> dict[str, Any]:
    """Which measure is held, and at which value."""
    match target:
        case InvocationsTarget(per_instance=value):
            return predefined("SageMakerVariantInvocationsPerInstance", value)
        case ConcurrencyTarget(per_instance=value):
            return predefined("SageMakerVariantConcurrentRequestsPerModelHighResolution", value)
        case GpuTarget(percent=value):
            return _customized("/aws/sagemaker/Endpoints", "GPUUtilization", name, variant, value)
        case BacklogTarget(per_instance=value):
            return _customized("AWS/SageMaker", "ApproximateBacklogSizePerInstance", name, None, value)


def _customized(namespace: str, metric: str, name: str, variant: str | None, value: float) -> dict[str, Any]:
    dimensions = [{"name": "EndpointName", "value": name}]
    if variant is not None:
        dimensions.append({"name": "VariantName", "value": variant})
    specification = {"namespace": namespace, "metric_name": metric, "dimensions": dimensions, "statistic": "Average"}
    return {"customized_metric_specification": specification, "target_value": value}
