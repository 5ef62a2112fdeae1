"""How the number of an endpoint's instances follows the load, by Application Auto Scaling."""

from __future__ import annotations

from typing import Any

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
    aws.appautoscaling.Policy(
        endpoint.named(f"{variant}-follows"),
        name=endpoint.physical("scaling-policy", f"{variant}-follows"),
        policy_type="TargetTrackingScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        target_tracking_scaling_policy_configuration=_held(spec, name, variant),
        opts=endpoint.options(),
    )
    if spec.least == 0:
        _wake(endpoint, variant, spec, name=name, target=target)


def _held(spec: ScalingSpec, name: str, variant: str) -> Any:
    waits = {"scale_in_cooldown": spec.in_seconds, "scale_out_cooldown": spec.out_seconds}
    return {**_measure(spec.target, name, variant), **waits}


def _measure(target: Target, name: str, variant: str) -> dict[str, Any]:
    """Which measure is held, and at which value."""
    match target:
        case InvocationsTarget(per_instance=value):
            return _predefined("SageMakerVariantInvocationsPerInstance", value)
        case ConcurrencyTarget(per_instance=value):
            return _predefined("SageMakerVariantConcurrentRequestsPerModelHighResolution", value)
        case GpuTarget(percent=value):
            return _customized("/aws/sagemaker/Endpoints", "GPUUtilization", name, variant, value)
        case BacklogTarget(per_instance=value):
            return _customized("AWS/SageMaker", "ApproximateBacklogSizePerInstance", name, None, value)


def _predefined(metric: str, value: float) -> dict[str, Any]:
    return {"predefined_metric_specification": {"predefined_metric_type": metric}, "target_value": value}


def _customized(namespace: str, metric: str, name: str, variant: str | None, value: float) -> dict[str, Any]:
    dimensions = [{"name": "EndpointName", "value": name}]
    if variant is not None:
        dimensions.append({"name": "VariantName", "value": variant})
    specification = {"namespace": namespace, "metric_name": metric, "dimensions": dimensions, "statistic": "Average"}
    return {"customized_metric_specification": specification, "target_value": value}


def _wake(
    endpoint: Component, variant: str, spec: ScalingSpec, *, name: str, target: aws.appautoscaling.Target
) -> None:
    """Adds an instance when calls wait and there is none."""
    policy = aws.appautoscaling.Policy(
        endpoint.named(f"{variant}-wakes"),
        name=endpoint.physical("scaling-policy", f"{variant}-wakes"),
        policy_type="StepScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        step_scaling_policy_configuration={
            "adjustment_type": "ChangeInCapacity",
            "metric_aggregation_type": "Average",
            "cooldown": spec.in_seconds,
            "step_adjustments": [{"metric_interval_lower_bound": "0", "scaling_adjustment": 1}],
        },
        opts=endpoint.options(),
    )
    aws.cloudwatch.MetricAlarm(
        endpoint.named(f"{variant}-waits"),
        name=endpoint.physical("alarm", f"{variant}-waits"),
        alarm_description=f"Calls wait for {name}, and it has no instance",
        namespace="AWS/SageMaker",
        metric_name="HasBacklogWithoutCapacity",
        dimensions={"EndpointName": name},
        statistic="Average",
        period=60,
        evaluation_periods=2,
        datapoints_to_alarm=2,
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=1,
        treat_missing_data="missing",
        alarm_actions=[policy.arn],
        opts=endpoint.options(),
    )
