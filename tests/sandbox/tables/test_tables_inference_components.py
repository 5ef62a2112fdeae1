"""Inference components by Cloud Control: they stand on a host, and their copies are not the file's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from modelyard_sandbox.aws.provider import ProviderError

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made
from tests.sandbox.tables.serving import (
    CONTROLLED,
    ENDPOINT,
    PLACE,
    alarm,
    changed,
    configuration,
    controlled,
    host,
    model,
)


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
