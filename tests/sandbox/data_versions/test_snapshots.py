"""Snapshots of data in a lake: what they name, when they are refused, how they differ and are found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.sandbox.data_versions.lake import BOB, CONTEXT, SPEC, YLVA, Meddling, day, write

from modelyard.core.errors import InputError
from modelyard.core.snapshots import Manifest, difference
from modelyard.operate.data import Dataset, Lake, find, manifests, take


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
