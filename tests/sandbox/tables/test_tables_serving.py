"""SageMaker's hosting over its tables: models, configurations, endpoints, and what Cloud Control makes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from modelyard_sandbox.aws.provider import ProviderError

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made

MODEL = "aws:sagemaker/model:Model"
CONFIGURATION = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
ENDPOINT = "aws:sagemaker/endpoint:Endpoint"
CONTROLLED = "aws:cloudcontrol/resource:Resource"
ROLE = "arn:aws:iam::123456789012:role/serving"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve@sha256:" + "0" * 64
PLACE = "arn:aws:sagemaker:eu-west-1:123456789012"
CANARY: dict[str, Any] = {
    "blueGreenUpdatePolicy": {
        "trafficRoutingConfiguration": {
            "type": "CANARY",
            "waitIntervalInSeconds": 300,
            "canarySize": {"type": "CAPACITY_PERCENT", "value": 10},
        },
        "terminationWaitInSeconds": 120,
        "maximumExecutionTimeoutInSeconds": 3600,
    },
    "autoRollbackConfiguration": {"alarms": [{"alarmName": "errors"}]},
}


def model(cloud: Cloud, name: str = "m", **more: Any) -> Made:
    container = {"image": IMAGE, "modelDataUrl": "s3://models/m.tar.gz", "environment": {"MODE": "serve"}}
    return cloud.make(MODEL, **{"name": name, "executionRoleArn": ROLE, "primaryContainer": container, **more})


def variant(name: str = "main", **more: Any) -> dict[str, Any]:
    on_instances = {"instanceType": "ml.g5.xlarge", "initialInstanceCount": 2, "initialVariantWeight": 1}
    return {"variantName": name, "modelName": "m", **on_instances, **more}


def serverless(**more: Any) -> dict[str, Any]:
    size = {"maxConcurrency": 5, "memorySizeInMb": 2048, **more}
    return {"variantName": "main", "modelName": "m", "initialVariantWeight": 1, "serverlessConfig": size}


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


# --- models ---------------------------------------------------------------------------------------------------------


def test_a_model_never_changes_but_for_its_tags(cloud: Cloud):
    made = model(cloud, tags={"team": "a"}, vpcConfig={"subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]})
    assert made["arn"] == f"{PLACE}:model/m"
    made.imported("m")
    made.update(tags={"team": "b", "more": "c"})
    assert made.forecast(enableNetworkIsolation=True).replaces
    assert made.forecast(primaryContainer={"image": IMAGE}).replaces
    made.delete()


def test_a_model_of_several_containers_and_of_uncompressed_data_is_kept_as_it_is(cloud: Cloud):
    source = {"s3Uri": "s3://models/llm/", "s3DataType": "S3Prefix", "compressionType": "None"}
    data = {"s3DataSources": [{**source, "modelAccessConfig": {"acceptEula": True}}]}
    container = {"image": IMAGE, "modelDataSource": data}
    made = cloud.make(MODEL, name="llm", executionRoleArn=ROLE, primaryContainer=container, enableNetworkIsolation=True)
    found = cloud.client("sagemaker").describe_model(ModelName="llm")
    told = found["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert told["ModelAccessConfig"] == {"AcceptEula": True} and found["EnableNetworkIsolation"] is True
    several = cloud.make(
        MODEL,
        name="steps",
        executionRoleArn=ROLE,
        containers=[{"image": IMAGE, "containerHostname": "a"}, {"image": IMAGE, "containerHostname": "b"}],
        inferenceExecutionConfig={"mode": "Direct"},
    )
    for each in (made, several):
        each.delete()


def test_a_model_is_one_container_or_several_and_its_name_is_free(cloud: Cloud):
    model(cloud)
    create = cloud.client("sagemaker").create_model
    for parts, told in (
        ({"ModelName": "m", "PrimaryContainer": {"Image": IMAGE}}, "already existing model"),
        ({"ModelName": "n"}, "either PrimaryContainer or Containers"),
        ({"ModelName": "n", "PrimaryContainer": {"Mode": "SingleModel"}}, "needs an Image or a ModelPackageName"),
    ):
        with pytest.raises(cloud.client("sagemaker").exceptions.ClientError, match=told):
            create(ExecutionRoleArn=ROLE, **parts)
    package = f"{PLACE}:model-package/group/1"
    told = cloud.refused(MODEL, name="n", executionRoleArn=ROLE, primaryContainer={"modelPackageName": package})
    assert "Could not find model package" in told


# --- configurations -------------------------------------------------------------------------------------------------


def test_a_configuration_never_changes_and_shows_what_was_asked_for(cloud: Cloud):
    model(cloud)
    capture = {
        "enableCapture": True,
        "destinationS3Uri": "s3://captures/e",
        "initialSamplingPercentage": 20,
        "kmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/0",
        "captureOptions": [{"captureMode": "Input"}, {"captureMode": "Output"}],
        "captureContentTypeHeader": {"jsonContentTypes": ["application/json"]},
    }
    made = configuration(
        cloud,
        "c",
        variant("a", initialVariantWeight=3, volumeSizeInGb=30, containerStartupHealthCheckTimeoutInSeconds=300),
        variant("b", routingConfigs=[{"routingStrategy": "LEAST_OUTSTANDING_REQUESTS"}], enableSsmAccess=True),
        dataCaptureConfig=capture,
        kmsKeyArn="arn:aws:kms:eu-west-1:123456789012:key/0",
        tags={"team": "a"},
    )
    assert made["arn"] == f"{PLACE}:endpoint-config/c"
    made.imported("c")
    made.update(tags={"team": "b"})
    for change in (
        {"productionVariants": [variant(initialInstanceCount=3)]},
        {"dataCaptureConfig": {**capture, "initialSamplingPercentage": 30}},
        {"kmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1"},
    ):
        assert made.forecast(**change).replaces
    made.delete()


def test_every_kind_of_configuration_is_kept_as_it_is(cloud: Cloud):
    model(cloud)
    model(cloud, "challenger")
    notification = {"successTopic": "arn:aws:sns:eu-west-1:123456789012:ok"}
    output = {"s3OutputPath": "s3://out/", "s3FailurePath": "s3://failed/", "notificationConfig": notification}
    scaling = {"status": "ENABLED", "minInstanceCount": 1, "maxInstanceCount": 4}
    host = {"variantName": "main", "instanceType": "ml.g5.xlarge", "initialInstanceCount": 1, "initialVariantWeight": 1}
    kinds: dict[str, dict[str, Any]] = {
        "serverless": {"productionVariants": [serverless(provisionedConcurrency=1)]},
        "async": {
            "productionVariants": [variant()],
            "asyncInferenceConfig": {
                "outputConfig": output,
                "clientConfig": {"maxConcurrentInvocationsPerInstance": 4},
            },
        },
        "shadow": {
            "productionVariants": [variant()],
            "shadowProductionVariants": [variant("shadow", modelName="challenger", initialVariantWeight=0.5)],
        },
        "host": {"productionVariants": [{**host, "managedInstanceScaling": scaling}], "executionRoleArn": ROLE},
    }
    for name, parts in kinds.items():
        made = cloud.make(CONFIGURATION, name=name, **parts)
        made.imported(name)
        made.delete()


def test_a_configuration_names_models_that_exist_and_fit(cloud: Cloud):
    assert "Could not find model" in cloud.refused(CONFIGURATION, name="c", productionVariants=[variant()])
    sagemaker = cloud.client("sagemaker")
    host = {"VariantName": "main", "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}
    for variants, told in (
        ([host], "ExecutionRoleArn of the configuration is required"),
        ([{"VariantName": "main", "ModelName": "m"}], "either an InstanceType or a ServerlessConfig"),
        ([{**host, "ModelName": "m"}, {**host, "ModelName": "m"}], "names of variants must be unique"),
    ):
        with pytest.raises(sagemaker.exceptions.ClientError, match=told):
            sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=variants)
    model(cloud, vpcConfig={"subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]})
    told = cloud.refused(CONFIGURATION, name="c", productionVariants=[serverless()])
    assert "not supported for serverless endpoints" in told
    several = {"image": IMAGE, "mode": "MultiModel", "modelDataUrl": "s3://models/many/"}
    model(cloud, "many", primaryContainer=several)
    told = cloud.refused(CONFIGURATION, name="c", productionVariants=[{**serverless(), "modelName": "many"}])
    assert "not supported for serverless endpoints" in told
    configuration(cloud, "c")
    assert "already existing" in cloud.refused(CONFIGURATION, name="c", productionVariants=[variant()])


# --- pulumi-aws's endpoint ------------------------------------------------------------------------------------------


def test_an_endpoint_goes_to_a_new_configuration_in_place(cloud: Cloud):
    model(cloud)
    first, second = configuration(cloud, "c1"), configuration(cloud, "c2", variant(initialInstanceCount=3))
    made = cloud.make(ENDPOINT, name="e", endpointConfigName="c1", tags={"team": "a"})
    assert made["arn"] == f"{PLACE}:endpoint/e" and has_now(cloud) == (2, 1.0)
    made.imported("e")
    made.update(endpointConfigName="c2")
    assert has_now(cloud) == (3, 1.0)
    first.delete()
    made.settled()
    made.update(tags={"team": "b"})
    assert made.forecast(name="other").replaces
    for each in (made, second):
        each.delete()


def test_an_endpoint_shows_its_shadow_its_capture_and_its_serverless_size(cloud: Cloud):
    model(cloud)
    capture = {"destinationS3Uri": "s3://captures", "initialSamplingPercentage": 20, "enableCapture": True}
    captured = {"dataCaptureConfig": {**capture, "captureOptions": [{"captureMode": "Input"}]}}
    configuration(cloud, "c1", shadowProductionVariants=[variant("shadow")], **captured)
    configuration(cloud, "c2", serverless())
    made = cloud.make(ENDPOINT, name="e", endpointConfigName="c1")
    told = shown(cloud)
    assert told["EndpointStatus"] == "InService"
    assert told["ShadowProductionVariants"][0]["VariantName"] == "shadow"
    assert told["DataCaptureConfig"]["CaptureStatus"] == "Started"
    made.update(endpointConfigName="c2")
    (main,) = shown(cloud)["ProductionVariants"]
    assert main["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert "CurrentInstanceCount" not in main
    size = {"MaxConcurrency": 8, "ProvisionedConcurrency": 2}
    scale(cloud, ServerlessUpdateConfig=size)
    (main,) = shown(cloud)["ProductionVariants"]
    assert main["DesiredServerlessConfig"] == {"MemorySizeInMB": 2048, **size}
    made.delete()


def test_an_endpoint_that_was_led_elsewhere_is_seen(cloud: Cloud):
    model(cloud)
    configuration(cloud, "c1")
    configuration(cloud, "c2")
    made = cloud.make(ENDPOINT, name="e", endpointConfigName="c1")
    cloud.client("sagemaker").update_endpoint(EndpointName="e", EndpointConfigName="c2")
    found = made.read()
    assert found is not None and found.inputs["endpointConfigName"] == "c2"


def test_counts_and_weights_are_reset_by_an_update_of_pulumis_endpoint(cloud: Cloud):
    model(cloud)
    configuration(cloud, "c1")
    configuration(cloud, "c2")
    made = cloud.make(ENDPOINT, name="e", endpointConfigName="c1")
    scale(cloud, DesiredInstanceCount=7)
    scale(cloud, DesiredWeight=0.25)
    assert has_now(cloud) == (7, 0.25), "what a call doesn't speak of stays"
    made.settled()
    made.update(endpointConfigName="c2")
    assert has_now(cloud) == (2, 1.0), "pulumi-aws has no RetainAllVariantProperties"


def test_an_endpoint_needs_its_configuration_and_its_alarms(cloud: Cloud):
    model(cloud)
    configuration(cloud, "c1")
    assert "Could not find endpoint configuration" in cloud.refused(ENDPOINT, name="e", endpointConfigName="none")
    told = cloud.refused(ENDPOINT, name="e", endpointConfigName="c1", deploymentConfig=CANARY)
    assert "Could not find alarm(s) errors" in told
    alarm(cloud)
    made = cloud.make(ENDPOINT, name="e", endpointConfigName="c1", deploymentConfig=CANARY)
    assert "already existing" in cloud.refused(ENDPOINT, name="e", endpointConfigName="c1")
    rollback = {"alarms": [{"alarmName": "none"}]}
    with pytest.raises(ProviderError, match=r"Could not find alarm\(s\) none"):
        made.update(deploymentConfig={**CANARY, "autoRollbackConfiguration": rollback})


def test_an_alarm_during_an_update_leaves_the_old_configuration_serving(cloud: Cloud):
    model(cloud)
    configuration(cloud, "c1")
    configuration(cloud, "c2", variant(initialInstanceCount=5))
    alarm(cloud)
    made = cloud.make(ENDPOINT, name="e", endpointConfigName="c1", deploymentConfig=CANARY)
    scale(cloud, DesiredInstanceCount=4)
    alarm(cloud, "ALARM")
    news = {**made.inputs, "endpointConfigName": "c2"}
    state = cloud.provider.update(ENDPOINT, made.id, made.urn, made.inputs, made.state, news, preview=False)
    told = shown(cloud)
    assert state["endpointConfigName"] == "c1", "the state tells what serves"
    assert told["EndpointStatus"] == "InService" and "errors in ALARM" in told["FailureReason"]
    assert told["EndpointConfigName"] == "c1" and has_now(cloud) == (4, 1.0)
    alarm(cloud, "OK")
    made.update(endpointConfigName="c2")
    assert "FailureReason" not in shown(cloud) and has_now(cloud) == (5, 1.0)


def test_a_rollout_keeps_the_variants_names_and_rolls_over_one_variant_on_instances(cloud: Cloud):
    model(cloud)
    configuration(cloud, "c1")
    configuration(cloud, "renamed", variant("other"))
    configuration(cloud, "several", variant(), variant("b"))
    configuration(cloud, "serverless", serverless())
    alarm(cloud)
    made = cloud.make(ENDPOINT, name="e", endpointConfigName="c1", deploymentConfig=CANARY)
    with pytest.raises(ProviderError, match="same variant names"):
        made.update(endpointConfigName="renamed")
    rolling = {
        "rollingUpdatePolicy": {
            "maximumBatchSize": {"type": "CAPACITY_PERCENT", "value": 50},
            "waitIntervalInSeconds": 60,
        }
    }
    with pytest.raises(ProviderError, match="one variant, on instances"):
        made.update(endpointConfigName="serverless", deploymentConfig=rolling)


def test_a_scaled_variant_keeps_its_instance_type_while_it_is_registered(cloud: Cloud):
    model(cloud)
    model(cloud, "new")
    configuration(cloud, "c1")
    configuration(cloud, "bigger", variant(instanceType="ml.g5.2xlarge"))
    configuration(cloud, "c2", variant(modelName="new"))
    made = cloud.make(ENDPOINT, name="e", endpointConfigName="c1")
    scaling = cloud.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/e/variant/main",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)
    with pytest.raises(ProviderError, match="must be deregistered"):
        made.update(endpointConfigName="bigger")
    made.update(endpointConfigName="c2")
    scaling.deregister_scalable_target(**target)
    made.update(endpointConfigName="bigger")


# --- CloudFormation's endpoint --------------------------------------------------------------------------------------


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


def test_an_endpoint_of_cloud_control_is_made_changed_replaced_and_gone(cloud: Cloud):
    made = endpoint(cloud, Tags=[{"Key": "team", "Value": "a"}])
    assert made.id == f"{PLACE}:endpoint/e"
    told = json.loads(made["properties"])
    assert told == {
        "EndpointArn": made.id,
        "EndpointName": "e",
        "EndpointConfigName": "c1",
        "Tags": [{"Key": "team", "Value": "a"}],
    }
    made.update(desiredState=changed(made, EndpointConfigName="c2"))
    assert has_now(cloud) == (3, 1.0)
    made.update(desiredState=changed(made, Tags=[{"Key": "team", "Value": "b"}, {"Key": "cost", "Value": "c"}]))
    tags = cloud.client("sagemaker").list_tags(ResourceArn=made.id)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "b", "cost": "c"}
    assert made.forecast(desiredState=changed(made, EndpointName="other")).replaces == {"desiredState"}
    same = json.dumps(json.loads(made.given["desiredState"]), indent=2)
    assert not made.forecast(desiredState=same).changed, "the same, written otherwise"
    made.delete()


def test_counts_and_weights_survive_an_update_that_says_so(cloud: Cloud):
    made = endpoint(cloud)
    scale(cloud, DesiredInstanceCount=7, DesiredWeight=0.25)
    made.update(desiredState=changed(made, EndpointConfigName="c2", RetainAllVariantProperties=True))
    assert has_now(cloud) == (7, 0.25)


def test_some_properties_may_be_excluded_from_those_that_survive(cloud: Cloud):
    made = endpoint(cloud)
    scale(cloud, DesiredInstanceCount=7, DesiredWeight=0.25)
    excluded = [{"VariantPropertyType": "DesiredInstanceCount"}]
    made.update(
        desiredState=changed(
            made,
            EndpointConfigName="c2",
            RetainAllVariantProperties=True,
            ExcludeRetainedVariantProperties=excluded,
        )
    )
    assert has_now(cloud) == (3, 0.25)


def test_an_update_that_does_not_say_so_again_resets_counts_and_weights(cloud: Cloud):
    """The property is only written, and the provider's patch speaks of what differs between two desired states."""
    made = endpoint(cloud, RetainAllVariantProperties=True)
    scale(cloud, DesiredInstanceCount=7, DesiredWeight=0.25)
    made.update(desiredState=changed(made, EndpointConfigName="c2"))
    assert has_now(cloud) == (3, 1.0)
    with pytest.raises(ProviderError, match="UpdateResource: ValidationException: noSuchPath"):
        made.update(desiredState=changed(made, EndpointConfigName="c3", RetainAllVariantProperties=None))


