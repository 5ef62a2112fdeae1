"""Feast's own SDK against the Feast flavour: what the component wrote is all that Feast is told."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet
from tests.clients.environment import ROOT
from tests.clients.servers import REGION, Clients

from modelyard import Context, DataLake, FeaturesSpec, FeatureStore, Keys, KeysSpec, KnownNetwork, LakeSpec, Role
from modelyard.core.access import trust_service
from modelyard.core.addresses import FeatureViewAddress, ResourceDocument
from modelyard.core.contract import NetworkContract
from modelyard_jobs.resources import resources
from modelyard_sandbox.inprocess import Deployment

FRAUD = Context(
    organization="acme", platform="ml", environment="dev", region=REGION, account="123456789012", team="fraud"
)
OWNER = "ada@acme.example"
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-jobs@sha256:{'a' * 64}"
COLUMNS = {
    "customer_id": "string",
    "happened_at": "timestamp",
    "amount": "double",
    "count_7d": "int",
    "vip": "boolean",
    "joined_at": "timestamp",
}
FEATURES = {"amount": "float", "count_7d": "integer", "vip": "boolean", "joined_at": "timestamp"}
JOINED = datetime(2019, 5, 1, 12)
ROWS = [
    ("ann", datetime(2026, 3, 1, 9), 12.5, 3, True, JOINED),
    ("ann", datetime(2026, 3, 2, 9), 99.25, 4, False, JOINED),
    ("bob", datetime(2026, 3, 1, 18), 7.0, 1, True, JOINED),
]
"""Customers at several moments; Ann's newest counts online."""


NETWORK = {
    "vpc_id": "vpc-12345678",
    "cidr": "10.0.0.0/16",
    "subnets": {"private": {f"{REGION}a": "subnet-12345678"}},
    "security_groups": {"workload": "sg-87654321"},
}
REDIS = {"kind": "redis", "security_groups": ["sg-12345678"]}


def program(**flavour: Any) -> dict[str, Any]:
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS.items()]
    dataset = {"classification": "internal", "owner": OWNER, "columns": columns}
    view = {
        "owner": OWNER,
        "entity": [{"name": "customer_id"}],
        "event_time": "happened_at",
        "features": [{"name": name, "type": kind} for name, kind in FEATURES.items()],
        "dataset": "transactions",
        "schedule": "rate(1 hour)",
        "consistency": {},
    }
    spec = FeaturesSpec.model_validate(
        {"flavour": {"kind": "feast", **flavour}, "job": {"image": IMAGE}, "views": {"customer": view}}
    )
    lake = DataLake(
        "lake",
        LakeSpec.model_validate({"datasets": {"transactions": dataset}}),
        context=FRAUD,
        keys=Keys("keys", KeysSpec(), context=FRAUD),
    )
    network = KnownNetwork(NetworkContract.model_validate(NETWORK)) if flavour else None
    store = FeatureStore("features", spec, context=FRAUD, lake=lake, network=network)
    trusted = [trust_service("sagemaker.amazonaws.com", context=FRAUD)]
    worker = Role("worker", context=FRAUD, trusted=trusted, description="fills and reads the views")
    lake.grant_read(worker, datasets=["transactions"])
    store.grant_write(worker)
    store.grant_read_online(worker)
    store.grant_read_offline(worker)
    return {"resources": worker.resources_path}


@pytest.fixture
def stack(deployed: Callable[[Any], Deployment]) -> Deployment:
    return deployed(program)


def granted(stack: Deployment) -> ResourceDocument:
    return resources(stack.outputs["resources"], ssm=stack.client("ssm"))


def working(stack: Deployment) -> dict[str, str]:
    """What a job's container is told."""
    return {"MODELYARD_RESOURCES": stack.outputs["resources"], "PYTHONPATH": str(ROOT / "components")}


def file_of(rows: list[tuple[Any, ...]]) -> bytes:
    columns = {name: [row[at] for row in rows] for at, name in enumerate(COLUMNS)}
    kinds = {"count_7d": pyarrow.int64()}
    arrays = {name: pyarrow.array(values, kinds.get(name)) for name, values in columns.items()}
    written = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays), written)
    return written.getvalue()


