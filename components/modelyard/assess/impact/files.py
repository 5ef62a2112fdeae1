"""Files that a program hands over as assets, compared by what is in them rather than by where they lie."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.values import Secret


def with_contents(graph: Graph, folder: Path, root: Path) -> Graph:
    """The graph, with a hash beside the path of every asset and archive that lies below `root`.

    `folder` is what the program's paths are relative to. What lies elsewhere keeps its path alone.
    """
    nodes = (
        replace(node, properties={key: _read(value, folder, root) for key, value in node.properties.items()})
        for node in graph
    )
    return Graph(graph.project, graph.stack, tuple(nodes))


def _read(value: Any, folder: Path, root: Path) -> Any:
    if isinstance(value, Secret):
        return Secret(_read(value.value, folder, root))
    if isinstance(value, list):
        return [_read(part, folder, root) for part in value]
    if not isinstance(value, Mapping):
        return value
    for kind in ("$asset", "$archive"):
        held = value.get(kind)
        if isinstance(held, Mapping) and isinstance(held.get("path"), str):
            path = (folder / held["path"]).resolve()
            if path.is_relative_to(root.resolve()):
                return {kind: {"path": path.relative_to(root.resolve()).as_posix(), "hash": _hash(path)}}
    return {key: _read(part, folder, root) for key, part in value.items()}


def _hash(path: Path) -> str:
    found = hashlib.sha256()
    for file in _files(path):
        found.update(file.relative_to(path).as_posix().encode() + b"\0")
        found.update(file.read_bytes() + b"\0")
    return found.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    elif path.is_file():
        yield path
