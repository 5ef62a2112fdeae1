"""What the pages on snapshots, restores and erasures tell to type, typed against a deployed lake."""

from __future__ import annotations

import io
import json
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelyard.operate.data import Dataset, lake_of
from modelyard.operate.deployments import Place

DOCS = Path(__file__).resolve().parents[2] / "docs"
DAY = "day=2026-01-31"

pytestmark = pytest.mark.engine


def block(page: str, mark: str) -> str:
    """The commands of a page below a mark."""
    found = re.search(rf"<!-- {mark} -->\n```bash\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    assert found, f"docs/{page} has no block {mark}"
    return found[1]


@pytest.fixture(scope="module")
def events(where: Place) -> Dataset:
    """The dataset `events` of team fraud, deployed, with two objects."""
    dataset = lake_of(where, "fraud").dataset("events")
    write(dataset, "a", ["e-17"] * 3 + ["e-18"] * 7)
    write(dataset, "b", ["e-18"] * 5)
    return dataset


def write(dataset: Dataset, name: str, entities: list[str]) -> None:
    schema = pa.schema(
        {
            "event_id": pa.string(),
            "entity_id": pa.string(),
            "occurred_at": pa.timestamp("us"),
            "amount": pa.decimal128(12, 2),
        }
    )
    rows = [
        {"event_id": f"{name}{index}", "entity_id": who, "occurred_at": datetime(2026, 1, 31), "amount": Decimal(index)}
        for index, who in enumerate(entities)
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema), buffer)
    key = f"{dataset.prefix}{DAY}/{name}.parquet"
    dataset.lake.s3.put_object(Bucket=dataset.bucket, Key=key, Body=buffer.getvalue())


def test_a_snapshot_is_taken_listed_and_compared(fraud: Any, events: Dataset):
    first = json.loads(fraud("data", "snapshot", "fraud", "events", "--json"))
    assert [found["rows"] for found in first["objects"]] == [10, 5]
    assert "nothing changed since" in fraud("data", "snapshot", "fraud", "events")
    write(events, "c", ["e-19"] * 5)
    shown = fraud("data", "snapshot", "fraud", "events", "--prefix", DAY)
    assert "3 objects, 20 rows" in shown
    listed = json.loads(fraud("data", "list", "fraud", "--json"))
    assert [found["rows"] for found in listed] == [15, 20]
    difference = fraud("data", "diff", first["hash"][:8], listed[1]["hash"][:8])
    assert "rows     15 → 20 (+5)" in difference
    assert f"+ events/{DAY}/c.parquet" in difference


def test_the_restore_page_does_what_it_says(fraud: Any, events: Dataset):
    """Drill, then an accident: a partition is overwritten and deleted, and comes back."""
    drill = fraud.shell(block("restore.md", "drill"))
    assert "verified: 3 objects, 20 rows, every hash as in the snapshot" in drill
    listing = events.lake.s3.list_objects_v2(Bucket=events.bucket, Prefix="restore/")
    assert listing["KeyCount"] == 0, "the drill leaves nothing"
    snapshot = json.loads(fraud("data", "snapshot", "fraud", "events", "--json"))["hash"]
    write(events, "a", ["intruder"])
    write(events, "z", ["intruder"])
    events.lake.s3.delete_object(Bucket=events.bucket, Key=f"{events.prefix}{DAY}/b.parquet")
    said = fraud.shell(f"SNAPSHOT={snapshot}\n{block('restore.md', 'accident')}")
    assert "Nothing is changed yet" in said
    assert "verified: 3 objects, 20 rows" in said
    after = json.loads(fraud("data", "snapshot", "fraud", "events", "--json"))
    changed = json.loads(fraud("data", "diff", snapshot[:12], after["hash"][:12], "--team", "fraud", "--json"))
    assert (changed["added"], changed["removed"], changed["unchanged"]) == ([], [], 1)
    assert all(found["same_bytes"] for found in changed["changed"])


def test_the_erasure_page_does_what_it_says(fraud: Any, events: Dataset):
    looked = fraud.shell(block("erasure.md", "look"))
    assert "3 rows in 1 object" in looked
    assert "Nothing is changed yet" in looked
    done = fraud.shell(block("erasure.md", "do"))
    record = re.search(r"record: (\S+)", done)
    assert record
    body = events.lake.s3.get_object(Bucket=events.lake.bucket("artifacts"), Key=record[1])["Body"].read().decode()
    assert json.loads(body)["reference"] == "DSR-2026-0042"
    assert "e-17" not in body
    assert "0 rows in 0 objects, and 0 older versions" in fraud.shell(block("erasure.md", "look"))
    assert "rows erased" in fraud("data", "list", "fraud")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("snapshot", "fraud", "evnts"), r"got 'evnts'; is no dataset of fraud; there are: events, labels"),
        (("snapshot", "nobody", "events"), r"there is no such team"),
        (("snapshot", "fraud", "labels"), r"labels/: there is nothing to take a snapshot of"),
        (("diff", "xyz", "1234"), r"A: got 'xyz'; is no beginning of a hash"),
        (("erase", "fraud", "events", "--where", "entity_id"), r"--where: got 'entity_id'; is no COLUMN=VALUE"),
        (("restore", "fraud", "events", "00000000"), r"SNAPSHOT: got '00000000'; is no snapshot of events"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(fraud: Any, events: Dataset, arguments: tuple[str, ...], said: str):
    assert re.search(said, fraud("data", *arguments, code=2))
