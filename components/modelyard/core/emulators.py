"""Emulators of a cloud on this machine; they join through the entry point group `modelyard.emulators`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Protocol

from modelyard.core.errors import EmulatorError

GROUP: Final = "modelyard.emulators"
DEFAULT: Final = "moto"


class Emulator(Protocol):
    """What an entry point of the group gives."""

    def start(self, root: Path) -> Mapping[str, object]:
        """Start the emulator of the project at `root` if it isn't running; what `yard sandbox status` shows."""
        ...

    def environment(self, root: Path) -> dict[str, str | None]:
        """The variables that lead Pulumi and boto3 to the emulator; None takes a variable away."""
        ...

    def counts(self, root: Path) -> dict[str, int]:
        """What exists in the emulator, service by service; only what does."""
        ...

    def deploy(self, program: Any, **where: Any) -> Any:
        """A program deployed to the emulator in this process; `modelyard.testing.deploy` says what it takes."""
        ...


def emulator(name: str = DEFAULT) -> Emulator:
    """The emulator called `name`. Raises `EmulatorError` where it isn't installed."""
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise EmulatorError(
            f'there is no emulator "{name}"; installed: {known}', remedy="Install it: pip install 'modelyard[sandbox]'"
        )
    made: Emulator = found[name].load()
    return made
