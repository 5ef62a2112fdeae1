"""Stacks of CloudFormation through their whole life, with an endpoint of SageMaker's in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelyard_sandbox.aws.provider import ProviderError

STACK = "aws:cloudformation/stack:Stack"
ROLE = "arn:aws:iam::123456789012:role/serve"
WITH_ALARM = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}


def template(configuration: str, **properties: Any) -> str:
    endpoint = {"EndpointName": "score", "EndpointConfigName": configuration, **properties}
    return json.dumps({"Resources": {"It": {"Type": "AWS::SageMaker::Endpoint", "Properties": endpoint}}})


def configured(cloud: Any, *names: str) -> Any:
    """SageMaker's client, with a model and configurations of two instances of it."""
    client = cloud.client("sagemaker")
    container = {"Image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve@sha256:{'d' * 64}"}
    client.create_model(ModelName="scores", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "main", "ModelName": "scores", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    for name in names:
        client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    return client


def alarm(cloud: Any, state: str) -> None:
    client = cloud.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName="errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    client.set_alarm_state(AlarmName="errors", StateValue=state, StateReason="because")


def test_a_stack_lives_and_dies_with_what_is_in_it(cloud: Any) -> None:
    client = configured(cloud, "one", "two")
    stack = cloud.make(STACK, name="score", templateBody=template("one"), onFailure="DELETE")
    assert client.describe_endpoint(EndpointName="score")["EndpointConfigName"] == "one"
    stack.update(templateBody=template("two"))
    assert client.describe_endpoint(EndpointName="score")["EndpointConfigName"] == "two"
    stack.update(tags={"team": "fraud"})
    stack.delete()
    assert not client.list_endpoints()["Endpoints"]


def test_an_update_sends_every_property_so_that_counts_stay(cloud: Any) -> None:
    client = configured(cloud, "one", "two")
    stack = cloud.make(STACK, name="score", templateBody=template("one", RetainAllVariantProperties=True))
    client.update_endpoint_weights_and_capacities(
        EndpointName="score", DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 5}]
    )
    stack.update(templateBody=template("two", RetainAllVariantProperties=True))
    (variant,) = client.describe_endpoint(EndpointName="score")["ProductionVariants"]
    assert variant["DesiredInstanceCount"] == 5


def test_an_update_that_an_alarm_stops_fails_and_leaves_the_template_of_before(cloud: Any) -> None:
    client = configured(cloud, "one", "two")
    alarm(cloud, "OK")
    stack = cloud.make(STACK, name="score", templateBody=template("one", DeploymentConfig=WITH_ALARM))
    alarm(cloud, "ALARM")
    with pytest.raises((ClientError, ProviderError), match="rolled back"):
        stack.update(templateBody=template("two", DeploymentConfig=WITH_ALARM))
    assert client.describe_endpoint(EndpointName="score")["EndpointConfigName"] == "one"
    found = stack.read()
    assert found is not None and json.loads(found.state["templateBody"]) == json.loads(
        template("one", DeploymentConfig=WITH_ALARM)
    )


def test_the_same_template_in_other_words_is_no_change(cloud: Any) -> None:
    configured(cloud, "one")
    stack = cloud.make(STACK, name="score", templateBody=template("one"))
    assert stack.forecast(templateBody=json.dumps(json.loads(template("one")), indent=2)).changed == set()


def test_another_name_is_another_stack(cloud: Any) -> None:
    configured(cloud, "one")
    stack = cloud.make(STACK, name="score", templateBody=template("one"))
    assert stack.forecast(name="other").replaces == {"name"}


def test_a_stack_that_somebody_deleted_is_seen(cloud: Any) -> None:
    configured(cloud, "one")
    stack = cloud.make(STACK, name="score", templateBody=template("one"))
    cloud.client("cloudformation").delete_stack(StackName="score")
    assert stack.read() is None


def test_what_names_something_that_is_not_there_is_refused(cloud: Any) -> None:
    assert cloud.refused(STACK, name="score", templateBody=template("nothing"))
