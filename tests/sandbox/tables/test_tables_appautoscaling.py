"""Application Auto Scaling over its tables: what is scaled, by which measure, and when; only what exists is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from modelyard_sandbox.aws.provider import ProviderError

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made

TARGET = "aws:appautoscaling/target:Target"
POLICY = "aws:appautoscaling/policy:Policy"
ACTION = "aws:appautoscaling/scheduledAction:ScheduledAction"
ROLE = "arn:aws:iam::123456789012:role/serving"
MAIN = "endpoint/e/variant/main"
INSTANCES = {
    "serviceNamespace": "sagemaker",
    "resourceId": MAIN,
    "scalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
COPIES = {
    "serviceNamespace": "sagemaker",
    "resourceId": "inference-component/c",
    "scalableDimension": "sagemaker:inference-component:DesiredCopyCount",
}
WARM = {**INSTANCES, "scalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}
INVOCATIONS = {"predefinedMetricSpecification": {"predefinedMetricType": "SageMakerVariantInvocationsPerInstance"}}


def endpoint(cloud: Cloud, name: str = "e", *, capacity: dict[str, Any] | None = None, **more: Any) -> None:
    sagemaker = cloud.client("sagemaker")
    if not sagemaker.list_models()["Models"]:
        sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i"})
    place = capacity or {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    variants = [{"VariantName": "main", "ModelName": "m", **place}]
    if more.pop("empty", False):
        del variants[0]["ModelName"]
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **more)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def target(cloud: Cloud, **more: Any) -> Made:
    return cloud.make(TARGET, **{**INSTANCES, "minCapacity": 1, "maxCapacity": 4, **more})


def alarms(cloud: Cloud) -> set[str]:
    return {each["AlarmArn"] for each in cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]}


def test_a_target_widens_in_place_and_is_seen_when_changed_behind_our_back(cloud: Cloud):
    endpoint(cloud)
    made = target(cloud, tags={"team": "a"})
    assert made.id == MAIN and ":scalable-target/" in made["arn"]
    assert made["roleArn"].endswith("AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    made.imported(f"sagemaker/{MAIN}/{INSTANCES['scalableDimension']}")
    made.update(maxCapacity=8)
    made.update(suspendedState={"dynamicScalingInSuspended": True})
    made.update(tags={"team": "b"})
    made.update(tags={"cost": "c"})
    scaling = cloud.client("application-autoscaling")
    asked = {prop[0].upper() + prop[1:]: value for prop, value in INSTANCES.items()}
    scaling.register_scalable_target(**asked, MinCapacity=2, MaxCapacity=9)
    found = made.read()
    assert found is not None and (found.inputs["minCapacity"], found.inputs["maxCapacity"]) == (2, 9)
    assert made.forecast(resourceId="endpoint/other/variant/main").replaces
    made.delete()


def test_only_what_exists_is_scaled_by_what_it_has(cloud: Cloud):
    def refused(**changes: Any) -> str:
        return cloud.refused(TARGET, **{**INSTANCES, "minCapacity": 1, "maxCapacity": 4, **changes})

    assert "endpoint variant doesn't exist" in refused()
    endpoint(cloud)
    endpoint(cloud, "s", capacity={"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 5}})
    endpoint(cloud, "t", capacity={"InstanceType": "ml.t2.medium", "InitialInstanceCount": 1})
    assert "endpoint variant doesn't exist" in refused(resourceId="endpoint/e/variant/other")
    assert "inference component doesn't exist" in refused(**COPIES)
    assert "provisioned concurrency" in refused(resourceId="endpoint/s/variant/main")
    assert "provisioned concurrency" in refused(**WARM)
    assert "burstable" in refused(resourceId="endpoint/t/variant/main")
    assert "at least 1" in refused(minCapacity=0)


def test_serverless_copies_and_queues_scale_too_and_some_of_it_to_zero(cloud: Cloud):
    endpoint(cloud, "s", capacity={"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 5}})
    endpoint(cloud, "a", AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": "s3://out/"}})
    endpoint(cloud, "h", empty=True, ExecutionRoleArn=ROLE)
    needs = {"ModelName": "m", "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024}}
    cloud.client("sagemaker").create_inference_component(
        InferenceComponentName="c",
        EndpointName="h",
        VariantName="main",
        Specification=needs,
        RuntimeConfig={"CopyCount": 1},
    )
    for parts in (
        {**WARM, "resourceId": "endpoint/s/variant/main"},
        {"resourceId": "endpoint/a/variant/main", "minCapacity": 0},
        {**COPIES, "minCapacity": 0},
    ):
        target(cloud, **parts).delete()


def test_a_policy_tracks_a_target_by_alarms_that_go_with_it(cloud: Cloud):
    endpoint(cloud)
    scaled = target(cloud)
    tracking = {"targetValue": 100, **INVOCATIONS, "scaleInCooldown": 300, "scaleOutCooldown": 60}
    made = cloud.make(
        POLICY,
        name="invocations",
        **INSTANCES,
        policyType="TargetTrackingScaling",
        targetTrackingScalingPolicyConfiguration=tracking,
    )
    assert made["arn"].endswith(f":resource/sagemaker/{MAIN}:policyName/invocations")
    assert set(made["alarmArns"]) == alarms(cloud) and len(made["alarmArns"]) == 2
    made.imported(f"sagemaker/{MAIN}/{INSTANCES['scalableDimension']}/invocations")
    made.update(targetTrackingScalingPolicyConfiguration={**tracking, "targetValue": 200, "disableScaleIn": True})
    assert set(made["alarmArns"]) == alarms(cloud) and len(made["alarmArns"]) == 1
    assert made.forecast(name="other").replaces
    made.delete()
    assert not alarms(cloud)
    scaled.delete()


def test_a_measure_of_ones_own_and_steps_scale_as_well(cloud: Cloud):
    endpoint(cloud)
    target(cloud)
    gpu = {
        "metricName": "GPUUtilization",
        "namespace": "/aws/sagemaker/Endpoints",
        "statistic": "Average",
        "dimensions": [{"name": "EndpointName", "value": "e"}, {"name": "VariantName", "value": "main"}],
    }
    customized = cloud.make(
        POLICY,
        name="gpu",
        **INSTANCES,
        policyType="TargetTrackingScaling",
        targetTrackingScalingPolicyConfiguration={"targetValue": 60, "customizedMetricSpecification": gpu},
    )
    step = {"adjustmentType": "ChangeInCapacity", "cooldown": 300, "metricAggregationType": "Average"}
    up = {"metricIntervalLowerBound": "0", "scalingAdjustment": 1}
    stepped = cloud.make(
        POLICY, name="steps", **INSTANCES, stepScalingPolicyConfiguration={**step, "stepAdjustments": [up]}
    )
    stepped.update(stepScalingPolicyConfiguration={**step, "cooldown": 60, "stepAdjustments": [up]})
    assert stepped["alarmArns"] == [], "whoever scales in steps makes the alarm"
    for each in (stepped, customized):
        each.delete()


def test_a_policy_and_an_action_need_their_target_and_go_with_it(cloud: Cloud):
    endpoint(cloud)
    tracking = {"targetValue": 100, **INVOCATIONS}
    policy = {"policyType": "TargetTrackingScaling", "targetTrackingScalingPolicyConfiguration": tracking}
    bounds = {"minCapacity": 1, "maxCapacity": 1}
    action = {"schedule": "cron(0 20 * * ? *)", "scalableTargetAction": bounds}
    assert "No scalable target registered" in cloud.refused(POLICY, name="p", **INSTANCES, **policy)
    assert "No scalable target registered" in cloud.refused(ACTION, name="a", **INSTANCES, **action)
    scaled = target(cloud)
    held = [cloud.make(POLICY, name="p", **INSTANCES, **policy), cloud.make(ACTION, name="a", **INSTANCES, **action)]
    scaled.delete()
    assert all(each.read() is None for each in held) and not alarms(cloud)


def test_an_action_changes_bounds_at_its_time(cloud: Cloud):
    endpoint(cloud)
    target(cloud)
    made = cloud.make(
        ACTION,
        name="nights",
        **INSTANCES,
        schedule="cron(0 20 * * ? *)",
        timezone="Europe/Dublin",
        startTime="2026-12-01T00:00:00Z",
        scalableTargetAction={"minCapacity": 1, "maxCapacity": 1},
    )
    assert made.id == f"nights-sagemaker-{MAIN}" and ":scheduledActionName/nights" in made["arn"]
    made.update(scalableTargetAction={"minCapacity": 1, "maxCapacity": 2})
    made.update(schedule="cron(0 21 * * ? *)")
    assert made.forecast(name="other").replaces
    with pytest.raises(ProviderError, match="can't import"):
        cloud.provider.read(ACTION, made.id, made.urn, {}, {})
    made.delete()


def test_a_target_that_was_deregistered_is_made_anew(cloud: Cloud):
    endpoint(cloud)
    made = target(cloud)
    asked = {prop[0].upper() + prop[1:]: value for prop, value in INSTANCES.items()}
    cloud.client("application-autoscaling").deregister_scalable_target(**asked)
    assert made.read() is None


def test_what_scaled_an_endpoint_goes_with_it(cloud: Cloud):
    endpoint(cloud)
    made = target(cloud)
    cloud.client("sagemaker").delete_endpoint(EndpointName="e")
    assert made.read() is None
