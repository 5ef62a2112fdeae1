"""Rules on serving: endpoints whichever resource makes them, what watches them, and who may call."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from modelyard.assess.graph.values import UNKNOWN
from modelyard.assess.policy.engine import Verdict, judge
from modelyard.assess.policy.examples import Of, Part, graph_of, part
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings

PRODUCTION = Surroundings(environment="prod", production=True, region="eu-west-1", account="111122223333", team="fraud")
RULES = {rule.id: rule for rule in CATALOGUE}
OPEN = ["undecided"]
KEY = "arn:aws:kms:eu-west-1:111122223333:key/a"

ENDPOINT = "aws:sagemaker/endpoint:Endpoint"
RESOURCE = "aws:cloudcontrol/resource:Resource"
METHOD = "aws:apigateway/method:Method"
CANARY = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "CANARY"}}}
ROLLBACK = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}


def said(rule: str, *parts: Part, around: Surroundings = PRODUCTION) -> list[str]:
    results = judge(graph_of(parts), [RULES[rule]], around).results
    return ["undecided" if each.verdict is Verdict.UNDECIDED else each.problem for each in results]


def configuration(*variants: dict[str, Any], **more: Any) -> Part:
    kind = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
    return part(kind, "configuration", name="score-1", productionVariants=list(variants), **more)


def variant(count: int = 1, **more: Any) -> dict[str, Any]:
    said = {"variantName": "main", "modelName": "m", "instanceType": "ml.m5.large", "initialInstanceCount": count}
    return {**said, **more}


SERVERLESS = {
    "variantName": "main",
    "modelName": "m",
    "serverlessConfig": {"maxConcurrency": 5, "memorySizeInMb": 2048},
}
HOST = {"variantName": "main", "instanceType": "ml.g5.xlarge", "managedInstanceScaling": {"status": "ENABLED"}}
QUEUED = {"asyncInferenceConfig": {"outputConfig": {"s3OutputPath": "s3://answers"}}}


def endpoint(**more: Any) -> Part:
    return part(ENDPOINT, "endpoint", name="score", endpointConfigName=Of("configuration", "name"), **more)


def in_template(**more: Any) -> Part:
    made = {"EndpointName": "score", "EndpointConfigName": "score-1", **more}
    template = {"Resources": {"It": {"Type": "AWS::SageMaker::Endpoint", "Properties": made}}}
    return part("aws:cloudformation/stack:Stack", "stack", name="score-endpoint", templateBody=json.dumps(template))


def bounds(least: int = 2, resource: Any = "endpoint/score/variant/main") -> Part:
    return part(
        "aws:appautoscaling/target:Target",
        "bounds",
        minCapacity=least,
        maxCapacity=4,
        resourceId=resource,
        scalableDimension="sagemaker:variant:DesiredInstanceCount",
        serviceNamespace="sagemaker",
    )


def follows(resource: Any = "endpoint/score/variant/main") -> Part:
    return part("aws:appautoscaling/policy:Policy", "follows", resourceId=resource, policyType="TargetTrackingScaling")


def alarm(namespace: Any = "aws/sagemaker/Endpoints/data-metrics", **dimensions: Any) -> Part:
    kind = "aws:cloudwatch/metricAlarm:MetricAlarm"
    return part(kind, "alarm", namespace=namespace, dimensions=dimensions, comparisonOperator="c", evaluationPeriods=1)


def test_bounds_of_scaling_count_more_than_the_first_number():
    assert said("prod-min-2-instances", configuration(variant(1)), endpoint(), bounds(2)) == []
    (problem,) = said("prod-min-2-instances", configuration(variant(2)), endpoint(), bounds(1))
    assert "come down to 1" in problem


def test_bounds_are_found_for_an_endpoint_in_a_template_too():
    assert said("prod-min-2-instances", configuration(variant(1)), in_template(), bounds(2)) == []


def test_bounds_that_are_not_known_yet_decide_nothing():
    assert said("prod-min-2-instances", configuration(variant(1)), endpoint(), bounds(2, UNKNOWN)) == OPEN


@pytest.mark.parametrize(
    "made", [configuration(SERVERLESS), configuration(variant(1), **QUEUED), configuration(variant(2))]
)
def test_nothing_is_counted_where_nothing_is_lost(made: Part):
    assert said("prod-min-2-instances", made) == []


def test_one_instance_is_enough_outside_of_production():
    around = replace(PRODUCTION, production=False)
    assert said("prod-min-2-instances", configuration(variant(1)), around=around) == []


def test_instances_that_sagemaker_manages_have_a_least_number_as_well():
    managed = {"status": "ENABLED", "minInstanceCount": 1}
    assert said("prod-min-2-instances", configuration(variant(2, managedInstanceScaling=managed))) != []


def test_disks_of_their_own_take_no_key():
    assert said("endpoint-kms", configuration(variant(instanceType="ml.g5.xlarge"))) == []
    assert said("endpoint-kms", configuration(variant())) != []
    assert said("endpoint-kms", configuration(SERVERLESS)) == []


def test_a_configuration_by_cloud_control_is_asked_by_its_own_names():
    state = {"EndpointConfigName": "score-1", "ProductionVariants": [{"InstanceType": "ml.m5.large"}]}

    def made(**more: Any) -> Part:
        return part(RESOURCE, typeName="AWS::SageMaker::EndpointConfig", desiredState=json.dumps({**state, **more}))

    assert said("endpoint-kms", made(KmsKeyId=KEY)) == []
    assert said("endpoint-kms", made()) != []
    captures = {"EnableCapture": True, "InitialSamplingPercentage": 5}
    assert said("data-capture-on", made(DataCaptureConfig=captures)) == []
    assert said("data-capture-on", made()) != []


def test_capture_of_no_calls_is_none():
    none = {"enableCapture": True, "initialSamplingPercentage": 0, "destinationS3Uri": "s3://calls"}
    assert said("data-capture-on", configuration(variant(), dataCaptureConfig=none)) != []


@pytest.mark.parametrize("made", [configuration(SERVERLESS), configuration(variant(), **QUEUED)])
def test_sagemaker_keeps_no_calls_of_some_kinds(made: Part):
    assert said("data-capture-on", made) == []


def captured(*rules: dict[str, Any], uri: Any = "s3://calls-id/score", **more: Any) -> tuple[Part, ...]:
    capture = {"enableCapture": True, "destinationS3Uri": uri, "kmsKeyId": KEY, **more}
    bucket = part("aws:s3/bucket:Bucket", "calls")
    kind = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    cycle = part(kind, "cycle", bucket=Of("calls"), rules=list(rules))
    return bucket, cycle, configuration(variant(), dataCaptureConfig=capture)


def rule(prefix: str = "", status: str = "Enabled", **what: Any) -> dict[str, Any]:
    return {"id": "r", "status": status, "filter": {"prefix": prefix}, **(what or {"expiration": {"days": 30}})}


@pytest.mark.parametrize(
    ("rules", "fine"),
    [
        ([rule()], True),
        ([rule("score")], True),
        ([rule("other/")], False),
        ([rule(status="Disabled")], False),
        ([rule(noncurrentVersionExpiration={"noncurrentDays": 30})], False),
        ([rule("other/"), rule()], True),
    ],
)
def test_the_lifecycle_reaches_the_calls(rules: list[dict[str, Any]], fine: bool):
    assert (said("capture-bucket-encrypted-and-expiring", *captured(*rules)) == []) is fine


def test_the_buckets_own_key_is_enough():
    kind = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    rules = [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]
    encryption = part(kind, "encryption", bucket=Of("calls"), rules=rules)
    plain = captured(rule(), kmsKeyId="")
    assert said("capture-bucket-encrypted-and-expiring", *plain, encryption) == []
    assert said("capture-bucket-encrypted-and-expiring", *plain) != []


def test_a_bucket_that_another_stack_has_is_open():
    assert said("capture-bucket-encrypted-and-expiring", *captured(rule(), uri="s3://elsewhere/score")) == OPEN


@pytest.mark.parametrize(
    ("config", "problems"),
    [
        ({**CANARY, **ROLLBACK}, 0),
        ({"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}}, **ROLLBACK}, 0),
        (CANARY, 1),
        ({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}}, **ROLLBACK}, 1),
        ({}, 2),
    ],
    ids=["canary", "rolling", "no-alarm", "at-once", "nothing"],
)
def test_an_endpoint_in_a_template_rolls_out_step_by_step(config: dict[str, Any], problems: int):
    made = in_template(DeploymentConfig=config)
    assert len(said("canary-with-rollback-alarm", configuration(variant()), made)) == problems


@pytest.mark.parametrize("made", [configuration(SERVERLESS), configuration(HOST)], ids=["serverless", "components"])
def test_what_cannot_be_rolled_out_step_by_step_is_left_out(made: Part):
    assert said("canary-with-rollback-alarm", made, endpoint()) == []


def test_a_template_is_open_while_it_is_not_known_or_cannot_be_read():
    for body in (UNKNOWN, "Resources:\n  It:\n    Type: AWS::SageMaker::Endpoint\n"):
        stack = part("aws:cloudformation/stack:Stack", name="s", templateBody=body)
        assert said("canary-with-rollback-alarm", stack) == OPEN


def test_a_template_of_other_things_is_no_endpoint():
    stack = part("aws:cloudformation/stack:Stack", name="s", templateBody="Resources: {}")
    for each in ("canary-with-rollback-alarm", "endpoint-autoscaling", "drift-monitor-per-endpoint"):
        assert said(each, stack) == []


def test_bounds_alone_move_nothing():
    made = (configuration(variant()), in_template(), bounds())
    assert "nothing that moves it" in said("endpoint-autoscaling", *made)[0]
    assert said("endpoint-autoscaling", *made, follows()) == []
    assert said("endpoint-autoscaling", *made, follows(Of("bounds", "resourceId"))) == []


def test_bounds_of_another_variant_do_not_help():
    other = "endpoint/score/variant/other"
    assert said("endpoint-autoscaling", configuration(variant()), endpoint(), bounds(2, other), follows(other)) != []


@pytest.mark.parametrize("made", [configuration(SERVERLESS), configuration(HOST)], ids=["serverless", "managed"])
def test_some_kinds_follow_their_load_by_themselves(made: Part):
    assert said("endpoint-autoscaling", made, endpoint()) == []


def test_scaling_is_open_where_another_stack_has_the_configuration():
    assert said("endpoint-autoscaling", in_template()) == OPEN


@pytest.mark.parametrize("made", [endpoint(), in_template()], ids=["resource", "template"])
def test_an_alarm_on_what_a_monitor_found_shows_the_monitor(made: Part):
    serves = configuration(variant())
    assert said("drift-monitor-per-endpoint", serves, made, alarm(Endpoint="score")) == []
    assert said("drift-monitor-per-endpoint", serves, made, alarm(Endpoint="another")) != []
    busy = alarm("AWS/SageMaker", EndpointName="score", VariantName="main")
    assert said("drift-monitor-per-endpoint", serves, made, busy) != [], "latency says nothing of drift"


def test_an_alarm_whose_endpoint_is_not_known_decides_nothing():
    assert said("drift-monitor-per-endpoint", configuration(variant()), endpoint(), alarm(Endpoint=UNKNOWN)) == OPEN


def job(name: str = "score", **more: Any) -> Part:
    kind = "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition"
    return part(kind, "job", name="job-1", dataQualityJobInput={"endpointInput": {"endpointName": name}}, **more)


def scheduled(**config: Any) -> Part:
    return part("aws:sagemaker/monitoringSchedule:MonitoringSchedule", "schedule", monitoringScheduleConfig=config)


def test_a_job_watches_once_it_has_a_schedule():
    serves = (configuration(variant()), endpoint())
    assert said("drift-monitor-per-endpoint", *serves, job()) != []
    assert said("drift-monitor-per-endpoint", *serves, job(), scheduled(monitoringJobDefinitionName="job-1")) == []
    by_output = scheduled(monitoringJobDefinitionName=Of("job", "name"))
    assert said("drift-monitor-per-endpoint", *serves, job(), by_output) == []
    assert said("drift-monitor-per-endpoint", *serves, job("another"), by_output) != []


def test_definitions_by_cloud_control_are_asked_by_their_own_names():
    state = {"ModelBiasBaselineConfig": {"ConstraintsResource": {"S3Uri": "s3://baselines"}}}

    def made(desired: dict[str, Any]) -> Part:
        kind = "AWS::SageMaker::ModelBiasJobDefinition"
        return part(RESOURCE, typeName=kind, desiredState=json.dumps(desired))

    assert said("baseline-exists-for-monitor", made(state)) == []
    assert said("baseline-exists-for-monitor", made({})) != []
    network = {"EnableNetworkIsolation": True, "EnableInterContainerTrafficEncryption": True}
    assert said("monitor-jobs-isolated", made({"NetworkConfig": network})) == []
    assert len(said("monitor-jobs-encrypted", made({"NetworkConfig": network}))) == 2, "neither disks nor findings"


def test_explanations_ask_a_model_within_the_teams_network():
    def made(**network: Any) -> Part:
        kind = "AWS::SageMaker::ModelExplainabilityJobDefinition"
        return part(RESOURCE, typeName=kind, desiredState=json.dumps({"NetworkConfig": network}))

    assert said("monitor-jobs-isolated", made(VpcConfig={"Subnets": ["subnet-1"]})) == []
    assert said("monitor-jobs-isolated", made()) != []


def test_jobs_of_our_own_clock_are_asked_and_those_of_other_machines_are_others_matter():
    state = {"Resource": "arn:aws:states:::aws-sdk:sagemaker:createProcessingJob", "Parameters": {}}
    definition = json.dumps({"States": {"Start": state}})
    kind = "aws:sfn/stateMachine:StateMachine"
    monitors = part("modelyard:monitoring:EndpointMonitors", "monitors")
    assert said("monitor-jobs-isolated", monitors, part(kind, parent="monitors", definition=definition)) != []
    assert said("monitor-jobs-isolated", monitors, part(kind, definition=definition)) == []


@pytest.mark.parametrize(
    ("tags", "fine"), [({"Team": "fraud"}, True), ({"owner": ""}, False), ({}, False), ({"component": "score"}, False)]
)
def test_an_alarm_has_an_owner_or_a_team(tags: dict[str, str], fine: bool):
    kind = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
    assert (said("alarm-has-owner", part(kind, alarmName="a", alarmRule="TRUE", tags=tags)) == []) is fine


def door(scheme: dict[str, Any], **operation: Any) -> Part:
    body = {
        "components": {"securitySchemes": {"caller": scheme}},
        "paths": {"/invocations": {"options": {}, "x-amazon-apigateway-any-method": operation}},
    }
    return part("aws:apigateway/restApi:RestApi", name="door", body=json.dumps(body))


@pytest.mark.parametrize(
    ("scheme", "fine"),
    [
        ({"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"}, True),
        ({"type": "apiKey", "x-amazon-apigateway-authorizer": {"type": "request"}}, True),
        ({"type": "oauth2"}, True),
        ({"type": "apiKey", "name": "x-api-key", "in": "header"}, False),
    ],
)
def test_a_plans_key_names_no_caller(scheme: dict[str, Any], fine: bool):
    assert (said("endpoint-not-anonymous", door(scheme, security=[{"caller": []}])) == []) is fine


def test_one_way_without_a_caller_is_enough():
    signed = {"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"}
    assert "ANY /invocations" in said("endpoint-not-anonymous", door(signed))[0]
    assert said("endpoint-not-anonymous", door(signed, security=[{"caller": []}, {}])) != []


@pytest.mark.parametrize(
    ("made", "fine"),
    [
        (part(METHOD, authorization="AWS_IAM", httpMethod="POST", resourceId="r", restApi="a"), True),
        (
            part(METHOD, authorization="NONE", httpMethod="POST", resourceId="r", restApi="a", apiKeyRequired=True),
            False,
        ),
        (part(METHOD, authorization="NONE", httpMethod="OPTIONS", resourceId="r", restApi="a"), True),
        (part("aws:apigatewayv2/route:Route", apiId="a", routeKey="POST /invocations"), False),
        (part("aws:apigatewayv2/route:Route", apiId="a", routeKey="POST /i", authorizationType="JWT"), True),
        (part("aws:apigatewayv2/api:Api", protocolType="HTTP", target="arn"), False),
        (part("aws:apigatewayv2/api:Api", protocolType="HTTP"), True),
        (part("aws:lambda/functionUrl:FunctionUrl", functionName="f", authorizationType="NONE"), False),
        (part("aws:lambda/functionUrl:FunctionUrl", functionName="f", authorizationType="AWS_IAM"), True),
    ],
    ids=lambda given: given.type if isinstance(given, Part) else str(given),
)
def test_every_kind_of_door_asks_who_calls(made: Part, fine: bool):
    assert (said("endpoint-not-anonymous", made) == []) is fine
