"""Small graphs, as rules show what they refuse and what they take, and as tests of a company's own rules need them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from modelyard.assess.graph.model import STACK_TYPE, Graph, Node, urn_of

PROJECT: Final = "example"


@dataclass(frozen=True, slots=True)
class Of:
    """The output `output` of the part called `name`."""

    name: str
    output: str = "id"


@dataclass(frozen=True, slots=True)
class Part:
    """One resource of an example: its type, its logical name, and its properties as on the wire."""

    type: str
    name: str
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parent: str = ""


def part(kind: str, name: str = "it", /, *, parent: str = "", **properties: Any) -> Part:
    """A resource of an example; a value `Of("raw", "arn")` points to another."""
    return Part(kind, name, properties, parent)


def graph_of(parts: Sequence[Part], *, stack: str = "example") -> Graph:
    """The graph of a stack that holds these parts."""
    root = urn_of(stack, PROJECT, STACK_TYPE, f"{PROJECT}-{stack}", None)
    urns = {STACK_TYPE: root}
    for each in parts:
        urns[each.name] = urn_of(stack, PROJECT, each.type, each.name, urns.get(each.parent))
    nodes = [Node(root, STACK_TYPE, f"{PROJECT}-{stack}", custom=False)]
    nodes += [_node(each, urns) for each in parts if each.type != STACK_TYPE]
    return Graph(PROJECT, stack, tuple(nodes))


def _node(each: Part, urns: Mapping[str, str]) -> Node:
    pointed = {name: tuple(urns[of.name] for of in _all(value)) for name, value in each.properties.items()}
    dependencies = {urn for found in pointed.values() for urn in found}
    properties = {name: _written(value) for name, value in each.properties.items()}
    return Node(
        urns[each.name],
        each.type,
        each.name,
        custom=not each.type.startswith("modelyard:"),
        parent=urns.get(each.parent, urns[STACK_TYPE]),
        properties=properties,
        outputs={"id": f"{each.name}-id", "arn": f"arn:example:{each.name}", **properties},
        dependencies=tuple(sorted(dependencies)),
        property_dependencies={name: found for name, found in pointed.items() if found},
    )


def _all(value: Any) -> Iterator[Of]:
    if isinstance(value, Of):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():  # pyright: ignore[reportUnknownVariableType]
            yield from _all(inner)
    elif isinstance(value, list | tuple):
        for inner in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _all(inner)


def _written(value: Any) -> Any:
    if isinstance(value, Of):
        return f"arn:example:{value.name}" if value.output == "arn" else f"{value.name}-{value.output}"
    if isinstance(value, Mapping):
        return {key: _written(inner) for key, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return [_written(inner) for inner in value]  # pyright: ignore[reportUnknownVariableType]
    return value
