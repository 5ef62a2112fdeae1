"""Models, configurations and alarms of endpoints, as the tables of serving are tried with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made

MODEL = "aws:sagemaker/model:Model"
CONFIGURATION = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
ENDPOINT = "aws:sagemaker/endpoint:Endpoint"
CONTROLLED = "aws:cloudcontrol/resource:Resource"
ROLE = "arn:aws:iam::123456789012:role/serving"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve@sha256:" + "0" * 64
PLACE = "arn:aws:sagemaker:eu-west-1:123456789012"


def model(cloud: Cloud, name: str = "m", **more: Any) -> Made:
    container = {"image": IMAGE, "modelDataUrl": "s3://models/m.tar.gz", "environment": {"MODE": "serve"}}
    return cloud.make(MODEL, **{"name": name, "executionRoleArn": ROLE, "primaryContainer": container, **more})


def variant(name: str = "main", **more: Any) -> dict[str, Any]:
    on_instances = {"instanceType": "ml.g5.xlarge", "initialInstanceCount": 2, "initialVariantWeight": 1}
    return {"variantName": name, "modelName": "m", **on_instances, **more}


def configuration(cloud: Cloud, name: str, *variants: dict[str, Any], **more: Any) -> Made:
    return cloud.make(CONFIGURATION, name=name, productionVariants=list(variants or (variant(),)), **more)


def alarm(cloud: Cloud, state: str = "OK", name: str = "errors") -> None:
    cloudwatch = cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test says so")


def shown(cloud: Cloud, name: str = "e") -> dict[str, Any]:
    return cloud.client("sagemaker").describe_endpoint(EndpointName=name)


def scale(cloud: Cloud, **wanted: Any) -> None:
    """Counts and weights as a scaling policy or a canary sets them, behind Pulumi's back."""
    cloud.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="e", DesiredWeightsAndCapacities=[{"VariantName": "main", **wanted}]
    )


def has_now(cloud: Cloud) -> tuple[int, float]:
    (main,) = shown(cloud)["ProductionVariants"]
    assert main["CurrentInstanceCount"] == main["DesiredInstanceCount"]
    assert main["CurrentWeight"] == main["DesiredWeight"]
    return main["CurrentInstanceCount"], main["CurrentWeight"]


def controlled(cloud: Cloud, kind: str, **properties: Any) -> Made:
    return cloud.make(CONTROLLED, typeName=f"AWS::SageMaker::{kind}", desiredState=json.dumps(properties))


def changed(made: Made, **properties: Any) -> str:
    """The desired state with other properties; None takes one away."""
    state = {**json.loads(made.given["desiredState"]), **properties}
    return json.dumps({key: value for key, value in state.items() if value is not None})


def endpoint(cloud: Cloud, **more: Any) -> Made:
    model(cloud)
    for name, count in (("c1", 2), ("c2", 3), ("c3", 4)):
        configuration(cloud, name, variant(initialInstanceCount=count))
    return controlled(cloud, "Endpoint", EndpointName="e", EndpointConfigName="c1", **more)


def host(cloud: Cloud) -> Made:
    """An endpoint whose variant has no model of its own."""
    model(cloud)
    alone = {"VariantName": "main", "InstanceType": "ml.g5.12xlarge", "InitialInstanceCount": 1}
    configuration = controlled(
        cloud,
        "EndpointConfig",
        EndpointConfigName="host",
        ExecutionRoleArn=ROLE,
        ProductionVariants=[{**alone, "InitialVariantWeight": 1}],
        VpcConfig={"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        EnableNetworkIsolation=False,
    )
    assert configuration.forecast(desiredState=changed(configuration, ExecutionRoleArn=ROLE + "2")).replaces
    return controlled(cloud, "Endpoint", EndpointName="e", EndpointConfigName="host")
