"""What a file says about a dataset: its schema, how sensitive it is, how long it stays, and what comes in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.build.data.spec.ingestion import IngestionSpec
from modelyard.build.data.spec.partitions import arrival_format, extracted
from modelyard.build.data.spec.quality import QualitySpec, ScheduledCheck
from modelyard.build.data.spec.zones import ZoneName
from modelyard.core.errors import Fault
from modelyard.core.retention import Classification
from modelyard.core.spec import REPLACES, ColumnName, Email, Spec

ColumnType = Annotated[
    str,
    StringConstraints(
        pattern=r"^(string|boolean|tinyint|smallint|int|bigint|float|double|date|timestamp|binary"
        r"|decimal\([0-9]{1,2},[0-9]{1,2}\)|array<[a-z0-9_<>:,]+>|map<[a-z0-9_<>:,]+>|struct<[a-z0-9_<>:,]+>)$"
    ),
]
"""A type of the Glue catalog, as Athena reads it (athena/latest/ug/data-types)."""

MUST_SAY: Final = (Classification.CONFIDENTIAL, Classification.RESTRICTED)
"""Classifications whose datasets say how long they stay: personal data that stays "for ever" has no purpose left
(GDPR Art. 5(1)(e)), and nobody notices it."""

FLOORS: Final = {Classification.CONFIDENTIAL: 30, Classification.RESTRICTED: 90}
"""The fewest days that a dataset may declare. Confidential: a month, in which a person's request must be answered
(GDPR Art. 12(3)). Restricted: three months, which PCI DSS 10.5.1 wants at hand when an incident is looked into."""

EVIDENCE_FLOOR: Final = 183
"""Days of what decisions are justified by: six months (EU AI Act Art. 19(1) and 26(6))."""


class ColumnSpec(Spec):
    """One column of a dataset."""

    name: ColumnName = Field(description="The column's name.")
    type: ColumnType = Field(description="Its Glue type: string, bigint, double, timestamp, decimal(10,2), array<…> …")
    description: str = Field(
        default="", max_length=255, description="What it holds, for those who find it in the catalog."
    )
    personal: bool = Field(
        default=False,
        description="Whether it says something of a person. Then snapshots keep none of its values.",
    )


class LegalHoldSpec(Spec):
    """A dataset that nothing may leave, until somebody takes this away again."""

    reason: str = Field(min_length=10, max_length=1024, description="Why: a case number, an order, a letter.")
    since: date = Field(description='The day from which it holds, in quotes: "2026-01-31".')
    by: Email = Field(description="Who ordered it, and says when it ends.")


class AdoptTableSpec(Spec):
    """A table of the catalog that exists, and where its objects lie."""

    table: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,255}$")] = Field(
        description="The table's name in the adopted database."
    )
    prefix: Annotated[str, StringConstraints(pattern=r"^[^/\s*?].*[^/]$|^[^/\s*?]$", max_length=512)] = Field(
        description="Where its objects lie below the zone's bucket, such as exports/orders."
    )
    settings: Literal["theirs", "ours"] = Field(
        default="theirs",
        description="`theirs` takes the table over as it is; `ours` brings schema and description to what is written "
        "here, in place. First the one, then the other: taking over shall change nothing.",
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
        description="Days until its objects go. Absent: they stay, since nobody said they may go; confidential and "
        "restricted data must say it.",
    )
    evidence: bool = Field(
        default=False,
        description="Whether decisions are justified by it (labels, captured predictions): then it stays half a year "
        "at least. Off: what it is classified as decides alone.",
    )
    legal_hold: LegalHoldSpec | None = Field(
        default=None, description="Nothing of it expires or is deleted while this is here. Absent: no hold."
    )
    format: Literal["parquet", "json", "csv"] = Field(
        default="parquet",
        description="How its objects are written. Parquet: the smallest to keep and the cheapest to query.",
    )
    columns: tuple[ColumnSpec, ...] = Field(min_length=1, description="Its schema.")
    partitions: tuple[ColumnSpec, ...] = Field(
        default=(), max_length=8, description="Columns that are part of the path (`day=2026-01-31/`), outermost first."
    )
    ingestion: IngestionSpec | None = Field(
        default=None,
        description="Events that come in one by one: kind firehose (the default) or stream. Absent: whoever may write "
        "puts whole files.",
    )
    quality: QualitySpec | None = Field(
        default=None, description="What must hold of its rows, and when that is looked at. Absent: nobody looks."
    )
    adopt: AdoptTableSpec | None = Field(
        default=None, description="The table and prefix that it takes over. Absent: both are made."
    )

    def check(self) -> Iterator[Fault]:
        """Columns stand once; retention, ingestion and rules fit the data."""
        seen: dict[str, str] = {}
        for part, columns in (("columns", self.columns), ("partitions", self.partitions)):
            for index, column in enumerate(columns):
                path = f"{part}[{index}].name"
                if column.name in seen:
                    yield self.fault(path, f"stands already at {seen[column.name]}", "Rename one of them.", column.name)
                seen.setdefault(column.name, path)
        yield from self._retention()
        yield from self._ingestion()
        if self.quality is not None:
            yield from self.quality.faults_for(self.types)
            yield from self._nightly(self.quality)

    @property
    def types(self) -> dict[str, str]:
        """The Glue type of each column and partition."""
        return {column.name: column.type for column in (*self.columns, *self.partitions)}

    @property
    def floor_days(self) -> int:
        """The fewest days that it may declare to stay."""
        return max(FLOORS.get(self.classification, 0), EVIDENCE_FLOOR if self.evidence else 0)

    def _retention(self) -> Iterator[Fault]:
        floor = self.floor_days
        if self.retention_days is None:
            if self.classification in MUST_SAY:
                yield self.fault(
                    "retention_days",
                    f"is missing, and {self.classification.value} data must say how long it stays",
                    f"Give {max(floor, 1)} days or more.",
                )
        elif self.retention_days < floor:
            reason = "evidence" if self.evidence and floor == EVIDENCE_FLOOR else f"{self.classification.value} data"
            yield self.fault(
                "retention_days", f"is less than {reason} must stay", f"Use {floor} or more.", self.retention_days
            )

    def _nightly(self, quality: QualitySpec) -> Iterator[Fault]:
        """A look by the clock registers the partition of the day, so that is what ingestion must write."""
        of_the_day = len(self.partitions) == 1 and self.partitions[0].type == "date"
        by_arrival = self.ingestion is not None and self.ingestion.partition_by == "arrival"
        if self.ingestion is None or not self.partitions or (of_the_day and by_arrival):
            return
        if isinstance(quality.when, ScheduledCheck):
            remedy = "Use when: {kind: arrival}, or one partition of type date, by arrival."
            yield self.fault("quality.when", "can't tell which partitions are new", remedy, "schedule")

    def _ingestion(self) -> Iterator[Fault]:
        if self.ingestion is None:
            return
        if self.format != "parquet":
            yield self.fault(
                "format", "is not what ingestion writes", "Use parquet, or take ingestion away.", self.format
            )
        for index, column in enumerate(self.partitions):
            fits = arrival_format if self.ingestion.partition_by == "arrival" else extracted
            if fits(column.name, column.type) is None:
                instead = (
                    "Use a partition of type date, or text or whole numbers called year, month, day or hour; or say "
                    "ingestion.partition_by: record."
                    if self.ingestion.partition_by == "arrival"
                    else "Use string, date, or a whole number."
                )
                yield self.fault(f"partitions[{index}]", "is nothing that ingestion can write", instead, column.name)
        if self.ingestion.partition_by == "record" and not self.partitions:
            yield self.fault(
                "ingestion.partition_by",
                "partitions by nothing, since the dataset has no partitions",
                "Declare partitions, or take this away.",
                "record",
            )
