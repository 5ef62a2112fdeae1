"""What a feature view is, as the jobs that fill and check it read it: one JSON document per view and version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

FeatureType = Literal["string", "integer", "float", "boolean", "timestamp"]
Flavour = Literal["sagemaker", "feast"]

NAMESPACE: Final = "modelyard/features"
FRESHNESS: Final = "FreshnessSeconds"
"""Seconds between the event time of the newest record and the moment of the measurement."""
MISMATCHED: Final = "MismatchedShare"
"""The share, 0 to 1, of sampled entities whose online values aren't those of the offline store."""
RECORD_ID: Final = "record_id"
"""The feature that stands for several join keys where a store takes only one."""
DAY: Final = "day"
"""The partition of an offline table: the day of the event time, in UTC."""


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class FeatureColumn(_Value):
    """A join key or a feature."""

    name: str
    type: FeatureType
    description: str = ""
    owner: str = ""


class SourceTable(_Value):
    """Where values come from: a table of the catalog, and which of its columns is which key, time or feature."""

    database: str
    table: str
    columns: dict[str, str]


class OfflineTable(_Value):
    """The table of the catalog that holds the history."""

    database: str
    table: str


class ViewDefinition(_Value):
    """One version of a feature view. `store` is the feature group's name, or the view's name in Feast."""

    view: str
    version: int
    flavour: Flavour
    store: str
    entity: tuple[FeatureColumn, ...]
    event_time: str
    features: tuple[FeatureColumn, ...]
    source: SourceTable
    offline: OfflineTable | None = None
    online: bool = True
    ttl_hours: int | None = None
    workgroup: str
    staging: str = ""
    """`s3://bucket/prefix/` for what queries leave behind on their way."""
    sample: int = 0
    """Entities that the consistency job compares; zero: it compares none."""
    tolerance: float = 0.0
    dimensions: dict[str, str] = Field(default_factory=dict)
    """Of the view's metrics."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the join keys."""
        return tuple(column.name for column in self.entity)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(column.name for column in self.features)

    @property
    def record_id(self) -> str:
        """The feature that a feature group knows a record by: the only join key, or one that stands for all."""
        return record_id_of(self.keys)


def record_id_of(keys: Sequence[str]) -> str:
    """The feature that a feature group knows a record by."""
    return keys[0] if len(keys) == 1 else RECORD_ID


def record_id(row: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The value of that feature: the key, or all keys in their order, joined so that no two entities share one."""
    if len(keys) == 1:
        return str(row[keys[0]])
    return "|".join(quote(str(row[key]), safe="") for key in keys)
