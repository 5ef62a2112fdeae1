"""A recorded graph beside a deployed one: what the recorder made up becomes what the deployment computed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.graph.values import Secret, mark
from modelyard.assess.impact.matching import predecessors

_LEAST: Final = 4
"""Characters of a computed text that is looked for inside others; a shorter one is replaced only as a whole."""


def settled(recorded: Graph, deployed: Graph) -> Graph:
    """`recorded`, its inputs as they would be if what they read from stayed as it is deployed.

    Each input is looked at for what its sources computed: an id or an ARN that the recorder made up becomes the real
    one, inside longer texts too.
    """
    past = predecessors(deployed, recorded)
    real = {urn: list(_pairs(_computed(recorded.by_urn[urn]), node.outputs)) for urn, node in past.items()}
    nodes = (_settled(node, real, past.get(node.urn)) for node in recorded)
    return Graph(recorded.project, recorded.stack, tuple(nodes))


def _settled(node: Node, real: Mapping[str, Sequence[tuple[str, Any]]], past: Node | None) -> Node:
    given = dict(node.properties)
    for prop, urns in node.property_dependencies.items():
        there = json.dumps(mark(past.properties.get(prop)), ensure_ascii=False) if past else ""
        said = _chosen([pair for urn in urns for pair in real.get(urn, ())], there)
        if said and prop in given:
            given[prop] = _translated(given[prop], said)
    return replace(node, properties=given)


def _chosen(pairs: Iterable[tuple[str, Any]], there: str) -> dict[str, Any]:
    """One real value for each that was made up: where several could be meant, the one that is there already."""
    found: dict[str, Any] = {}
    for made_up, real in pairs:
        if made_up not in found or (str(real) in there and str(found[made_up]) not in there):
            found[made_up] = real
    return found


def _computed(node: Node) -> Mapping[str, Any]:
    """The outputs that aren't inputs given back, such as an id that is the name; of objects, the parts that aren't."""
    given = [value for value in node.properties.values() if isinstance(value, str)]
    found: dict[str, Any] = {}
    for key, value in node.outputs.items():
        written = node.properties.get(key)
        if isinstance(value, Mapping) and isinstance(written, Mapping):
            parts: Mapping[str, Any] = value
            found[key] = {part: parts[part] for part in parts if part not in written}
        elif key not in node.properties and value not in given:
            found[key] = value
    return found


def _default(past: Node | None) -> str:
    return past.provider if past is not None else ""


def _pairs(made_up: Any, real: Any) -> Iterator[tuple[str, Any]]:
    """What the recorder made up, and what is there in its place."""
    if isinstance(made_up, Mapping) and isinstance(real, Mapping):
        for key in sorted(made_up.keys() & real.keys()):
            yield from _pairs(made_up[key], real[key])
    elif isinstance(made_up, list) and isinstance(real, list):
        for one, other in zip(made_up, real, strict=False):
            yield from _pairs(one, other)
    elif isinstance(made_up, Secret) and isinstance(real, Secret):
        yield from _pairs(made_up.value, real.value)
    elif isinstance(made_up, str) and made_up and made_up != real and isinstance(real, str | int | float):
        yield made_up, real


def _translated(value: Any, said: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _translated(part, said) for key, part in value.items()}
    if isinstance(value, list):
        return [_translated(part, said) for part in value]
    if isinstance(value, Secret):
        return Secret(_translated(value.value, said))
    if not isinstance(value, str):
        return value
    if value in said:
        return said[value]
    inside = sorted((text for text in said if len(text) >= _LEAST and text in value), key=len, reverse=True)
    if not inside:
        return value
    return re.sub("|".join(map(re.escape, inside)), lambda found: str(said[found.group()]), value)
