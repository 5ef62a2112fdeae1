"""The published schemas of CloudFormation judge a desired state, say what replaces, and what a patch loses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard_sandbox.knowledge import UNKNOWN, check, cloudformation

CONTROLLED = "aws:cloudcontrol/resource:Resource"
ENDPOINT = "AWS::SageMaker::Endpoint"
COMPONENT = "AWS::SageMaker::InferenceComponent"


def refusals(name: str, **state: Any) -> dict[str, str]:
    failures = check(CONTROLLED, {"typeName": name, "desiredState": json.dumps(state)})
    return {failure.property: failure.reason for failure in failures}


def test_a_desired_state_that_fits_is_accepted():
    assert refusals(ENDPOINT, EndpointConfigName="c", RetainAllVariantProperties=True) == {}


@pytest.mark.parametrize(
    ("state", "path", "told"),
    [
        ({}, "desiredState", "'EndpointConfigName' is a required property"),
        ({"EndpointConfigName": "c", "RetainWeights": True}, "desiredState", "'RetainWeights' was unexpected"),
        ({"EndpointConfigName": "-"}, "desiredState.EndpointConfigName", "does not match"),
        ({"EndpointConfigName": "c", "EndpointArn": "arn"}, "desiredState.EndpointArn", "readOnlyProperties"),
        ({"EndpointConfigName": "c", "Tags": {"team": "a"}}, "desiredState.Tags", "is not of type 'array'"),
        (
            {"EndpointConfigName": "c", "Tags": [{"Key": "team", "Value": "é\u0007"}]},
            "desiredState.Tags[0].Value",
            "does not match",
        ),
    ],
)
def test_a_desired_state_that_does_not_fit_is_refused_at_its_place(state: dict[str, Any], path: str, told: str):
    assert told in refusals(ENDPOINT, **state)[path]


def test_letters_of_any_alphabet_are_letters_in_a_tag():
    assert refusals(ENDPOINT, EndpointConfigName="c", Tags=[{"Key": "équipe", "Value": "Größe"}]) == {}


def test_what_is_written_by_aws_deep_down_is_refused_too():
    state = {"EndpointName": "e", "Specification": {"ModelName": "m"}, "RuntimeConfig": {"CurrentCopyCount": 1}}
    assert "readOnlyProperties" in refusals(COMPONENT, **state)["desiredState.RuntimeConfig.CurrentCopyCount"]


@pytest.mark.parametrize("state", [UNKNOWN, json.dumps({"EndpointConfigName": UNKNOWN, "Odd": 1})])
def test_a_state_that_is_not_known_yet_is_not_judged(state: str):
    assert check(CONTROLLED, {"typeName": ENDPOINT, "desiredState": state}) == []


def test_a_type_that_nobody_published_is_not_judged():
    assert refusals("AWS::None::Such", Odd=1) == {}


def test_only_what_is_given_at_creation_alone_replaces():
    old = {"EndpointName": "a", "EndpointConfigName": "c"}
    assert cloudformation.replaces(ENDPOINT, old, {**old, "EndpointName": "b"})
    assert not cloudformation.replaces(ENDPOINT, old, {**old, "EndpointConfigName": "d"})


def test_a_change_deep_in_what_is_given_at_creation_is_an_update_that_aws_refuses():
    cluster = "AWS::SageMaker::Cluster"
    old = {"ClusterName": "a", "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}
    new = {"ClusterName": "a", "VpcConfig": {"Subnets": ["subnet-2"], "SecurityGroupIds": ["sg-1"]}}
    assert not cloudformation.replaces(cluster, old, new), "the provider compares whole paths"
    assert cloudformation.replaces(cluster, old, {**new, "ClusterName": "b"})
    with pytest.raises(cloudformation.PatchError, match="/VpcConfig.* cannot be updated") as caught:
        cloudformation.patched(cluster, old, new, old)
    assert caught.value.code == "NotUpdatableException"


def test_a_type_without_updates_takes_none():
    definition = "AWS::SageMaker::ModelBiasJobDefinition"
    old = {"Tags": [{"Key": "team", "Value": "a"}]}
    with pytest.raises(cloudformation.PatchError, match="does not support UPDATE") as caught:
        cloudformation.patched(definition, old, {"Tags": [{"Key": "team", "Value": "b"}]}, old)
    assert caught.value.code == "UnsupportedActionException"


def test_a_patch_loses_what_is_only_written_unless_it_comes_anew():
    old = {"EndpointName": "e", "EndpointConfigName": "a"}
    anew = {**old, "EndpointConfigName": "b", "RetainAllVariantProperties": True}
    current = {**old, "RetainAllVariantProperties": None}
    model, touched = cloudformation.patched(ENDPOINT, old, anew, current)
    assert model == anew and touched == {"EndpointConfigName", "RetainAllVariantProperties"}
    model, touched = cloudformation.patched(ENDPOINT, anew, {**anew, "EndpointConfigName": "c"}, anew)
    assert "RetainAllVariantProperties" not in model and touched == {"EndpointConfigName"}


def test_a_patch_cannot_change_what_no_read_shows():
    old = {"EndpointConfigName": "a", "RetainAllVariantProperties": True}
    with pytest.raises(cloudformation.PatchError, match="noSuchPath .*replace /RetainAllVariantProperties"):
        cloudformation.patched(ENDPOINT, old, {**old, "RetainAllVariantProperties": False}, old)


def test_a_patched_model_has_all_that_the_type_requires():
    old = {"EndpointConfigName": "a"}
    with pytest.raises(cloudformation.PatchError, match="'EndpointConfigName' is a required property"):
        cloudformation.patched(ENDPOINT, old, {}, old)
