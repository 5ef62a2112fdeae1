"""A snapshot of a dataset: an immutable manifest of object versions, and what two of them differ in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from modelyard.core.distributions import ColumnStatistics, Numbers, Value, distance
from modelyard.core.retention import Classification

VERSION: Final = 1
SHOWN: Final = 12
"""Characters of a hash that are shown; any beginning that is the only one of its kind names a snapshot."""
Format = Literal["parquet", "json", "csv"]


class ObjectVersion(Value):
    """One version of one object: where it is, its bytes, and their hash; `rows` that it holds.

    `etag` is S3's; `sha256` is of the bytes as they are stored, in hexadecimal.
    """

    bucket: str
    key: str
    version_id: str
    size: int
    etag: str
    sha256: str
    rows: int

    @property
    def identity(self) -> tuple[str, str, str]:
        """Bucket, key and version id."""
        return self.bucket, self.key, self.version_id


class Column(Value):
    """A column of the schema. `partition`: its values stand in the keys (`day=2026-01-31/`) and not in the objects."""

    name: str
    type: str
    partition: bool = False
    personal: bool = False


class ErasedVersion(Value):
    """A version that is gone because rows of a subject were in it, and what stands in its place.

    `replacement` holds the other rows; absent for a version that was overwritten before.
    """

    bucket: str
    key: str
    version_id: str
    rows: int
    replacement: ObjectVersion | None = None

    @property
    def identity(self) -> tuple[str, str, str]:
        """Bucket, key and version id."""
        return self.bucket, self.key, self.version_id


class Tombstone(Value):
    """What an erasure took out of a snapshot; `evidence` is the key of the erasure's record."""

    evidence: str
    erased_at: AwareDatetime
    erased: tuple[ErasedVersion, ...]


class Manifest(Value):
    """A snapshot: exactly these versions of exactly these objects, and what is in them.

    `hash` is the SHA-256 of the canonical JSON of dataset, format, schema and object versions, so that the same data is
    the same snapshot, whoever takes it. `prefix` lies below the dataset's own. `parent` is the hash of the snapshot of
    the same prefix before this one. Everything else may be said in other words without another hash.
    """

    version: Literal[1] = VERSION
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    team: str
    environment: str
    dataset: str
    prefix: str = ""
    format: Format
    classification: Classification
    columns: tuple[Column, ...]
    undeclared: tuple[str, ...] = ()
    objects: tuple[ObjectVersion, ...] = Field(min_length=1)
    statistics: tuple[ColumnStatistics, ...]
    taken_at: AwareDatetime
    taken_by: str
    parent: str | None = None
    tombstones: tuple[Tombstone, ...] = ()

    @model_validator(mode="after")
    def _hash_is_of_the_content(self) -> Self:
        expected = content_hash(self.dataset, self.format, self.columns, self.objects)
        if self.hash != expected:
            raise ValueError(f"its content has the hash {expected}, and it says {self.hash}")
        return self

    @property
    def rows(self) -> int:
        """Rows in all objects."""
        return sum(found.rows for found in self.objects)

    @property
    def size(self) -> int:
        """Bytes of all objects."""
        return sum(found.size for found in self.objects)

    @property
    def short(self) -> str:
        """The beginning of the hash, as people are shown it."""
        return self.hash[:SHOWN]

    @property
    def erased(self) -> dict[tuple[str, str, str], ErasedVersion]:
        """What erasures took out, by bucket, key and version id."""
        return {gone.identity: gone for stone in self.tombstones for gone in stone.erased}

    def canonical(self) -> str:
        """The manifest as it is kept: JSON, keys sorted, no spaces."""
        return canonical(self.model_dump(mode="json"))


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces, so that the same value is the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_hash(dataset: str, format: Format, columns: Sequence[Column], objects: Sequence[ObjectVersion]) -> str:
    """The hash of a snapshot's content; the order of the objects doesn't matter, that of the columns does."""
    content = {
        "dataset": dataset,
        "format": format,
        "columns": [[column.name, column.type, column.partition] for column in columns],
        "objects": sorted([*found.identity, found.size, found.sha256] for found in objects),
    }
    return hashlib.sha256(canonical(content).encode()).hexdigest()


class ChangedObject(Value):
    """An object that both snapshots hold, in another version."""

    key: str
    size: tuple[int, int]
    rows: tuple[int, int]
    same_bytes: bool


