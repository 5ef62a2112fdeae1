"""Mermaid flowcharts of a graph: one box per component, or the inside of one; an arrow points at what is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from modelyard.assess.graph.model import STACK_TYPE, Graph, Node
from modelyard.core.errors import Fault, InputError

_Group = tuple[str, str]
_HIDDEN_TYPES: Final = (STACK_TYPE, "pulumi:providers:")


def flowchart(graph: Graph, inside: str | None = None) -> str:
    """The chart as text: components with the number of their resources, and what lies outside them by type.

    With `inside` (a component's name or URN): its children, and dashed what they use and are used by outside of it.
    InputError when there is no such component.
    """
    scope = _component(graph, inside) if inside else None
    group_of = _grouping(graph, scope)
    groups: dict[_Group, list[Node]] = {}
    for node in graph:
        if not node.type.startswith(_HIDDEN_TYPES) and node is not scope:
            groups.setdefault(group_of(node), []).append(node)
    edges: dict[tuple[_Group, _Group], None] = {}
    for group, nodes in groups.items():
        for node in nodes:
            for urn in node.dependencies:
                used = graph.by_urn.get(urn)
                if used is None or used.type.startswith(_HIDDEN_TYPES) or used is scope:
                    continue
                other = group_of(used)
                if other != group and (scope is None or "in" in (group[0], other[0])):
                    edges[group, other] = None
    linked = {group for edge in edges for group in edge}
    shown = [group for group in sorted(groups) if scope is None or group[0] == "in" or group in linked]
    ids = {group: f"n{index}" for index, group in enumerate(shown)}
    lines = ["flowchart LR"]
    for group in shown:
        outside = scope is not None and group[0] != "in"
        lines.append(f'  {ids[group]}["{_label(graph, group, groups[group])}"]' + (":::outside" if outside else ""))
    lines += [f"  {ids[user]} --> {ids[used]}" for user, used in sorted(edges)]
    if scope is not None:
        lines.append("  classDef outside stroke-dasharray: 4 4")
    return "\n".join(lines) + "\n"


def _component(graph: Graph, wanted: str) -> Node:
    components = [node for node in graph if not node.custom and node.type != STACK_TYPE]
    found = next((node for node in components if wanted in (node.urn, node.name)), None)
    if found is None:
        names = ", ".join(sorted(node.name for node in components)) or "none"
        raise InputError(Fault("no component has that name", f"The stack's components: {names}.", None, wanted))
    return found


def _grouping(graph: Graph, scope: Node | None) -> Callable[[Node], _Group]:
    known: dict[str, _Group] = {}

    def group_of(node: Node) -> _Group:
        if node.urn not in known:
            known[node.urn] = _find(node)
        return known[node.urn]

    def _find(node: Node) -> _Group:
        chain = [node, *graph.ancestors(node)]
        if scope is not None and scope in chain[1:]:
            return "in", chain[chain.index(scope) - 1].urn
        top = graph.top_component_of(node)
        if top is not None:
            return "component", top.urn
        return "loose", node.type

    return group_of


def _label(graph: Graph, group: _Group, nodes: list[Node]) -> str:
    kind, key = group
    if kind == "loose":
        return _escaped(f"{len(nodes)} × {short(key)}" if len(nodes) > 1 else f"{nodes[0].name}<br/>{short(key)}")
    node = graph.by_urn[key]
    inner = sum(found.custom for found in nodes)
    count = "" if node.custom else f" · {inner} resource{'' if inner == 1 else 's'}"
    return _escaped(f"{node.name}<br/>{short(node.kind)}{count}")


def short(kind: str) -> str:
    """`aws:s3/bucket:Bucket` is `s3 Bucket`, `modelyard:data:DataLake` is `DataLake`."""
    if "::" in kind:
        return kind
    package, module, name = kind.split(":", 2)
    return f"{module.split('/')[0]} {name}" if package == "aws" else name


def _escaped(text: str) -> str:
    return text.replace('"', "#quot;")
