"""What a cluster is to the provider: kinds that it knows, and objects that are read, applied and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

Object: TypeAlias = dict[str, Any]
"""An object of Kubernetes, as JSON writes it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object. `plural`: its name in paths. `namespaced`: whether its objects lie in namespaces."""

    api_version: str
    name: str
    plural: str
    namespaced: bool


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason of a refusal: the field, empty for the whole object, and what is wrong with it."""

    field: str
    message: str


class ClusterError(Exception):
    """A cluster refused. `code`: the HTTP status, 0 where nobody answered; `reason`: in one word of the API."""

    def __init__(self, code: int, reason: str, message: str, causes: tuple[Cause, ...] = ()) -> None:
        self.code = code
        self.reason = reason
        self.causes = causes
        super().__init__(f"{reason}: {message}" if reason else message)


class Cluster(Protocol):
    """Where objects go."""

    def kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind of that name; None where nothing has brought it yet. Raises `ClusterError`."""
        ...

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object as it is; None where there is none. Raises `ClusterError`."""
        ...

    def list(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> list[Object]:
        """The objects that carry these labels. Raises `ClusterError`."""
        ...

    def apply(self, kind: Kind, wanted: Object, manager: str, *, dry_run: bool = False, force: bool = False) -> Object:
        """The object after applying `wanted` server-side for this field manager. Raises `ClusterError`.

        `dry_run`: as it would be. `force`: take over fields of other managers.
        """
        ...

    def create(self, kind: Kind, wanted: Object, manager: str, *, dry_run: bool = False) -> Object:
        """A new object, whose name the cluster may choose (`generateName`). Raises `ClusterError`."""
        ...

    def delete(self, kind: Kind, namespace: str, name: str, propagation: str, patience: float) -> None:
        """Delete an object and wait, `patience` seconds at most, until it is gone. Raises `ClusterError`."""
        ...

    def await_kind(self, api_version: str, kind: str, patience: float) -> Kind:
        """The kind that a definition has just brought, once it is served. Raises `ClusterError`."""
        ...