class ChangedColumn(Value):
    """A column whose type is another."""

    name: str
    type: tuple[str, str]


class ColumnDifference(Value):
    """How a column's statistics differ, the older value first. What is equal is absent.

    `distance` is the Jensen-Shannon distance of the two distributions, 0 (the same) to 1 (nothing in common), absent
    where they can't be compared.
    """

    name: str
    null_share: tuple[float, float] | None = None
    distinct: tuple[int | None, int | None] | None = None
    minimum: tuple[float, float] | None = None
    maximum: tuple[float, float] | None = None
    mean: tuple[float, float] | None = None
    deviation: tuple[float | None, float | None] | None = None
    median: tuple[float, float] | None = None
    distance: float | None = None


class Difference(Value):
    """What snapshot `b` has other than snapshot `a`."""

    a: str
    b: str
    rows: tuple[int, int]
    size: tuple[int, int]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[ChangedObject, ...]
    unchanged: int
    columns_added: tuple[Column, ...]
    columns_removed: tuple[Column, ...]
    columns_changed: tuple[ChangedColumn, ...]
    statistics: tuple[ColumnDifference, ...]

    @property
    def same(self) -> bool:
        """Whether the two are the same snapshot."""
        return self.a == self.b


def difference(a: Manifest, b: Manifest) -> Difference:
    """What `b` has other than `a`: objects by key, schema by column, statistics of the columns that both have."""
    before, after = ({found.key: found for found in side.objects} for side in (a, b))
    common = sorted(before.keys() & after.keys())
    types, types_after = ({column.name: column for column in side.columns} for side in (a, b))
    statistics = {column.name: column for column in a.statistics}
    found = [_between(statistics[c.name], c) for c in b.statistics if c.name in statistics]
    return Difference(
        a=a.hash,
        b=b.hash,
        rows=(a.rows, b.rows),
        size=(a.size, b.size),
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(
            ChangedObject(
                key=key,
                size=(before[key].size, after[key].size),
                rows=(before[key].rows, after[key].rows),
                same_bytes=before[key].sha256 == after[key].sha256,
            )
            for key in common
            if before[key].version_id != after[key].version_id
        ),
        unchanged=sum(before[key].version_id == after[key].version_id for key in common),
        columns_added=tuple(column for name, column in types_after.items() if name not in types),
        columns_removed=tuple(column for name, column in types.items() if name not in types_after),
        columns_changed=tuple(
            ChangedColumn(name=name, type=(types[name].type, column.type))
            for name, column in types_after.items()
            if name in types and types[name].type != column.type
        ),
        statistics=tuple(one for one in found if one != ColumnDifference(name=one.name)),
    )


def _between(a: ColumnStatistics, b: ColumnStatistics) -> ColumnDifference:
    pairs: dict[str, tuple[float | None, float | None]] = {
        "null_share": (_share(a), _share(b)),
        "distinct": (a.distinct, b.distinct),
    }
    one, other = a.distribution, b.distribution
    if isinstance(one, Numbers) and isinstance(other, Numbers):
        for name in ("minimum", "maximum", "mean", "deviation"):
            pairs[name] = getattr(one, name), getattr(other, name)
        pairs["median"] = _median(one), _median(other)
    known = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    apart = distance(one, other) if one is not None and other is not None and one != other else None
    return ColumnDifference.model_validate({"name": b.name, **known, "distance": apart})


def _share(column: ColumnStatistics) -> float:
    return column.nulls / column.rows if column.rows else 0.0


def _median(numbers: Numbers) -> float:
    return next(quantile.value for quantile in numbers.quantiles if quantile.thousandths == 500)


class SnapshotSummary(Value):
    """A line of `yard data list`."""

    hash: str
    dataset: str
    prefix: str
    taken_at: AwareDatetime
    taken_by: str
    objects: int
    rows: int
    size: int
    parent: str | None
    erased_at: datetime | None

    @staticmethod
    def of(manifest: Manifest) -> SnapshotSummary:
        """The line of one manifest."""
        return SnapshotSummary(
            hash=manifest.hash,
            dataset=manifest.dataset,
            prefix=manifest.prefix,
            taken_at=manifest.taken_at,
            taken_by=manifest.taken_by,
            objects=len(manifest.objects),
            rows=manifest.rows,
            size=manifest.size,
            parent=manifest.parent,
            erased_at=max((stone.erased_at for stone in manifest.tombstones), default=None),
        )
