"""How an installation tells what it is doing: phases with details, shown on a terminal or as plain lines."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self, TextIO

PLAIN_INTERVAL = 5.0
"""Seconds between two plain lines of one phase."""


class Progress(Protocol):
    """Receives what an installation does, as it does it."""

    def phase(self, name: str) -> None:
        """A new phase begins."""
        ...

    def detail(self, text: str) -> None:
        """Within the phase: what is known now, such as "compiled 214 packages"."""
        ...


class Silent:
    """A `Progress` that shows nothing."""

    def phase(self, name: str) -> None:
        del name

    def detail(self, text: str) -> None:
        del text


class Shown:
    """A `Progress` for people: one moving line on a terminal, else a plain line every few seconds.

    Use it as a context manager. Writes to standard error by default, so that `--json` stays readable.
    """

    def __init__(self, stream: TextIO | None = None, *, interval: float = PLAIN_INTERVAL) -> None:
        self._stream = stream or sys.stderr
        self._interval = interval
        self._name = ""
        self._detail = ""
        self._began = 0.0
        self._printed = 0.0
        self._status = None
        self._console = None

    def __enter__(self) -> Self:
        if self._stream.isatty():
            from rich.console import Console

            self._console = Console(file=self._stream)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self._name = ""

    def phase(self, name: str) -> None:
        self._close()
        self._name, self._detail = name, ""
        self._began = self._printed = time.monotonic()
        if self._console is not None:
            self._status = self._console.status(_Line(self))
            self._status.start()
        else:
            self._write(f"{name} …")

    def detail(self, text: str) -> None:
        self._detail = text
        now = time.monotonic()
        if self._console is None and now - self._printed >= self._interval:
            self._printed = now
            self._write(self.line())

    def line(self) -> str:
        """The phase, the seconds since it began, and the last detail."""
        seconds = time.monotonic() - self._began
        detail = f" · {self._detail}" if self._detail else ""
        return f"{self._name} · {seconds:.0f} s{detail}"

    def _close(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
            if self._console is not None:
                self._console.print(self.line(), style="dim")
        elif self._name and self._console is None:
            self._write(self.line())

    def _write(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


class _Line:
    """Renders the phase anew at each refresh, so that its seconds move without events."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def __rich__(self) -> str:
        return self._shown.line()
