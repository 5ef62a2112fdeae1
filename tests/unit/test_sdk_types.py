"""What the Pulumi SDK's classes tell about resource types and invokes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from modelyard.core import sdk
from modelyard.core.errors import InputError
from modelyard.core.sdk import ListOf, MapOf, ObjectOf, OneOf, Scalar, Shape

COMPONENT_TYPES = [
    "ec2/vpc:Vpc",
    "ec2/subnet:Subnet",
    "ec2/internetGateway:InternetGateway",
    "ec2/routeTable:RouteTable",
    "ec2/route:Route",
    "ec2/routeTableAssociation:RouteTableAssociation",
    "ec2/eip:Eip",
    "ec2/natGateway:NatGateway",
    "ec2/vpcEndpoint:VpcEndpoint",
    "ec2/securityGroup:SecurityGroup",
    "ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "ec2/flowLog:FlowLog",
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "cloudwatch/logGroup:LogGroup",
    "cloudwatch/metricAlarm:MetricAlarm",
    "cloudwatch/logMetricFilter:LogMetricFilter",
    "cloudwatch/eventBus:EventBus",
    "cloudwatch/eventBusPolicy:EventBusPolicy",
    "cloudwatch/eventRule:EventRule",
    "cloudwatch/eventTarget:EventTarget",
    "cloudwatch/eventArchive:EventArchive",
    "cloudtrail/trail:Trail",
    "sns/topic:Topic",
    "sns/topicPolicy:TopicPolicy",
    "sns/topicSubscription:TopicSubscription",
    "iam/role:Role",
    "iam/rolePolicy:RolePolicy",
    "iam/policy:Policy",
    "iam/rolePolicyAttachment:RolePolicyAttachment",
    "kms/key:Key",
    "kms/alias:Alias",
    "s3/bucket:Bucket",
    "s3/bucketVersioning:BucketVersioning",
    "s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "s3/bucketOwnershipControls:BucketOwnershipControls",
    "s3/bucketPolicy:BucketPolicy",
    "s3/bucketLogging:BucketLogging",
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "s3/bucketObjectv2:BucketObjectv2",
    "s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "glue/catalogDatabase:CatalogDatabase",
    "glue/catalogTable:CatalogTable",
    "glue/dataCatalogEncryptionSettings:DataCatalogEncryptionSettings",
    "athena/workgroup:Workgroup",
    "ssm/parameter:Parameter",
    "budgets/budget:Budget",
    "cloudcontrol/resource:Resource",
]


def tokens_of(*modules: str) -> Iterator[str]:
    import pulumi_aws  # noqa: F401  (registers the resource modules)
    from pulumi.runtime import rpc

    for registered in rpc._RESOURCE_MODULES.values():
        for module in registered:
            for token in module.mod_info["classes"]:  # type: ignore[attr-defined]  # Pulumi's type lacks it
                if token.split(":")[1].partition("/")[0] in modules:
                    yield token


def walk(shape: Shape, seen: set[type]) -> None:
    """Visits a shape to its leaves, and fails where one of the SDK's annotations doesn't resolve."""
    match shape:
        case ListOf(item) | MapOf(item):
            walk(item, seen)
        case OneOf(options):
            for option in options:
                walk(option, seen)
        case ObjectOf(python_class) if python_class not in seen:
            seen.add(python_class)
            for field in shape.fields.values():
                walk(field.shape, seen)
        case _:
            pass


@pytest.mark.parametrize("token", [f"aws:{name}" for name in COMPONENT_TYPES])
def test_every_type_that_the_components_use_resolves_to_its_leaves(token):
    resource = sdk.resource_type(token)
    assert resource.inputs
    assert resource.outputs
    seen: set[type] = set()
    for field in (*resource.inputs.values(), *resource.outputs.values()):
        walk(field.shape, seen)


@pytest.mark.parametrize("module", ["s3", "iam", "ec2", "sagemaker", "glue"])
def test_every_type_of_a_module_resolves_to_its_leaves(module):
    seen: set[type] = set()
    for token in tokens_of(module):
        resource = sdk.resource_type(token)
        for field in (*resource.inputs.values(), *resource.outputs.values()):
            walk(field.shape, seen)
    assert len(seen) > 5, "the module has nested types, and they were visited"


def test_inputs_are_keyed_by_wire_name_and_know_what_is_required():
    inputs = sdk.resource_type("aws:s3/bucketLogging:BucketLogging").inputs
    assert inputs["targetBucket"] == sdk.Property("targetBucket", "target_bucket", True, Scalar("string"))
    assert not inputs["targetGrants"].required


def test_nested_objects_list_their_own_required_fields():
    rules = sdk.resource_type("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    assert isinstance(rules.shape, ListOf) and isinstance(rules.shape.item, ObjectOf)
    fields = rules.shape.item.fields
    assert (fields["id"].required, fields["expiration"].required) == (True, False)
    assert isinstance(fields["expiration"].shape, ObjectOf)
    assert fields["expiration"].shape.fields["days"].shape == Scalar("integer")


@pytest.mark.parametrize(
    ("token", "name", "shape"),
    [
        pytest.param("aws:ec2/vpc:Vpc", "enableDnsSupport", Scalar("boolean"), id="boolean"),
        pytest.param("aws:ec2/vpc:Vpc", "tags", MapOf(Scalar("string")), id="map"),
        pytest.param("aws:s3/bucketObjectv2:BucketObjectv2", "source", Scalar("asset"), id="asset"),
        pytest.param("aws:ec2/vpcEndpoint:VpcEndpoint", "subnetIds", ListOf(Scalar("string")), id="list"),
        pytest.param("aws:ssm/parameter:Parameter", "value", Scalar("string"), id="text"),
    ],
)
def test_an_annotation_becomes_its_shape(token, name, shape):
    assert sdk.resource_type(token).inputs[name].shape == shape


def test_a_policy_is_text_or_an_object():
    shape = sdk.resource_type("aws:iam/role:Role").inputs["assumeRolePolicy"].shape
    assert isinstance(shape, OneOf)
    assert shape.options[0] == Scalar("string")
    assert isinstance(shape.options[1], ObjectOf)


def test_computed_outputs_are_those_that_cannot_be_given():
    resource = sdk.resource_type("aws:iam/role:Role")
    assert set(resource.computed) == {"arn", "createDate", "tagsAll", "uniqueId"}


def test_a_provider_is_a_type_too():
    assert "region" in sdk.resource_type("pulumi:providers:aws").inputs


def test_another_providers_package_is_read_the_same_way():
    pod = sdk.resource_type("kubernetes:core/v1:Pod")
    spec = pod.inputs["spec"].shape
    assert isinstance(spec, ObjectOf)
    assert spec.fields["containers"].required


def test_an_invoke_tells_its_inputs_and_outputs():
    invoke = sdk.invoke_type("aws:ec2/getVpc:getVpc")
    assert {"cidrBlock", "filters", "id", "tags"} <= set(invoke.inputs)
    assert invoke.outputs["enableDnsSupport"].shape == Scalar("boolean")
    assert set(sdk.invoke_type("aws:index/getCallerIdentity:getCallerIdentity").outputs) == {
        "accountId", "arn", "id", "userId",
    }  # fmt: skip


def test_an_invoke_of_a_module_named_by_a_keyword_is_found():
    assert "functionName" in sdk.invoke_type("aws:lambda/getFunction:getFunction").inputs


@pytest.mark.parametrize("read", [sdk.resource_type, sdk.invoke_type])
@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("aws:s3/buckett:Buckett", "the installed aws SDK has no such"),
        ("aws:nowhere/thing:Thing", "the installed aws SDK has no"),
        ("nowhere:index:Thing", "the provider package 'nowhere' is not installed"),
        ("Bucket", "this is no type token"),
    ],
)
def test_an_unknown_token_is_an_input_error_that_names_it(read, token, message):
    with pytest.raises(InputError, match=message) as raised:
        read(token)
    assert isinstance(raised.value, LookupError)
    assert token in str(raised.value)


def test_importing_the_module_imports_no_pulumi():
    code = "import sys, modelyard.core.sdk; sys.exit(any(name.startswith('pulumi') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


SLOW = """
import test_sdk_slow_events
test_sdk_slow_events.begun.set()
test_sdk_slow_events.go.wait(10)
Late = 1
"""


def test_a_module_that_another_thread_loads_is_never_seen_half_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    events = type(sys)("test_sdk_slow_events")
    begun, go = threading.Event(), threading.Event()
    vars(events).update(begun=begun, go=go)
    (tmp_path / "test_sdk_slow.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, events.__name__, events)
    spec = importlib.util.find_spec("test_sdk_slow")
    assert spec is not None and spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "test_sdk_slow", module)
    spec.loader.exec_module(module)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(sdk._members_of, "test_sdk_slow")
        assert begun.wait(10)
        second = threads.submit(lambda: dict(sdk._members_of("test_sdk_slow")))
        wait([second], timeout=0.2)  # one that doesn't wait for the first would be done by then
        go.set()
        assert first.result()["Late"] == second.result()["Late"] == 1