def test_cloud_control_rolls_back_on_an_alarm_as_sagemaker_does(cloud: Cloud):
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}
    made = endpoint(cloud)
    told = cloud.refused(
        CONTROLLED,
        typeName="AWS::SageMaker::Endpoint",
        desiredState=json.dumps({"EndpointName": "f", "EndpointConfigName": "c1", "DeploymentConfig": rollback}),
    )
    assert "Could not find alarm(s) errors" in told
    alarm(cloud, "ALARM")
    made.update(desiredState=changed(made, EndpointConfigName="c2", DeploymentConfig=rollback))
    assert shown(cloud)["EndpointConfigName"] == "c1" and json.loads(made["properties"])["EndpointConfigName"] == "c1"


def test_what_is_changed_behind_cloud_controls_back_is_no_drift_and_nothing_is_imported(cloud: Cloud):
    made = endpoint(cloud)
    cloud.client("sagemaker").update_endpoint(EndpointName="e", EndpointConfigName="c2")
    found = made.read()
    assert found is not None and found.inputs == made.inputs, "the desired state is as it was written"
    assert json.loads(found.state["properties"])["EndpointConfigName"] == "c2"
    with pytest.raises(ProviderError, match="can't import"):
        cloud.provider.read(CONTROLLED, made.id, made.urn, {}, {})


