"""The boxes of the picture: a stack's outermost components, what they hold, and which uses which."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from modelyard.assess.graph.mermaid import short
from modelyard.assess.graph.model import STACK_TYPE, Graph, Node
from modelyard.core.errors import Source

BASE, BUILD, RUN, OTHER = "Base", "Build", "Run", "Other"
LANES: Final[Mapping[str, tuple[str, ...]]] = {
    BASE: ("access", "network", "keys", "secrets", "tenancy", "audit", "budgets", "cluster"),
    BUILD: ("data", "features", "tracking", "training", "pipelines", "registry", "workbench"),
    RUN: ("serving", "monitoring", "retraining", "governance"),
}
"""The capabilities of each lane, as the folders of the library have them; what is in none goes to the last lane."""
LOOSE: Final = "without a component"
_HIDDEN: Final = (STACK_TYPE, "pulumi:providers:", "pulumi:pulumi:StackReference")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource inside a box. `inside`: the component within the box that holds it, empty for the box itself."""

    urn: str
    name: str
    kind: str
    inside: str
    source: Source | None
    protected: bool
    transformed: bool


@dataclass(frozen=True, slots=True)
class Box:
    """An outermost component, or what lies in none. `uses`: the keys of the boxes that its resources depend on."""

    key: str
    name: str
    kind: str
    lane: str
    source: Source | None
    resources: tuple[Resource, ...]
    uses: tuple[str, ...]
    used_by: tuple[str, ...]

    @property
    def kinds(self) -> list[tuple[str, int]]:
        """How many resources of each type, most first."""
        counted = Counter(one.kind for one in self.resources)
        return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def boxes_of(graph: Graph) -> tuple[Box, ...]:
    """The boxes of a stack, by lane and then as the graph has them."""
    owners = {node.urn: owner_of(graph, node) for node in graph if not node.type.startswith(_HIDDEN)}
    held: defaultdict[str, list[Node]] = defaultdict(list)
    uses: defaultdict[str, set[str]] = defaultdict(set)
    used_by: defaultdict[str, set[str]] = defaultdict(set)
    for node in graph:
        owner = owners.get(node.urn)
        if owner is None:
            continue
        held[owner].append(node)
        for urn in node.dependencies:
            other = owners.get(urn)
            if other is not None and other != owner:
                uses[owner].add(other)
                used_by[other].add(owner)
    found = [
        _box(graph, key, nodes, tuple(sorted(uses[key])), tuple(sorted(used_by[key]))) for key, nodes in held.items()
    ]
    lanes = [*LANES, OTHER]
    return tuple(sorted(found, key=lambda box: (lanes.index(box.lane), box.name)))


def owner_of(graph: Graph, node: Node) -> str:
    """The key of the box that a node lies in."""
    top = graph.top_component_of(node)
    return top.urn if top else LOOSE


def _box(graph: Graph, key: str, nodes: Sequence[Node], uses: tuple[str, ...], used_by: tuple[str, ...]) -> Box:
    top = graph.by_urn.get(key)
    resources = tuple(_resource(graph, node, top) for node in nodes if node.custom)
    if top is None:
        return Box(key, LOOSE, "", OTHER, None, resources, uses, used_by)
    return Box(key, top.name, short(top.kind), _lane(top.type), top.source, resources, uses, used_by)


def _resource(graph: Graph, node: Node, top: Node | None) -> Resource:
    component = graph.component_of(node)
    inside = component.name if component is not None and component is not top else ""
    return Resource(
        node.urn,
        node.name,
        short(node.kind),
        inside,
        node.source,
        bool(node.options.get("protect")),
        bool(node.transformed),
    )


def _lane(kind: str) -> str:
    capability = kind.split(":")[1] if kind.startswith("modelyard:") else ""
    return next((lane for lane, capabilities in LANES.items() if capability in capabilities), OTHER)
