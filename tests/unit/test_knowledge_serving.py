"""What the sandbox refuses of hosting and its scaling: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from modelyard_sandbox.knowledge import UNKNOWN, check, rules, shapes
from modelyard_sandbox.knowledge.rules import scaling, serving

MODEL = "aws:sagemaker/model:Model"
CONFIG = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
ENDPOINT = "aws:sagemaker/endpoint:Endpoint"
CONTROLLED = "aws:cloudcontrol/resource:Resource"
TARGET = "aws:appautoscaling/target:Target"
POLICY = "aws:appautoscaling/policy:Policy"
ACTION = "aws:appautoscaling/scheduledAction:ScheduledAction"

ROLE = "arn:aws:iam::123456789012:role/serving"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1"
MANY = "s3://models/many/"
OUTPUT = {"outputConfig": {"s3OutputPath": "s3://out/e"}}
CAPTURE = {
    "destinationS3Uri": "s3://captures/e",
    "initialSamplingPercentage": 20,
    "captureOptions": [{"captureMode": "Input"}],
}
RESOURCE = {
    "serviceNamespace": "sagemaker",
    "resourceId": "endpoint/e/variant/main",
    "scalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
WARM = {**RESOURCE, "scalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}
COPIES = {"resourceId": "inference-component/c", "scalableDimension": "sagemaker:inference-component:DesiredCopyCount"}
INVOCATIONS = "SageMakerVariantInvocationsPerInstance"


def contained(**changes: Any) -> dict[str, Any]:
    return {"primaryContainer": {"image": IMAGE, "modelDataUrl": "s3://models/m.tar.gz", **changes}}


def data(uri: str) -> dict[str, Any]:
    source = {"s3Uri": uri, "s3DataType": "S3Prefix", "compressionType": "None"}
    return {"primaryContainer": {"image": IMAGE, "modelDataSource": {"s3DataSources": [source]}}}


def hosts(*names: str) -> dict[str, Any]:
    return {"primaryContainer": None, "containers": [{"image": IMAGE, "containerHostname": name} for name in names]}


def variant(name: str = "main", **changes: Any) -> dict[str, Any]:
    whole = {"variantName": name, "modelName": "m", "instanceType": "ml.m5.large", "initialInstanceCount": 1, **changes}
    return {prop: value for prop, value in whole.items() if value is not None}


def serverless(name: str = "main", memory: int = 2048, most: int = 5, **changes: Any) -> dict[str, Any]:
    size = {"memorySizeInMb": memory, "maxConcurrency": most}
    given = {"variantName": name, "modelName": "m", "serverlessConfig": {**size, **changes.pop("size", {})}}
    return {prop: value for prop, value in {**given, **changes}.items() if value is not None}


def having(*variants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"productionVariants": list(variants), **more}


def rollout(
    kind: str = "CANARY", wait: int = 300, policy: Mapping[str, Any] | None = None, **sizes: int
) -> dict[str, Any]:
    """A blue/green deployment; sizes are percentages."""
    shares = {name: {"type": "CAPACITY_PERCENT", "value": value} for name, value in sizes.items()}
    routing = {"type": kind, "waitIntervalInSeconds": wait, **shares}
    alarms = {"alarms": [{"alarmName": "errors"}]}
    return {
        "deploymentConfig": {
            "blueGreenUpdatePolicy": {"trafficRoutingConfiguration": routing, **(policy or {})},
            "autoRollbackConfiguration": alarms,
        }
    }


def rolling(value: int) -> dict[str, Any]:
    batch = {"type": "CAPACITY_PERCENT", "value": value}
    return {"deploymentConfig": {"rollingUpdatePolicy": {"maximumBatchSize": batch, "waitIntervalInSeconds": 60}}}


def both() -> dict[str, Any]:
    one, other = rollout(canarySize=10)["deploymentConfig"], rolling(10)["deploymentConfig"]
    return {"deploymentConfig": {**one, **other}}


def tracked(target: float = 100, **metric: Any) -> dict[str, Any]:
    measure = metric or {"predefinedMetricSpecification": {"predefinedMetricType": INVOCATIONS}}
    return {"targetTrackingScalingPolicyConfiguration": {"targetValue": target, **measure}}


def by(measure: str) -> dict[str, Any]:
    return tracked(predefinedMetricSpecification={"predefinedMetricType": measure})


def customized(**metric: Any) -> dict[str, Any]:
    return tracked(customizedMetricSpecification=metric)


def queries(*returned: bool) -> dict[str, Any]:
    return customized(
        metrics=[{"id": f"q{n}", "expression": "1", "returnData": value} for n, value in enumerate(returned)]
    )


def stepped(*intervals: tuple[int | None, int | None], **more: Any) -> dict[str, Any]:
    def step(low: int | None, high: int | None) -> dict[str, Any]:
        bounds = {"metricIntervalLowerBound": low, "metricIntervalUpperBound": high}
        return {"scalingAdjustment": 1} | {name: str(value) for name, value in bounds.items() if value is not None}

    steps = {"adjustmentType": "ChangeInCapacity", "stepAdjustments": [step(*each) for each in intervals], **more}
    return {
        "policyType": "StepScaling",
        "targetTrackingScalingPolicyConfiguration": None,
        "stepScalingPolicyConfiguration": {name: value for name, value in steps.items() if value is not None},
    }


def steps(count: int) -> dict[str, Any]:
    return stepped(*((n, n + 1) for n in range(count)))


ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    MODEL: {"name": "m", "executionRoleArn": ROLE, **contained()},
    CONFIG: {"name": "c", **having(variant())},
    ENDPOINT: {"name": "e", "endpointConfigName": "c"},
    TARGET: {**RESOURCE, "minCapacity": 1, "maxCapacity": 4},
    POLICY: {"name": "p", **RESOURCE, "policyType": "TargetTrackingScaling", **tracked()},
    ACTION: {
        "name": "nights",
        **RESOURCE,
        "schedule": "cron(0 20 * * ? *)",
        "scalableTargetAction": {"minCapacity": 1, "maxCapacity": 1},
    },
}
CASES = [
    ("a model has one container or several", MODEL, {"primaryContainer": None}, {}),
    ("several are several, or one", MODEL, {**contained(), "containers": [{"image": IMAGE}]}, hosts("a", "b")),
    ("how containers run is said of several", MODEL, {"inferenceExecutionConfig": {"mode": "Serial"}},
     {**hosts("a", "b"), "inferenceExecutionConfig": {"mode": "Serial"}}),
    ("what is invoked directly has a name", MODEL,
     {"primaryContainer": None, "containers": [{"image": IMAGE}, {"image": IMAGE}],
      "inferenceExecutionConfig": {"mode": "Direct"}},
     {**hosts("a", "b"), "inferenceExecutionConfig": {"mode": "Direct"}}),
    ("a container has an image", MODEL, {"primaryContainer": {"modelDataUrl": "s3://models/m.tar.gz"}},
     {"primaryContainer": {"modelPackageName": "arn:aws:sagemaker:eu-west-1:123456789012:model-package/g/1"}}),
    ("each of several has an image", MODEL, {"primaryContainer": None, "containers": [{"containerHostname": "a"}]},
     {"primaryContainer": None, "containers": [{"image": IMAGE}]}),
    ("data comes from one place", MODEL,
     {"primaryContainer": {**data("s3://m/")["primaryContainer"], "modelDataUrl": "s3://m/m.tar.gz"}}, data("s3://m/")),
    ("a prefix ends with a slash", MODEL, data("s3://models/llm"), data("s3://models/llm/")),
    ("a prefix of several ends with a slash", MODEL,
     {"primaryContainer": None, "containers": [data("s3://models/llm")["primaryContainer"]]},
     {"primaryContainer": None, "containers": [data("s3://models/llm/")["primaryContainer"]]}),
    ("many models lie under a prefix", MODEL, contained(mode="MultiModel"),
     contained(mode="MultiModel", modelDataUrl=MANY)),
    ("many models lie somewhere", MODEL, {"primaryContainer": {"image": IMAGE, "mode": "MultiModel"}},
     contained(mode="MultiModel", modelDataUrl=MANY, multiModelConfig={"modelCacheSetting": "Enabled"})),
    ("only many models are cached", MODEL, contained(multiModelConfig={"modelCacheSetting": "Enabled"}), {}),
    ("many models of several containers lie under a prefix", MODEL,
     {"primaryContainer": None, "containers": [contained(mode="MultiModel")["primaryContainer"]]},
     {"primaryContainer": None, "containers": [contained(mode="MultiModel", modelDataUrl=MANY)["primaryContainer"]]}),
    ("a variant runs on something", CONFIG, having(variant(instanceType=None)), having(serverless())),
    ("a variant on instances has some", CONFIG, having(variant(initialInstanceCount=None)), having(variant())),
    ("a serverless variant has no instances", CONFIG, having(serverless(instanceType="ml.m5.large")),
     having(serverless())),
    ("a serverless variant has a model", CONFIG, having(serverless(modelName=None), executionRoleArn=ROLE), {}),
    ("a shadow runs on something", CONFIG,
     having(variant(), shadowProductionVariants=[variant("s", instanceType=None)]),
     having(variant(), shadowProductionVariants=[variant("s")])),
    ("serverless memory comes in steps", CONFIG, having(serverless(memory=1536)), having(serverless(memory=3072))),
    ("serverless memory has an end", CONFIG, having(serverless(memory=7168)), having(serverless(memory=6144))),
    ("what is kept warm is a part", CONFIG, having(serverless(size={"provisionedConcurrency": 6})),
     having(serverless(size={"provisionedConcurrency": 5}))),
    ("instances scale between bounds", CONFIG,
     having(variant(managedInstanceScaling={"minInstanceCount": 3, "maxInstanceCount": 2})),
     having(variant(managedInstanceScaling={"minInstanceCount": 0, "maxInstanceCount": 2}))),
    ("weights are not negative", CONFIG, having(variant(initialVariantWeight=-1), variant("b")),
     having(variant(initialVariantWeight=0), variant("b"))),
    ("some variant takes traffic", CONFIG, having(variant(initialVariantWeight=0)),
     having(variant(initialVariantWeight=0.5))),
    ("variants are told apart", CONFIG, having(variant(), variant()), having(variant(), variant("b"))),
    ("serverless is not captured", CONFIG, having(serverless(), dataCaptureConfig=CAPTURE),
     having(variant(), dataCaptureConfig=CAPTURE)),
    ("serverless is not asynchronous", CONFIG, having(serverless(), asyncInferenceConfig=OUTPUT),
     having(variant(), asyncInferenceConfig=OUTPUT)),
    ("serverless stands alone", CONFIG, having(serverless(), serverless("b")), having(serverless())),
    ("serverless is no shadow", CONFIG, having(variant(), shadowProductionVariants=[serverless("s")]),
     having(variant(), shadowProductionVariants=[variant("s")])),
    ("a shadow stands beside one variant", CONFIG,
     having(variant(), variant("b"), shadowProductionVariants=[variant("s")]), {}),
    ("a shadow is one", CONFIG, having(variant(), shadowProductionVariants=[variant("s"), variant("t")]), {}),
    ("what is asynchronous has no shadow", CONFIG,
     having(variant(), asyncInferenceConfig=OUTPUT, shadowProductionVariants=[variant("s")]), {}),
    ("an asynchronous answer goes somewhere", CONFIG,
     having(variant(), asyncInferenceConfig={"outputConfig": {"s3OutputPath": "https://out/x"}}),
     having(variant(), asyncInferenceConfig=OUTPUT)),
    ("a host of components has a role", CONFIG, having(variant(modelName=None)),
     having(variant(modelName=None), executionRoleArn=ROLE)),
    ("an endpoint hosts models or components", CONFIG,
     having(variant(), variant("b", modelName=None), executionRoleArn=ROLE), {}),
    ("a disk is encrypted with a key's ARN", CONFIG, {"kmsKeyArn": "alias/key"},
     {"kmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/0"}),
    ("a rollout is of one kind", ENDPOINT, both(), rolling(10)),
    ("a canary has a size", ENDPOINT, rollout(), rollout(canarySize=10)),
    ("a linear rollout has steps", ENDPOINT, rollout("LINEAR"), rollout("LINEAR", linearStepSize=10)),
    ("all at once has no canary", ENDPOINT, rollout("ALL_AT_ONCE", canarySize=10), rollout("ALL_AT_ONCE")),
    ("a canary is half at most", ENDPOINT, rollout(canarySize=51), rollout(canarySize=50)),
    ("a step is a tenth at least", ENDPOINT, rollout("LINEAR", linearStepSize=9), rollout("LINEAR", linearStepSize=10)),
    ("a batch is a twentieth at least", ENDPOINT, rolling(4), rolling(5)),
    ("baking lasts an hour at most", ENDPOINT, rollout(wait=3601, canarySize=10), rollout(wait=3600, canarySize=10)),
    ("the end waits an hour at most", ENDPOINT,
     rollout(canarySize=10, policy={"terminationWaitInSeconds": 3601}),
     rollout(canarySize=10, policy={"terminationWaitInSeconds": 3600})),
    ("a rollout has time for its waits", ENDPOINT,
     rollout("LINEAR", wait=600, policy={"maximumExecutionTimeoutInSeconds": 6000}, linearStepSize=10),
     rollout("LINEAR", wait=600, policy={"maximumExecutionTimeoutInSeconds": 6600}, linearStepSize=10)),
    ("a dimension is the service's", TARGET, {"scalableDimension": "ecs:service:DesiredCount"}, {}),
    ("a variant is named within its endpoint", TARGET, {"resourceId": "endpoint/e"}, {}),
    ("a component is named by itself", TARGET, {**COPIES, "resourceId": "endpoint/e/variant/main"}, COPIES),
    ("the least is not above the most", TARGET, {"minCapacity": 5}, {"minCapacity": 4}),
    ("a capacity is not negative", TARGET, {"minCapacity": -1}, {"minCapacity": 0}),
    ("a policy is of its own kind", POLICY, {"policyType": "StepScaling"}, stepped((0, None))),
    ("a policy is of one kind", POLICY, {**stepped((0, None)), **tracked()}, {}),
    ("a policy's resource is written as its dimension has it", POLICY, {"resourceId": "e/main"}, {}),
    ("hosting is not scaled by forecast", POLICY,
     {"policyType": "PredictiveScaling", "targetTrackingScalingPolicyConfiguration": None,
      "predictiveScalingPolicyConfiguration": {"metricSpecifications": [{"targetValue": "1"}]}}, {}),
    ("invocations per instance say nothing of what is serverless", POLICY, WARM,
     {**WARM, **by("SageMakerVariantProvisionedConcurrencyUtilization")}),
    ("copies have measures of their own", POLICY, COPIES,
     {**COPIES, **by("SageMakerInferenceComponentInvocationsPerCopy")}),
    ("one measure is tracked", POLICY, tracked(target=1, customizedMetricSpecification=None), {}),
    ("the target is above nothing", POLICY, tracked(target=0), tracked(target=0.5)),
    ("a measure of one's own is whole", POLICY, customized(metricName="GPU", namespace="N"),
     customized(metricName="GPU", namespace="N", statistic="Average")),
    ("one of several measures counts", POLICY, queries(True, True), queries(True, False)),
    ("steps say how they adjust", POLICY, stepped((0, None), adjustmentType=None), stepped((0, None))),
    ("a least change is of percentages", POLICY, stepped((0, None), minAdjustmentMagnitude=2),
     stepped((0, None), minAdjustmentMagnitude=2, adjustmentType="PercentChangeInCapacity")),
    ("steps leave no gap", POLICY, stepped((0, 10), (20, None)), stepped((0, 10), (10, None))),
    ("steps don't overlap", POLICY, stepped((0, 10), (5, None)), stepped((None, 0), (0, None))),
    ("a policy has 20 steps", POLICY, steps(21), steps(20)),
    ("an action's resource is written as its dimension has it", ACTION, {"resourceId": "e/main"}, {}),
    ("an action's bounds are in order", ACTION, {"scalableTargetAction": {"minCapacity": 2, "maxCapacity": 1}}, {}),
    ("an action changes something", ACTION, {"scalableTargetAction": {}}, {"scalableTargetAction": {"minCapacity": 0}}),
    ("an action has a time", ACTION, {"schedule": "every night"}, {"schedule": "rate(1 day)"}),
]  # fmt: skip


def pascal(value: Any) -> Any:
    """Pulumi's properties as CloudFormation's."""
    if isinstance(value, Mapping):
        return {key[0].upper() + key[1:]: pascal(item) for key, item in value.items()}
    return [pascal(item) for item in value] if isinstance(value, list) else value


def desired(**state: Any) -> dict[str, Any]:
    whole = {"EndpointName": "e", "EndpointConfigName": "c", **state}
    return {"typeName": "AWS::SageMaker::Endpoint", "desiredState": json.dumps(whole)}


STACKED: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
    (sentence, pascal(refused), pascal(accepted))
    for sentence, token, refused, accepted in CASES
    if token == ENDPOINT and set(refused) == {"deploymentConfig"}
]
EXCLUDED = {"ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}]}


@pytest.mark.parametrize(
    ("refused", "accepted"),
    [
        *(case[1:] for case in STACKED),
        (EXCLUDED, {**EXCLUDED, "RetainAllVariantProperties": True}),
        ({**EXCLUDED, "RetainAllVariantProperties": False}, {"RetainAllVariantProperties": True}),
    ],
)
def test_cloudformations_endpoint_is_judged_alike(refused: Mapping[str, Any], accepted: Mapping[str, Any]):
    assert check(CONTROLLED, desired(**refused))
    assert check(CONTROLLED, desired(**accepted)) == []


def given(token: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    whole = {**ACCEPTED[token], **changes}
    return {prop: value for prop, value in whole.items() if value is not None}


@pytest.mark.parametrize(("token", "refused", "accepted"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_what_a_rule_refuses_is_refused_and_its_neighbour_accepted(
    token: str, refused: Mapping[str, Any], accepted: Mapping[str, Any]
):
    assert check(token, given(token, refused))
    assert check(token, given(token, accepted)) == []


@pytest.mark.parametrize("token", ACCEPTED)
def test_ordinary_inputs_are_accepted_known_or_not(token: str):
    assert check(token, ACCEPTED[token]) == []
    assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases():
    idle = [*serving.RULES, *scaling.RULES]
    for _, token, refused, _ in CASES:
        values, _ = shapes.read(token, given(token, refused))
        idle = [rule for rule in idle if rule.token != token or not list(rule.failures(values))]
    for state in (EXCLUDED, *(refused for _, refused, _ in STACKED)):
        idle = [rule for rule in idle if not rule.token.startswith("AWS::") or not list(rule.failures(state))]
    assert [f"{rule.token} {rule.property}" for rule in idle] == []
    assert {*serving.RULES, *scaling.RULES} <= set(rules.RULES)


def test_the_models_limits_reach_into_hosting():
    def told(token: str, **changes: Any) -> set[str]:
        return {failure.property for failure in check(token, given(token, changes))}

    assert told(CONFIG, **having(variant(instanceType="ml.none"))) == {"productionVariants[0].instanceType"}
    source = {"s3Uri": "s3://m/", "s3DataType": "Odd", "compressionType": "None"}
    place = {"image": IMAGE, "modelDataSource": {"s3DataSources": [source]}}
    where = "primaryContainer.modelDataSource.s3DataSources[0].s3DataType"
    assert told(MODEL, primaryContainer=place) == {where}
    routing = having(variant(routingConfigs=[{"routingStrategy": "BEST"}]))
    assert told(CONFIG, **routing) == {"productionVariants[0].routingConfigs[0].routingStrategy"}
