"""A lake, and a view on it, of which tests of features are made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Role
from modelyard.assess.graph import Graph, Node, record
from modelyard.build.features import FeaturesSpec, FeatureStore
from modelyard.core.access import trust_service
from modelyard.core.document import load, parse

CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
OWNER = "ada@acme.example"
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-jobs@sha256:{'a' * 64}"
COLUMNS = {
    "customer_id": "string",
    "merchant_id": "bigint",
    "happened_at": "timestamp",
    "amount": "double",
    "count_7d": "int",
    "vip": "boolean",
}
LAKE = LakeSpec.model_validate(
    {
        "datasets": {
            "transactions": {
                "classification": "internal",
                "owner": OWNER,
                "zone": "curated",
                "columns": [{"name": name, "type": kind} for name, kind in COLUMNS.items()],
            }
        }
    }
)
VIEW: dict[str, Any] = {
    "owner": OWNER,
    "entity": [{"name": "customer_id"}],
    "event_time": "event_time",
    "features": [
        {"name": "amount", "type": "float", "description": "What was paid"},
        {"name": "vip", "type": "boolean", "owner": "bob@acme.example"},
    ],
    "dataset": "transactions",
    "columns": {"event_time": "happened_at"},
}
FILLED = {
    **VIEW,
    "schedule": "rate(1 hour)",
    "freshness_minutes": 120,
    "consistency": {"sample": 100},
    "ttl_hours": 48,
}
FEAST = {"kind": "feast"}


def spec(flavour: dict[str, Any] | None = None, job: bool = True, **views: Any) -> FeaturesSpec:
    given: dict[str, Any] = {"views": views or {"customer": FILLED}}
    if flavour is not None:
        given["flavour"] = flavour
    if job:
        given["job"] = {"image": IMAGE}
    return FeaturesSpec.model_validate(given)


def recorded(features: FeaturesSpec, context: Context = CONTEXT, grants: bool = False, lake: LakeSpec = LAKE) -> Graph:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=context)
        made = DataLake("lake", lake, context=context, keys=keys)
        store = FeatureStore("features", features, context=context, lake=made)
        if grants:
            trusted = [trust_service("sagemaker.amazonaws.com", context=context)]
            for intent in ("read_online", "read_offline", "write"):
                role = Role(intent.replace("_", "-"), context=context, trusted=trusted, description=intent)
                getattr(store, f"grant_{intent}")(role)

    return record(program, project="p", stack="s", region=context.region)


def only(graph: Graph, kind: str) -> Node:
    (node,) = graph.of_type(kind)
    return node


def named(graph: Graph, name: str) -> Node:
    (node,) = [node for node in graph.nodes if node.name == name]
    return node


TABLE = "aws:dynamodb/table:Table"


def loaded(views: Mapping[str, Any], **more: Any) -> FeaturesSpec:
    document = {"views": views, "job": {"image": IMAGE}, **more}
    return load(parse(json.dumps(document).encode(), "features.yaml"), FeaturesSpec)
