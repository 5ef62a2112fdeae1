"""The values that the checks work on: the mark of what is not known yet, a failure, and paths into inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.core.wire import UNKNOWN


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is refused: where (`rules[0].expiration.days`; empty: the whole), why, and who says so."""

    property: str
    reason: str
    source: str = ""


def join(path: str, key: str) -> str:
    """The path of a field below `path`."""
    return f"{path}.{key}" if path else key


def contains_unknown(value: object) -> bool:
    """Whether a value is unknown, or holds something unknown at any depth."""
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return isinstance(value, str) and UNKNOWN in value


def select(value: Any, path: str, at: str = "") -> Iterator[tuple[str, Any]]:
    """The known values that `path` names, each with its exact path.

    `rules[].expiration` goes into each element. A part that is absent or unknown yields nothing.
    """
    if value is None or value == UNKNOWN:
        return
    head, _, rest = path.partition(".")
    if not path:
        yield at, value
    elif isinstance(value, Mapping):
        name, is_list = head.removesuffix("[]"), head.endswith("[]")
        found = value.get(name)
        if not is_list:
            yield from select(found, rest, join(at, name))
        elif isinstance(found, list):
            for index, item in enumerate(found):
                yield from select(item, rest, f"{join(at, name)}[{index}]")
