"""Which resource of an earlier graph one of a later graph is: by URN, or by an alias, its own or its parents'."""

from __future__ import annotations

from modelyard.assess.graph.model import Graph, Node, urn_of, urn_parts


def known_as(graph: Graph) -> dict[str, Node]:
    """Each node by its URN and by every URN that an alias, its own or one of its parents', says it had."""
    found: dict[str, Node] = {}
    for node in graph:
        for urn in former(graph, node):
            found.setdefault(urn, node)
    return found | dict(graph.by_urn)


def predecessors(before: Graph, after: Graph) -> dict[str, Node]:
    """By URN of `after`: the node of `before` that the engine takes for the same."""
    known = known_as(after)
    found: dict[str, Node] = {node.urn: node for node in before if node.urn in after.by_urn}
    for node in before:
        successor = known.get(node.urn)
        if successor is not None:
            found.setdefault(successor.urn, node)
    return found


def former(graph: Graph, node: Node) -> set[str]:
    """The node's URN and its former ones. A parent's former name is taken over by children that begin with it."""
    own = {node.urn, *node.options.get("aliases", ())}
    parent = graph.by_urn.get(node.parent) if node.parent else None
    if parent is None:
        return own
    inherited = set(own)
    for urn in former(graph, parent) - {parent.urn}:
        for form in own:
            stack, project, kind, name = urn_parts(form)
            if name.startswith(parent.name):
                name = urn.rpartition("::")[2] + name.removeprefix(parent.name)
            inherited.add(urn_of(stack, project, kind, name, urn))
    return inherited
