"""The life of a feature store in the emulator: made, unchanged, changed, a new version beside the old, gone."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sandbox.lives import changed

from modelyard import Context, DataLake, FeaturesSpec, FeatureStore, Keys, KeysSpec, KnownNetwork, LakeSpec, Role
from modelyard.core.access import trust_service
from modelyard.core.contract import NetworkContract
from modelyard.testing import Deployment, deploy
from modelyard_jobs.resources import resources
from modelyard_sandbox.accounting import counted

REGION = "eu-west-1"
FRAUD = Context(
    organization="acme", platform="ml", environment="dev", region=REGION, account="123456789012", team="fraud"
)
OWNER = "ada@acme.example"
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-jobs@sha256:{'a' * 64}"
COLUMNS = {"customer_id": "string", "happened_at": "timestamp", "amount": "double", "count_7d": "int"}
VERSION: dict[str, Any] = {
    "entity": [{"name": "customer_id"}],
    "event_time": "happened_at",
    "features": [{"name": "amount", "type": "float"}],
    "dataset": "transactions",
    "schedule": "rate(1 hour)",
    "freshness_minutes": 120,
    "consistency": {},
}
SAGEMAKER, FEAST = {"kind": "sagemaker"}, {"kind": "feast"}
REDIS = {"kind": "feast", "online": {"kind": "redis", "security_groups": ["sg-12345678"]}}
NETWORK = {
    "vpc_id": "vpc-12345678",
    "cidr": "10.0.0.0/16",
    "subnets": {"private": {"eu-west-1a": "subnet-12345678"}},
    "security_groups": {"workload": "sg-87654321"},
}


def lake_spec() -> LakeSpec:
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS.items()]
    dataset = {"classification": "internal", "owner": OWNER, "columns": columns}
    return LakeSpec.model_validate({"datasets": {"transactions": dataset}})


def a_store(flavour: dict[str, Any], **changes: Any) -> Any:
    view = {**VERSION, "owner": OWNER, **changes}
    spec = FeaturesSpec.model_validate({"flavour": flavour, "job": {"image": IMAGE}, "views": {"customer": view}})

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        lake = DataLake("lake", lake_spec(), context=FRAUD, keys=keys)
        network = KnownNetwork(NetworkContract.model_validate(NETWORK))
        store = FeatureStore("features", spec, context=FRAUD, lake=lake, network=network)
        trusted = [trust_service("sagemaker.amazonaws.com", context=FRAUD)]
        reader = Role("reader", context=FRAUD, trusted=trusted, description="reads")
        store.grant_read_online(reader)

    return program


@pytest.mark.parametrize("flavour", [SAGEMAKER, FEAST, REDIS], ids=["sagemaker", "feast", "redis"])
def test_a_store_is_made_stays_as_it_is_and_goes_without_a_trace(flavour: dict[str, Any]):
    with deploy(lambda: None, region=REGION) as stack:
        before = counted(stack.client, REGION)
        stack.update(a_store(flavour))
        assert set(stack.operations.values()) <= {"create", "same"}
        stack.update(a_store(flavour))
        assert changed(stack) == {}
        stack.update(a_store(flavour, schedule="rate(2 hours)"))
        assert changed(stack) == {"features-customer-v1-materialize": "update"}
        stack.destroy()
        assert counted(stack.client, REGION) == before


@pytest.mark.parametrize(
    ("flavour", "kind"), [(SAGEMAKER, "sagemaker:FeatureGroup"), (FEAST, "dynamodb:Table")], ids=["sagemaker", "feast"]
)
def test_a_new_version_is_made_beside_the_old_one_and_the_plan_replaces_nothing(flavour: dict[str, Any], kind: str):
    with deploy(a_store(flavour), region=REGION) as stack:
        names = set(store_names(stack, flavour))
        other = {"features": [{"name": "count_7d", "type": "integer"}], "version": 2}
        stack.update(a_store(flavour, **other, previous={"1": VERSION}))
        assert not {"replace", "delete"} & set(changed(stack).values()), kind
        both = set(store_names(stack, flavour))
        assert names < both and len(both) == 2
        stack.update(a_store(flavour, **other))
        assert set(store_names(stack, flavour)) == both - names, "the old one goes when the file no longer lists it"
        assert "replace" not in changed(stack).values()


def store_names(stack: Deployment, flavour: dict[str, Any]) -> list[str]:
    if flavour is FEAST:
        return stack.client("dynamodb").list_tables()["TableNames"]
    found = stack.client("sagemaker").list_feature_groups()["FeatureGroupSummaries"]
    return [each["FeatureGroupName"] for each in found]


def test_a_time_to_live_changes_in_place():
    with deploy(a_store(SAGEMAKER), region=REGION) as stack:
        stack.update(a_store(SAGEMAKER, ttl_hours=48))
        (group,) = store_names(stack, SAGEMAKER)
        shown = stack.client("sagemaker").describe_feature_group(FeatureGroupName=group)
        assert shown["OnlineStoreConfig"]["TtlDuration"] == {"Unit": "Hours", "Value": 48}
        assert "replace" not in changed(stack).values()


def test_who_may_read_finds_the_store_and_its_definition_by_name():
    with deploy(a_store(FEAST), region=REGION) as stack:
        found = resources("/modelyard/ml/dev/fraud/reader", ssm=stack.client("ssm")).feature_view("customer")
        assert (found.version, found.flavour) == ("1", "feast")
        s3 = stack.client("s3")
        for key in (found.definition, f"{found.repository}feature_store.yaml", f"{found.repository}definitions.py"):
            assert s3.get_object(Bucket=found.bucket, Key=key)["Body"].read()
        (table,) = store_names(stack, FEAST)
        assert table.endswith(f".{found.store}")
