"""The monitors of an endpoint, recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ground import FRAUD, GATED, OWNER, TWO, a_role, ground, known_keys, recording, served

from modelyard.assess.graph import Graph, Node
from modelyard.core.spec import SourceMap
from modelyard.run.monitoring import EndpointMonitors, MonitorsSpec
from modelyard.run.monitoring.metrics import MonitorKind

IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-jobs@sha256:{'0' * 64}"
RUNBOOK = "https://wiki.acme.example/runbooks/score"
COLUMNS = [{"name": "amount"}, {"name": "country", "kind": "category"}, {"name": "sex", "kind": "category"}]
REFERENCE = {
    "prefix": "payments/v3",
    "prediction": "predicted",
    "probability": "scored",
    "label": "fraud",
}
ALL: dict[str, Any] = {
    "owner": OWNER,
    "runbook": RUNBOOK,
    "image": IMAGE,
    "vpc": False,
    "columns": COLUMNS,
    "probability": "1",
    "reference": REFERENCE,
    "labels": {"prefix": "labels/score", "wait_hours": 48},
    "data_quality": {},
    "data_drift": {"every_hours": 6, "sustained": {"bad": 2, "of": 4}, "sample_percent": 50, "share": 0.3},
    "prediction_drift": {},
    "concept_drift": {},
    "model_quality": {"limits": {"accuracy": 0.9, "auc": 0.8}},
    "bias_drift": {"group": "sex"},
    "explanation_drift": {"runbook": "https://wiki.acme.example/runbooks/explained"},
    "latency": {"ms": 250},
    "cpu": {},
    "memory": {"percent": 80},
}
JOBS: tuple[MonitorKind, ...] = (
    "data_quality",
    "data_drift",
    "prediction_drift",
    "concept_drift",
    "model_quality",
    "bias_drift",
    "explanation_drift",
)


def given(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**ALL, **changes}.items() if value != "unset"}


def an_endpoint(**changes: Any) -> dict[str, Any]:
    return served(**{"served_by": TWO, **changes})


def program_of(
    told: dict[str, Any],
    served: dict[str, Any],
    then: Callable[[EndpointMonitors], None] = lambda _: None,
    invokes: dict[str, Any] | None = None,
) -> Graph:
    def program() -> None:
        on = ground(FRAUD, keys=known_keys(), registry=GATED)
        endpoint = on.endpoint("score", served)
        spec = MonitorsSpec.model_validate(told)
        spec.locate(SourceMap("team.yaml"), "monitoring.score")
        monitors = EndpointMonitors("watch", spec, context=FRAUD, endpoint=endpoint, lake=on.lake, keys=on.keys)
        reader = a_role("reader")
        monitors.grant_read_results(reader)
        monitors.grant_start(reader)
        then(monitors)

    return recording(program, invokes=invokes or {})


def one(found: Graph, name: str, kind: str = "") -> Node:
    (node,) = [node for node in found.nodes if node.name == name and kind in node.type]
    return node
