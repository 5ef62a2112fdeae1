"""A graph's Kubernetes objects as manifests, for tools that read those."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.graph.values import UNKNOWN, Secret

_PREFIX: Final = "kubernetes:"
_HIDDEN: Final = "(secret)"


def write_manifests(graph: Graph, folder: Path) -> Mapping[str, Node]:
    """Write each object of the graph's own to a file in `folder`, and say which file holds which.

    What is secret isn't written, and what nobody knows yet is left out. The folder is made where there is an object.
    """
    found = dict[str, Node]()
    for node in graph:
        if not node.type.startswith(_PREFIX) or node.external or not {"apiVersion", "kind"} <= node.properties.keys():
            continue
        folder.mkdir(exist_ok=True)
        name = f"{len(found):05}.yaml"
        written = {**node.properties, "metadata": _metadata(node)}
        (folder / name).write_text(json.dumps(_shown(written)), "utf-8")
        found[name] = node
    return found


def _metadata(node: Node) -> Mapping[str, Any]:
    """An object's metadata with the name that it gets; readers pass over objects without one."""
    given = node.outputs.get("metadata", node.properties.get("metadata"))
    return {"name": node.name, **(cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else {})}


def _shown(value: Any) -> Any:
    if isinstance(value, Secret):
        return _HIDDEN
    if isinstance(value, Mapping):
        known = cast("Mapping[str, Any]", value)
        return {key: _shown(inner) for key, inner in known.items() if inner is not UNKNOWN}
    if isinstance(value, list):
        return [_shown(inner) for inner in cast("list[Any]", value) if inner is not UNKNOWN]
    return value
