"""Endpoints, each with its watch, recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from tests.ground import FRAUD, ground, known_keys, recording, served

from modelyard import EndpointWatch, EvidenceStore, GovernanceSpec, TeamWatch, WatchSpec
from modelyard.assess.graph import Graph

SERVERLESS = {"kind": "serverless", "memory_mib": 2048}
PROBE = {"payload": "1,2,3"}
ALARM, FUNCTION = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:lambda/function:Function"
RULE, POLICY = "aws:cloudwatch/eventRule:EventRule", "aws:iam/rolePolicy:RolePolicy"
Watches = Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]


def program(
    watches: Watches,
    *,
    evidence: bool = False,
    region: str = "eu-west-1",
    team: Callable[[TeamWatch], None] | None = None,
    invokes: Mapping[str, Any] | None = None,
) -> Graph:
    """Endpoints by name, each with its watch: what serves it, and what watches it."""
    context = replace(FRAUD, region=region)

    def made() -> None:
        on = ground(context, keys=known_keys())
        keys, lake = on.keys, on.lake
        store = None
        if evidence:
            store = EvidenceStore(
                "evidence", GovernanceSpec(), context=context, keys=keys, registry=on.registry, audit=on.audit
            )
        watched: list[EndpointWatch] = []
        for name, (serving, watch) in watches.items():
            given = {**served(), **serving}
            if given["served_by"]["kind"] == "serverless":
                given["vpc"] = serving.get("vpc")
            endpoint = on.endpoint(name, given)
            watched.append(
                EndpointWatch(
                    f"{name}-watch",
                    WatchSpec.model_validate(watch),
                    context=context,
                    endpoint=endpoint,
                    lake=lake,
                    keys=keys,
                )
            )
        if team is not None:
            team(TeamWatch("watch", context=context, watched=watched, lake=lake, keys=keys, evidence=store))

    return recording(made, region=region, invokes=invokes or {})


@cache
def whole() -> Graph:
    watch = {
        "runbook": "https://wiki.acme.example/scores",
        "probe": {**PROBE, "latency_ms": 500},
        "cost": {"monthly_ceiling_usd": 200},
        "patterns": {
            "columns": ["age", "amount"],
            "ranges": {"amount": {"least": 0, "most": 10_000}},
            "boundary": {"threshold": 0.5},
            "share_of_one": 0.9,
        },
    }
    return program({"score": ({}, watch), "other": ({}, {})}, evidence=True, team=lambda _: None)


def one(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.named(name) if node.custom]
    return dict(found.properties)


def names(graph: Graph, kind: str, start: str) -> set[str]:
    return {node.name.removeprefix(start) for node in graph.of_type(kind) if node.name.startswith(start)}


def policies(graph: Graph, role: str) -> list[dict[str, Any]]:
    return [
        statement
        for node in graph.of_type(POLICY)
        if node.name.startswith(f"{role}-") and node.name.endswith("-access")
        for statement in json.loads(node.properties["policy"])["Statement"]
    ]


ASYNCHRONOUS = {"kind": "asynchronous", "instance_type": "ml.m5.large"}
PAGE = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text("utf-8")
