"""Statistics of files, held against a computation that knows all rows at once."""

import math
import random
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelyard.core.distributions import (
    BINS,
    LEAST_NAMED,
    QUANTILES,
    TOP,
    Categories,
    ColumnStatistics,
    Histogram,
    Numbers,
    bins_for,
    distance,
    edge,
    jensen_shannon,
    kind_of,
    together,
)
from modelyard.core.snapshots import Column, Format
from modelyard_jobs.profile import Profile, UnreadableFile

NUMBERS = st.floats(width=64) | st.integers(-5, 5).map(float)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def profiled(columns: Sequence[Column], files: Sequence[pa.Table]) -> dict[str, ColumnStatistics]:
    with TemporaryDirectory() as folder, Profile(columns, "parquet", Path(folder), memory="200MB") as profile:
        for index, table in enumerate(files):
            pq.write_table(table, Path(folder) / f"{index}.parquet")
            assert profile.add(Path(folder) / f"{index}.parquet") == table.num_rows
        return {column.name: column for column in profile.statistics()}


def numbers_of(parts: Sequence[Sequence[float | None]]) -> ColumnStatistics:
    files = [pa.table({"x": pa.array(part, pa.float64())}) for part in parts]
    return profiled([Column(name="x", type="double")], files)["x"]


def texts_of(parts: Sequence[Sequence[str | None]], **column: object) -> ColumnStatistics:
    files = [pa.table({"x": pa.array(part, pa.string())}) for part in parts]
    return profiled([Column.model_validate({"name": "x", "type": "string", **column})], files)["x"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.none() | NUMBERS, max_size=40), min_size=1, max_size=4))
def test_figures_of_numbers_are_those_of_all_rows_however_they_are_cut_into_files(parts: list[list[float | None]]):
    got = numbers_of(parts)
    rows = [value for part in parts for value in part]
    present = [value for value in rows if value is not None]
    finite = sorted(value for value in present if math.isfinite(value))
    assert (got.rows, got.nulls) == (len(rows), len(rows) - len(present))
    assert got.distinct == len({"nan" if math.isnan(value) else value for value in present})
    if not finite:
        assert got.distribution is None
        return
    found = got.distribution
    assert isinstance(found, Numbers)
    assert found.not_finite == len(present) - len(finite)
    assert (found.minimum, found.maximum) == (finite[0], finite[-1])
    scale = max(abs(finite[0]), abs(finite[-1])) or 1.0
    shares = [value / scale for value in finite]
    assert found.mean / scale == pytest.approx(math.fsum(shares) / len(shares), abs=1e-12)
    if found.deviation is not None:
        assert found.deviation / scale == pytest.approx(statistics.stdev(shares), abs=1e-9)
    for quantile in found.quantiles:
        assert quantile.value == finite[max(1, math.ceil(len(finite) * quantile.thousandths / 1000)) - 1]
    counted = found.histogram
    assert counted.total == len(finite)
    assert counted.below == sum(value < counted.edges[0] for value in finite)
    for index, count in enumerate(counted.counts):
        low, high = counted.edges[index : index + 2]
        assert count == sum(low <= value < high for value in finite)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.none() | st.sampled_from("abcdefg") | st.text(max_size=3), max_size=40), max_size=3))
def test_categories_are_those_of_all_rows_however_they_are_cut_into_files(parts: list[list[str | None]]):
    got = texts_of(parts)
    rows = [value for part in parts for value in part]
    present = Counter(value for value in rows if value is not None)
    assert (got.rows, got.nulls, got.distinct) == (len(rows), len(rows) - present.total(), len(present))
    named = sorted((-count, value.encode(), value) for value, count in present.items() if count >= LEAST_NAMED)[:TOP]
    if not present:
        assert got.distribution is None
        return
    assert isinstance(got.distribution, Categories)
    assert [(category.value, category.count) for category in got.distribution.top] == [(v, -c) for c, _, v in named]
    assert got.distribution.other == present.total() + sum(count for count, _, _ in named)


def test_a_personal_column_is_counted_and_none_of_its_values_is_kept():
    got = texts_of([["ada@acme.example"] * 9 + [None]], personal=True)
    assert (got.rows, got.nulls, got.distinct, got.distribution) == (10, 1, 1, None)


def test_rare_and_long_values_are_not_named():
    got = texts_of([["rare"] * (LEAST_NAMED - 1) + ["often"] * LEAST_NAMED + ["long" * 50] * 9])
    assert isinstance(got.distribution, Categories)
    assert [category.value for category in got.distribution.top] == ["often"]
    assert got.distribution.other == LEAST_NAMED - 1 + 9


def test_times_are_seconds_since_1970_and_what_has_no_order_is_only_counted(tmp_path: Path):
    columns = [Column(name="at", type="timestamp"), Column(name="tags", type="array<string>")]
    table = pa.table({"at": pa.array([0, 1_500_000, None], pa.timestamp("us")), "tags": [["a"], None, []]})
    got = profiled(columns, [table])
    at = got["at"].distribution
    assert isinstance(at, Numbers)
    assert (at.kind, at.minimum, at.maximum) == ("times", 0.0, 1.5)
    assert (got["tags"].nulls, got["tags"].distinct, got["tags"].distribution) == (1, None, None)


def test_a_column_that_an_older_file_lacks_is_null_there_and_one_that_nobody_declared_is_told(tmp_path: Path):
    pq.write_table(pa.table({"a": ["1"], "extra": [1]}), tmp_path / "old.parquet")
    with Profile([Column(name="a", type="string"), Column(name="b", type="int")], "parquet", tmp_path) as profile:
        profile.add(tmp_path / "old.parquet")
        assert [column.nulls for column in profile.statistics()] == [0, 1]
        assert profile.undeclared == {"extra"}


