"""A version of a feature view, and the names by which stores know it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from modelyard.build.features.spec import FeastFlavour, FeaturesSpec, FeatureViewSpec, ViewVersionSpec
from modelyard.core.access import Statement
from modelyard.core.features import FeatureColumn
from modelyard.core.names import short_hash


@dataclass(frozen=True, slots=True)
class View:
    """One version of a view; `tag` changes with whatever can't change in a store that exists."""

    name: str
    version: int
    spec: ViewVersionSpec
    owner: str
    description: str
    tag: str

    @property
    def key(self) -> str:
        """Name and version, such as `customer-v2`."""
        return f"{self.name}-v{self.version}"

    @property
    def role(self) -> str:
        """What its store is called among the component's children."""
        return f"{self.key}-{self.tag}"

    @property
    def snake(self) -> str:
        """Name and version where no hyphen may stand, such as `customer_v2`."""
        return self.key.replace("-", "_")

    @property
    def entity(self) -> tuple[FeatureColumn, ...]:
        """The join keys, in their order."""
        return tuple(FeatureColumn(name=k.name, type=k.type, description=k.description) for k in self.spec.entity)

    @property
    def features(self) -> tuple[FeatureColumn, ...]:
        """The features by name, so that their order in the file changes nothing."""
        return tuple(
            FeatureColumn(name=f.name, type=f.type, description=f.description, owner=f.owner or self.owner)
            for f in sorted(self.spec.features, key=lambda each: each.name)
        )

    @property
    def columns(self) -> dict[str, str]:
        """The source's column of each key, time and feature."""
        names = [*(k.name for k in self.spec.entity), self.spec.event_time, *(f.name for f in self.features)]
        return {name: self.spec.column(name) for name in names}


def views_of(spec: FeaturesSpec) -> Iterator[View]:
    """Every version of every view."""
    flavour = spec.flavour
    kept = flavour.online.kind if isinstance(flavour, FeastFlavour) else flavour.table_format
    yield from versions(spec.views, (flavour.kind, kept))


def versions(views: Mapping[str, FeatureViewSpec], kept: Sequence[str]) -> Iterator[View]:
    """Every version of these views; `kept`: how they are, as far as that can't change in a store that exists."""
    for name, view in views.items():
        for number, version in view.versions.items():
            fixed = [version.fingerprint, version.online, version.offline, *kept]
            yield View(name, number, version, view.owner, view.description, short_hash(json.dumps(fixed)))


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a version of a view is kept, and what each intent takes there."""

    store: str
    """The feature group, or the view's name in Feast."""
    read_online: tuple[Statement, ...] = ()
    read_offline: tuple[Statement, ...] = ()
    write: tuple[Statement, ...] = ()
    database: str = ""
    table: str = ""
    prefix: str = ""
    """Of the history, in the features zone."""
    workgroup: str = ""
    staging: str = ""
    endpoint: pulumi.Input[str] = ""
    users: dict[str, str] = field(default_factory=dict[str, str])
    """By intent, the user as whom a Redis store is entered."""
