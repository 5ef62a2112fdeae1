import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from modelyard.core.distributions import Categories, Category, ColumnStatistics, Histogram, Numbers, Quantile
from modelyard.core.snapshots import (
    Column,
    ErasedVersion,
    Manifest,
    ObjectVersion,
    SnapshotSummary,
    Tombstone,
    canonical,
    content_hash,
    difference,
)
from modelyard.operate.data import showing

COLUMNS = (Column(name="id", type="string"), Column(name="amount", type="double"))
WHEN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def version(key: str, *, version_id: str = "1", rows: int = 10, sha256: str = "aa") -> ObjectVersion:
    return ObjectVersion(
        bucket="raw", key=key, version_id=version_id, size=rows * 100, etag="e", sha256=sha256, rows=rows
    )


def numbers(mean: float) -> Numbers:
    return Numbers(
        kind="numbers",
        minimum=mean - 1,
        maximum=mean + 1,
        mean=mean,
        deviation=1.0,
        quantiles=(Quantile(thousandths=500, value=mean),),
        histogram=Histogram(exponent=0, first=int(mean) - 1, counts=(5, 5)),
    )


def manifest(*objects: ObjectVersion, columns: tuple[Column, ...] = COLUMNS, **changes: Any) -> Manifest:
    found = objects or (version("events/a"), version("events/b"))
    rows = sum(one.rows for one in found)
    statistics = tuple(ColumnStatistics(name=column.name, rows=rows, nulls=0, distinct=rows) for column in columns)
    fields: dict[str, Any] = {
        "hash": content_hash("events", "parquet", columns, found),
        "team": "fraud",
        "environment": "dev",
        "dataset": "events",
        "format": "parquet",
        "classification": "internal",
        "columns": columns,
        "objects": found,
        "statistics": statistics,
        "taken_at": WHEN,
        "taken_by": "arn:aws:sts::1:assumed-role/scientist/ada",
    }
    return Manifest.model_validate({**fields, **changes})


