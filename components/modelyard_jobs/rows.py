"""Rows found by an identifier in one file, and the file without them; every other row stays as it was written."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeAlias

from modelyard.core.snapshots import Column, Format

IDENTIFIERS: Final = ("string", "tinyint", "smallint", "int", "bigint", "date")
"""The types that a row is found by: text, whole numbers and days are equal or not, without rounding."""
Counts: TypeAlias = tuple[int, int]


class NoIdentifier(ValueError):
    """A column that no row can be found by, or a value that isn't of its type; `column` names it."""

    def __init__(self, column: str, problem: str) -> None:
        self.column = column
        super().__init__(problem)


class UnreadableRows(ValueError):
    """A file whose rows can't be told apart; the message says why."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A column and the value that it must have; all conditions must hold for a row."""

    column: str
    type: str
    value: str | int | date

    def holds(self, found: object) -> bool:
        """Whether a value, as a text format gives it, is the one that is looked for."""
        if found is None:
            return False
        try:
            return _typed(self.type, str(found)) == self.value
        except ValueError:
            return False


def conditions(columns: Sequence[Column], wanted: Mapping[str, str]) -> tuple[Condition, ...]:
    """What rows are found by. Raises `NoIdentifier` for an unknown column, an unfit type, or a value of another."""
    known = {column.name: column for column in columns if not column.partition}
    found: list[Condition] = []
    for name, text in wanted.items():
        if name not in known:
            raise NoIdentifier(name, f"is no column of its objects; they have {', '.join(known)}")
        type_ = known[name].type
        if type_ not in IDENTIFIERS:
            raise NoIdentifier(name, f"is {type_}; rows are found by {', '.join(IDENTIFIERS)}")
        try:
            found.append(Condition(name, type_, _typed(type_, text)))
        except ValueError:
            raise NoIdentifier(name, f"is {type_}, and this is none") from None
    return tuple(found)


def _typed(type_: str, text: str) -> str | int | date:
    if type_ == "string":
        return text
    return date.fromisoformat(text) if type_ == "date" else int(text)


def matching(file: Path, format: Format, wanted: Sequence[Condition]) -> Counts:
    """How many rows of `file` meet all conditions, and how many rows there are. Raises `UnreadableRows`."""
    return _reader(format)(file, None, wanted)


def without(file: Path, to: Path, format: Format, wanted: Sequence[Condition]) -> Counts:
    """Write `file` to `to` without the rows that meet all conditions: how many those are, and how many there were.

    Parquet keeps its schema, its metadata, its row groups and its compression; in text formats every other line stays
    byte for byte. `to` has the name's ending of `file`. Raises `UnreadableRows`.
    """
    return _reader(format)(file, to, wanted)


def _reader(format: Format) -> Callable[[Path, Path | None, Sequence[Condition]], Counts]:
    return {"parquet": _parquet, "csv": _csv, "json": _json}[format]


def _parquet(file: Path, to: Path | None, wanted: Sequence[Condition]) -> Counts:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as source:
            writer = None if to is None else _parquet_writer(pq, to, source)
            try:
                matched = 0
                for group in range(source.num_row_groups):
                    columns = None if writer else [c.column for c in wanted if c.column in source.schema_arrow.names]
                    table = source.read_row_group(group, columns=columns)
                    mask = _mask(table, wanted)
                    matched += mask.true_count
                    if writer:
                        kept = table.filter(pc.invert(mask))  # pyright: ignore[reportAttributeAccessIssue]
                        if kept.num_rows:
                            writer.write_table(kept)
                return matched, source.metadata.num_rows
            finally:
                if writer:
                    writer.close()
    except (pa.ArrowException, OSError) as error:
        raise UnreadableRows(f"can't be read as parquet: {str(error).splitlines()[0]}") from None


def _parquet_writer(pq: Any, to: Path, source: Any) -> Any:
    metadata = source.metadata
    physical = {source.schema.column(index).physical_type for index in range(len(source.schema))}
    compression = metadata.row_group(0).column(0).compression if metadata.num_row_groups else "SNAPPY"
    return pq.ParquetWriter(
        to,
        source.schema_arrow,
        compression="NONE" if compression == "UNCOMPRESSED" else compression,
        use_deprecated_int96_timestamps="INT96" in physical,
    )


def _mask(table: Any, wanted: Sequence[Condition]) -> Any:
    """An array that is true for each row that meets all conditions."""
    import pyarrow as pa
    import pyarrow.compute as pc

    met = pa.repeat(pa.scalar(True), table.num_rows)
    for condition in wanted:
        if condition.column not in table.column_names:
            return pa.repeat(pa.scalar(False), table.num_rows)
        type_ = {"string": pa.string(), "date": pa.date32()}.get(condition.type, pa.int64())
        values = table.column(condition.column).cast(type_).combine_chunks()
        equal = pc.equal(values, pa.scalar(condition.value, type_))  # pyright: ignore[reportAttributeAccessIssue]
        met = pc.and_(met, equal.fill_null(False))  # pyright: ignore[reportAttributeAccessIssue]
    return met


def _csv(file: Path, to: Path | None, wanted: Sequence[Condition]) -> Counts:
    """A record may span lines; the lines that the parser took for it are kept or left out together."""
    with _opened(file, "r") as source, _opened(to, "w") as target:
        taken: list[str] = []

        def lines() -> Iterator[str]:
            for line in source:
                taken.append(line)
                yield line

        matched = total = 0
        try:
            records = csv.reader(lines(), strict=True)
            header = next(records, None)
            _pass_on(taken, target)
            for record in records:
                if record:
                    total += 1
                    row = dict(zip(header or (), record, strict=False))
                    if all(condition.holds(row.get(condition.column)) for condition in wanted):
                        matched += 1
                        taken.clear()
                _pass_on(taken, target)
        except (csv.Error, UnicodeDecodeError, OSError) as error:
            raise UnreadableRows(f"can't be read as csv: {error}") from None
        return matched, total


def _json(file: Path, to: Path | None, wanted: Sequence[Condition]) -> Counts:
    with _opened(file, "r") as source, _opened(to, "w") as target:
        matched = total = 0
        try:
            for line in source:
                if line.strip():
                    total += 1
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise UnreadableRows(f"row {total} is no JSON object")
                    if all(condition.holds(row.get(condition.column)) for condition in wanted):
                        matched += 1
                        continue
                _pass_on([line], target)
        except (ValueError, OSError) as error:
            if isinstance(error, UnreadableRows):
                raise
            raise UnreadableRows(f"can't be read as json: row {total}") from None
        return matched, total


def _pass_on(lines: list[str], target: IO[str] | None) -> None:
    if target is not None:
        target.writelines(lines)
    lines.clear()


def _opened(path: Path | None, mode: Literal["r", "w"]) -> AbstractContextManager[Any]:
    """A text file, compressed where its name ends in `.gz`; without a path, nothing."""
    if path is None:
        return nullcontext()
    if path.suffix == ".gz":
        return gzip.open(path, "rt" if mode == "r" else "wt", encoding="utf-8", newline="")
    return path.open(mode, encoding="utf-8", newline="")
