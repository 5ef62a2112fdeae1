"""The graph of one stack: its resources, how they hang together, and the queries that rules ask."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modelyard.assess.graph.values import UNKNOWN, mark, unmark
from modelyard.core.errors import Fault, InputError, Source

STACK_TYPE: Final = "pulumi:pulumi:Stack"
CLOUD_CONTROL_TYPE: Final = "aws:cloudcontrol/resource:Resource"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Node:
    """One resource or component.

    `properties` and `outputs` are keyed as on the wire (camelCase). `provider` is the URN of an explicit provider and
    empty for the default one. `options` holds only the options that were set: protect, aliases (URNs), ignoreChanges,
    deleteBeforeReplace, retainOnDelete, importId, replaceOnChanges, customTimeouts (seconds or duration strings),
    additionalSecretOutputs, deletedWith, replaceWith, remote. `transformed` names the properties that a user's
    `transform` changed. Values are not to be changed in place.
    """

    urn: str
    type: str
    name: str
    custom: bool = True
    external: bool = False
    parent: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    provider: str = ""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    source: Source | None = None
    transformed: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The type; for a Cloud Control resource the name of the CloudFormation type."""
        if self.type == CLOUD_CONTROL_TYPE:
            name = self.properties.get("typeName")
            if isinstance(name, str):
                return name
        return self.type

    @property
    def desired(self) -> Mapping[str, Any] | Any:
        """What is asked for: the properties; for a Cloud Control resource its parsed desired state.

        UNKNOWN where that is not known yet, a secret, or no JSON (which the provider refuses).
        """
        if self.type != CLOUD_CONTROL_TYPE:
            return self.properties
        state = self.properties.get("desiredState")
        try:
            return json.loads(state) if isinstance(state, str) else UNKNOWN
        except ValueError:
            return UNKNOWN


@dataclass(frozen=True, slots=True)
class Graph:
    """A stack's nodes in the order of their URNs; two graphs are equal when project, stack and nodes are."""

    project: str
    stack: str
    nodes: tuple[Node, ...]
    by_urn: Mapping[str, Node] = field(init=False, repr=False, compare=False)
    _by_type: Mapping[str, tuple[Node, ...]] = field(init=False, repr=False, compare=False)
    _children: Mapping[str, tuple[Node, ...]] = field(init=False, repr=False, compare=False)
    _dependents: Mapping[str, tuple[Node, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        nodes = tuple(sorted(self.nodes, key=lambda node: node.urn))
        by_type: defaultdict[str, list[Node]] = defaultdict(list)
        children: defaultdict[str, list[Node]] = defaultdict(list)
        dependents: defaultdict[str, list[Node]] = defaultdict(list)
        for node in nodes:
            for kind in {node.type, node.kind}:
                by_type[kind].append(node)
            if node.parent is not None:
                children[node.parent].append(node)
            for urn in node.dependencies:
                dependents[urn].append(node)
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "by_urn", {node.urn: node for node in nodes})
        for name, index in (("_by_type", by_type), ("_children", children), ("_dependents", dependents)):
            object.__setattr__(self, name, {key: tuple(found) for key, found in index.items()})

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def root(self) -> Node | None:
        """The stack's own node; None in a graph that holds only a part of a stack."""
        return next(iter(self.of_type(STACK_TYPE)), None)

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the stack exports."""
        root = self.root
        return root.outputs if root else {}

    def of_type(self, *types: str) -> tuple[Node, ...]:
        """The nodes of any of the types; a Cloud Control resource answers to its CloudFormation type too."""
        if len(types) == 1:
            return self._by_type.get(types[0], ())
        return tuple(node for kind in dict.fromkeys(types) for node in self._by_type.get(kind, ()))

    def named(self, name: str) -> tuple[Node, ...]:
        """The nodes with that logical name."""
        return tuple(node for node in self.nodes if node.name == name)

    def children(self, of: Node | str) -> tuple[Node, ...]:
        """The nodes whose parent is `of` (a node or its URN)."""
        return self._children.get(of if isinstance(of, str) else of.urn, ())

    def ancestors(self, node: Node) -> Iterator[Node]:
        """The node's parents, the nearest first, the stack last."""
        parent = node.parent
        while parent is not None and (found := self.by_urn.get(parent)):
            yield found
            parent = found.parent

    def component_of(self, node: Node) -> Node | None:
        """The nearest component that the node belongs to; None for what hangs directly under the stack."""
        return next((up for up in self.ancestors(node) if not up.custom and up.type != STACK_TYPE), None)

    def top_component_of(self, node: Node) -> Node | None:
        """The outermost component that the node belongs to, which may be the node itself."""
        chain = [up for up in (node, *self.ancestors(node)) if not up.custom and up.type != STACK_TYPE]
        return chain[-1] if chain else None

    def dependents(self, on: Node | str) -> tuple[Node, ...]:
        """The nodes that depend on `on` (a node or its URN) directly."""
        return self._dependents.get(on if isinstance(on, str) else on.urn, ())

    def to_json(self) -> str:
        """The graph as text, the same for equal graphs; a secret's value is never in it."""
        document = {
            "format": _FORMAT,
            "project": self.project,
            "stack": self.stack,
            "nodes": [_node_to_json(node) for node in self.nodes],
        }
        return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, file: str = "") -> Graph:
        """The graph that `to_json` wrote; secrets come without value. InputError names `file` if it is none."""
        try:
            document = json.loads(text)
            if document["format"] != _FORMAT:
                raise InputError(
                    Fault(
                        f"this is graph format {document['format']}, and format {_FORMAT} is read here",
                        'Write it anew with "yard graph --json".',
                        Source(file, "format"),
                    )
                )
            return cls(document["project"], document["stack"], tuple(map(_node_from_json, document["nodes"])))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                Fault("this is not the JSON of a graph", 'Write one with "yard graph --json".', Source(file))
            ) from error

    @classmethod
    def from_preview(cls, text: str | Mapping[str, Any], *, file: str = "") -> Graph:
        """The graph of a real preview; see `modelyard.assess.graph.from_preview`."""
        from modelyard.assess.graph.readers import from_preview

        return from_preview(text, file=file)

    @classmethod
    def from_state(cls, text: str | Mapping[str, Any], *, file: str = "") -> Graph:
        """The graph of a deployed stack; see `modelyard.assess.graph.from_state`."""
        from modelyard.assess.graph.readers import from_state

        return from_state(text, file=file)

    def to_mermaid(self, inside: str | None = None) -> str:
        """A Mermaid flowchart of the components, or of what is inside the component with that name or URN."""
        from modelyard.assess.graph.mermaid import flowchart

        return flowchart(self, inside)


