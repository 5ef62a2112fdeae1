"""What a file says about a lake: its zones, who may do what with the datasets, and how it is queried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from modelyard.build.data.spec.datasets import DatasetSpec
from modelyard.build.data.spec.zones import RECORDS, ZONES, ZoneName
from modelyard.core.errors import Fault
from modelyard.core.retention import Classification, Retention
from modelyard.core.spec import Name, Spec

BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
DatabaseName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,255}$")]
RoleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@-]{1,64}$")]
Settings = Literal["theirs", "ours"]


class AdoptBucketSpec(Spec):
    """A bucket that exists and comes under this lake's management, its objects with it."""

    bucket: BucketName = Field(description="The bucket's name, which it keeps.")
    settings: Settings = Field(
        default="theirs",
        description="`theirs` takes it over with the tags that it has; `ours` gives it ours, in place. First the one, "
        "then the other: taking over shall change nothing.",
    )


class DatabaseSpec(Spec):
    """The lake's database in the Glue catalog."""

    adopt: DatabaseName | None = Field(
        default=None, description="The database that exists, and keeps its name. Absent: one is made."
    )
    settings: Settings = Field(
        default="theirs",
        description="Of an adopted one: `theirs` takes it over as it is; `ours` gives it our tags, in place.",
    )


class AdoptRoleSpec(Spec):
    """A role that exists and comes under this stack's management."""

    role: RoleName = Field(description="The role's name, which it keeps, as it keeps its path.")
    settings: Settings = Field(
        default="theirs",
        description="`theirs` takes it over with its trust; `ours` sets trust, boundary and tags, in place. Until then "
        "it carries no boundary of ours.",
    )


class ZoneSpec(Spec):
    """One bucket of the lake."""

    expire_after_days: int | None = Field(
        default=None,
        ge=1,
        description="Days until an object of no dataset goes. Absent: it stays, since nobody said that it may go; but "
        "captured calls go after 90 days, since they hold what people have sent.",
    )
    noncurrent_days: int = Field(
        default=30,
        ge=1,
        description="Days that overwritten and deleted versions stay: a month in which a mistake is noticed.",
    )
    adopt: AdoptBucketSpec | None = Field(
        default=None, description="The bucket that the zone takes over. Absent: one is made."
    )


class QuerySpec(Spec):
    """The Athena workgroup of the lake."""

    scan_limit_gib: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="GiB that one query may scan before it is stopped: half a dollar at the default.",
    )
    result_days: int = Field(default=7, ge=1, description="Days that query results stay; they can be made again.")


class DataRoleSpec(Spec):
    """A role of the team, and what it may do with the team's datasets."""

    service: Literal["sagemaker", "glue", "states", "lambda", "ecs-tasks"] = Field(
        description="The AWS service whose work runs under the role; nobody else may assume it."
    )
    read: tuple[Name, ...] = Field(default=(), description="Datasets that it reads. Absent: none.")
    write: tuple[Name, ...] = Field(default=(), description="Datasets that it writes. Absent: none.")
    query: bool = Field(
        default=False, description="Whether it runs queries in Athena; off, because queries cost money."
    )
    publish: tuple[Name, ...] = Field(
        default=(), description="Datasets with ingestion to which it sends events. Absent: none."
    )
    secrets: tuple[Name, ...] = Field(default=(), description="Secrets of the team that it reads. Absent: none.")
    adopt: AdoptRoleSpec | None = Field(default=None, description="The role that it takes over. Absent: one is made.")


