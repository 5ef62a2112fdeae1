"""Comparing graphs: the differences between two, and whether a recorded one agrees with what the engine did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Final

from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.graph.values import UNKNOWN, Secret, mark

ABSENT: Final = "(absent)"
_FIELDS: Final = (
    "type",
    "name",
    "custom",
    "external",
    "parent",
    "properties",
    "outputs",
    "dependencies",
    "property_dependencies",
    "provider",
    "options",
)
_AGREEING: Final = ("type", "name", "custom", "parent", "properties", "dependencies", "property_dependencies")


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two graphs differ; a secret shows as a mark, what is not there as `(absent)`."""

    urn: str
    path: str
    left: Any
    right: Any

    def __str__(self) -> str:
        where = f"{self.urn}: {self.path}" if self.path else self.urn
        return f"{where}: {self.left!r} ≠ {self.right!r}"


def differences(left: Graph, right: Graph) -> list[Difference]:
    """Where two graphs differ, in the order of URNs; sources aside, and secrets are equal whatever they hold."""
    return _differences(left, right, _FIELDS)


def agree(recorded: Graph, other: Graph) -> list[str]:
    """Where the graph of a real preview or state contradicts the recorded one; empty when they agree.

    Compared are types, names, parents, dependencies and input properties. Normalised, because the engine or a provider
    adds or cannot tell it, is this and nothing else:

    - default providers are no nodes of either graph (the readers leave them out);
    - an input that one side doesn't know, or holds as a secret, agrees with any value of the other: a preview does not
      know what the recording made up, and synthetic values differ from real ones;
    - a text that has a synthetic value somewhere inside differs by that value; so where an input depends on another
      resource, only that it is there is compared;
    - inputs that a provider's check fills in (automatic names, defaults: listed in `__defaults` or only in the other
      graph) are left out, and so are inputs that are null;
    - the inputs of stack references and the order of dependencies say nothing.
    """
    known = recorded.by_urn.keys()
    found = _differences(
        _normal(recorded, known, recorded),
        _normal(other, known | other.by_urn.keys(), recorded),
        _AGREEING,
        lenient=True,
    )
    return [str(difference) for difference in found]


def _normal(graph: Graph, known: AbstractSet[str], recorded: Graph) -> Graph:
    return Graph(graph.project, graph.stack, tuple(_normal_node(node, known, recorded) for node in graph))


def _normal_node(node: Node, known: AbstractSet[str], recorded: Graph) -> Node:
    twin = recorded.by_urn.get(node.urn, node)
    if node.type == "pulumi:pulumi:StackReference":
        properties: Mapping[str, Any] = {}
    else:
        properties = {
            key: UNKNOWN if twin.property_dependencies.get(key) else _comparable(value)
            for key, value in node.properties.items()
            if value is not None and not key.startswith("__") and twin.properties.get(key) is not None
        }
    return replace(
        node,
        properties=properties,
        dependencies=tuple(sorted(urn for urn in node.dependencies if urn in known)),
        property_dependencies={
            key: tuple(sorted(found))
            for key, urns in node.property_dependencies.items()
            if (found := [urn for urn in urns if urn in known])
        },
    )


def _comparable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _comparable(part) for key, part in value.items() if part is not None and not key.startswith("__")}
    if isinstance(value, list):
        return [_comparable(part) for part in value]
    return value


def _differences(left: Graph, right: Graph, fields: Iterable[str], *, lenient: bool = False) -> list[Difference]:
    found: list[Difference] = []
    for urn in sorted(left.by_urn.keys() | right.by_urn.keys()):
        one, other = left.by_urn.get(urn), right.by_urn.get(urn)
        if one is None or other is None:
            found.append(Difference(urn, "", one.type if one else ABSENT, other.type if other else ABSENT))
            continue
        for name in fields:
            _compare(urn, name, getattr(one, name), getattr(other, name), found, lenient)
    return found


def _compare(urn: str, path: str, left: Any, right: Any, found: list[Difference], lenient: bool) -> None:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in sorted(left.keys() | right.keys()):
            _compare(urn, f"{path}.{key}", left.get(key, ABSENT), right.get(key, ABSENT), found, lenient)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            _compare(urn, f"{path}[{index}]", one, other, found, lenient)
    elif (isinstance(left, Secret) and isinstance(right, Secret)) or (lenient and (_open(left) or _open(right))):
        return
    elif left != right:
        found.append(Difference(urn, path, _shown(left), _shown(right)))


def _open(value: Any) -> bool:
    return value is UNKNOWN or isinstance(value, Secret)


def _shown(value: Any) -> Any:
    return value if isinstance(value, tuple) or value == ABSENT else mark(value)
