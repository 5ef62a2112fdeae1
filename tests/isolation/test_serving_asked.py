"""What deploying a scaled endpoint asks of IAM; the target stands for what scales it."""

from __future__ import annotations

from collections.abc import Iterator

import pulumi_aws as aws
import pytest
from tests.isolation.calls import Stack
from tests.isolation.judge import Judge, Question

from modelyard_sandbox.inprocess import Call, deploy

ACCOUNT, REGION = "123456789012", "eu-west-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/serving"
TAGS = {"team": "fraud"}
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def program() -> None:
    model = aws.sagemaker.Model(
        "model", name="fraud-model", execution_role_arn=ROLE, primary_container={"image": "i"}, tags=TAGS
    )
    config = aws.sagemaker.EndpointConfiguration(
        "config",
        name="fraud-config",
        kms_key_arn=KEY,
        production_variants=[
            {
                "variant_name": "main",
                "model_name": model.name,
                "instance_type": "ml.m5.large",
                "initial_instance_count": 1,
            }
        ],
        tags=TAGS,
    )
    endpoint = aws.sagemaker.Endpoint("endpoint", name="fraud", endpoint_config_name=config.name, tags=TAGS)
    target = aws.appautoscaling.Target(
        "target",
        service_namespace="sagemaker",
        scalable_dimension=DIMENSION,
        resource_id=endpoint.name.apply(lambda name: f"endpoint/{name}/variant/main"),
        min_capacity=1,
        max_capacity=2,
        tags=TAGS,
    )
    aws.appautoscaling.Policy(
        "policy",
        name="fraud-invocations",
        policy_type="TargetTrackingScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        target_tracking_scaling_policy_configuration={
            "target_value": 100,
            "predefined_metric_specification": {
                "predefined_metric_type": "SageMakerVariantInvocationsPerInstance",
            },
        },
    )


@pytest.fixture(scope="module")
def asked(judge: Judge) -> Iterator[list[Question]]:
    with deploy(program, project="serving", stack="dev", region=REGION) as deployed:
        calls: list[Call] = [*deployed.calls]
        resources = dict(deployed.resources)
        deployed.destroy()
        calls += deployed.calls
    stack = Stack(f"arn:aws:iam::{ACCOUNT}:role/deployer", ACCOUNT, REGION, "/", "", resources, judge)
    yield [question for call in calls if call.service != "sts" for question in stack.asked(call)]


def on(asked: list[Question], action: str) -> set[str]:
    return {question.resource for question in asked if question.action == action}


def test_a_model_a_configuration_and_an_endpoint_are_asked_about_by_their_own_arns(asked: list[Question]):
    place = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
    assert on(asked, "sagemaker:CreateModel") == {f"{place}:model/fraud-model"}
    assert on(asked, "sagemaker:CreateEndpointConfig") == {f"{place}:endpoint-config/fraud-config"}
    assert f"{place}:endpoint/fraud" in on(asked, "sagemaker:CreateEndpoint")
    assert on(asked, "iam:PassRole") == {ROLE}
    assert len(on(asked, "sagemaker:AddTags")) == 3, "each is tagged as it is made"


def test_an_endpoint_takes_a_grant_on_its_configurations_key(asked: list[Question]):
    assert on(asked, "kms:CreateGrant") == {KEY}


def test_what_scales_a_variant_is_asked_about_on_its_target(asked: list[Question]):
    (target,) = on(asked, "application-autoscaling:RegisterScalableTarget")
    assert f":application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/" in target
    for action in ("PutScalingPolicy", "DeleteScalingPolicy", "DeregisterScalableTarget", "TagResource"):
        assert on(asked, f"application-autoscaling:{action}") == {target}, action
    (policy,) = [each for each in asked if each.action == "application-autoscaling:PutScalingPolicy"]
    assert policy.context["aws:ResourceTag/team"] == "fraud"
    assert policy.context["application-autoscaling:scalable-dimension"] == DIMENSION
    registered = next(each for each in asked if each.action == "application-autoscaling:RegisterScalableTarget")
    assert registered.context["aws:RequestTag/team"] == "fraud"


def test_the_alarms_of_what_tracks_a_target_are_the_callers(asked: list[Question]):
    alarm = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:TargetTracking-endpoint/fraud/variant/main-AlarmHigh-0"
    for action in ("cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"):
        assert on(asked, action) == {alarm}
