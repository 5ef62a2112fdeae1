"""Where a team's datasets lie: buckets and prefixes from the project's files alone, without a stack's state."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelyard.blueprints.platform import platform_context
from modelyard.build.data import RESTORED, DatasetSpec, LakeSpec, ZoneName
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.snapshots import Column
from modelyard.operate.cloud import Cloud
from modelyard.operate.data.store import Store
from modelyard.operate.deployments import Place

COMPONENT: Final = "lake"
"""What a team's stack calls its lake."""


@dataclass(frozen=True, slots=True)
class Lake:
    """The lake of one team in one environment. `s3` is a boto3 client; `caller` says who uses it, as an ARN."""

    context: Context
    spec: LakeSpec
    s3: Any
    caller: Callable[[], str]

    @property
    def team(self) -> str:
        """The team that it belongs to."""
        return self.context.owner

    @property
    def store(self) -> Store:
        """The object versions of its buckets."""
        return Store(self.s3, self.context)

    def bucket(self, zone: ZoneName) -> str:
        """The bucket of a zone."""
        declared = self.spec.zones.get(zone)
        if declared is not None and declared.adopt is not None:
            return declared.adopt.bucket
        return self.context.names.of("s3-bucket", COMPONENT, zone)

    def dataset(self, name: str) -> Dataset:
        """The dataset called `name`. Raises `InputError` for one that the team's file doesn't declare."""
        if name not in self.spec.datasets:
            known = ", ".join(self.spec.datasets) or "none"
            raise InputError(
                Fault(
                    f"is no dataset of {self.team}; there are: {known}",
                    "Name one, or declare it.",
                    self.spec.source("datasets"),
                    name,
                )
            )
        return Dataset(self, name, self.spec.datasets[name])


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset: its objects lie in `bucket` below `prefix`, its snapshots in the artifacts zone."""

    lake: Lake
    name: str
    spec: DatasetSpec

    @property
    def bucket(self) -> str:
        """The bucket of its zone."""
        return self.lake.bucket(self.spec.zone)

    @property
    def prefix(self) -> str:
        """What the keys of its objects begin with."""
        return self.lake.spec.prefix(self.name)

    @property
    def restored(self) -> str:
        """What the keys of copies begin with that a restore makes."""
        return f"{RESTORED}{self.name}/"

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its schema: the declared columns, then the partitions."""
        return tuple(
            Column(name=column.name, type=column.type, partition=partition, personal=column.personal)
            for partition, columns in ((False, self.spec.columns), (True, self.spec.partitions))
            for column in columns
        )

    def below(self, prefix: str) -> str:
        """What keys begin with that lie below `prefix` of this dataset, whole parts of the path."""
        inner = prefix.strip("/")
        return f"{self.prefix}{inner}/" if inner else self.prefix

    def partition(self, key: str) -> dict[str, str]:
        """The partition columns' values in the key of an object, as Hive writes them (`day=2026-01-31/`)."""
        from urllib.parse import unquote

        parts = key.removeprefix(self.prefix).split("/")[:-1]
        found = {name: unquote(value) for name, equals, value in (part.partition("=") for part in parts) if equals}
        return {name: value for name, value in found.items() if value != "__HIVE_DEFAULT_PARTITION__"}


def is_hidden(key: str) -> bool:
    """Whether Athena passes over an object: a part of its key begins with `_` or `.`, or it is a folder's mark."""
    return key.endswith("/") or any(part.startswith(("_", ".")) for part in key.split("/"))


def lake_of(where: Place, team: str) -> Lake:
    """The lake of `team` in the environment of `where`. Raises `InputError` where its file declares none."""
    found = lakes_of(where, [team])
    if not found:
        spec = where.project.team(team, where.environment)
        raise InputError(Fault("has no lake", "Declare one under data.", spec.source("data"), team))
    return found[0]


def lakes_of(where: Place, teams: Sequence[str] | None = None) -> list[Lake]:
    """The lakes of `teams`, absent of all teams of the environment; a team without a lake has none."""
    platform = platform_context(where.project.platform(where.environment), where.environment)
    lakes: list[Lake] = []
    for team in teams if teams is not None else [name for name in where.names if name != "platform"]:
        spec = where.project.team(team, where.environment)
        if spec.data is not None:
            cloud = Cloud(where, account=spec.account or "")
            context = platform.for_team(team, account=spec.account)
            lakes.append(Lake(context, spec.data, cloud.client("s3"), functools.partial(_caller, cloud)))
    return lakes


def _caller(cloud: Cloud) -> str:
    return str(cloud.client("sts").get_caller_identity()["Arn"])


def argument(name: str) -> Source:
    """Where a value of the command line was written."""
    return Source(name)