def test_a_desired_state_is_judged_by_the_published_schema(cloud: Cloud):
    state = {"EndpointName": "e", "RetainWeights": True}
    _, refused = cloud.provider.check(
        CONTROLLED,
        "urn:pulumi:dev::test::x::y",
        {},
        {"typeName": "AWS::SageMaker::Endpoint", "desiredState": json.dumps(state)},
        b"",
    )
    told = " ".join(each.reason for each in refused)
    assert "RetainWeights" in told and "'EndpointConfigName' is a required property" in told


# --- inference components -------------------------------------------------------------------------------------------


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


def needs(**more: Any) -> dict[str, Any]:
    return {
        "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024, "NumberOfAcceleratorDevicesRequired": 1}
    } | more


def component(cloud: Cloud, name: str = "llm", **more: Any) -> Made:
    return controlled(
        cloud,
        "InferenceComponent",
        **{
            "InferenceComponentName": name,
            "EndpointName": "e",
            "VariantName": "main",
            "Specification": needs(ModelName="m"),
            "RuntimeConfig": {"CopyCount": 1},
            **more,
        },
    )


def test_an_inference_component_is_made_changed_and_gone_before_its_endpoint(cloud: Cloud):
    endpoint, sagemaker = host(cloud), cloud.client("sagemaker")
    made = component(cloud, Tags=[{"Key": "team", "Value": "a"}])
    assert made.id == f"{PLACE}:inference-component/llm"
    told = json.loads(made["properties"])
    assert told["RuntimeConfig"] == {"DesiredCopyCount": 1, "CurrentCopyCount": 1}, "CopyCount is only written"
    assert told["InferenceComponentStatus"] == "InService" and told["Tags"] == [{"Key": "team", "Value": "a"}]
    model(cloud, "m2")
    made.update(desiredState=changed(made, Specification=needs(ModelName="m2")))
    found = sagemaker.describe_inference_component(InferenceComponentName="llm")
    assert found["Specification"]["ModelName"] == "m2" and found["RuntimeConfig"]["CurrentCopyCount"] == 1
    made.update(desiredState=changed(made, Tags=[{"Key": "team", "Value": "b"}]))
    assert "hosts 1 inference components" in cloud.refuses_to_delete(endpoint)
    for each in (made, endpoint):
        each.delete()


