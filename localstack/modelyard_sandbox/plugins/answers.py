"""What a stand-in provider answers: refusals, failures, differences, and what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from modelyard_sandbox.plugins.values import Properties

Kind: TypeAlias = Literal["add", "delete", "update"]


class ConfigurationRefused(Exception):
    """The provider's configuration could reach something that is not the sandbox; `faults` pairs keys and reasons."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{key}: {reason}" for key, reason in faults))


class ProviderError(Exception):
    """An operation failed; the text names resource, operation, code, message and request id."""


class HalfCreated(ProviderError):
    """The resource exists, but not all of its settings: the engine must remember it, and finish or delete it."""

    def __init__(self, reason: str, id: str, state: Properties, inputs: Properties) -> None:
        self.id = id
        self.state = state
        self.inputs = inputs
        super().__init__(reason)


class Refusal(NamedTuple):
    """One input that is refused: its path, empty for the resource itself, and why."""

    path: str
    reason: str


class Found(NamedTuple):
    """A resource as it was read: id, state, and the inputs that would make it."""

    id: str
    state: Properties
    inputs: Properties


@dataclass(frozen=True, slots=True)
class Difference:
    """`changed` are top-level properties; `paths` gives each differing path and how it differs.

    `replaces`: the properties or paths that replace the resource.
    """

    changed: frozenset[str] = frozenset()
    replaces: frozenset[str] = frozenset()
    paths: Mapping[str, Kind] = field(default_factory=dict)
    delete_first: bool = False


def within(path: str, other: str) -> bool:
    """Whether a property path is another, or lies below it."""
    return path == other or path.startswith((f"{other}.", f"{other}["))


def add_paths(path: str, old: Any, new: Any, found: dict[str, Kind], *, whole: bool = False) -> None:
    """Add to `found` each path below `path` at which two plain values differ; `whole`: look no deeper."""
    if old == new:
        return
    if not whole and isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            add_paths(member(path, key), old.get(key), new.get(key), found)
    elif not whole and isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            add_paths(
                f"{path}[{index}]",
                old[index] if index < len(old) else None,
                new[index] if index < len(new) else None,
                found,
            )
    else:
        found[path] = "add" if old is None else "delete" if new is None else "update"


def member(path: str, key: str) -> str:
    """The path of a member of the mapping at `path`."""
    if "." in key or '"' in key:
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
