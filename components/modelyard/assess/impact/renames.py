"""Renames: what goes and comes again under another name, or in another place, and the aliases that keep it.

A pair is only named where nothing else could be meant: one candidate on each side.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from modelyard.assess.graph.model import STACK_TYPE, Graph, Node, urn_parts
from modelyard.assess.graph.values import UNKNOWN, Secret, mark
from modelyard.assess.impact.changes import changes
from modelyard.assess.impact.matching import predecessors
from modelyard.assess.impact.replacing import Effect, known


@dataclass(frozen=True, slots=True)
class Rename:
    """A node that seems to be the one that was called `was`: its URN now and before, and the alias that says so.

    `covers`: how many resources the alias speaks of, those inside a component among them. `still`: what replaces some
    of them even so, such as a name in the cloud that changes too, as `resource: property before → after`.
    """

    urn: str
    was: str
    type: str
    name: str
    alias: str
    covers: int
    still: tuple[str, ...] = ()

    @property
    def python(self) -> str:
        """What to write at the resource."""
        return f"opts=pulumi.ResourceOptions(aliases=[{self.alias}])"

    def as_json(self) -> dict[str, Any]:
        """The rename as `--json` prints it."""
        return {
            "urn": self.urn,
            "was": self.was,
            "type": self.type,
            "python": self.python,
            "covers": self.covers,
            "still": list(self.still),
        }


def renames(before: Graph, after: Graph) -> Iterator[Rename]:
    """What `after` seems to have renamed or moved, components before what isn't inside of them."""
    aliased = after
    for components in (True, False):
        for node, past in _pairs(before, aliased, components=components):
            tried = _with_alias(aliased, node, past.urn)
            gained = len(predecessors(before, tried)) - len(predecessors(before, aliased))
            if gained < 1:
                continue
            aliased = tried
            held = predecessors(before, tried)
            inside = [after.by_urn[urn] for urn in held if _inside(after, urn, node) and after.by_urn[urn].custom]
            still = [
                f"{one.name}: {change}"
                for one in inside
                for change in changes(held[one.urn], one)
                if change.effect is Effect.REPLACES and not one.property_dependencies.get(change.path)
            ]
            alias = _alias(before, node, past)
            yield Rename(node.urn, past.urn, node.kind, node.name, alias, len(inside), tuple(still))


def _pairs(before: Graph, after: Graph, *, components: bool) -> list[tuple[Node, Node]]:
    matched = predecessors(before, after)
    gone_urns = {node.urn for node in matched.values()}
    come = [node for node in after if node.urn not in matched and node.custom != components and _movable(node)]
    gone = [node for node in before if node.urn not in gone_urns and node.custom != components and _movable(node)]
    alike = _alike_components if components else _alike_resources
    by_type: defaultdict[str, list[Node]] = defaultdict(list)
    for node in gone:
        by_type[node.kind].append(node)
    candidates = {node.urn: [old for old in by_type[node.kind] if alike(before, old, after, node)] for node in come}
    wanted = [old.urn for found in candidates.values() for old in found]
    return [
        (node, found[0])
        for node in sorted(come, key=lambda node: (sum(1 for _ in after.ancestors(node)), node.urn))
        if len(found := candidates[node.urn]) == 1 and wanted.count(found[0].urn) == 1
    ]


def _movable(node: Node) -> bool:
    return (
        not node.external
        and node.type != STACK_TYPE
        and not node.type.startswith(("pulumi:pulumi:", "pulumi:providers:"))
    )


def _alike_components(before: Graph, old: Node, after: Graph, new: Node) -> bool:
    """Whether all that is in one is in the other, in the same roles."""
    inside = list(_roles(before, old))
    return bool(inside) and sorted(inside) == sorted(_roles(after, new))


def _roles(graph: Graph, of: Node) -> Iterator[tuple[str, str]]:
    waiting = list(graph.children(of))
    while waiting:
        node = waiting.pop()
        yield node.kind, _role(node.name, of.name)
        waiting += graph.children(node)


def _role(name: str, of: str) -> str:
    return name.removeprefix(of) if name.startswith(of) else name


def _alike_resources(before: Graph, old: Node, after: Graph, new: Node) -> bool:
    """Whether the properties are equal but for names; what others compute is there on both sides."""
    spoken = {old.name: new.name}
    for one, other in zip(_components(before, old), _components(after, new), strict=False):
        spoken[one] = other
    return _said(old, spoken) == _said(new, {})


def _components(graph: Graph, node: Node) -> list[str]:
    return [above.name for above in graph.ancestors(node) if not above.custom and above.type != STACK_TYPE]


def _said(node: Node, spoken: Mapping[str, str]) -> str:
    table = known(node.type)
    named = {table.named, *table.identity, "__defaults"} - {""}
    given = {
        prop: "(computed)" if prop in node.property_dependencies else _open(value)
        for prop, value in node.properties.items()
        if prop not in named and not prop.startswith("__") and value is not None
    }
    text = json.dumps(mark(given), sort_keys=True)
    for old in sorted(spoken, key=len, reverse=True):
        text = text.replace(old, spoken[old])
    return text


def _open(value: Any) -> Any:
    """What a secret holds, where that is known; it is compared here and shown nowhere."""
    return value.value if isinstance(value, Secret) and value.value is not UNKNOWN else value


def _inside(graph: Graph, urn: str, of: Node) -> bool:
    node = graph.by_urn[urn]
    return urn == of.urn or any(above.urn == of.urn for above in graph.ancestors(node))


def _with_alias(graph: Graph, node: Node, was: str) -> Graph:
    options = {**node.options, "aliases": [*node.options.get("aliases", ()), was]}
    nodes: Iterable[Node] = (replace(one, options=options) if one.urn == node.urn else one for one in graph)
    return Graph(graph.project, graph.stack, tuple(nodes))


def _alias(before: Graph, node: Node, past: Node) -> str:
    """The alias as Python, which holds in every stack of the program."""
    name = f'name="{past.name}"' if past.name != node.name else ""
    type_now, type_then = node.urn.split("::")[2], past.urn.split("::")[2]
    if type_now == type_then:
        return f"pulumi.Alias({name})"
    above = before.by_urn.get(past.parent or "")
    if above is None or above.type == STACK_TYPE:
        parts = [name, "parent=pulumi.ROOT_STACK_RESOURCE"]
        return f"pulumi.Alias({', '.join(part for part in parts if part)})"
    _, _, rest = past.urn.split("::", 2)
    _, project, _, _ = urn_parts(past.urn)
    return f'f"urn:pulumi:{{pulumi.get_stack()}}::{project}::{rest}"'
