"""What an operation of the engine did: by component, by resource, its outputs and its diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from modelyard.core.errors import DeploymentError, Fault
from modelyard.engine.changes import PropertyChange

Operation = Literal["preview", "up", "down", "refresh"]
State = Literal["waiting", "working", "done", "failed"]

PAST = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "same": "unchanged",
    "import": "imported",
    "read": "read",
    "discard": "discarded",
}
"""What is said of a resource after an operation, by the engine's word for the step."""

FUTURE = {
    "create": "to create",
    "update": "to update",
    "replace": "to replace",
    "delete": "to delete",
    "same": "unchanged",
    "import": "to import",
    "read": "to read",
    "discard": "to discard",
}
"""What is said of a resource in a preview."""


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """A resource that changes or changed; `component` is the label of the component it belongs to."""

    urn: str
    type: str
    name: str
    op: str
    component: str
    properties: tuple[PropertyChange, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The change as `--json` prints it."""
        return {
            "urn": self.urn,
            "type": self.type,
            "name": self.name,
            "op": self.op,
            "component": self.component,
            "properties": [change.as_json() for change in self.properties],
        }


@dataclass(slots=True)
class ComponentResult:
    """One component's share: resources by step, those that failed, and the seconds from its first to its last event."""

    label: str
    type: str
    name: str
    state: State = "waiting"
    counts: dict[str, int] = field(default_factory=dict)
    working: int = 0
    failed: int = 0
    seconds: float = 0.0
    last: float = 0.0

    def changed(self) -> bool:
        """Whether anything but reading happened to its resources."""
        return any(count for op, count in self.counts.items() if op not in ("same", "read"))

    def as_json(self) -> dict[str, Any]:
        """The component as `--json` prints it."""
        return {
            "type": self.type,
            "name": self.name,
            "state": self.state,
            "counts": dict(self.counts),
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message of the program, a resource or a policy."""

    severity: str
    message: str
    urn: str = ""
    component: str = ""

    def as_json(self) -> dict[str, str]:
        """The message as `--json` prints it."""
        return {
            "severity": self.severity,
            "message": self.message,
            "urn": self.urn,
            "component": self.component,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """What one operation did to one stack. `changes` counts resources by the engine's word for the step."""

    operation: Operation
    project: str
    stack: str
    succeeded: bool
    changes: Mapping[str, int]
    components: tuple[ComponentResult, ...]
    resources: tuple[ResourceChange, ...]
    outputs: Mapping[str, Any]
    diagnostics: tuple[Diagnostic, ...]
    seconds: float

    def changed(self) -> bool:
        """Whether the operation changed, or would change, any resource."""
        return any(count for op, count in self.changes.items() if op not in ("same", "read"))

    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that are errors."""
        return tuple(item for item in self.diagnostics if item.severity == "error")

    def as_json(self) -> dict[str, Any]:
        """The result as `--json` prints it; secret outputs stay hidden."""
        return {
            "operation": self.operation,
            "project": self.project,
            "stack": self.stack,
            "succeeded": self.succeeded,
            "changes": dict(self.changes),
            "components": [component.as_json() for component in self.components],
            "resources": [resource.as_json() for resource in self.resources],
            "outputs": dict(self.outputs),
            "diagnostics": [diagnostic.as_json() for diagnostic in self.diagnostics],
            "seconds": round(self.seconds, 3),
        }


class OperationError(DeploymentError):
    """An operation of the engine failed; `result` holds what it did until then."""

    def __init__(self, result: Result, *faults: Fault) -> None:
        super().__init__(*faults)
        self.result = result
