"""What a team's file says about its data: the zones of its lake, and the datasets in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.retention import Classification, Retention
from modelyard.core.spec import REPLACES, ColumnName, Email, Name, Spec

ZoneName = Literal["raw", "curated", "features", "capture", "artifacts"]
ZONES: Final[tuple[ZoneName, ...]] = get_args(ZoneName)

ColumnType = Annotated[
    str,
    StringConstraints(
        pattern=r"^(string|boolean|tinyint|smallint|int|bigint|float|double|date|timestamp|binary"
        r"|decimal\([0-9]{1,2},[0-9]{1,2}\)|array<[a-z0-9_<>:,]+>|map<[a-z0-9_<>:,]+>|struct<[a-z0-9_<>:,]+>)$"
    ),
]
"""A type of the Glue catalog, as Athena reads it (athena/latest/ug/data-types)."""


class ColumnSpec(Spec):
    """One column of a dataset."""

    name: ColumnName = Field(description="The column's name.")
    type: ColumnType = Field(description="Its Glue type: string, bigint, double, timestamp, decimal(10,2), array<…> …")
    description: str = Field(
        default="", max_length=255, description="What it holds, for those who find it in the catalog."
    )


class ZoneSpec(Spec):
    """One bucket of the lake."""

    expire_after_days: int | None = Field(
        default=None,
        ge=1,
        description="Days until an object of no dataset goes. Absent: it stays, since nobody said that it may go.",
    )
    noncurrent_days: int = Field(
        default=30,
        ge=1,
        description="Days that overwritten and deleted versions stay: a month in which a mistake is noticed.",
    )


class DatasetSpec(Spec):
    """A dataset: objects below one prefix of one zone, and their table in the catalog."""

    zone: Annotated[ZoneName, REPLACES] = Field(
        default="raw", description="The zone that holds it; raw is where data arrives."
    )
    description: str = Field(
        default="", max_length=2048, description="What it is, for those who find it in the catalog."
    )
    classification: Classification = Field(
        description="How sensitive it is: public, internal, confidential or restricted."
    )
    owner: Email = Field(description="Who answers for it, and hears of its faults.")
    retention_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Days until its objects go. Absent: they stay, since nobody said they may go.",
    )
    format: Literal["parquet", "json", "csv"] = Field(
        default="parquet",
        description="How its objects are written. Parquet: the smallest to keep and the cheapest to query.",
    )
    columns: tuple[ColumnSpec, ...] = Field(min_length=1, description="Its schema.")
    partitions: tuple[ColumnSpec, ...] = Field(
        default=(), max_length=8, description="Columns that are part of the path (`day=2026-01-31/`), outermost first."
    )

    def check(self) -> Iterator[Fault]:
        """A column stands once, in the columns or in the partitions."""
        seen: dict[str, str] = {}
        for part, columns in (("columns", self.columns), ("partitions", self.partitions)):
            for index, column in enumerate(columns):
                path = f"{part}[{index}].name"
                if column.name in seen:
                    yield self.fault(path, f"stands already at {seen[column.name]}", "Rename one of them.", column.name)
                seen.setdefault(column.name, path)


class QuerySpec(Spec):
    """The Athena workgroup of the lake."""

    scan_limit_gib: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="GiB that one query may scan before it is stopped: half a dollar at the default.",
    )
    result_days: int = Field(default=7, ge=1, description="Days that query results stay; they can be made again.")


class AccessSpec(Spec):
    """A role of the team, and what it may do with the team's datasets."""

    service: Literal["sagemaker", "glue", "states", "lambda", "ecs-tasks"] = Field(
        description="The AWS service whose work runs under the role; nobody else may assume it."
    )
    read: tuple[Name, ...] = Field(default=(), description="Datasets that it reads. Absent: none.")
    write: tuple[Name, ...] = Field(default=(), description="Datasets that it writes. Absent: none.")
    query: bool = Field(
        default=False, description="Whether it runs queries in Athena; off, because queries cost money."
    )


class LakeSpec(Spec):
    """A data lake: one bucket per zone, the datasets in them, a catalog and a workgroup."""

    zones: dict[ZoneName, ZoneSpec] = Field(
        default_factory=lambda: {zone: ZoneSpec() for zone in ZONES},
        description="The zones, a bucket each, since ownership and keys are decided per bucket. An empty one is free.",
    )
    datasets: dict[Name, DatasetSpec] = Field(default_factory=dict, description="The datasets by name.")
    query: QuerySpec = Field(default_factory=QuerySpec, description="How the lake is queried.")
    access: dict[Name, AccessSpec] = Field(
        default_factory=dict, description="The team's roles by name, and which datasets each reads and writes."
    )
    access_log_days: int = Field(
        default=90, ge=1, description="Days that the buckets' access logs stay: a quarter to look back."
    )
    retention: Retention | None = Field(
        default=None,
        description="What a destroy does to the buckets: keep, snapshot or ephemeral. Absent: chosen from the "
        "datasets' "
        "classification and the environment.",
    )

    def check(self) -> Iterator[Fault]:
        """Each dataset lies in a zone of the lake; query results need the zone that keeps them."""
        if "artifacts" not in self.zones:
            yield self.fault("zones", "lacks the zone that keeps query results", 'Add "artifacts: {}".')
        for name, dataset in self.datasets.items():
            if dataset.zone not in self.zones:
                yield self.fault(
                    f"datasets.{name}.zone",
                    f"is no zone of this lake; it has {', '.join(self.zones)}",
                    f'Add "{dataset.zone}: {{}}" to zones, or move the dataset.',
                    dataset.zone,
                )
        for role, access in self.access.items():
            for intent, names in (("read", access.read), ("write", access.write)):
                for index, name in enumerate(names):
                    if name not in self.datasets:
                        yield self.fault(
                            f"access.{role}.{intent}[{index}]",
                            f"is no dataset of this lake; it has {', '.join(self.datasets) or 'none'}",
                            "Declare it under datasets, or take it out here.",
                            name,
                        )

    def classification(self, zone: ZoneName) -> Classification:
        """The most sensitive classification of what lies in `zone`; captures and artifacts follow the whole lake."""
        order = list(Classification)
        inside = [
            dataset.classification
            for dataset in self.datasets.values()
            if dataset.zone == zone or zone in ("features", "capture", "artifacts")
        ]
        return max(inside, key=order.index, default=Classification.INTERNAL)
