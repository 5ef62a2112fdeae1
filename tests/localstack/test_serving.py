"""Hosting behind LocalStack's gateway: moto answers for SageMaker, and its rollbacks heed the alarms of LocalStack."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/serving"


@pytest.fixture
def hosting(aws: Any) -> Any:
    """An endpoint called `e` on the configuration `c1`, with `c2` beside it."""
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i"})
    for name, count in (("c1", 1), ("c2", 2)):
        variant = {"VariantName": "main", "ModelName": "m", "InstanceType": "ml.g5.xlarge"}
        variants = [{**variant, "InitialInstanceCount": count}]
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c1")
    return sagemaker


def test_an_alarm_that_localstack_keeps_rolls_an_update_back_and_what_scales_is_kept(aws: Any, hosting: Any):
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}
    change = {"EndpointName": "e", "EndpointConfigName": "c2", "DeploymentConfig": rollback}
    with pytest.raises(ClientError, match=r"Could not find alarm\(s\) errors"):
        hosting.update_endpoint(**change)
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Period=3600,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test says so")
    hosting.update_endpoint(**change)
    found = hosting.describe_endpoint(EndpointName="e")
    assert found["EndpointConfigName"] == "c1" and "errors in ALARM" in found["FailureReason"]

    scaling = aws.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/e/variant/main",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    made = scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3, Tags={"team": "a"})
    arn = made["ScalableTargetARN"]
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"team": "a"}
    wanted = [{"VariantName": "main", "DesiredInstanceCount": 3}]
    hosting.update_endpoint_weights_and_capacities(EndpointName="e", DesiredWeightsAndCapacities=wanted)
    hosting.update_endpoint(EndpointName="e", EndpointConfigName="c2", RetainAllVariantProperties=True)
    (main,) = hosting.describe_endpoint(EndpointName="e")["ProductionVariants"]
    assert main["CurrentInstanceCount"] == 3
