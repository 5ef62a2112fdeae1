"""SageMaker's hosting over its tables: models, configurations, endpoints, and what Cloud Control makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from modelyard_sandbox.aws.provider import ProviderError

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud
from tests.sandbox.tables.serving import (
    CONFIGURATION,
    ENDPOINT,
    IMAGE,
    MODEL,
    PLACE,
    ROLE,
    alarm,
    configuration,
    has_now,
    model,
    scale,
    shown,
    variant,
)

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


def serverless(**more: Any) -> dict[str, Any]:
    size = {"maxConcurrency": 5, "memorySizeInMb": 2048, **more}
    return {"variantName": "main", "modelName": "m", "initialVariantWeight": 1, "serverlessConfig": size}


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
