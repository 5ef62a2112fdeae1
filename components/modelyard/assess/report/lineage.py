"""What a stack reads of another: which of the values that the other exports turn up in which of its components."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelyard.assess.graph.model import STACK_TYPE, Graph
from modelyard.assess.graph.values import mark
from modelyard.assess.report.boxes import owner_of

REFERENCE: Final = "pulumi:pulumi:StackReference"
_CALLED: Final = ("arn", "id", "name")
"""The outputs that a resource is called by; others repeat what another resource is called."""


@dataclass(frozen=True, slots=True)
class Read:
    """A value that a stack takes from another's export.

    `path`: where it stands in the export, `contract.network.vpc_id`. `made_by`: the key of the box in the other stack
    that makes it. `read_by`: the keys of the boxes that it turns up in. `version`: the export's, where it has one.
    """

    stack: str
    path: str
    version: str
    made_by: str
    read_by: tuple[str, ...]


def reads(graph: Graph, exporter: Graph) -> tuple[Read, ...]:
    """What `graph` takes from `exporter`, by path; a value that nothing of the exporter is called by is a setting."""
    reference = next((node for node in graph.of_type(REFERENCE) if _names(node.properties, exporter)), None)
    if reference is None:
        return ()
    makers, texts = _makers(exporter), _texts(graph)
    exported = reference.outputs.get("outputs") or exporter.outputs
    found: list[Read] = []
    for name, value in sorted(exported.items()) if isinstance(exported, Mapping) else ():
        version = str(value.get("version", "")) if isinstance(value, Mapping) else ""
        for path, text in _leaves(value, name):
            maker = makers.get(text)
            if maker is None:
                continue
            whole = re.compile(re.escape(text) + r"(?![\w-])")
            users = tuple(key for key, written in texts.items() if text in written and whole.search(written))
            if users:
                found.append(Read(str(reference.properties.get("name")), path, version, maker, users))
    return tuple(found)


def _names(properties: Mapping[str, Any], exporter: Graph) -> bool:
    name = properties.get("name")
    return isinstance(name, str) and name.split("/")[-2:] == [exporter.project, exporter.stack.rpartition("/")[2]]


def _makers(exporter: Graph) -> dict[str, str]:
    """The boxes of the exporter's resources, by what each is called."""
    found: dict[str, str] = {}
    for output in reversed(_CALLED):
        for node in exporter:
            value = node.outputs.get(output)
            if node.custom and node.type not in (STACK_TYPE, REFERENCE) and isinstance(value, str) and value:
                found[value] = owner_of(exporter, node)
    return found


def _texts(graph: Graph) -> dict[str, str]:
    """What the resources of each box say, as one text."""
    written: defaultdict[str, list[str]] = defaultdict(list)
    for node in graph:
        if node.custom and node.type != REFERENCE and not node.type.startswith("pulumi:"):
            properties = {key: mark(value) for key, value in node.properties.items()}
            written[owner_of(graph, node)].append(json.dumps(properties, ensure_ascii=False))
    return {key: "\n".join(texts) for key, texts in written.items()}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    elif isinstance(value, str):
        yield path, value
