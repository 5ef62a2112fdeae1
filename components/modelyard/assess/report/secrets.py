"""Keeps the values of secrets out of what is told: whatever text they turn up in, it says `[secret]` in their place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.values import Secret

HIDDEN: Final = "[secret]"
_SHORTEST: Final = 6
"""Shorter ones are words of any text; no value of a secret that is worth something is as short."""


def secrets_of(graphs: Iterable[Graph]) -> frozenset[str]:
    """The texts that are secret somewhere in the graphs; of a structure each text in it."""
    found: set[str] = set()
    for graph in graphs:
        for node in graph:
            for values in (node.properties, node.outputs):
                for value in values.values():
                    found.update(_inside(value))
    return frozenset(text for text in found if len(text) >= _SHORTEST)


def without(value: Any, secrets: frozenset[str]) -> Any:
    """A JSON value without the secrets, wherever they stand in it; keys too."""
    if not secrets:
        return value
    if isinstance(value, str):
        for secret in secrets:
            if secret in value:
                value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, Mapping):
        return {without(key, secrets): without(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without(inner, secrets) for inner in value]
    return value


def _inside(value: Any, secret: bool = False) -> Iterator[str]:
    if isinstance(value, Secret):
        yield from _inside(value.value, True)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _inside(inner, secret)
    elif isinstance(value, list):
        for inner in value:
            yield from _inside(inner, secret)
    elif secret and isinstance(value, str):
        yield value
        yield from _documented(value)


def _documented(text: str) -> Iterator[str]:
    """The texts in a secret that is a JSON document: whoever shows a part of it shows the secret."""
    if not text.startswith(("{", "[")):
        return
    try:
        yield from _inside(json.loads(text), True)
    except ValueError:
        return
