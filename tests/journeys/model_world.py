"""A model whose versions are registered and measured as the page on the registry tells, for journeys."""

from __future__ import annotations

import io
import json
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelyard.core.provenance import SnapshotReference
from modelyard.operate.data import find, lake_of
from modelyard.operate.data.snapshots import key_of
from modelyard.operate.deployments import Place
from modelyard.operate.models import Model
from modelyard.operate.models.promoting import address_of
from modelyard_jobs import resources, versions

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "registry.md").read_text("utf-8")


def block(mark: str, language: str) -> str:
    """The block of the page below `mark`."""
    found = re.search(rf"<!-- {mark} -->\n```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"the page has no block {mark}"
    return found[1]


def snapshot_of_events(yard: Any, where: Place) -> SnapshotReference:
    """A snapshot of the dataset `events`."""
    lake = lake_of(where, "fraud")
    events, buffer = lake.dataset("events"), io.BytesIO()
    schema = pa.schema(
        {
            "event_id": pa.string(),
            "entity_id": pa.string(),
            "occurred_at": pa.timestamp("us"),
            "amount": pa.decimal128(12, 2),
        }
    )
    row = {"event_id": "e", "entity_id": "n", "occurred_at": datetime(2026, 1, 31), "amount": Decimal(1)}
    pq.write_table(pa.Table.from_pylist([row], schema), buffer)
    lake.s3.put_object(Bucket=events.bucket, Key=f"{events.prefix}day=2026-01-31/a.parquet", Body=buffer.getvalue())
    yard("data", "snapshot", "fraud", "events")
    last = json.loads(yard("data", "list", "fraud", "--json"))[0]
    taken = find([lake], last["hash"]).manifest
    return SnapshotReference.of(taken, lake.bucket("artifacts"), key_of("events", taken.hash))


def registered_by_the_page(scores: Model, snapshot: SnapshotReference, folder: Path) -> versions.Registered:
    """What the page's example registers, in the registry that is deployed here; its job works in `folder`."""
    (folder / "model.tar.gz").write_bytes(b"weights")
    clients = {name: scores.registry.client(name) for name in ("s3", "sagemaker")}
    code = block("register", "python").replace('Path("model.tar.gz")', f'Path("{folder}/model.tar.gz")')
    found = SimpleNamespace(model=lambda name: address_of(scores) if name == "scores" else None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("boto3.client", lambda service: clients[service])
        patch.setattr(resources, "resources", lambda: found)
        names: dict[str, Any] = {"snapshots": [snapshot]}
        exec(code, names)
    return names["made"]


def measured(scores: Model, package: str) -> None:
    """Puts down what the evaluation found of the version: it passes every gate."""
    results = [
        versions.GateResult(gate=gate, metric=metric, value=value)
        for gate, metric, value in (
            ("recall", "recall", 0.91),
            ("better", "recall", 0.91),
            ("fair", "rate_gap", 0.02),
            ("fast", "p95_ms", 30.0),
        )
    ]
    versions.report(address_of(scores), package, results, s3=scores.registry.client("s3"))