def test_copies_change_by_a_call_and_not_by_a_changed_desired_state(cloud: Cloud):
    """CopyCount is only written: a patch that replaces it has no path in what a read shows."""
    host(cloud)
    made, sagemaker = component(cloud), cloud.client("sagemaker")
    with pytest.raises(ProviderError, match="noSuchPath .*replace /RuntimeConfig/CopyCount"):
        made.update(desiredState=changed(made, RuntimeConfig={"CopyCount": 3}))
    sagemaker.update_inference_component_runtime_config(
        InferenceComponentName="llm", DesiredRuntimeConfig={"CopyCount": 3}
    )
    model(cloud, "m2")
    fresh = component(cloud, "other")
    fresh.update(desiredState=changed(fresh, Specification=needs(ModelName="m2")))
    found = sagemaker.describe_inference_component(InferenceComponentName="llm")
    assert found["RuntimeConfig"] == {"DesiredCopyCount": 3, "CurrentCopyCount": 3}


def test_scaled_copies_survive_a_new_model(cloud: Cloud):
    host(cloud)
    made, sagemaker = component(cloud), cloud.client("sagemaker")
    sagemaker.update_inference_component_runtime_config(
        InferenceComponentName="llm", DesiredRuntimeConfig={"CopyCount": 3}
    )
    model(cloud, "m2")
    made.update(desiredState=changed(made, Specification=needs(ModelName="m2")))
    found = sagemaker.describe_inference_component(InferenceComponentName="llm")
    assert found["RuntimeConfig"]["CurrentCopyCount"] == 3 and found["Specification"]["ModelName"] == "m2"


