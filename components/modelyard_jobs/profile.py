"""Statistics and distributions of a dataset's files: exact, file by file, in a bounded amount of memory.

Files go into a table on disk (DuckDB), one after the other; every figure is a query over that table, which spills to
disk where memory ends. So no figure depends on how the rows were cut into files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

from modelyard.core.distributions import (
    LEAST_NAMED,
    LONGEST_NAMED,
    QUANTILES,
    SMALLEST_EXPONENT,
    TOP,
    Categories,
    Category,
    ColumnStatistics,
    Distribution,
    Histogram,
    Numbers,
    Quantile,
    bins_for,
    edge,
    is_whole,
    kind_of,
)
from modelyard.core.snapshots import Column, Format

MEMORY: Final = "1GB"
_SQL_TYPES: Final = {"string": "VARCHAR", "int": "INTEGER", "float": "REAL"}
_OPAQUE: Final = "BOOLEAN"


class UnreadableFile(ValueError):
    """A file that doesn't hold what its dataset declares; the message says what is wrong with it."""


class Profile(AbstractContextManager["Profile"]):
    """The rows of a dataset, added file by file, and their statistics.

    `folder` is an empty folder that takes about as many bytes as the files; it may be removed after `close`.
    `memory` is DuckDB's limit. `undeclared` are the columns of the files that `columns` doesn't name.
    """

    def __init__(self, columns: Sequence[Column], format: Format, folder: Path, *, memory: str = MEMORY) -> None:
        import duckdb

        self._columns = tuple(columns)
        self._format: Format = format
        self._error: type[Exception] = duckdb.Error
        self._rows = 0
        self.undeclared: set[str] = set()
        self._db = duckdb.connect(
            str(folder / "rows.duckdb"),
            config={
                "memory_limit": memory,
                "temp_directory": str(folder / "spilled"),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        self._db.execute("SET TimeZone = 'UTC'")
        types = ", ".join(f"{_quoted(column.name)} {_kept_as(column.type)}" for column in self._columns)
        self._db.execute(f"CREATE TABLE rows ({types})")

    def add(self, file: Path, partition: Mapping[str, str] | None = None) -> int:
        """Add the rows of a file, and say how many there are; `partition` gives the partition columns' values.

        Raises `UnreadableFile` for a file of another format, without any declared column, or with values that aren't
        of their column's type.
        """
        try:
            return self._add(file, partition or {})
        except self._error as error:
            said = str(error).partition("\n")[0].replace(str(file), file.name)
            raise UnreadableFile(f"can't be read as {self._format}: {said}") from None

    def _add(self, file: Path, partition: Mapping[str, str]) -> int:
        source = self._source(file)
        held = {name: type_ for name, type_, *_ in self._db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        stored = [column for column in self._columns if not column.partition]
        if not any(column.name in held for column in stored):
            raise UnreadableFile(f"has none of the declared columns; it has {', '.join(sorted(held)) or 'no column'}")
        self.undeclared |= held.keys() - {column.name for column in self._columns}
        expressions: list[str] = []
        checked: list[Column] = []
        for column in self._columns:
            found = f"file.{_quoted(column.name)}"
            kept = _kept_as(column.type)
            if column.partition:
                value = partition.get(column.name)
                found, known = ("NULL" if value is None else _text(value)), "VARCHAR"
            elif column.name not in held:
                found, known = "NULL", kept
            else:
                known = held[column.name]
            if kind_of(column.type) == "opaque":
                expressions.append(f"CASE WHEN {found} IS NOT NULL THEN true END")
            else:
                expressions.append(f"TRY_CAST({found} AS {kept})")
                if known != kept and found != "NULL":
                    checked.append(column)
        self._refuse_other_types(source, checked, expressions)
        self._db.execute(f"INSERT INTO rows SELECT {', '.join(expressions)} FROM {source} AS file")
        total = self._one("SELECT count(*) FROM rows")[0]
        added, self._rows = total - self._rows, total
        return added

    def _refuse_other_types(self, source: str, checked: Sequence[Column], expressions: Sequence[str]) -> None:
        if not checked:
            return
        by_name = dict(zip((column.name for column in self._columns), expressions, strict=True))
        lost: list[str] = []
        for column in checked:
            cast = by_name[column.name]
            raw = cast.removeprefix("TRY_CAST(").rpartition(" AS ")[0]
            lost.append(f"count(*) FILTER ({raw} IS NOT NULL AND {cast} IS NULL)")
        counts = self._one(f"SELECT {', '.join(lost)} FROM {source} AS file")
        wrong = [
            f"{column.name} ({count} no {column.type})" for column, count in zip(checked, counts, strict=True) if count
        ]
        if wrong:
            raise UnreadableFile(f"has values of another type: {', '.join(wrong)}")

    def _source(self, file: Path) -> str:
        path = _text(str(file))
        if self._format == "parquet":
            return f"read_parquet({path}, hive_partitioning = false)"
        if self._format == "csv":
            return (
                f"read_csv({path}, header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', "
                "nullstr = '', hive_partitioning = false)"
            )
        return (
            f"read_json({path}, format = 'newline_delimited', columns = {self._json_columns()}, "
            "hive_partitioning = false)"
        )

    def _json_columns(self) -> str:
        """Scalars are read as text, so that a decimal isn't rounded to a float on its way."""
        types = (
            f"{_text(column.name)}: '{'JSON' if kind_of(column.type) == 'opaque' else 'VARCHAR'}'"
            for column in self._columns
            if not column.partition
        )
        return f"{{{', '.join(types)}}}"

    def statistics(self) -> tuple[ColumnStatistics, ...]:
        """The statistics of every column over all rows added."""
        return tuple(self._of(column) for column in self._columns)

    def _of(self, column: Column) -> ColumnStatistics:
        name, kind = _quoted(column.name), kind_of(column.type)
        count, present = self._one(f"SELECT count(*), count({name}) FROM rows")
        if kind == "opaque":
            return ColumnStatistics(name=column.name, rows=count, nulls=count - present, distinct=None)
        distinct = self._one(f"SELECT count(*) FROM (SELECT DISTINCT {name} FROM rows WHERE {name} IS NOT NULL)")[0]
        distribution: Distribution | None = None
        if present and not column.personal:
            if kind == "categories":
                distribution = self._categories(name, present)
            elif kind == "numbers":
                distribution = self._numbers("numbers", f"CAST({name} AS DOUBLE)", column)
            else:
                distribution = self._numbers("times", f"epoch_us(CAST({name} AS TIMESTAMP)) / 1e6", column)
        return ColumnStatistics(
            name=column.name, rows=count, nulls=count - present, distinct=distinct, distribution=distribution
        )

    def _categories(self, name: str, present: int) -> Categories:
        found = self._db.execute(
            f"SELECT CAST({name} AS VARCHAR) AS value, count(*) AS count FROM rows WHERE {name} IS NOT NULL "
            "GROUP BY value HAVING count >= ? AND length(value) <= ? ORDER BY count DESC, value LIMIT ?",
            [LEAST_NAMED, LONGEST_NAMED, TOP],
        ).fetchall()
        top = tuple(Category(value=value, count=count) for value, count in found)
        return Categories(top=top, other=present - sum(category.count for category in top))

    def _numbers(self, kind: str, expression: str, column: Column) -> Numbers | None:
        """Figures that are sums are made of numbers scaled to at most 1, so that nothing overflows."""
        finite = f"(SELECT {expression} AS x FROM rows WHERE isfinite({expression}))"
        present = self._one(f"SELECT count({_quoted(column.name)}) FROM rows")[0]
        count, least, most = self._one(f"SELECT count(x), min(x), max(x) FROM {finite}")
        if not count:
            return None
        exponent = max(math.frexp(max(abs(least), abs(most)))[1], SMALLEST_EXPONENT)
        down = math.ldexp(1.0, -exponent)
        middle = self._one(f"SELECT favg(x * ?) FROM {finite}", down)[0]
        squares = self._one(f"SELECT fsum((x * ? - ?) * (x * ? - ?)) FROM {finite}", down, middle, down, middle)[0]
        mean = min(max(_scaled(middle, exponent), least), most)
        deviation = _scaled(math.sqrt(squares / (count - 1)), exponent) if count > 1 and least != most else 0.0
        quantiles = self._quantiles(finite, count)
        low, high = quantiles[QUANTILES[0]], quantiles[QUANTILES[-1]]
        return Numbers.model_validate(
            {
                "kind": kind,
                "not_finite": present - count,
                "minimum": least,
                "maximum": most,
                "mean": mean,
                "deviation": deviation if count > 1 and math.isfinite(deviation) else None,
                "quantiles": [Quantile(thousandths=part, value=value) for part, value in quantiles.items()],
                "histogram": self._histogram(finite, *bins_for(low, high, whole=is_whole(column.type))),
            }
        )

    def _quantiles(self, finite: str, count: int) -> dict[int, float]:
        ranks = {part: max(1, -(-count * part // 1000)) for part in QUANTILES}
        wanted = ", ".join(str(rank) for rank in sorted(set(ranks.values())))
        numbered = f"SELECT x, row_number() OVER (ORDER BY x) AS rank FROM {finite}"
        values = dict(self._db.execute(f"SELECT rank, x FROM ({numbered}) WHERE rank IN ({wanted})").fetchall())
        return {part: values[rank] for part, rank in ranks.items()}

    def _histogram(self, finite: str, exponent: int, first: int, bins: int) -> Histogram:
        low, high = edge(first, exponent), edge(first + bins, exponent)
        scale = math.ldexp(1.0, -exponent)
        counted = self._db.execute(
            "SELECT CASE WHEN x < ? THEN -1 WHEN x >= ? THEN ? WHEN x < 0 AND x * ? = 0 THEN -1 - ? "
            f"ELSE CAST(floor(x * ?) AS BIGINT) - ? END AS cell, count(*) FROM {finite} GROUP BY cell",
            [low, high, bins, scale, first, scale, first],
        ).fetchall()
        counts = {cell: count for cell, count in counted}
        inside = tuple(counts.get(index, 0) for index in range(bins))
        return Histogram(
            exponent=exponent, first=first, counts=inside, below=counts.get(-1, 0), above=counts.get(bins, 0)
        )

    def _one(self, query: str, *values: Any) -> tuple[Any, ...]:
        found = self._db.execute(query, list(values)).fetchone()
        assert found is not None
        return found

    def close(self) -> None:
        """Let the table's file go."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def count_rows(file: Path, columns: Sequence[Column], format: Format) -> int:
    """How many rows a file holds; read as a profile reads it, and refused as one refuses it."""
    with TemporaryDirectory(dir=file.parent) as folder, Profile(columns, format, Path(folder)) as profile:
        return profile.add(file)


def _kept_as(type_: str) -> str:
    """The SQL type of a Glue type; of what has no order only whether it is there is kept."""
    return _OPAQUE if kind_of(type_) == "opaque" else _SQL_TYPES.get(type_, type_.upper())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _scaled(number: float, exponent: int) -> float:
    try:
        return math.ldexp(number, exponent)
    except OverflowError:
        return math.copysign(math.inf, number)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