def made(stack: Deployment) -> list[str]:
    """The tables that there are, online and in the catalog."""
    glue = stack.client("glue")
    databases = [each["Name"] for each in glue.get_databases()["DatabaseList"]]
    history = [table["Name"] for name in databases for table in glue.get_tables(DatabaseName=name)["TableList"]]
    return sorted([*history, *stack.client("dynamodb").list_tables()["TableNames"]])


def put_history(stack: Deployment, view: FeatureViewAddress) -> None:
    """Rows where the table of the history lies, one file a day."""
    table = stack.client("glue").get_table(DatabaseName=view.database, Name=view.table)["Table"]
    bucket, _, prefix = table["StorageDescriptor"]["Location"].removeprefix("s3://").partition("/")
    for day in {f"{row[1]:%Y-%m-%d}" for row in ROWS}:
        body = file_of([row for row in ROWS if f"{row[1]:%Y-%m-%d}" == day])
        stack.client("s3").put_object(Bucket=bucket, Key=f"{prefix.rstrip('/')}/day={day}/rows.parquet", Body=body)


def test_what_feast_applied_and_materialized_is_read_online_and_as_a_training_set(stack: Deployment, clients: Clients):
    view = granted(stack).feature_view("customer")
    put_history(stack, view)
    tables = made(stack)
    said = clients.script(
        "feast_by_hand",
        {
            "bucket": view.bucket,
            "repository": view.repository,
            "service": "customer_v1",
            "keys": [{"customer_id": name} for name in ("ann", "bob", "eve")],
            "asked": [
                {"customer_id": "ann", "event_timestamp": "2026-03-01T10:00:00+00:00"},
                {"customer_id": "ann", "event_timestamp": "2026-03-03T10:00:00+00:00"},
            ],
        },
    )
    assert said["views"] == [view.store]
    online = said["online"]
    assert online["customer_id"] == ["ann", "bob", "eve"]
    assert online["amount"] == [99.25, 7.0, None], "the newest of Ann, and nothing of whom nobody knows"
    assert online["count_7d"] == [4, 1, None]
    assert online["vip"] == [False, True, None]
    assert [row["amount"] for row in said["history"]] == [12.5, 99.25], "what was known at the time, and nothing later"
    assert made(stack) == tables, "Feast uses the tables that the component made, and leaves none of its own"
    (online_table,) = stack.client("dynamodb").list_tables()["TableNames"]
    assert stack.client("dynamodb").scan(TableName=online_table)["Count"] == 2


def test_the_views_own_jobs_fill_both_stores_and_find_them_equal(stack: Deployment, clients: Clients):
    found = granted(stack)
    source = found.dataset("transactions")
    stack.client("s3").put_object(Bucket=source.bucket, Key=f"{source.prefix}rows.parquet", Body=file_of(ROWS))
    job = working(stack)

    def run(task: str) -> Any:
        said = clients.run(["python", "-m", "modelyard_jobs.features", task, "customer-v1"], variables=job)
        return json.loads(said.splitlines()[-1])

    assert run("materialize")["newest"] == "2026-03-02T09:00:00+00:00"
    compared = run("compare")
    assert (compared["compared"], compared["differing"], compared["missing"]) == (2, 0, 0)

    table = stack.client("dynamodb").list_tables()["TableNames"][0]
    item = stack.client("dynamodb").scan(TableName=table)["Items"][0]
    stack.client("dynamodb").delete_item(TableName=table, Key={"entity_id": item["entity_id"]})
    assert run("compare")["missing"] == 1, "a record that isn't online is told"


def test_a_redis_store_is_understood_with_the_token_of_who_asks(
    deployed: Callable[[Any], Deployment], clients: Clients
):
    stack = deployed(lambda: program(online=REDIS))
    view = granted(stack).feature_view("customer")
    said = clients.script("feast_redis", {"view": "customer"}, variables=working(stack))
    host, _, port = view.endpoint.partition(":")
    assert said["type"] == "redis_cluster"
    assert said["nodes"] == [{"host": host, "port": port}]
    assert said["settings"]["ssl"] is True
    assert said["settings"]["username"] == view.writer
    token = said["settings"]["password"]
    assert "Action=connect" in token and f"User={view.writer}" in token and "X-Amz-Signature=" in token
