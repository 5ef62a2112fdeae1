"""What a team's file says about its features: views, what they are made of, and where they are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Final, Literal, cast

from pydantic import Field, StringConstraints

from modelyard.build.data import DatasetSpec, LakeSpec
from modelyard.core.errors import Fault
from modelyard.core.features import DAY, RECORD_ID, FeatureType
from modelyard.core.names import short_hash
from modelyard.core.spec import REPLACES, ColumnName, Email, Name, Spec

FeatureName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9_]*[a-z0-9])?$", max_length=64)]
"""At most 64 lower-case letters, digits and inner underscores (sagemaker/latest/APIReference/API_FeatureDefinition)."""

ScheduleExpression = Annotated[
    str,
    StringConstraints(pattern=r"^(rate\([1-9][0-9]* (minute|hour|day)s?\)|cron\(([^ ()]+ ){5}[^ ()]+\))$"),
]
"""As EventBridge Scheduler writes it, in UTC."""

RESERVED: Final = (RECORD_ID, DAY, "api_invocation_time", "event_ts", "is_deleted", "write_time")
"""Columns that the stores add by themselves (sagemaker/latest/dg/feature-store-create-feature-group)."""

_NUMBERS: Final = ("tinyint", "smallint", "int", "bigint")
FITS: Final[dict[FeatureType, tuple[str, ...]]] = {
    "string": ("string",),
    "integer": _NUMBERS,
    "float": (*_NUMBERS, "float", "double", "decimal"),
    "boolean": ("boolean",),
    "timestamp": ("timestamp", "date"),
}
"""The Glue types that a feature of each type may be read from."""


class OnDemandThroughput(Spec):
    """Reads and writes are paid as they come."""

    kind: Literal["on_demand"] = Field(
        default="on_demand", description="Reads and writes are paid as they come; nothing while nobody calls."
    )


class ProvisionedThroughput(Spec):
    """So many reads and writes a second are kept ready, and paid by the hour."""

    kind: Literal["provisioned"] = Field(
        description="So many are kept ready and paid by the hour: cheaper for load that is steady, refused above it."
    )
    read_units: int = Field(ge=1, le=40_000, description="Reads a second of 4 KiB each.")
    write_units: int = Field(ge=1, le=40_000, description="Writes a second of 1 KiB each.")


Throughput = Annotated[OnDemandThroughput | ProvisionedThroughput, Field(discriminator="kind")]


class SageMakerFlavour(Spec):
    """SageMaker feature groups."""

    kind: Literal["sagemaker"] = Field(
        default="sagemaker", description="SageMaker feature groups: nothing to run, AWS keeps both stores in step."
    )
    table_format: Annotated[Literal["iceberg", "glue"], REPLACES] = Field(
        default="iceberg",
        description="How history is kept. Iceberg: small files are compacted, and a row can be deleted, which a "
        "person may ask for.",
    )
    throughput: Throughput = Field(
        default_factory=OnDemandThroughput, description="Of the online store: kind on_demand or provisioned."
    )


class DynamoDBOnline(Spec):
    """A DynamoDB table per view."""

    kind: Literal["dynamodb"] = Field(
        default="dynamodb", description="A DynamoDB table per view; without calls it costs its bytes alone."
    )
    throughput: Throughput = Field(
        default_factory=OnDemandThroughput, description="Of each table: kind on_demand or provisioned."
    )
    recovery: bool | None = Field(
        default=None,
        description="Whether a table can be taken back to any second of the last 35 days. Absent: in production, "
        "where filling it again takes hours that nobody has.",
    )


class RedisOnline(Spec):
    """One serverless cache for all views."""

    kind: Literal["redis"] = Field(
        description="A serverless ElastiCache (Valkey) for all views: below a millisecond, and never for nothing "
        "(about six dollars a month while empty)."
    )
    security_groups: tuple[Annotated[str, StringConstraints(pattern=r"^sg-[0-9a-f]{8,17}$")], ...] = Field(
        min_length=1,
        max_length=5,
        description="Security groups that let those who read and write in (ports 6379 and 6380); the network's own "
        "groups let nobody reach a cache.",
    )
    max_gib: int = Field(default=5, ge=1, le=5000, description="GiB that it holds at most; what is more is refused.")
    max_units: int = Field(
        default=5000, ge=1000, le=15_000_000, description="Processing units a second at most; above it, calls wait."
    )


class FeastFlavour(Spec):
    """A Feast store."""

    kind: Literal["feast"] = Field(
        description="A Feast store: DynamoDB or Redis online, S3 and Athena offline, and its feature_store.yaml."
    )
    online: Annotated[DynamoDBOnline | RedisOnline, Field(discriminator="kind")] = Field(
        default_factory=DynamoDBOnline, description="Where values are read one by one: kind dynamodb or redis."
    )


class JobSpec(Spec):
    """The processing jobs that fill and compare views."""

    image: Annotated[
        str,
        StringConstraints(
            pattern=r"^[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9][a-z0-9._/-]*(:[\w.-]+)?"
            r"@sha256:[0-9a-f]{64}$"
        ),
    ] = Field(
        description="The open job container in ECR, by digest: a tag may be moved, and then nobody knows what ran."
    )
    instance_type: Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")] = Field(
        default="ml.m5.large", description="Where it runs: the smallest that holds a day of most views."
    )
    volume_gib: int = Field(default=30, ge=1, le=16_384, description="GiB of its encrypted disk.")
    timeout_minutes: int = Field(
        default=60, ge=1, le=1440, description="Minutes after which a run is stopped, so that none idles."
    )


class JoinKeySpec(Spec):
    """A join key: a part of what an entity is known by."""

    name: FeatureName = Field(description="Its name, the same in every view of the entity.")
    type: Literal["string", "integer"] = Field(
        default="string", description="Its type; what rounds, or has no order, identifies nobody."
    )
    description: str = Field(default="", max_length=255, description="What it identifies.")


class FeatureSpec(Spec):
    """One feature."""

    name: FeatureName = Field(description="Its name.")
    type: FeatureType = Field(description="Its type.")
    description: str = Field(default="", max_length=255, description="What it says of the entity.")
    owner: Email | None = Field(default=None, description="Who answers for it. Absent: the view's owner.")


class ConsistencySpec(Spec):
    """Whether what is read online is what history says."""

    sample: int = Field(default=1000, ge=1, le=100_000, description="Entities that are compared in each run.")
    tolerance: float = Field(
        default=1e-6, ge=0, description="By how much a number may differ, as a share of it: floats are rounded."
    )
    at_most_percent: float = Field(
        default=0.0, ge=0, lt=100, description="Percent of the sample that may differ before the owner hears of it."
    )
    schedule: ScheduleExpression = Field(
        default="cron(30 5 * * ? *)", description="When; once a day, since each run costs some cents."
    )


class ViewVersionSpec(Spec):
    """One version of a view: its schema, where it is kept, and how it is filled."""

    entity: Annotated[tuple[JoinKeySpec, ...], REPLACES] = Field(
        min_length=1, max_length=8, description="The join keys that an entity is known by."
    )
    event_time: Annotated[FeatureName, REPLACES] = Field(
        description="When the values were true; without it nobody can train on what was known at the time."
    )
    features: Annotated[tuple[FeatureSpec, ...], REPLACES] = Field(
        min_length=1, max_length=500, description="The features."
    )
    online: Annotated[bool, REPLACES] = Field(
        default=True, description="Whether values are read one by one, within milliseconds."
    )
    offline: Annotated[bool, REPLACES] = Field(
        default=True, description="Whether history is kept, for training and for looking back."
    )
    ttl_hours: int | None = Field(
        default=None,
        ge=1,
        le=87_600,
        description="Hours after its event time that a record is still served online. Absent: until a newer one comes.",
    )
    dataset: Name = Field(description="The source: a dataset of the team's lake.")
    columns: dict[FeatureName, ColumnName] = Field(
        default_factory=dict,
        description="The source's column of a key, time or feature that is called otherwise there. Absent: the same "
        "name.",
    )
    schedule: ScheduleExpression | None = Field(
        default=None, description="When new values are taken from the source. Absent: whoever may write puts them."
    )
    freshness_minutes: int | None = Field(
        default=None,
        ge=5,
        le=10_080,
        description="Minutes that the newest record may lie back before the owner hears of it; a week at most, since "
        "alarms look no further. Absent: nobody hears.",
    )
    consistency: ConsistencySpec | None = Field(
        default=None, description="Whether online and offline values are compared. Absent: they aren't."
    )
    lock: Annotated[str, StringConstraints(pattern=r"^[0-9][a-z2-7]{4}$")] | None = Field(
        default=None,
        description="The fingerprint of the schema, as the stack's outputs show it. Written down, a schema that no "
        "longer has it is refused. Absent: nothing holds the schema to its version.",
    )

    def check(self) -> Iterator[Fault]:
        """Names stand once, the stores fit what is asked of them, and the schema is the locked one."""
        yield from self._names()
        if not self.online and not self.offline:
            yield self.fault("offline", "keeps the view nowhere", "Say online: true, offline: true, or both.", False)
        if self.ttl_hours is not None and not self.online:
            yield self.fault(
                "ttl_hours",
                "lets records go from an online store that the view hasn't",
                "Take it away, or say online: true; history goes by the lake's rules.",
                self.ttl_hours,
            )
        if self.freshness_minutes is not None and self.schedule is None:
            yield self.fault(
                "freshness_minutes",
                "is measured by the job that fills the view, and there is none",
                "Give a schedule, or take it away.",
                self.freshness_minutes,
            )
        if self.consistency is not None and not (self.online and self.offline):
            lacking = "offline" if self.online else "online"
            yield self.fault(
                "consistency", f"compares with an {lacking} store that the view hasn't", f"Say {lacking}: true."
            )
        if self.lock is not None and self.lock != self.fingerprint:
            yield self.fault(
                "lock",
                f"is not the fingerprint of this schema, which is {self.fingerprint}: the schema has changed",
                "Raise version, move what stood here under previous, and lock the new one.",
                self.lock,
            )

    def _names(self) -> Iterator[Fault]:
        seen: dict[str, str] = {self.event_time: "event_time"}
        listed = (("entity", self.entity), ("features", self.features))
        for path, name in (
            ("event_time", self.event_time),
            *((f"{part}[{index}].name", each.name) for part, items in listed for index, each in enumerate(items)),
        ):
            if name in RESERVED:
                yield self.fault(path, "is a column that the stores add themselves", "Rename it.", name)
            if path != "event_time" and name in seen:
                yield self.fault(path, f"stands already at {seen[name]}", "Rename one, or take one away.", name)
            seen.setdefault(name, path)
        for name in self.columns:
            if name not in seen:
                yield self.fault(
                    f"columns.{name}",
                    f"is no key, time or feature of this view; those are {', '.join(sorted(seen))}",
                    "Name one of them, or take it away.",
                    name,
                )

    @property
    def fingerprint(self) -> str:
        """Five characters that change with every key, time and feature, and with nothing else, their order included."""
        columns = [[key.name, key.type] for key in self.entity]
        features = sorted([feature.name, feature.type] for feature in self.features)
        return short_hash(json.dumps([columns, self.event_time, features]))

    def column(self, name: str) -> str:
        """The source's column of a key, time or feature."""
        return self.columns.get(name, name)

    def faults_for(self, lake: LakeSpec) -> Iterator[Fault]:
        """The faults that the lake shows: a dataset or column that it hasn't, or one of another type."""
        dataset = lake.datasets.get(self.dataset)
        if dataset is None:
            has = ", ".join(sorted(lake.datasets)) or "none"
            yield self.fault("dataset", f"is no dataset of the lake; it has {has}", "Name one of them.", self.dataset)
            return
        yield from self._column("event_time", self.event_time, "timestamp", dataset)
        for index, key in enumerate(self.entity):
            yield from self._column(f"entity[{index}]", key.name, key.type, dataset)
        for index, feature in enumerate(self.features):
            yield from self._column(f"features[{index}]", feature.name, feature.type, dataset)

    def _column(self, path: str, name: str, kind: FeatureType, dataset: DatasetSpec) -> Iterator[Fault]:
        column = self.column(name)
        where = f"columns.{name}" if name in self.columns else path
        if column not in dataset.types:
            has = ", ".join(dataset.types)
            yield self.fault(
                where,
                f"is no column of {self.dataset}; it has {has}",
                f"Say which it is: columns.{name}.",
                column,
            )
        elif dataset.types[column].partition("(")[0] not in FITS[kind]:
            yield self.fault(
                where,
                f"is {dataset.types[column]} in {self.dataset}, and {kind} here",
                f"Take a column of type {', '.join(FITS[kind])}, or another type.",
                column,
            )


