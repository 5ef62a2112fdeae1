"""Versions of data brought back from their snapshots, and drills of it."""

from __future__ import annotations

import pytest
from tests.sandbox.data_versions.lake import BOB, YLVA, day, read, write

from modelyard.core.errors import DeploymentError, InputError
from modelyard.core.snapshots import difference
from modelyard.operate.data import Dataset, plan_restore, restore, take
from modelyard.operate.data.store import Store


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