def test_an_adapter_stands_on_its_base(cloud: Cloud):
    host(cloud)
    base = component(cloud)
    adapter = controlled(
        cloud,
        "InferenceComponent",
        InferenceComponentName="adapter",
        EndpointName="e",
        Specification={
            "BaseInferenceComponentName": "llm",
            "Container": {"ArtifactUrl": "s3://models/adapter.tar.gz"},
        },
    )
    assert "carries the adapters adapter" in cloud.refuses_to_delete(base)
    listed = cloud.client("sagemaker").list_inference_components(EndpointNameEquals="e", VariantNameEquals="main")
    assert {each["InferenceComponentName"] for each in listed["InferenceComponents"]} == {"llm", "adapter"}
    for each in (adapter, base):
        each.delete()


def test_a_component_needs_a_variant_without_a_model_a_model_and_room(cloud: Cloud):
    host(cloud)
    configuration(cloud, "own")
    cloud.make(ENDPOINT, name="own", endpointConfigName="own")

    def refused(**changes: Any) -> str:
        state = {
            "InferenceComponentName": "x",
            "EndpointName": "e",
            "VariantName": "main",
            "Specification": needs(ModelName="m"),
            "RuntimeConfig": {"CopyCount": 1},
            **changes,
        }
        kept = {key: value for key, value in state.items() if value is not None}
        return cloud.refused(CONTROLLED, typeName="AWS::SageMaker::InferenceComponent", desiredState=json.dumps(kept))

    assert "Could not find endpoint" in refused(EndpointName="none")
    assert "has no variant" in refused(VariantName="none")
    assert "has a model of its own" in refused(EndpointName="own")
    assert "Could not find model" in refused(Specification=needs(ModelName="none"))
    assert "either a ModelName or a Container" in refused(Specification=needs())
    assert "MinMemoryRequiredInMb is required" in refused(Specification={"ModelName": "m"})
    assert "RuntimeConfig is required" in refused(RuntimeConfig=None)
    component(cloud)
    assert "already existing" in refused(InferenceComponentName="llm")


def test_an_update_of_a_component_rolls_back_on_its_alarm(cloud: Cloud):
    host(cloud)
    made = component(cloud)
    model(cloud, "m2")
    alarm(cloud, "ALARM")
    rolling = {"MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1}, "WaitIntervalInSeconds": 60}
    alarms = {"Alarms": [{"AlarmName": "errors"}]}
    deployment = {"RollingUpdatePolicy": rolling, "AutoRollbackConfiguration": alarms}
    made.update(desiredState=changed(made, Specification=needs(ModelName="m2"), DeploymentConfig=deployment))
    found = cloud.client("sagemaker").describe_inference_component(InferenceComponentName="llm")
    assert found["Specification"]["ModelName"] == "m" and "errors in ALARM" in found["FailureReason"]
