"""Snapshots, restores and erasures in a lake of the emulator, as `yard data` does them."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec
from modelyard.core.distributions import Categories
from modelyard.core.erasures import Evidence
from modelyard.core.errors import DeploymentError, InputError
from modelyard.core.snapshots import Manifest, difference
from modelyard.operate.data import Dataset, Lake, erase, find, manifests, plan, plan_restore, restore, take
from modelyard.operate.data.store import Store
from modelyard.testing import Deployment, deploy

CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
COLUMNS = [
    {"name": "entity_id", "type": "string", "personal": True},
    {"name": "country", "type": "string"},
    {"name": "amount", "type": "double"},
]
EVENTS: dict[str, Any] = {
    "classification": "internal",
    "owner": "a@acme.example",
    "columns": COLUMNS,
    "partitions": [{"name": "day", "type": "date"}],
}
HELD = {"reason": "case 4711, letter of the court", "since": "2026-01-01", "by": "law@acme.example"}
SPEC = LakeSpec.model_validate(
    {
        "datasets": {
            "events": EVENTS,
            "labels": {**EVENTS, "partitions": [], "format": "csv"},
            "logins": {**EVENTS, "partitions": [], "format": "json"},
            "held": {**EVENTS, "zone": "curated", "partitions": [], "legal_hold": HELD},
        }
    }
)
Rows = Sequence[tuple[str | None, str | None, float | None]]
YLVA: Rows = [("ylva", "FI", 1.0), ("ylva", "FI", 2.0)]
BOB: Rows = [("bob", "SE", 3.0)] * 6


@pytest.fixture(scope="module")
def stack() -> Iterator[Deployment]:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        DataLake("lake", SPEC, context=CONTEXT, keys=keys)

    with deploy(program, region="eu-west-1") as deployed:
        yield deployed


@pytest.fixture
def lake(stack: Deployment) -> Lake:
    """An empty lake of team fraud."""
    s3 = stack.client("s3")
    made = Lake(CONTEXT, SPEC, s3, lambda: "arn:aws:iam::123456789012:role/scientist")
    store = Store(s3)
    for zone in ("raw", "artifacts"):
        bucket = made.bucket(zone)
        for marker in s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", ()):
            s3.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])
        assert store.destroy([found.identity for found in store.versions(bucket, "")]) == []
    return made


@pytest.fixture
def events(lake: Lake) -> Dataset:
    return lake.dataset("events")


def parquet(rows: Rows) -> bytes:
    ids, countries, amounts = zip(*rows, strict=True) if rows else ((), (), ())
    types = (("entity_id", pa.string()), ("country", pa.string()), ("amount", pa.float64()))
    columns = {
        name: pa.array(values, type_) for (name, type_), values in zip(types, (ids, countries, amounts), strict=True)
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata({"made": "by a test"}), buffer, compression="zstd")
    return buffer.getvalue()


def write(dataset: Dataset, key: str, body: Rows | bytes, **properties: Any) -> str:
    data = body if isinstance(body, bytes) else parquet(body)
    answer = dataset.lake.s3.put_object(Bucket=dataset.bucket, Key=dataset.prefix + key, Body=data, **properties)
    return answer["VersionId"]


def read(dataset: Dataset, key: str) -> list[dict[str, Any]]:
    body = dataset.lake.s3.get_object(Bucket=dataset.bucket, Key=key)["Body"].read()
    return pq.read_table(io.BytesIO(body)).to_pylist()


def everything(lake: Lake) -> str:
    """All bytes of all versions in the lake, as text."""
    store = Store(lake.s3)
    found = [one for zone in ("raw", "artifacts") for one in store.versions(lake.bucket(zone), "")]  # pyright: ignore[reportArgumentType]
    parts: list[str] = []
    for one in found:
        body = lake.s3.get_object(Bucket=one.bucket, Key=one.key, VersionId=one.version_id)["Body"].read()
        parts.append(str(pq.read_table(io.BytesIO(body)).to_pylist()) if body[:4] == b"PAR1" else body.decode())
    return "\n".join(parts)


def day(number: int, file: str = "a.parquet") -> str:
    return f"day=2026-01-{number:02}/{file}"


def test_a_snapshot_names_the_versions_that_were_current_and_what_is_in_them(events: Dataset):
    first = write(events, day(1), YLVA)
    write(events, day(2), YLVA)
    second = write(events, day(2), BOB)
    write(events, "day=2026-01-02/_SUCCESS", b"")
    taken = take(events, now=datetime(2026, 1, 3, tzinfo=UTC))
    manifest = taken.manifest
    assert taken.new
    assert [(found.key, found.version_id, found.rows) for found in manifest.objects] == [
        ("events/day=2026-01-01/a.parquet", first, 2),
        ("events/day=2026-01-02/a.parquet", second, 6),
    ]
    assert manifest.rows == 8
    assert manifest.taken_by.endswith("role/scientist")
    statistics = {column.name: column for column in manifest.statistics}
    assert statistics["day"].distinct == 2, "a partition's values stand in the keys"
    assert statistics["entity_id"].distribution is None, "it is personal"
    assert (statistics["country"].distinct, statistics["country"].rows) == (2, 8)
    kept = events.lake.s3.get_object(
        Bucket=events.lake.bucket("artifacts"), Key=f"snapshots/events/{manifest.hash}.json"
    )
    assert Manifest.model_validate_json(kept["Body"].read()) == manifest


def test_the_same_data_is_the_same_snapshot_and_is_never_written_again(events: Dataset):
    write(events, day(1), YLVA)
    first = take(events)
    write(events, day(1), BOB)
    second = take(events)
    assert second.manifest.parent == first.manifest.hash
    again = take(events)
    assert (again.manifest, again.new) == (second.manifest, False)
    versions = events.lake.s3.list_object_versions(Bucket=events.lake.bucket("artifacts"), Prefix="snapshots/")[
        "Versions"
    ]
    assert len(versions) == 2


def test_a_manifest_that_is_there_already_wins_even_if_it_is_not_the_latest(events: Dataset):
    write(events, day(1), YLVA)
    first = take(events)
    extra = write(events, day(2), BOB)
    take(events)
    events.lake.s3.delete_object(Bucket=events.bucket, Key=events.prefix + day(2), VersionId=extra)
    again = take(events)
    assert (again.manifest, again.new) == (first.manifest, False)


def test_a_prefix_is_whole_parts_of_the_path(events: Dataset):
    write(events, day(1), YLVA)
    write(events, day(10), BOB)
    assert [found.key for found in take(events, "day=2026-01-01").manifest.objects] == [
        "events/day=2026-01-01/a.parquet"
    ]
    with pytest.raises(InputError, match="events/day=2026-01/: there is nothing to take a snapshot of"):
        take(events, "day=2026-01")


def test_an_empty_prefix_is_refused(events: Dataset):
    with pytest.raises(InputError, match=r"events/: there is nothing to take a snapshot of\. Write the data first"):
        take(events)


class Meddling:
    """A boto3 client after whose first download somebody writes."""

    def __init__(self, s3: Any, meddle: Callable[[], object]) -> None:
        self._s3, self._meddle, self._done = s3, meddle, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def get_object(self, **wanted: Any) -> Any:
        answer = self._s3.get_object(**wanted)
        if not self._done and "VersionId" in wanted:
            self._done = True
            self._meddle()
        return answer


@pytest.mark.parametrize(
    ("meddle", "said"),
    [
        (lambda d: write(d, day(1), BOB), r"day=2026-01-01/a\.parquet: was overwritten while"),
        (lambda d: write(d, day(3), BOB), r"day=2026-01-03/a\.parquet: was added while"),
        (lambda d: d.lake.s3.delete_object(Bucket=d.bucket, Key=f"events/{day(2)}"), "a.parquet: was deleted while"),
    ],
)
def test_a_changing_prefix_is_refused_and_leaves_no_snapshot(
    events: Dataset, meddle: Callable[[Dataset], Any], said: str
):
    write(events, day(1), YLVA)
    write(events, day(2), BOB)
    busy = Lake(CONTEXT, SPEC, Meddling(events.lake.s3, lambda: meddle(events)), events.lake.caller)
    with pytest.raises(InputError, match=said):
        take(busy.dataset("events"))
    assert manifests(events.lake) == []


def test_an_object_in_no_partition_and_one_of_another_form_are_refused_by_name(events: Dataset):
    write(events, "lost.parquet", YLVA)
    with pytest.raises(InputError, match=r"events/lost\.parquet: lies in no partition by day"):
        take(events)
    events.lake.s3.delete_object(Bucket=events.bucket, Key="events/lost.parquet")
    write(events, day(1), b"entity_id\nylva\n")
    write(events, "day=someday/a.parquet", YLVA)
    with pytest.raises(InputError) as refusal:
        take(events)
    assert "day=2026-01-01/a.parquet: can't be read as parquet" in str(refusal.value)
    assert "day=someday/a.parquet: has values of another type: day (2 no date)" in str(refusal.value)


def test_a_lake_that_is_not_deployed_is_told(lake: Lake):
    elsewhere = Lake(CONTEXT.for_team("churn"), SPEC, lake.s3, lake.caller)
    with pytest.raises(InputError, match="the lake isn't deployed. Deploy it: yard up churn --env dev"):
        take(elsewhere.dataset("events"))
    with pytest.raises(InputError, match="got 'evnts'; is no dataset of fraud; there are: events, labels"):
        lake.dataset("evnts")


def test_two_snapshots_differ_in_objects_rows_and_distributions(events: Dataset):
    write(events, day(1), YLVA)
    write(events, day(2), BOB)
    a = take(events).manifest
    write(events, day(2), [("bob", "NO", 300.0)] * 6)
    write(events, day(3), BOB)
    events.lake.s3.delete_object(Bucket=events.bucket, Key=events.prefix + day(1))
    found = difference(a, take(events).manifest)
    assert (found.rows, found.unchanged) == ((8, 12), 0)
    assert found.added == ("events/day=2026-01-03/a.parquet",)
    assert found.removed == ("events/day=2026-01-01/a.parquet",)
    assert [(one.key, one.same_bytes) for one in found.changed] == [("events/day=2026-01-02/a.parquet", False)]
    columns = {one.name: one for one in found.statistics}
    assert columns["amount"].maximum == (3.0, 300.0)
    assert (columns["amount"].distance or 0) > 0.5


def test_a_snapshot_is_found_by_the_beginning_of_its_hash(events: Dataset):
    write(events, day(1), YLVA)
    manifest = take(events).manifest
    assert find([events.lake], manifest.hash[:8].upper()).manifest == manifest
    for reference, said in ((manifest.hash[:3], "no beginning of a hash"), ("0000beef", "is no snapshot of fraud")):
        with pytest.raises(InputError, match=said):
            find([events.lake], reference)


def test_a_manifest_that_somebody_changed_is_not_believed(events: Dataset):
    write(events, day(1), YLVA)
    manifest = take(events).manifest
    key = f"snapshots/events/{manifest.hash}.json"
    bucket = events.lake.bucket("artifacts")
    changed = manifest.canonical().replace('"rows":2,"sha256":"', '"rows":2,"sha256":"f')
    events.lake.s3.put_object(Bucket=bucket, Key=key, Body=changed.encode())
    with pytest.raises(InputError, match="is no manifest: .*its content has the hash"):
        find([events.lake], manifest.hash)


def test_a_lake_version_is_brought_back_after_everything_was_overwritten_or_deleted(events: Dataset):
    """The restore drill."""
    write(events, day(1), YLVA)
    write(events, day(2), BOB)
    manifest = take(events).manifest
    write(events, day(1), BOB)
    events.lake.s3.delete_object(Bucket=events.bucket, Key=events.prefix + day(2))
    done = restore(plan_restore(events, manifest))
    assert done.prefix == f"restore/events/{manifest.short}/"
    assert (done.objects, done.rows, done.erased) == (2, 8, 0)
    assert [row["entity_id"] for row in read(events, done.prefix + day(1))] == ["ylva", "ylva"]
    assert [row["entity_id"] for row in read(events, done.prefix + day(2))] == ["bob"] * 6
    assert [row["entity_id"] for row in read(events, events.prefix + day(1))] == ["bob"] * 6, "the dataset is as it was"
    assert restore(plan_restore(events, manifest)).objects == 2, "a drill may be repeated"


def test_a_drill_that_discards_leaves_nothing_behind(events: Dataset):
    write(events, day(1), YLVA)
    restore(plan_restore(events, take(events).manifest), discard=True)
    assert Store(events.lake.s3).versions(events.bucket, "restore/") == []


def test_a_dataset_itself_is_brought_back_and_what_came_later_is_hidden_not_lost(events: Dataset):
    write(events, day(1), YLVA)
    kept = write(events, day(2), BOB)
    manifest = take(events).manifest
    write(events, day(1), BOB)
    later = write(events, day(3), BOB)
    planned = plan_restore(events, manifest, to="events")
    assert (planned.live, planned.removed) == (True, ("events/day=2026-01-03/a.parquet",))
    restore(planned)
    after = take(events).manifest
    assert difference(manifest, after).added == difference(manifest, after).removed == ()
    assert [(one.key, one.same_bytes) for one in difference(manifest, after).changed] == [(f"events/{day(1)}", True)]
    assert {found.version_id for found in after.objects} > {kept}, "what was right already isn't copied"
    assert events.lake.s3.head_object(Bucket=events.bucket, Key=f"events/{day(3)}", VersionId=later)


def test_a_version_that_expired_is_told_before_anything_is_copied(events: Dataset):
    gone = write(events, day(1), YLVA)
    write(events, day(2), BOB)
    manifest = take(events).manifest
    write(events, day(1), BOB)
    events.lake.s3.delete_object(Bucket=events.bucket, Key=events.prefix + day(1), VersionId=gone)
    with pytest.raises(InputError, match=f"{day(1)}: got '{gone}'; is gone: the zone raw keeps .* for 30 days"):
        plan_restore(events, manifest)


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("labels", "is the dataset labels's"),
        ("events/copy", "lies inside the dataset"),
        ("/", "is the whole zone"),
        ("mine", "holds what the snapshot doesn't: mine/else"),
    ],
)
def test_a_restore_goes_nowhere_where_something_else_is(events: Dataset, to: str, said: str):
    write(events, day(1), YLVA)
    manifest = take(events).manifest
    events.lake.s3.put_object(Bucket=events.bucket, Key="mine/else", Body=b"1")
    with pytest.raises(InputError, match=said):
        plan_restore(events, manifest, to=to)


def test_a_copy_that_is_not_what_the_snapshot_holds_fails_the_drill(events: Dataset):
    write(events, day(1), YLVA)
    planned = plan_restore(events, take(events).manifest)
    (found, key), *_ = planned.copies
    wrong = write(events, day(1), BOB)
    broken = found.model_copy(update={"version_id": wrong})
    with pytest.raises(DeploymentError, match="has the hash [0-9a-f]{64}, and the snapshot says"):
        restore(type(planned)(**{**{n: getattr(planned, n) for n in planned.__slots__}, "copies": ((broken, key),)}))


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
