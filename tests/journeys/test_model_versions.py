"""What the page on the registry tells to type, typed against a deployed registry whose promotion runs."""

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

from modelyard.blueprints.project import Project
from modelyard.core.emulators import emulator
from modelyard.core.provenance import SnapshotReference
from modelyard.operate.data import find, lake_of
from modelyard.operate.data.snapshots import key_of
from modelyard.operate.deployments import Place
from modelyard.operate.models import Model, model_of
from modelyard.operate.models.promoting import address_of
from modelyard_jobs import resources, versions

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "registry.md").read_text("utf-8")

pytestmark = pytest.mark.engine


def block(mark: str, language: str) -> str:
    found = re.search(rf"<!-- {mark} -->\n```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"the page has no block {mark}"
    return found[1]


@pytest.fixture(scope="module")
def where(yard: Any) -> Place:
    yard("up", "fraud")
    project = Project(yard.root)
    return Place(project, "local", True, ("platform", "fraud"), emulator().environment(project.root))


@pytest.fixture(scope="module")
def scores(where: Place) -> Model:
    """The model `scores` of team fraud, of which nothing is registered yet."""
    return model_of(where, "scores")


@pytest.fixture(scope="module")
def snapshot(yard: Any, where: Place) -> SnapshotReference:
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
    (taken,) = [
        find([lake], hash).manifest for hash in [json.loads(yard("data", "list", "fraud", "--json"))[0]["hash"]]
    ]
    return SnapshotReference.of(taken, lake.bucket("artifacts"), key_of("events", taken.hash))


@pytest.fixture(scope="module")
def registered(
    scores: Model, snapshot: SnapshotReference, tmp_path_factory: pytest.TempPathFactory
) -> versions.Registered:
    """What the page's example registers, in the registry that is deployed here."""
    folder = tmp_path_factory.mktemp("job")
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


def test_before_anything_is_registered_the_list_says_how(yard: Any, scores: Model):
    assert "No version is registered yet of scores" in yard("model", "list", "scores")
    assert "modelyard_jobs.versions.register" in yard("model", "list")


def test_what_isnt_measured_is_refused_with_every_reason(yard: Any, registered: versions.Registered):
    said = yard("model", "approve", "scores", str(registered.version), code=2)
    for gate in ("better", "fair", "fast"):
        assert f"gate-missing: gate {gate}" in said
    assert "Run the model's evaluation" in said


def test_the_page_does_what_it_says(yard: Any, scores: Model, registered: versions.Registered):
    measured(scores, registered.package)
    assert registered.version == 1
    said = yard.shell(block("commands", "bash"))
    for part in (
        "4 of 4 passed",
        "Next: yard model approve scores 1",
        "scores 1 is approved by",
        "release signature verified",
        "fraud/events",
        "entity_id",
        "flowchart LR",
    ):
        assert part in said
    shown = json.loads(yard("model", "show", "scores", "1", "--json"))
    assert (shown["verified"], shown["refused"], shown["release"]["reason"]) == (
        True,
        [],
        "recall holds on March's payments",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "scroes", "1"), r"NAME: got 'scroes'; no team of local has such a model; there are: .*scores"),
        (("show", "scores", "99"), r"VERSION: got 99; scores of fraud has no such version"),
        (("list", "--team", "nobody"), r"there is no such team"),
        (("promote", "scores", "1", "--to", "moon"), r"--env: got 'moon'; is no environment"),
        (("promote", "scores", "1", "--to", "local"), r"--to: got 'local'; is promoted to where it is"),
        (("lineage", "scores", "1", "--json", "--mermaid"), r"--mermaid"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    yard: Any, registered: versions.Registered, arguments: tuple[str, ...], said: str
):
    assert re.search(said, yard("model", *arguments, code=2))