class LakeSpec(Spec):
    """A data lake: one bucket per zone, the datasets in them, a catalog and a workgroup."""

    zones: dict[ZoneName, ZoneSpec] = Field(
        default_factory=lambda: {zone: ZoneSpec() for zone in ZONES},
        description="The zones, a bucket each, since ownership and keys are decided per bucket. An empty one is free.",
    )
    datasets: dict[Name, DatasetSpec] = Field(default_factory=dict, description="The datasets by name.")
    database: DatabaseSpec = Field(
        default_factory=DatabaseSpec, description="The database of the catalog. Absent: the lake makes its own."
    )
    query: QuerySpec = Field(default_factory=QuerySpec, description="How the lake is queried.")
    access: dict[Name, DataRoleSpec] = Field(
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
            if name in RECORDS:
                where = f"datasets.{name}"
                yield self.fault(where, "is where the lake keeps its own records", "Rename the dataset.", name)
            if dataset.zone not in self.zones:
                yield self.fault(
                    f"datasets.{name}.zone",
                    f"is no zone of this lake; it has {', '.join(self.zones)}",
                    f'Add "{dataset.zone}: {{}}" to zones, or move the dataset.',
                    dataset.zone,
                )
        for role, access in self.access.items():
            for intent, names in (("read", access.read), ("write", access.write), ("publish", access.publish)):
                for index, name in enumerate(names):
                    if name not in self.datasets:
                        yield self.fault(
                            f"access.{role}.{intent}[{index}]",
                            f"is no dataset of this lake; it has {', '.join(self.datasets) or 'none'}",
                            "Declare it under datasets, or take it out here.",
                            name,
                        )
                    elif intent == "publish" and self.datasets[name].ingestion is None:
                        yield self.fault(
                            f"access.{role}.publish[{index}]", "takes in no events", "Give it an ingestion.", name
                        )
        yield from self._expiry()
        yield from self._adoption()

    def _expiry(self) -> Iterator[Fault]:
        """S3 lets an object go by the first rule that says so, whatever other rules say of it."""
        for zone, spec in self.zones.items():
            days = spec.expire_after_days
            for name, dataset in self.datasets.items():
                stays = dataset.retention_days
                if days is not None and dataset.zone == zone and (stays is None or stays > days):
                    yield self.fault(
                        f"zones.{zone}.expire_after_days",
                        f"lets {name} go before its time ({'no end' if stays is None else f'{stays} days'})",
                        f"Take it away, or give {name} a retention_days of {days} or less.",
                        days,
                    )

    def _adoption(self) -> Iterator[Fault]:
        """A table is taken over with its database and its bucket, and no two datasets share objects."""
        places: dict[tuple[ZoneName, str], str] = {}
        for name, dataset in self.datasets.items():
            if dataset.adopt is not None:
                if self.database.adopt is None:
                    remedy = "Say database: {adopt: …}."
                    yield self.fault(f"datasets.{name}.adopt", "takes a table from a database of our own", remedy)
                if dataset.zone in self.zones and self.zones[dataset.zone].adopt is None:
                    remedy = f"Say zones: {{{dataset.zone}: {{adopt: …}}}}."
                    yield self.fault(f"datasets.{name}.adopt", "takes objects from a bucket of our own", remedy)
            place = self.prefix(name)
            for (zone, other), taken_by in places.items():
                if zone == dataset.zone and (place.startswith(other) or other.startswith(place)):
                    yield self.fault(
                        f"datasets.{name}", f"shares its objects with {taken_by}", "Give it a prefix of its own.", place
                    )
            places[(dataset.zone, place)] = name

    def prefix(self, dataset: str) -> str:
        """Where the objects of a dataset lie below its zone, with a slash at the end."""
        adopted = self.datasets[dataset].adopt
        return f"{dataset if adopted is None else adopted.prefix}/"

    def table(self, dataset: str) -> str:
        """The dataset's table in the catalog."""
        adopted = self.datasets[dataset].adopt
        return dataset.replace("-", "_") if adopted is None else adopted.table

    def held(self, zone: ZoneName) -> dict[str, DatasetSpec]:
        """The datasets of a zone that are under legal hold."""
        return {n: d for n, d in self.datasets.items() if d.zone == zone and d.legal_hold is not None}

    def classification(self, zone: ZoneName) -> Classification:
        """The most sensitive classification of what lies in `zone`; captures and artifacts follow the whole lake."""
        order = list(Classification)
        inside = [
            dataset.classification
            for dataset in self.datasets.values()
            if dataset.zone == zone or zone in ("features", "capture", "artifacts")
        ]
        return max(inside, key=order.index, default=Classification.INTERNAL)
