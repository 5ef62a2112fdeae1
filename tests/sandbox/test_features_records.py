"""Records of a deployed feature store, put and read by boto3's own run-time client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelyard import Context, DataLake, FeaturesSpec, FeatureStore, Keys, KeysSpec, LakeSpec, Role
from modelyard.core.access import trust_service
from modelyard.core.features import ViewDefinition
from modelyard.testing import Deployment, deploy
from modelyard_jobs.feature_clients import FeatureGroup
from modelyard_jobs.resources import resources

FRAUD = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
OWNER = "ada@acme.example"
COLUMNS = {"customer_id": "string", "happened_at": "timestamp", "amount": "double", "vip": "boolean"}
EARLY, LATE = "2026-03-01T09:00:00.000Z", "2026-03-02T09:00:00.000Z"


def a_store(**changes: Any) -> Any:
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS.items()]
    dataset = {"classification": "internal", "owner": OWNER, "columns": columns}
    view = {
        "owner": OWNER,
        "entity": [{"name": "customer_id"}],
        "event_time": "happened_at",
        "features": [{"name": "amount", "type": "float"}, {"name": "vip", "type": "boolean"}],
        "dataset": "transactions",
        **changes,
    }

    def program() -> dict[str, Any]:
        lake_spec = LakeSpec.model_validate({"datasets": {"transactions": dataset}})
        lake = DataLake("lake", lake_spec, context=FRAUD, keys=Keys("keys", KeysSpec(), context=FRAUD))
        spec = FeaturesSpec.model_validate({"flavour": {"kind": "sagemaker"}, "views": {"customer": view}})
        store = FeatureStore("features", spec, context=FRAUD, lake=lake)
        trusted = [trust_service("sagemaker.amazonaws.com", context=FRAUD)]
        worker = Role("worker", context=FRAUD, trusted=trusted, description="writes and reads")
        store.grant_write(worker)
        return {"resources": worker.resources_path}

    return program


class Store:
    """The online store of the one view, as its address and its definition tell of it."""

    def __init__(self, stack: Deployment) -> None:
        found = resources(stack.outputs["resources"], ssm=stack.client("ssm")).feature_view("customer")
        body = stack.client("s3").get_object(Bucket=found.bucket, Key=found.definition)["Body"].read()
        self.view = ViewDefinition.model_validate_json(body)
        self.client = stack.client("sagemaker-featurestore-runtime")
        self.name = found.store

    def put(self, **values: str) -> None:
        record = [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]
        self.client.put_record(FeatureGroupName=self.name, Record=record)

    def get(self, key: str, *names: str) -> dict[str, str]:
        more = {"FeatureNames": list(names)} if names else {}
        found = self.client.get_record(FeatureGroupName=self.name, RecordIdentifierValueAsString=key, **more)
        return {each["FeatureName"]: each["ValueAsString"] for each in found.get("Record", [])}


@pytest.fixture
def store() -> Iterator[Store]:
    with deploy(a_store(), region="eu-west-1") as stack:
        yield Store(stack)


def test_a_record_is_read_as_it_was_put_whole_or_in_part(store: Store):
    store.put(customer_id="ann", happened_at=EARLY, amount="12.5", vip="1")
    assert store.get("ann") == {"customer_id": "ann", "happened_at": EARLY, "amount": "12.5", "vip": "1"}
    assert store.get("ann", "amount") == {"amount": "12.5"}
    assert store.get("eve") == {}


def test_the_newest_event_counts_whenever_it_is_told(store: Store):
    store.put(customer_id="ann", happened_at=LATE, amount="99.25")
    store.put(customer_id="ann", happened_at=EARLY, amount="12.5")
    assert store.get("ann", "amount") == {"amount": "99.25"}


def test_a_deleted_record_is_gone_and_what_is_older_stays_away(store: Store):
    store.put(customer_id="ann", happened_at=EARLY, amount="12.5")
    where = {"FeatureGroupName": store.name, "RecordIdentifierValueAsString": "ann"}
    store.client.delete_record(**where, EventTime=LATE)
    assert store.get("ann") == {}
    store.put(customer_id="ann", happened_at=EARLY, amount="12.5")
    assert store.get("ann") == {}
    store.client.delete_record(**where, EventTime=LATE, DeletionMode="HardDelete")
    store.put(customer_id="ann", happened_at=EARLY, amount="12.5")
    assert store.get("ann", "amount") == {"amount": "12.5"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"customer_id": "ann", "amount": "1"}, "lacks its feature happened_at"),
        ({"customer_id": "ann", "happened_at": "yesterday"}, "no event time"),
        ({"customer_id": "ann", "happened_at": EARLY, "age": "1"}, "has no feature age"),
        ({"customer_id": "ann", "happened_at": EARLY, "amount": "much"}, "is not Fractional"),
    ],
)
def test_what_is_no_record_of_the_view_is_refused(store: Store, values: dict[str, str], said: str):
    with pytest.raises(ClientError, match=said):
        store.put(**values)


def test_jobs_put_and_compare_records_through_the_same_client(store: Store):
    group = FeatureGroup(store.client, store.view)
    rows = [{"customer_id": name, "happened_at": EARLY, "amount": 1.5, "vip": True} for name in ("ann", "bob")]
    assert group.put(rows) == 2
    ann, eve, bob = group.get([{"customer_id": name} for name in ("ann", "eve", "bob")])
    assert ann is not None and (ann["amount"], ann["vip"]) == ("1.5", "1")
    assert eve is None and bob is not None


def test_a_view_that_is_only_history_takes_no_records():
    refused = pytest.raises(ClientError, match="has no online store")
    with deploy(a_store(online=False), region="eu-west-1") as stack, refused:
        Store(stack).put(customer_id="ann", happened_at=EARLY)


def test_unknown_groups_are_told_one_by_one(store: Store):
    asked = [{"FeatureGroupName": "nowhere", "RecordIdentifiersValueAsString": ["ann"]}]
    said = store.client.batch_get_record(Identifiers=asked)
    assert [each["ErrorCode"] for each in said["Errors"]] == ["ResourceNotFound"]
