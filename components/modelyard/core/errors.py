"""Every error that Modelyard raises on purpose.

    ModelyardError
    ├── InputError            what the user wrote or asked for cannot be taken            exit 2
    │   ├── SpecError         a file: unknown field, wrong type, broken YAML, overlap
    │   └── ContractError     the platform stack is missing or speaks another version
    ├── EnvironmentFault      the machine is not ready: engine, emulator, port, disk      exit 2
    │   ├── EngineError
    │   └── EmulatorError
    ├── AccessError           grants that no IAM role can hold, or that contradict        exit 2
    └── DeploymentError       the engine ran and a resource failed                        exit 1

Each carries one or more `Fault`s: file, path, value, problem, remedy. All faults of a file are reported at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

_SHOWN_VALUE_LENGTH = 80


class _Missing:
    """Marks that a fault concerns no particular value; `None` may be one."""

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value was written: a file (or a Python call site), the path in it, and its position.

    `line` and `column` count from 1; 0 means unknown.
    """

    file: str
    path: str = ""
    line: int = 0
    column: int = 0

    def at(self, path: str) -> Source:
        """The same position under a longer path."""
        return Source(self.file, path, self.line, self.column)

    def __str__(self) -> str:
        where = self.file
        if self.line:
            where += f":{self.line}"
            if self.column:
                where += f":{self.column}"
        return f"{where}: {self.path}" if self.path else where


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, where, and what to do about it."""

    problem: str
    remedy: str
    source: Source | None = None
    value: object = MISSING

    def __str__(self) -> str:
        text = f"{self.source}: " if self.source else ""
        if self.value is not MISSING:
            shown = repr(self.value)
            if len(shown) > _SHOWN_VALUE_LENGTH:
                shown = shown[: _SHOWN_VALUE_LENGTH - 1] + "…"
            text += f"got {shown}; "
        text += self.problem.rstrip(".")
        return f"{text}. {self.remedy}" if self.remedy else f"{text}."

    def as_json(self) -> dict[str, object]:
        """The fault as `--json` prints it: file, line, column, path, value, problem, remedy."""
        source = self.source or Source("")
        return {
            "file": source.file,
            "line": source.line,
            "column": source.column,
            "path": source.path,
            "value": None if self.value is MISSING else repr(self.value),
            "problem": self.problem,
            "remedy": self.remedy,
        }


class ModelyardError(Exception):
    """The root of the tree; `exit_code` is what the CLI ends with."""

    exit_code: ClassVar[int] = 2

    def __init__(self, *faults: Fault | str, remedy: str = "") -> None:
        self.faults: tuple[Fault, ...] = tuple(
            fault if isinstance(fault, Fault) else Fault(fault, remedy) for fault in faults
        )
        super().__init__("\n".join(str(fault) for fault in self.faults))


class InputError(ModelyardError):
    """What the user wrote or asked for cannot be taken."""


class SpecError(InputError):
    """A platform or team file has faults."""


class ContractError(InputError):
    """The platform stack that a team stack builds on is missing, or speaks another version."""


class EnvironmentFault(ModelyardError):
    """The machine is not ready for what was asked."""


class EngineError(EnvironmentFault):
    """The Pulumi CLI is missing, of the wrong version, or cannot be built."""


class EmulatorError(EnvironmentFault):
    """The sandbox's emulator is not running, not healthy, or not ours."""


class AccessError(ModelyardError):
    """Grants that no IAM role can hold, or that contradict one another."""


class DeploymentError(ModelyardError):
    """The engine ran, and at least one resource failed."""

    exit_code: ClassVar[int] = 1
