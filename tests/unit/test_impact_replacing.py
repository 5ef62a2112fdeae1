"""Which changes replace: the shipped table is what its sources say, and what it does not know it never calls safe."""

from __future__ import annotations

import json

import pytest
from tools import replacing as tool

from modelyard.assess.graph.model import Node
from modelyard.assess.impact.replacing import Effect, effect
from modelyard.core.sdk import resource_type


def node(kind: str, **properties: object) -> Node:
    options = properties.pop("options", {})
    assert isinstance(options, dict)
    return Node(f"urn:pulumi:s::p::{kind}::it", kind, "it", properties=properties, options=options)


def test_the_table_that_ships_is_what_its_sources_say():
    assert tool.FILE.read_text("utf-8") == tool.text(), "run: python tools/replacing.py"


def test_the_page_lists_what_counts_as_state_and_where_the_sources_disagree():
    assert tool.PAGE.read_text("utf-8") == tool.page(), "run: python tools/replacing.py"


def test_every_dispute_of_the_sources_is_listed_with_who_says_what():
    table = json.loads(tool.FILE.read_text("utf-8"))
    for one in table["disputed"]:
        assert {one["sandbox"], one["cloudformation"]} == {"replaces", "updates"}
        settled = tool.SETTLED.get((one["type"], one["property"]))
        assert one["held"] == (settled[0] if settled else "may"), "nobody guesses between two sources"


def test_what_somebody_settled_is_a_property_of_its_type_and_names_where_it_was_read():
    for (kind, prop), (_, source) in tool.SETTLED.items():
        assert prop in resource_type(kind).inputs and "/" in source


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("aws:s3/bucket:Bucket", "bucket", Effect.REPLACES),
        ("aws:s3/bucket:Bucket", "forceDestroy", Effect.UPDATES),
        ("aws:s3/bucket:Bucket", "tags.team", Effect.UPDATES),
        ("aws:dynamodb/table:Table", "hashKey", Effect.REPLACES),
        ("aws:dynamodb/table:Table", "billingMode", Effect.UPDATES),
        ("aws:sagemaker/featureGroup:FeatureGroup", "onlineStoreConfig.ttlDuration.value", Effect.UPDATES),
        ("aws:sagemaker/featureGroup:FeatureGroup", "onlineStoreConfig.storageType", Effect.REPLACES),
        ("aws:sagemaker/featureGroup:FeatureGroup", "onlineStoreConfig", Effect.MAY),
        ("aws:sagemaker/endpointConfiguration:EndpointConfiguration", "productionVariants[0]", Effect.REPLACES),
        ("aws:sagemaker/domain:Domain", "vpcId", Effect.MAY),
        ("aws:nowhere/thing:Thing", "size", Effect.MAY),
        ("aws:nowhere/thing:Thing", "tags.team", Effect.UPDATES),
    ],
)
def test_a_change_of_a_property_updates_replaces_or_may_replace(kind: str, path: str, expected: Effect):
    assert effect(node(kind), path) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("EndpointName", Effect.REPLACES),
        ("EndpointConfigName", Effect.UPDATES),
        ("Tags[0].Value", Effect.UPDATES),
        ("typeName", Effect.REPLACES),
    ],
)
def test_a_resource_of_cloud_control_is_judged_by_its_published_schema(path: str, expected: Effect):
    endpoint = node("aws:cloudcontrol/resource:Resource", typeName="AWS::SageMaker::Endpoint", desiredState="{}")
    assert effect(endpoint, path) is expected
    monitor = node(
        "aws:cloudcontrol/resource:Resource", typeName="AWS::SageMaker::ModelBiasJobDefinition", desiredState="{}"
    )
    assert effect(monitor, "ModelBiasAppSpecification") is Effect.REPLACES
    assert effect(monitor, "ModelBiasAppSpecification.ImageUri") is Effect.MAY, "AWS takes no such update"
    other = node("aws:cloudcontrol/resource:Resource", typeName="AWS::Nobody::Knows", desiredState="{}")
    assert effect(other, "Name") is Effect.MAY


def test_replace_on_changes_replaces_whatever_the_table_says():
    told = node("aws:s3/bucket:Bucket", options={"replaceOnChanges": ["forceDestroy"]})
    assert effect(told, "forceDestroy") is Effect.REPLACES


@pytest.mark.parametrize(
    ("kind", "path", "does"),
    [
        ("core/v1:ConfigMap", "data.a", Effect.REPLACES),
        ("core/v1:ConfigMap", "metadata.labels.a", Effect.UPDATES),
        ("core/v1:ConfigMap", "metadata.namespace", Effect.REPLACES),
        ("batch/v1:Job", "spec.template.spec.containers[0].image", Effect.REPLACES),
        ("batch/v1:Job", "spec.suspend", Effect.UPDATES),
        ("rbac.authorization.k8s.io/v1:RoleBinding", "roleRef.name", Effect.REPLACES),
        ("rbac.authorization.k8s.io/v1:RoleBinding", "subjects[0].name", Effect.UPDATES),
        ("kueue.x-k8s.io/v1beta2:ClusterQueue", "spec.cohortName", Effect.UPDATES),
    ],
)
def test_an_object_of_kubernetes_is_replaced_for_what_its_server_takes_once(kind: str, path: str, does: Effect):
    assert effect(Node("urn", f"kubernetes:{kind}", "it"), path) is does