class FeatureViewSpec(ViewVersionSpec):
    """A feature view: what is known of one kind of entity, under one owner."""

    description: str = Field(default="", max_length=1024, description="What it is, for those who look for features.")
    owner: Email = Field(description="Who answers for it, and hears of its faults.")
    version: int = Field(
        default=1,
        ge=1,
        le=9999,
        description="The version of the schema that stands here. A changed key, time or feature is a new one, "
        "whose store is made beside the old.",
    )
    previous: dict[str, ViewVersionSpec] = Field(
        default_factory=dict,
        description="Older versions that are still read, by number; each stays with its store as long as it is here.",
    )

    def check(self) -> Iterator[Fault]:
        """Older versions are older, and of another schema."""
        yield from super().check()
        schemas: dict[str, str] = {self.fingerprint: str(self.version)}
        for number, older in self.previous.items():
            path = f"previous.{number}"
            if not number.isdecimal() or number != str(int(number)) or not 1 <= int(number) < self.version:
                remedy = f'Use a whole number below {self.version}, such as "1".' if self.version > 1 else "Raise it."
                yield self.fault(path, f"is not older than version {self.version}", remedy, number)
            same = schemas.setdefault(older.fingerprint, number)
            if same != number:
                yield self.fault(path, f"has the schema of version {same}", "Take one of the two away.", number)

    @property
    def versions(self) -> dict[int, ViewVersionSpec]:
        """Every version that is kept, the newest first."""
        older = {int(number): self.previous[number] for number in self.previous}
        return {self.version: self, **dict(sorted(older.items(), reverse=True))}


