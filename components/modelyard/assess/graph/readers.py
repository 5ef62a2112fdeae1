"""Readers: the graph of a real preview, and of what is deployed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from modelyard.assess.graph.model import STACK_TYPE, Graph, Node, urn_parts
from modelyard.assess.graph.values import UNKNOWN, Secret, from_engine
from modelyard.core.errors import Fault, InputError, Source

_OPTIONS: Final = (
    "protect",
    "retainOnDelete",
    "deleteBeforeReplace",
    "ignoreChanges",
    "replaceOnChanges",
    "additionalSecretOutputs",
    "aliases",
    "customTimeouts",
    "deletedWith",
    "replaceWith",
    "replacementTrigger",
    "hideDiffs",
)
_STATE_VERSION: Final = 3
"""Of what `pulumi stack export` writes (pulumi/sdk/go/common/apitype, `UntypedDeployment`)."""
_GOING: Final = frozenset(
    {"delete", "delete-replaced", "discard", "discard-replaced", "read-discard", "remove-pending-replace"}
)


def from_preview(
    text: str | Mapping[str, Any], *, file: str = "", side: Literal["newState", "oldState"] = "newState"
) -> Graph:
    """The graph of `pulumi preview --json --show-sames`: the stack as it will be, or with `oldState` as it is.

    `text` is the command's output, or the parsed JSON. The engine writes a secret as the text `[secret]`; such a text
    becomes a secret without value. Outputs of components and of the stack aren't in a preview.
    InputError names `file` when it is none.
    """
    document = _parsed(text, file, "pulumi preview --json --show-sames")
    try:
        states = [
            step[side]
            for step in document["steps"]
            if step.get(side) and (side == "oldState" or step["op"] not in _GOING)
        ]
        return _graph(states, preview=True)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _not_that("pulumi preview --json --show-sames", file) from error


def from_state(text: str | Mapping[str, Any], *, file: str = "") -> Graph:
    """The graph of `pulumi stack export`: the stack as it is deployed; encrypted secrets come without value.

    `text` is the command's output, or the parsed JSON. What waits for its deletion is left out.
    """
    document = _parsed(text, file, "pulumi stack export")
    version = document.get("version", _STATE_VERSION)
    if version != _STATE_VERSION:
        raise InputError(
            Fault(
                f"a state of version {_STATE_VERSION} is read here",
                "Write it anew with the engine that deployed it: pulumi stack export",
                Source(file, "version"),
                version,
            )
        )
    try:
        states = [state for state in document["deployment"].get("resources") or [] if not state.get("delete")]
        return _graph(states)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _not_that("pulumi stack export", file) from error


def _graph(states: Iterable[Mapping[str, Any]], *, preview: bool = False) -> Graph:
    nodes = {state["urn"]: _node(state, preview) for state in states if not _is_default_provider(state["urn"])}
    if not nodes:
        return Graph("", "", ())
    stack, project, _, _ = urn_parts(next(iter(nodes)))
    return Graph(project, stack, tuple(nodes.values()))


def _node(state: Mapping[str, Any], preview: bool) -> Node:
    _, _, kind, name = urn_parts(state["urn"])
    custom = bool(state.get("custom"))
    properties = _properties(state.get("inputs"), preview)
    outputs = _properties(state.get("outputs"), preview)
    if custom:
        outputs["id"] = from_engine(state.get("id") or "") or UNKNOWN
    options = {key: value for key in _OPTIONS if (value := state.get(key))}
    if "customTimeouts" in options:
        options["customTimeouts"] = {
            key: f"{seconds:g}s" for key, seconds in options["customTimeouts"].items() if seconds
        }
    if state.get("importID"):
        options["importId"] = state["importID"]
    return Node(
        urn=state["urn"],
        type=kind,
        name=name,
        custom=custom,
        external=bool(state.get("external")),
        parent=state.get("parent") or None,
        properties={} if kind == STACK_TYPE else properties,
        outputs=outputs,
        dependencies=tuple(sorted(state.get("dependencies") or ())),
        property_dependencies={
            key: tuple(sorted(urns)) for key, urns in (state.get("propertyDependencies") or {}).items() if urns
        },
        provider=_explicit_provider(state.get("provider") or ""),
        options=options,
        source=_source(state),
    )


def _properties(written: Mapping[str, Any] | None, preview: bool) -> dict[str, Any]:
    values = {key: from_engine(value) for key, value in (written or {}).items()}
    return {key: _blinded(value) for key, value in values.items()} if preview else values


def _blinded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _blinded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_blinded(part) for part in value]
    return Secret() if value == "[secret]" else value


def _source(state: Mapping[str, Any]) -> Source | None:
    """The first frame of the registration that lies in the project, by its `project:///FILE#LINE`."""
    frames = [state.get("sourcePosition"), *(frame.get("sourcePosition") for frame in state.get("stackTrace") or ())]
    for position in frames:
        file, _, line = (position or "").removeprefix("project:///").partition("#")
        if file and not file.startswith("..") and "site-packages" not in file and line.isdigit():
            return Source(file, "", int(line))
    return None


def _explicit_provider(reference: str) -> str:
    urn = reference.rpartition("::")[0]
    return "" if not urn or _is_default_provider(urn) else urn


def _is_default_provider(urn: str) -> bool:
    _, _, kind, name = urn_parts(urn)
    return kind.startswith("pulumi:providers:") and (name == "default" or name.startswith("default_"))


def _parsed(text: str | Mapping[str, Any], file: str, command: str) -> Mapping[str, Any]:
    if isinstance(text, Mapping):
        return text
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _not_that(command, file) from error
    if not isinstance(document, dict):
        raise _not_that(command, file)
    return document


def _not_that(command: str, file: str) -> InputError:
    return InputError(Fault(f"this is not the output of {command}", f"Write it with: {command}", Source(file)))