def urn_parts(urn: str) -> tuple[str, str, str, str]:
    """Stack, project, type and name of a URN `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`."""
    stack, project, kind, name = urn.removeprefix("urn:pulumi:").split("::", 3)
    return stack, project, kind.rsplit("$", 1)[-1], name


def urn_of(stack: str, project: str, kind: str, name: str, parent: str | None) -> str:
    """The URN that Pulumi gives: it holds the types of all parents (but the stack's) and the name of none."""
    qualified = kind
    if parent:
        above = parent.split("::")[2]
        if above != STACK_TYPE:
            qualified = f"{above}${kind}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


def _node_to_json(node: Node) -> dict[str, Any]:
    written: dict[str, Any] = {"urn": node.urn, "type": node.type, "name": node.name, "custom": node.custom}
    if node.external:
        written["external"] = True
    if node.parent is not None:
        written["parent"] = node.parent
    if node.provider:
        written["provider"] = node.provider
    for key, values in (("properties", node.properties), ("outputs", node.outputs), ("options", node.options)):
        if values:
            written[key] = {name: mark(value) for name, value in values.items()}
    if node.dependencies:
        written["dependencies"] = list(node.dependencies)
    if node.property_dependencies:
        written["propertyDependencies"] = {key: list(urns) for key, urns in node.property_dependencies.items()}
    if node.source:
        place = node.source
        written["source"] = {
            "file": place.file,
            "path": place.path,
            "line": place.line,
            "column": place.column,
        }
    if node.transformed:
        written["transformed"] = list(node.transformed)
    return written


def _node_from_json(written: Mapping[str, Any]) -> Node:
    source = written.get("source")
    return Node(
        urn=written["urn"],
        type=written["type"],
        name=written["name"],
        custom=written["custom"],
        external=written.get("external", False),
        parent=written.get("parent"),
        provider=written.get("provider", ""),
        properties={name: unmark(value) for name, value in written.get("properties", {}).items()},
        outputs={name: unmark(value) for name, value in written.get("outputs", {}).items()},
        options={name: unmark(value) for name, value in written.get("options", {}).items()},
        dependencies=tuple(written.get("dependencies", ())),
        property_dependencies={key: tuple(urns) for key, urns in written.get("propertyDependencies", {}).items()},
        source=Source(source["file"], source["path"], source["line"], source["column"]) if source else None,
        transformed=tuple(written.get("transformed", ())),
    )
