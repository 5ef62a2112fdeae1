"""Erasures of a person's rows: from every version, told, and stopped where something keeps them."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.sandbox.data_versions.lake import BOB, CONTEXT, SPEC, YLVA, Meddling, day, read, write

from modelyard.core.distributions import Categories
from modelyard.core.erasures import Evidence
from modelyard.core.errors import InputError
from modelyard.operate.data import Dataset, Lake, erase, manifests, plan, plan_restore, restore, take
from modelyard.operate.data.store import Store


def everything(lake: Lake) -> str:
    """All bytes of all versions in the lake, as text."""
    store = Store(lake.s3)
    found = [one for zone in ("raw", "artifacts") for one in store.versions(lake.bucket(zone), "")]
    parts: list[str] = []
    for one in found:
        body = lake.s3.get_object(Bucket=one.bucket, Key=one.key, VersionId=one.version_id)["Body"].read()
        parts.append(str(pq.read_table(io.BytesIO(body)).to_pylist()) if body[:4] == b"PAR1" else body.decode())
    return "\n".join(parts)


def test_an_erasure_leaves_no_row_in_any_version_and_tells_what_it_did(events: Dataset):
    write(events, day(1), [*YLVA, *BOB], Metadata={"writer": "ingest"}, Tagging="cost=1")
    write(events, day(2), YLVA)
    write(events, day(2), BOB)
    manifest = take(events).manifest
    restore(plan_restore(events, manifest))
    planned = plan(events, {"entity_id": "ylva"})
    assert planned.rows == 4, "two in the dataset, two in the copy"
    assert len(planned.affected) == 3, "an older version holds two more"
    evidence = erase(planned, reference="DSR-7")
    assert evidence.complete
    assert "ylva" not in everything(events.lake)
    assert read(events, events.prefix + day(1)) == [{"entity_id": "bob", "country": "SE", "amount": 3.0}] * 6
    head = events.lake.s3.head_object(Bucket=events.bucket, Key=events.prefix + day(1))
    assert head["Metadata"] == {"writer": "ingest"}
    assert head["TagCount"] == 1
    body = events.lake.s3.get_object(Bucket=events.bucket, Key=events.prefix + day(1))["Body"].read()
    file = pq.ParquetFile(io.BytesIO(body))
    assert file.schema_arrow.metadata == {b"made": b"by a test"}
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    kept = events.lake.s3.get_object(Bucket=events.lake.bucket("artifacts"), Key=evidence.key)["Body"].read().decode()
    assert Evidence.model_validate_json(kept) == evidence
    assert (evidence.reference, evidence.columns, evidence.snapshots) == ("DSR-7", ("entity_id",), (manifest.hash,))


def test_a_second_erasure_finds_nothing_left(events: Dataset):
    write(events, day(1), [*YLVA, *BOB])
    erase(plan(events, {"entity_id": "ylva"}))
    assert plan(events, {"entity_id": "ylva"}).affected == ()


def test_a_dry_run_changes_nothing(events: Dataset):
    write(events, day(1), [*YLVA, *BOB])
    take(events)
    before = everything(events.lake)
    plan(events, {"entity_id": "ylva"})
    assert everything(events.lake) == before


def test_a_snapshot_that_lost_rows_says_so_and_comes_back_without_them(events: Dataset):
    write(events, day(1), [*YLVA, *BOB])
    manifest = take(events).manifest
    evidence = erase(plan(events, {"entity_id": "ylva"}))
    (found,) = manifests(events.lake)
    assert found.manifest.hash == manifest.hash
    assert [stone.evidence for stone in found.manifest.tombstones] == [evidence.key]
    versions = Store(events.lake.s3).versions(events.lake.bucket("artifacts"), "snapshots/")
    assert len(versions) == 1, "the manifest of before is gone"
    done = restore(plan_restore(events, found.manifest))
    assert (done.rows, done.erased) == (6, 2)


def test_a_snapshot_of_a_version_that_an_erasure_deleted_cannot_come_back(events: Dataset):
    write(events, day(1), YLVA)
    take(events)
    write(events, day(1), BOB)
    erase(plan(events, {"entity_id": "ylva"}))
    (found,) = manifests(events.lake)
    with pytest.raises(InputError, match="was erased together with a subject's rows"):
        plan_restore(events, found.manifest)


def test_statistics_that_name_the_value_no_longer_do(lake: Lake):
    logins = lake.dataset("logins")
    lines = [json.dumps({"entity_id": "x", "country": "of-ylva", "amount": 1.5})] * 7
    write(logins, "a.json", "\n".join([*lines, '{"entity_id":"y","country":"FI"}', ""]).encode())
    assert "of-ylva" in take(logins).manifest.canonical()
    evidence = erase(plan(logins, {"country": "of-ylva"}))
    assert len(evidence.redacted) == 1
    (found,) = manifests(lake)
    country = next(column for column in found.manifest.statistics if column.name == "country").distribution
    assert country == Categories(top=(), other=8)
    assert "of-ylva" not in everything(lake)


TEXT = [
    (
        "labels",
        "a.csv",
        'entity_id,country,amount\r\nbob,"a\nb",1.50\r\nylva,"x\ny",2\r\n"bob ","",\r\n',
        'ylva,"x\ny",2\r\n',
    ),
    ("logins", "a.json", '{"entity_id": "bob",  "amount": 1.50}\n\n{"entity_id":"ylva"}\n', '{"entity_id":"ylva"}\n'),
]


@pytest.mark.parametrize(("name", "key", "text", "gone"), TEXT)
def test_in_text_formats_every_other_byte_stays(lake: Lake, name: str, key: str, text: str, gone: str):
    dataset = lake.dataset(name)
    write(dataset, key, text.encode())
    erase(plan(dataset, {"entity_id": "ylva"}))
    body = lake.s3.get_object(Bucket=dataset.bucket, Key=dataset.prefix + key)["Body"].read().decode()
    assert body == text.replace(gone, "")


def test_all_rows_of_an_object_may_go_and_none_of_an_older_version_comes_to_light(events: Dataset):
    write(events, day(1), [*YLVA, *BOB])
    write(events, day(1), YLVA)
    erase(plan(events, {"entity_id": "ylva"}))
    assert read(events, events.prefix + day(1)) == []


def test_a_declared_legal_hold_goes_before_an_erasure(lake: Lake):
    held = lake.dataset("held")
    write(held, "a.parquet", YLVA)
    planned = plan(held, {"entity_id": "ylva"})
    with pytest.raises(InputError, match=r"is under a legal hold since 2026-01-01: case 4711.*Ask law@acme\.example"):
        erase(planned)
    assert len(read(held, "held/a.parquet")) == 2


def test_rows_that_arrive_while_an_erasure_runs_are_told_as_left(events: Dataset):
    write(events, day(1), [*YLVA, *BOB])
    planned = plan(events, {"entity_id": "ylva"})
    write(events, day(2), YLVA)
    write(events, day(3), BOB)
    assert erase(planned).left == (f"events/{day(2)}",)


def test_a_version_that_S3_keeps_from_being_deleted_is_told_as_left(lake: Lake):
    held = lake.dataset("held")
    version = write(held, "b.parquet", [*YLVA, *BOB])
    evidence = erase(dataclasses.replace(plan(held, {"entity_id": "ylva"}), held=()))
    assert not evidence.complete
    assert f"s3://{held.bucket}/held/b.parquet" in evidence.left
    assert lake.s3.head_object(Bucket=held.bucket, Key="held/b.parquet", VersionId=version)


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        ({"ObjectLockLegalHoldStatus": "ON"}, "is under a legal hold, which goes before"),
        (
            {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": datetime(2030, 1, 1, tzinfo=UTC)},
            r"must be kept until 2030-01-01 \(Object Lock, COMPLIANCE\)",
        ),
    ],
)
def test_a_version_under_object_lock_is_not_erased(events: Dataset, lock: dict[str, Any], said: str):
    write(events, day(1), YLVA)

    class Locked(Meddling):
        def head_object(self, **wanted: Any) -> Any:
            return {**self._s3.head_object(**wanted), **lock}

    locked = Lake(CONTEXT, SPEC, Locked(events.lake.s3, lambda: None), events.lake.caller)
    with pytest.raises(InputError, match=said):
        erase(plan(locked.dataset("events"), {"entity_id": "ylva"}))
    assert len(read(events, events.prefix + day(1))) == 2


def test_an_object_that_was_written_meanwhile_stays_and_the_erasure_says_that_it_is_not_complete(events: Dataset):
    write(events, day(1), [*YLVA, *BOB])
    planned = plan(events, {"entity_id": "ylva"})
    write(events, day(1), YLVA)
    evidence = erase(planned)
    assert evidence.left == (f"events/{day(1)}",)
    assert not evidence.complete
    again = erase(plan(events, {"entity_id": "ylva"}))
    assert again.complete
    assert "ylva" not in everything(events.lake)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"nobody": "1"}, "--where: got 'nobody'; is no column of its objects; they have entity_id, country, amount"),
        ({"amount": "1.5"}, "is double; rows are found by string"),
        ({"day": "2026-01-01"}, "got 'day'; is no column of its objects"),
    ],
)
def test_rows_are_found_by_an_identifier_only(events: Dataset, wanted: dict[str, str], said: str):
    with pytest.raises(InputError, match=re.escape(said)):
        plan(events, wanted)


def test_an_object_that_nobody_can_look_into_stops_an_erasure_unless_it_is_hidden(events: Dataset):
    write(events, day(1, "_note"), b"ylva?")
    assert plan(events, {"entity_id": "ylva"}).unread[0].startswith("events/day=2026-01-01/_note")
    write(events, day(1, "note"), b"ylva?")
    with pytest.raises(InputError, match="nobody knows whether the subject is in it"):
        plan(events, {"entity_id": "ylva"})
