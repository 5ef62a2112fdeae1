"""A graph as the JSON of a Terraform plan, for tools that read those and no Pulumi.

What a resource takes from another is written as a reference, as a plan writes it. What is secret isn't written, and
what nobody knows yet is marked as unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from modelyard.assess.bridges.names import terraform_property, terraform_type
from modelyard.assess.graph.model import CLOUD_CONTROL_TYPE, Graph, Node
from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.core.sdk import ListOf, MapOf, ObjectOf, Shape, UnknownTypeError, resource_type

_PROVIDER: Final = "registry.terraform.io/hashicorp/aws"
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")
_HIDDEN: Final = "(secret)"
_NAMES: Final = ("arn", "id", "name", "bucket")
"""What others refer to a resource by, the most exact first."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan's document, and which resource of the graph each of its addresses stands for."""

    document: Mapping[str, Any]
    nodes: Mapping[str, Node]


def plan_of(graph: Graph) -> Plan:
    """The plan that creates the graph's own resources of AWS.

    Components, what is only read, resources of other providers and of Cloud Control have none in it.
    """
    addresses = _addresses(graph)
    by_address = {addresses[node.urn]: node for node in graph if node.urn in addresses}
    resources, changes, configuration = list[Any](), list[Any](), list[Any]()
    for address, node in by_address.items():
        kind, _, name = address.partition(".")
        written = _Written(graph, node, kind, addresses)
        common = {"address": address, "mode": "managed", "type": kind, "name": name}
        resources.append({**common, "provider_name": _PROVIDER, "schema_version": 0, "values": written.values})
        change = {"actions": ["create"], "before": None, "after": written.values, "after_unknown": written.unknown}
        changes.append({**common, "provider_name": _PROVIDER, "change": change})
        if written.references:
            configuration.append({**common, "provider_config_key": "aws", "expressions": written.references})
    document = {
        "format_version": "1.2",
        "terraform_version": "1.11.0",
        "planned_values": {"root_module": {"resources": resources}},
        "resource_changes": changes,
        "configuration": {
            "provider_config": {"aws": {"name": "aws", "full_name": _PROVIDER}},
            "root_module": {"resources": configuration},
        },
    }
    return Plan(document, by_address)


def write_plan(graph: Graph, file: Path) -> Plan:
    """Write the plan of a graph to `file`, for whatever reads such plans."""
    plan = plan_of(graph)
    file.write_text(json.dumps(plan.document), "utf-8")
    return plan


def _addresses(graph: Graph) -> dict[str, str]:
    """An address for each resource that gets one, by URN."""
    found = dict[str, str]()
    taken = set[str]()
    for node in graph:
        if not node.custom or node.external or not node.type.startswith("aws:") or node.type == CLOUD_CONTROL_TYPE:
            continue
        base = f"{terraform_type(node.type)}.{_NOT_IN_A_NAME.sub('_', node.name)}"
        address, number = base, 2
        while address in taken:
            address, number = f"{base}_{number}", number + 1
        taken.add(address)
        found[node.urn] = address
    return found


class _Written:
    """One resource: its values, which of them are unknown, and what it refers to."""

    def __init__(self, graph: Graph, node: Node, kind: str, addresses: Mapping[str, str]) -> None:
        self._kind = kind
        self.values = dict[str, Any]()
        self.unknown = dict[str, Any]()
        self.references = dict[str, Any]()
        shapes = _shapes(node.type)
        for name, value in node.properties.items():
            shape = shapes.get(name)
            key = terraform_property(kind, name, blocks=_is_blocks(shape))
            known = node.property_dependencies.get(name, ())
            sources = {addresses[urn]: graph.by_urn[urn] for urn in known if urn in addresses}
            if sources:
                self.references[key] = {"references": _referred(sources, value)}
            if sources and _is_reference(value, sources.values()):
                self.unknown[key] = True
                continue
            said, unknown = self._value(shape, value)
            if unknown is True:
                self.unknown[key] = True
            elif value is not None:
                self.values[key] = said
                if unknown:
                    self.unknown[key] = unknown

    def _value(self, shape: Shape | None, value: Any) -> tuple[Any, Any]:
        """A value as Terraform has it, and which of its parts are unknown (true: all of it)."""
        if value is UNKNOWN:
            return None, True
        if isinstance(value, Secret):
            return (None, True) if value.value is UNKNOWN else (_HIDDEN, {})
        if isinstance(value, Mapping):
            said, unknown = self._object(shape, cast("Mapping[str, Any]", value))
            return ([said], [unknown] if unknown else {}) if isinstance(shape, ObjectOf) else (said, unknown)
        if isinstance(value, list):
            item = shape.item if isinstance(shape, ListOf) else None
            return self._items(item, cast("list[Any]", value))
        return value, {}

    def _items(self, item: Shape | None, values: list[Any]) -> tuple[list[Any], Any]:
        said, unknown = list[Any](), list[Any]()
        for value in values:
            if isinstance(item, ObjectOf) and isinstance(value, Mapping):
                one, parts = self._object(item, cast("Mapping[str, Any]", value))
            else:
                one, parts = self._value(item, value)
            said.append(one)
            unknown.append(parts)
        return said, unknown if any(unknown) else {}

    def _object(self, shape: Shape | None, value: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        fields = shape.fields if isinstance(shape, ObjectOf) else {}
        said, unknown = dict[str, Any](), dict[str, Any]()
        for name, inner in value.items():
            field = fields.get(name)
            below = field.shape if field else shape.value if isinstance(shape, MapOf) else None
            key = terraform_property(self._kind, name, blocks=_is_blocks(below)) if fields else name
            one, parts = self._value(below, inner)
            if parts:
                unknown[key] = parts
            if parts is not True and inner is not None:
                said[key] = one
        return said, unknown


def _shapes(token: str) -> Mapping[str, Shape]:
    """The shapes of a type's properties; none for a type that the installed SDK doesn't know."""
    try:
        return {name: known.shape for name, known in resource_type(token).inputs.items()}
    except UnknownTypeError:
        return {}


def _is_blocks(shape: Shape | None) -> bool:
    return isinstance(shape, ListOf) and isinstance(shape.item, ObjectOf)


def _is_reference(value: Any, sources: Any) -> bool:
    """Whether the whole value is something that one of the sources gives, and none has before it is made."""
    if not isinstance(value, str):
        return False
    return any(value in _given(source).values() for source in sources)


def _given(source: Node) -> dict[str, str]:
    return {key: found for key in _NAMES if isinstance(found := source.outputs.get(key), str) and found}


def _referred(sources: Mapping[str, Node], value: Any) -> list[str]:
    """What a plan lists for a reference: the attribute, then the resource."""
    found = list[str]()
    for address, source in sources.items():
        attribute = next((key for key, given in _given(source).items() if given == value), "id")
        found += [f"{address}.{attribute}", address]
    return found
