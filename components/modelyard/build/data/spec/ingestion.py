"""What a file says about events that a dataset takes in as they happen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from modelyard.core.errors import Fault
from modelyard.core.spec import REPLACES, LogDays, Spec


class _Delivery(Spec):
    """How events become objects: what both ways of ingestion share."""

    partition_by: Literal["arrival", "record"] = Field(
        default="arrival",
        description="Where partitions come from: the time of arrival (UTC), which costs nothing, or the record's own "
        "fields (dynamic partitioning: about two cents a GB more, and a thousand objects cost half a cent).",
    )
    buffer_seconds: int = Field(
        default=300,
        ge=60,
        le=900,
        description="Seconds that events wait for others at most. Longer: fewer, larger files, which queries like.",
    )
    buffer_mib: int = Field(
        default=128,
        ge=64,
        le=128,
        description="MiB after which they wait no longer; Parquet takes 64 to 128. The largest: as above.",
    )
    late_minutes: int = Field(
        default=30,
        ge=2,
        le=1440,
        description="Minutes that the oldest event may wait before the owner hears of it.",
    )
    error_days: int = Field(
        default=30,
        ge=1,
        le=365,
        description="Days that records stay which could not be converted. They are as sensitive as the dataset.",
    )
    log_days: LogDays = Field(default=30, description="Days that the log of failed deliveries stays.")

    def check(self) -> Iterator[Fault]:
        """An alarm that comes before the buffer is full comes always."""
        if self.late_minutes * 60 <= self.buffer_seconds:
            yield self.fault(
                "late_minutes",
                f"comes before the buffer of {self.buffer_seconds} seconds is written",
                f"Use more than {self.buffer_seconds // 60}, or a shorter buffer.",
                self.late_minutes,
            )


class FirehoseIngestionSpec(_Delivery):
    """Events are put to Firehose, which writes them as Parquet. Without events it costs nothing."""

    kind: Annotated[Literal["firehose"], REPLACES] = Field(
        default="firehose", description="Put to Firehose directly; one reader: the dataset."
    )


class StreamIngestionSpec(_Delivery):
    """Events are put to a Kinesis data stream, which others may read as well; Firehose writes them as Parquet."""

    kind: Annotated[Literal["stream"], REPLACES] = Field(
        description="Put to a stream that several read, each from where it likes. A stream on demand costs about 29 "
        "dollars a month, without a single event."
    )
    retention_hours: int = Field(
        default=24,
        ge=24,
        le=8760,
        description="Hours that the stream keeps events, for readers that fell behind. A day: what is free of charge.",
    )
    shards: int | None = Field(
        default=None,
        ge=1,
        le=200,
        description="Shards of 1 MiB or 1,000 events a second each, about 11 dollars a month. Absent: on demand, "
        "since nobody knows the load on the first day.",
    )


def _with_kind(value: Any) -> Any:
    return {"kind": "firehose", **value} if isinstance(value, dict) and "kind" not in value else value


IngestionSpec = Annotated[
    Annotated[FirehoseIngestionSpec | StreamIngestionSpec, Field(discriminator="kind")], BeforeValidator(_with_kind)
]