COLUMNS = [
    Column(name="id", type="string"),
    Column(name="amount", type="decimal(12,2)"),
    Column(name="tags", type="array<string>"),
]


@pytest.mark.parametrize(
    ("format", "text", "nulls"),
    [
        ("csv", 'id,amount\n"a,1",1.10\n"b\nb",\n', [0, 1, 2]),
        ("json", '{"id": "a", "amount": 1.10, "tags": ["x"]}\n\n{"amount": "2.5", "tags": null}\n', [1, 0, 1]),
    ],
)
def test_text_formats_are_read_by_the_declared_types(tmp_path: Path, format: Format, text: str, nulls: list[int]):
    (tmp_path / "file").write_text(text)
    with Profile(COLUMNS, format, tmp_path) as profile:
        assert profile.add(tmp_path / "file") == 2
        got = profile.statistics()
    assert [column.nulls for column in got] == nulls
    amount = got[1].distribution
    assert isinstance(amount, Numbers)
    assert amount.minimum == 1.1


@pytest.mark.parametrize(
    ("format", "text", "said"),
    [
        ("json", '{"id": "a", "amount": "much"}\n', r"values of another type: amount \(1 no decimal\(12,2\)\)"),
        ("json", "id,amount\na,1\n", "can't be read as json"),
        ("csv", "who,what\na,b\n", "none of the declared columns; it has what, who"),
        ("parquet", "PAR1", "can't be read as parquet"),
    ],
)
def test_a_file_that_is_not_what_was_declared_is_refused(tmp_path: Path, format: Format, text: str, said: str):
    (tmp_path / "file").write_text(text)
    with Profile(COLUMNS, format, tmp_path) as profile, pytest.raises(UnreadableFile, match=said) as refusal:
        profile.add(tmp_path / "file")
    assert str(tmp_path) not in str(refusal.value), "a temporary folder tells nobody anything"


@example(-7.687976222553069e-208, 1.0, False)
@given(FINITE, FINITE, st.booleans())
def test_bins_hold_the_range_that_they_were_made_for_and_are_few(a: float, b: float, whole: bool):
    low, high = sorted((a, b))
    if whole:
        low, high = math.floor(low), math.floor(high)
    exponent, first, bins = bins_for(low, high, whole=whole)
    assert edge(first, exponent) <= low
    assert high < edge(first + bins, exponent)
    assert 1 <= bins <= BINS + 2
    assert exponent >= 0 or not whole


def histogram(values: Sequence[float], low: float, high: float) -> Histogram:
    exponent, first, bins = bins_for(low, high, whole=False)
    inside = Counter(math.floor(math.ldexp(value, -exponent)) - first for value in values)
    return Histogram(
        exponent=exponent,
        first=first,
        counts=tuple(inside[index] for index in range(bins)),
        below=sum(count for index, count in inside.items() if index < 0),
        above=sum(count for index, count in inside.items() if index >= bins),
    )


RANGES = st.tuples(st.floats(-100, 100), st.floats(0, 300)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(RANGES, RANGES, st.lists(st.floats(-200, 500, allow_subnormal=False), min_size=1, max_size=60))
def test_histograms_of_the_same_numbers_on_other_bins_are_brought_together_without_loss(
    one: tuple[float, float], other: tuple[float, float], values: list[float]
):
    here, there = histogram(values, *one), histogram(values, *other)
    counts, others = together(here, there)
    assert sum(counts) == sum(others) == len(values)
    exponent = max(here.exponent, there.exponent)
    begin = max(-(-side.first >> (exponent - side.exponent)) for side in (here, there))
    end = min((side.first + len(side.counts)) >> (exponent - side.exponent) for side in (here, there))
    if begin < end:
        assert counts == others, "the same numbers, wherever the two have bins in common"


def test_distance_tells_the_same_from_the_shifted_from_the_foreign():
    draw = random.Random(1)
    base = [draw.gauss(0, 1) for _ in range(3000)]
    column = numbers_of([base]).distribution
    again = numbers_of([[draw.gauss(0, 1) for _ in range(3000)]]).distribution
    shifted = numbers_of([[value + 1 for value in base]]).distribution
    far = numbers_of([[value + 1e6 for value in base]]).distribution
    assert column and again and shifted and far
    same, noise, shift, foreign = (distance(column, other) for other in (column, again, shifted, far))
    assert same == 0
    assert noise is not None and shift is not None and foreign is not None
    assert noise < 0.1 < 0.3 < shift < 0.9 < foreign <= 1


def test_a_category_that_only_one_side_names_is_compared_only_where_the_other_tells_its_count():
    whole = texts_of([["a"] * 50 + ["b"] * 50]).distribution
    without = texts_of([["a"] * 100]).distribution
    rest = texts_of([["a"] * 50 + [str(index) for index in range(50)]]).distribution
    assert whole and without and rest
    assert distance(whole, without) == pytest.approx(jensen_shannon([50, 50], [100, 0]))
    assert distance(whole, rest) == 0, "the others may all have been b"
    assert distance(whole, numbers_of([[1.0]]).distribution or whole) is None


def test_every_glue_type_is_counted_in_some_way():
    types = ("bigint", "decimal(10,2)", "date", "boolean", "map<string,int>", "binary")
    kinds = ["numbers", "numbers", "times", "categories", "opaque", "opaque"]
    assert [kind_of(type_) for type_ in types] == kinds
    assert tuple(sorted(QUANTILES)) == QUANTILES
