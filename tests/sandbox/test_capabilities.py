"""The life of each capability in the emulator: made, unchanged, changed, gone; and grants used by who has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pulumi
import pytest
from botocore.exceptions import ClientError
from moto import settings as moto_settings
from moto.core.authorization import ActionAuthenticatorMixin
from tests.sandbox.lives import changed

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Network, Role, TeamFence, TeamHeader, VpcSpec
from modelyard.core.access import trust_service
from modelyard.foundation.network import ExistingNetwork, ExistingNetworkSpec
from modelyard.testing import Deployment, deploy
from modelyard_sandbox.accounting import counted

CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD = CONTEXT.for_team("fraud")
DATASET = {"classification": "internal", "owner": "a@acme.example", "columns": [{"name": "id", "type": "string"}]}
Program = Callable[[], None]


def lake_spec(**changes: Any) -> LakeSpec:
    datasets = {"events": {**DATASET, **changes}, "labels": {**DATASET, "zone": "curated"}}
    return LakeSpec.model_validate({"datasets": datasets})


def a_lake(**changes: Any) -> Program:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        lake = DataLake("lake", lake_spec(**changes), context=FRAUD, keys=keys)
        trusted = [trust_service("sagemaker.amazonaws.com", context=FRAUD)]
        reader = Role("reader", context=FRAUD, trusted=trusted, description="reads")
        writer = Role("writer", context=FRAUD, trusted=trusted, description="writes")
        Role("stranger", context=CONTEXT.for_team("churn"), trusted=trusted, description="has nothing")
        lake.grant_read(reader, datasets=["events"])
        lake.grant_write(writer, datasets=["events"])

    return program


def a_network(**changes: Any) -> Program:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        spec = VpcSpec.model_validate({"kind": "vpc", "cidr": "10.20.0.0/16", "zones": ["eu-west-1a"], **changes})
        network = Network("network", spec, context=CONTEXT, keys=keys)
        network.use("kms")

    return program


def some_keys(rotation: int = 365) -> Program:
    def program() -> None:
        spec = KeysSpec.model_validate({"domains": {"default": {"rotation_days": rotation}, "models": {}}})
        Keys("keys", spec, context=FRAUD)

    return program


def a_fence(cost_center: str = "1") -> Program:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        header = TeamHeader.model_validate(
            {"team": "fraud", "owners": [{"name": "Ada", "email": "ada@acme.example"}], "cost_center": cost_center}
        )
        TeamFence("fence", header, context=FRAUD, keys=keys)

    return program


LIVES = [
    pytest.param(a_lake(), a_lake(retention_days=30), {"lake-raw-lifecycle": "update"}, id="data"),
    pytest.param(some_keys(), some_keys(90), {"keys-default": "update"}, id="keys"),
    pytest.param(a_network(), a_network(flow_logs={"kind": "cloudwatch", "retention_days": 60}),
                 {"network-flow-log-group": "update"}, id="network"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "other", "expected"), LIVES)
def test_a_capability_is_made_stays_as_it_is_changes_by_one_update_and_goes(
    emulator: str, program: Program, other: Program, expected: dict[str, str]
):
    with deploy(lambda: None, region="eu-west-1", emulator=emulator) as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(program)
        assert set(stack.operations.values()) <= {"create", "same"}
        stack.update(program)
        assert changed(stack) == {}
        stack.update(other)
        assert changed(stack) == expected
        stack.destroy()
        assert counted(stack.client, "eu-west-1") == before


def test_a_network_grows_nat_and_public_subnets_without_moving_the_others(emulator: str):
    with deploy(a_network(), region="eu-west-1", emulator=emulator) as stack:
        private = stack.resource("network-private-eu-west-1a").id
        stack.update(a_network(nat="one"))
        assert "replace" not in changed(stack).values()
        assert stack.resource("network-private-eu-west-1a").id == private
        gateways = stack.client("ec2").describe_nat_gateways()["NatGateways"]
        assert [gateway["State"] for gateway in gateways] == ["available"]
        stack.update(a_network(nat="one", zones=["eu-west-1a", "eu-west-1b"]))
        assert "replace" not in changed(stack).values(), "a new zone moves nobody"
        stack.destroy()


def test_an_existing_vpc_is_used_and_left_alone():
    with deploy(lambda: None, region="eu-west-1") as stack:
        ec2 = stack.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
        made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.40.0.0/24", AvailabilityZone="eu-west-1a")["Subnet"]
        subnets = {"private": {"eu-west-1a": made["SubnetId"]}}

        def program() -> None:
            spec = ExistingNetworkSpec.model_validate({"vpc_id": vpc, "subnets": subnets})
            network = ExistingNetwork("network", spec, context=CONTEXT)
            pulumi.export("cidr", network.cidr)
            pulumi.export("subnets", network.subnet_ids("private"))
            pulumi.export("group", network.security_group("workload"))

        stack.update(program)
        assert stack.outputs["cidr"] == "10.40.0.0/16"
        assert stack.outputs["subnets"] == [made["SubnetId"]]
        stack.update(program)
        assert changed(stack) == {}
        stack.destroy()
        assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"], "what the platform didn't make, it doesn't take"


def test_a_fence_is_made_and_stays_as_it_is(emulator: str):
    with deploy(a_fence(), region="eu-west-1", emulator=emulator) as stack:
        stack.update(a_fence())
        assert changed(stack) == {}
        stack.update(a_fence("2"))
        assert set(changed(stack).values()) == {"update"}
        stack.destroy()


@contextmanager
def judged() -> Iterator[None]:
    """IAM decides from here on; what happened before was done by an administrator."""
    before = moto_settings.INITIAL_NO_AUTH_ACTION_COUNT
    moto_settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    ActionAuthenticatorMixin.request_count = 0
    try:
        yield
    finally:
        moto_settings.INITIAL_NO_AUTH_ACTION_COUNT = before


@pytest.fixture(scope="module")
def lake() -> Iterator[Deployment]:
    with deploy(a_lake(), region="eu-west-1") as stack:
        stack.client("s3").put_object(Bucket=bucket_of(stack, "raw"), Key="events/day=1/a", Body=b"1")
        stack.client("s3").put_object(Bucket=bucket_of(stack, "raw"), Key="other/a", Body=b"1")
        stack.client("s3").put_object(Bucket=bucket_of(stack, "curated"), Key="labels/a", Body=b"1")
        yield stack


def bucket_of(stack: Deployment, zone: str) -> str:
    return stack.resource(f"lake-{zone}").properties["bucket"]


def as_role(stack: Deployment, name: str) -> Any:
    arn = stack.resource(f"{name}-role").properties["arn"]
    got = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return boto3.client(
        "s3",
        region_name="eu-west-1",
        aws_access_key_id=got["AccessKeyId"],
        aws_secret_access_key=got["SecretAccessKey"],
        aws_session_token=got["SessionToken"],
    )


def read(s3: Any, bucket: str, key: str) -> str:
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def write(s3: Any, bucket: str, key: str) -> int:
    return s3.put_object(Bucket=bucket, Key=key, Body=b"2")["ResponseMetadata"]["HTTPStatusCode"]


ALLOWED = [("reader", read, "raw", "events/day=1/a"), ("writer", write, "raw", "events/day=2/b")]
REFUSED = [
    ("reader", read, "raw", "other/a"),
    ("reader", read, "curated", "labels/a"),
    ("reader", write, "raw", "events/day=1/a"),
    ("writer", read, "raw", "events/day=1/a"),
    ("writer", write, "curated", "labels/b"),
    ("stranger", read, "raw", "events/day=1/a"),
    ("stranger", write, "raw", "events/day=1/a"),
]


@pytest.mark.parametrize(("who", "act", "zone", "key"), ALLOWED)
def test_a_grant_lets_its_grantee(lake: Deployment, who: str, act: Callable[..., object], zone: str, key: str):
    s3 = as_role(lake, who)
    with judged():
        assert act(s3, bucket_of(lake, zone), key)


@pytest.mark.parametrize(("who", "act", "zone", "key"), REFUSED)
def test_nobody_gets_what_was_not_granted(lake: Deployment, who: str, act: Callable[..., object], zone: str, key: str):
    s3 = as_role(lake, who)
    with judged(), pytest.raises(ClientError) as refusal:
        act(s3, bucket_of(lake, zone), key)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_an_object_under_another_encryption_is_refused(lake: Deployment):
    s3 = lake.client("s3")
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket_of(lake, "raw"))["Policy"])
    assert {statement["Sid"] for statement in policy["Statement"]} >= {"OnlyEncrypted", "OnlyWithOwnKey"}