@given(st.permutations([version(f"events/{name}", version_id=name) for name in "abcdef"]))
def test_the_hash_is_of_the_content_and_not_of_the_order_or_the_circumstances(objects: list[ObjectVersion]):
    one = manifest(*objects, taken_by="somebody else", taken_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert one.hash == manifest(*sorted(objects, key=lambda found: found.key)).hash


@pytest.mark.parametrize(
    "other",
    [
        manifest(version("events/a"), version("events/b", version_id="2")),
        manifest(version("events/a"), version("events/b", sha256="bb")),
        manifest(version("events/a")),
        manifest(columns=(COLUMNS[0], Column(name="amount", type="float"))),
        manifest(columns=COLUMNS[::-1]),
        manifest(columns=(COLUMNS[0], Column(name="amount", type="double", partition=True))),
    ],
)
def test_another_version_other_bytes_or_another_schema_is_another_snapshot(other: Manifest):
    assert other.hash != manifest().hash


def test_the_hash_of_a_manifest_never_changes_between_releases():
    assert manifest().hash == "242cef491a87dfa276b14efdea7895896300560086791d37d3e19822ee5e3dff"


def test_what_is_kept_is_read_back_and_does_not_depend_on_the_order_of_fields():
    kept = manifest().canonical()
    assert Manifest.model_validate_json(kept) == manifest()
    assert canonical({"b": 1, "a": [1.5, "ü"]}) == '{"a":[1.5,"ü"],"b":1}'


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hash": "0" * 64}, "its content has the hash"),
        ({"objects": ()}, "at least 1 item"),
        ({"taken_at": "2026-01-31T12:00:00"}, "timezone"),
        ({"version": 2}, "Input should be 1"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_a_manifest_that_is_not_whole_is_refused(change: dict[str, Any], said: str):
    with pytest.raises(ValidationError, match=said):
        manifest(**change)


def test_the_difference_of_a_snapshot_and_itself_is_none():
    found = difference(manifest(), manifest())
    assert found.same
    assert (found.added, found.removed, found.changed, found.statistics) == ((), (), (), ())
    assert found.unchanged == 2


def test_the_difference_names_objects_columns_and_figures():
    before = manifest(version("events/a"), version("events/b"))
    columns = (Column(name="id", type="bigint"), Column(name="country", type="string"))
    after = manifest(
        version("events/b", version_id="2", rows=20), version("events/c"), columns=columns,
    )  # fmt: skip
    found = difference(before, after)
    assert (found.added, found.removed) == (("events/c",), ("events/a",))
    assert [(one.key, one.rows, one.same_bytes) for one in found.changed] == [("events/b", (10, 20), True)]
    assert [column.name for column in found.columns_added] == ["country"]
    assert [column.name for column in found.columns_removed] == ["amount"]
    assert [(column.name, column.type) for column in found.columns_changed] == [("id", ("string", "bigint"))]
    assert found.rows == (20, 30)
    assert [(one.name, one.distinct) for one in found.statistics] == [("id", (20, 30))]


def with_distribution(distribution: Numbers | Categories, nulls: int = 0) -> Manifest:
    column = ColumnStatistics(name="amount", rows=20, nulls=nulls, distinct=3, distribution=distribution)
    return manifest(statistics=(column,))


def test_the_difference_of_a_column_is_what_moved_and_how_far():
    found = difference(with_distribution(numbers(1.0)), with_distribution(numbers(2.0), nulls=5))
    (column,) = found.statistics
    assert column.null_share == (0.0, 0.25)
    assert (column.mean, column.median, column.deviation) == ((1.0, 2.0), (1.0, 2.0), None)
    assert column.distance is not None
    assert 0 < column.distance < 1


def test_columns_of_another_kind_have_no_distance():
    words = Categories(top=(Category(value="a", count=20),), other=0)
    assert difference(with_distribution(numbers(1.0)), with_distribution(words)).statistics == ()


def test_an_erasure_is_told_where_snapshots_are_shown():
    gone = ErasedVersion(bucket="raw", key="events/a", version_id="1", rows=3)
    stone = Tombstone(evidence="erasures/events/x.json", erased_at=WHEN, erased=(gone,))
    erased = manifest(tombstones=(stone,))
    assert erased.hash == manifest().hash, "the hash is of what the snapshot was"
    assert erased.erased == {("raw", "events/a", "1"): gone}
    assert "erased on 2026-01-31: 3 rows; record erasures/events/x.json" in "\n".join(
        showing.snapshot(erased, new=True)
    )
    assert "rows erased 2026-01-31" in "\n".join(showing.snapshots([SnapshotSummary.of(erased)]))


def test_a_snapshot_is_shown_with_the_form_of_each_column():
    shown = "\n".join(showing.snapshot(with_distribution(numbers(1.0), nulls=2), new=False))
    assert "2 objects, 20 rows, 2.0 KiB, internal, taken 2026-01-31 12:00 UTC" in shown
    assert "(nothing changed since it was taken)" in shown
    assert "0 ██ 2" in shown


def test_a_difference_is_shown_in_one_screen():
    before = manifest()
    after = manifest(*(version(f"events/{index}") for index in range(30)))
    shown = list(showing.difference(difference(before, after)))
    assert shown[1] == "rows     20 → 300 (+280)"
    assert shown[3] == "objects  30 added, 2 removed, 0 changed, 0 unchanged"
    assert "  and 22 more; see them all by --json" in shown
    assert len(shown) < 25


def test_sizes_are_read_in_the_unit_that_fits():
    draw = random.Random(1)
    assert [showing.size(size) for size in (0, 1023, 1024, 5 * 2**30)] == ["0 B", "1023 B", "1.0 KiB", "5.0 GiB"]
    assert all(len(showing.size(draw.randrange(2**60))) <= 11 for _ in range(100))
