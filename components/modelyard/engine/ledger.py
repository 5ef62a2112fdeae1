"""The engine's events, counted by component while they arrive."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from modelyard.engine import changes
from modelyard.engine.result import ComponentResult, Diagnostic, Operation, ResourceChange, Result

_STACK = "pulumi:pulumi:Stack"
_PROVIDER = "pulumi:providers:"
_COMPONENT = "modelyard:"
_OTHER = "everything else"
_EMPTY_WORDS = {"update failed", "preview failed", "destroy failed", "refresh failed"}
_RAISED_ON_PURPOSE = re.compile(r"^modelyard\w*(?:\.\w+)*\.\w*(?:Error|Fault): ", re.MULTILINE)


def readable(message: str) -> str:
    """`message` without the traceback, where a program ended with an error that Modelyard raised on purpose."""
    text = message.strip("\n")
    raised = list(_RAISED_ON_PURPOSE.finditer(text))
    if "Traceback (most recent call last)" in text and raised:
        text = text[raised[-1].end() :]
    return text


class Ledger:
    """Takes the engine's events one by one and knows, at any time, how each component stands."""

    def __init__(self, operation: Operation, clock: Callable[[], float] = time.monotonic) -> None:
        self.operation: Operation = operation
        self.outputs: dict[str, Any] = {}
        self.diagnostics: list[Diagnostic] = []
        self._clock = clock
        self._began = clock()
        self._parents: dict[str, str] = {}
        self._types: dict[str, str] = {}
        self._steps: dict[str, str] = {}
        self._properties: dict[str, tuple[changes.PropertyChange, ...]] = {}
        self._working: set[str] = set()
        self._failed: set[str] = set()
        self._closed: set[str] = set()
        self._times: dict[str, tuple[float, float]] = {}
        self._summary: dict[str, int] | None = None

    def take(self, event: Mapping[str, Any]) -> None:
        """Counts one event of the engine's log."""
        if "resourcePreEvent" in event:
            self._begin(event["resourcePreEvent"]["metadata"])
        elif "resOutputsEvent" in event:
            self._end(event["resOutputsEvent"]["metadata"])
        elif "resOpFailedEvent" in event:
            self._fail(event["resOpFailedEvent"]["metadata"])
        elif "diagnosticEvent" in event:
            self._diagnose(event["diagnosticEvent"])
        elif "policyEvent" in event:
            self._judge(event["policyEvent"])
        elif "summaryEvent" in event:
            self._summary = dict(event["summaryEvent"].get("resourceChanges") or {})

    def add(self, severity: str, message: str, urn: str = "") -> None:
        """Notes a message; empty words and repetitions are left out."""
        text = readable(message)
        diagnostic = Diagnostic(severity, text, urn, self._label(self._owner(urn)) if urn else "")
        repeated = severity != "info" and diagnostic in self.diagnostics
        if text and text not in _EMPTY_WORDS and not repeated:
            self.diagnostics.append(diagnostic)

    def errors(self) -> list[Diagnostic]:
        """The messages so far that are errors."""
        return [item for item in self.diagnostics if item.severity == "error"]

    def seconds(self) -> float:
        """Seconds since the operation began."""
        return self._clock() - self._began

    def quiet(self, component: ComponentResult) -> float:
        """Seconds since the last event of `component`."""
        return self._clock() - component.last

    def components(self) -> tuple[ComponentResult, ...]:
        """Every component as it stands now, in the order of their first events."""
        found: dict[str, ComponentResult] = {}
        for urn, op in self._steps.items():
            owner = self._owner(urn)
            component = found.get(owner)
            if component is None:
                component = ComponentResult(self._label(owner), self._types.get(owner, ""), _name(owner))
                found[owner] = component
            if self._hidden(urn):
                continue
            if urn in self._failed:
                component.failed += 1
            elif urn in self._working and self._types.get(urn, "").startswith(_COMPONENT):
                continue
            elif urn in self._working:
                component.working += 1
            else:
                component.counts[op] = component.counts.get(op, 0) + 1
        for owner, component in found.items():
            self._finish(owner, component)
        return tuple(component for owner, component in found.items() if owner or component.counts or component.failed)

    def result(self, project: str, stack: str, succeeded: bool) -> Result:
        """What the operation did in all; components by name, whichever the engine happened to begin with."""
        components = tuple(sorted(self.components(), key=lambda component: (component.type, component.name)))
        counted: dict[str, int] = {}
        for component in components:
            for op, count in component.counts.items():
                counted[op] = counted.get(op, 0) + count
        resources = [
            ResourceChange(
                urn, self._types[urn], _name(urn), op, self._label(self._owner(urn)), self._properties.get(urn, ())
            )
            for urn, op in self._steps.items()
            if op not in ("same", "read", "refresh") and not self._hidden(urn)
        ]
        changed = self._summary if self._summary is not None else counted
        done = self._diagnosed()
        return Result(
            self.operation,
            project,
            stack,
            succeeded,
            changed,
            components,
            tuple(resources),
            dict(self.outputs),
            done,
            self.seconds(),
        )

    def _diagnosed(self) -> tuple[Diagnostic, ...]:
        """The messages with the owners that became known after they arrived."""
        return tuple(
            Diagnostic(item.severity, item.message, item.urn, self._label(self._owner(item.urn)) if item.urn else "")
            for item in self.diagnostics
        )

    def _begin(self, metadata: Mapping[str, Any]) -> None:
        urn = self._meet(metadata)
        if metadata["op"] != "same":
            self._working.add(urn)
        elif not self._types[urn].startswith(_COMPONENT):
            self._working.discard(urn)
        if metadata.get("logical", True):
            self._steps[urn] = metadata["op"]
            if metadata["op"] != "same":
                self._properties[urn] = changes.of_step(metadata) if metadata["op"] in ("update", "replace") else ()

    def _end(self, metadata: Mapping[str, Any]) -> None:
        urn = self._meet(metadata)
        self._working.discard(urn)
        if metadata["type"].startswith(_COMPONENT):
            self._closed.add(urn)
        if metadata["type"] == _STACK:
            self.outputs = changes.plain((metadata.get("new") or {}).get("outputs") or {})
        if metadata.get("logical", True):
            refreshed = self._steps.get(urn) == "refresh" or self.operation == "refresh"
            self._steps[urn] = metadata["op"]
            if refreshed and metadata["op"] == "update":
                self._properties[urn] = changes.of_step({**metadata, "drift": True})

    def _fail(self, metadata: Mapping[str, Any]) -> None:
        urn = self._meet(metadata)
        self._steps.setdefault(urn, metadata["op"])
        self._working.discard(urn)
        self._failed.add(urn)

    def _diagnose(self, event: Mapping[str, Any]) -> None:
        severity = str(event.get("severity", "info"))
        if severity == "debug" or event.get("ephemeral"):
            return
        self.add("info" if severity.startswith("info") else severity, event.get("message", ""), event.get("urn", ""))

    def _judge(self, event: Mapping[str, Any]) -> None:
        severity = "error" if event.get("enforcementLevel") == "mandatory" else "warning"
        rule = f"{event.get('policyPackName')}/{event.get('policyName')}"
        self.add(severity, f"{rule}: {event.get('message', '')}", event.get("resourceUrn", ""))

    def _meet(self, metadata: Mapping[str, Any]) -> str:
        urn = metadata["urn"]
        self._types[urn] = metadata["type"]
        state = metadata.get("new") or metadata.get("old") or {}
        if state.get("parent"):
            self._parents[urn] = state["parent"]
        owner, now = self._owner(urn), self._clock()
        self._times[owner] = (self._times.get(owner, (now, now))[0], now)
        return urn

    def _owner(self, urn: str) -> str:
        """The URN of the nearest component, the resource itself included; empty for what belongs to none."""
        while urn:
            if self._types.get(urn, _type(urn)).startswith(_COMPONENT):
                return urn
            urn = self._parents.get(urn, "")
        return ""

    def _hidden(self, urn: str) -> bool:
        return self._types[urn] == _STACK or self._types[urn].startswith(_PROVIDER)

    def _finish(self, owner: str, component: ComponentResult) -> None:
        first, last = self._times.get(owner, (0.0, 0.0))
        component.seconds, component.last = last - first, last
        if component.failed:
            component.state = "failed"
        elif component.working:
            component.state = "working"
            component.seconds = self._clock() - first
        elif owner in self._closed or self._summary is not None or not owner:
            component.state = "done"
        else:
            component.state = "working"

    def _label(self, owner: str) -> str:
        return f"{_type(owner).rpartition(':')[2]} {_name(owner)}" if owner else _OTHER


def _type(urn: str) -> str:
    parts = urn.split("::")
    return parts[2].rpartition("$")[2] if len(parts) > 2 else ""


def _name(urn: str) -> str:
    return urn.split("::", 3)[3] if urn.count("::") > 2 else ""