class FeaturesSpec(Spec):
    """A feature store: its flavour, its views, and the jobs that fill them."""

    flavour: Annotated[SageMakerFlavour | FeastFlavour, Field(discriminator="kind")] = Field(
        default_factory=SageMakerFlavour, description="Where features are kept: kind sagemaker or feast."
    )
    views: dict[Name, FeatureViewSpec] = Field(default_factory=dict, description="The feature views by name.")
    job: JobSpec | None = Field(
        default=None, description="What fills and compares views. Absent: no view may have a schedule."
    )

    def check(self) -> Iterator[Fault]:
        """Who has a schedule has a job, and the stores can do what views ask of them."""
        keys: dict[str, tuple[str, str]] = {}
        for path, view in self._all():
            for field in ("schedule", "consistency"):
                if getattr(view, field) is not None and self.job is None:
                    yield self.fault(f"{path}.{field}", "has no job that does it", "Add job: {image: …}.")
            if isinstance(self.flavour, FeastFlavour):
                yield from self._same_keys(path, view, keys)
            if isinstance(self.flavour, FeastFlavour) and not view.offline:
                yield self.fault(
                    f"{path}.offline",
                    "leaves Feast without the history from which it fills what is online",
                    "Say offline: true, or use flavour: {kind: sagemaker}.",
                    False,
                )

    def _same_keys(self, path: str, view: ViewVersionSpec, keys: dict[str, tuple[str, str]]) -> Iterator[Fault]:
        """Feast knows an entity by its key's name alone, in all views."""
        for index, key in enumerate(view.entity):
            kind, where = keys.setdefault(key.name, (key.type, f"{path}.entity[{index}]"))
            if kind != key.type:
                remedy = "Give both the same type, or one of them another name."
                yield self.fault(f"{path}.entity[{index}].type", f"is {kind} at {where}", remedy, key.type)

    def faults_for(self, lake: LakeSpec) -> Iterator[Fault]:
        """The faults that the lake shows: zones, datasets and columns that it hasn't."""
        for zone in ("features", "artifacts"):
            if self.views and zone not in lake.zones:
                yield self.fault("views", f"need the lake's zone {zone}", f'Add "{zone}: {{}}" to the zones.')
        for _, view in self._all():
            yield from view.faults_for(lake)

    def _all(self) -> Iterator[tuple[str, ViewVersionSpec]]:
        for name, view in self.views.items():
            yield f"views.{name}", view
            for number, older in view.previous.items():
                yield f"views.{name}.previous.{number}", cast(ViewVersionSpec, older)
