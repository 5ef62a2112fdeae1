"""One run of the CLI: its event log followed as it grows, and interrupts handed on once each."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

_PAUSE = 0.05
"""Seconds between two looks at the log."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its exit code, what it wrote on standard error, and the interrupts it was sent."""

    code: int
    said: str
    interrupts: int


def run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    take: Callable[[Mapping[str, Any]], None],
    idle: Callable[[], None],
    interrupted: Callable[[int], None],
) -> Ended:
    """Runs the CLI in `folder`, gives each engine event to `take`, and calls `idle` between looks.

    The CLI runs in a process group of its own, so that a terminal's Ctrl-C reaches this process alone. Each SIGINT
    or SIGTERM is handed to the CLI as one SIGINT, `interrupted` is told how many there were, and the run goes on
    until the CLI ends.
    """
    with tempfile.TemporaryDirectory(prefix="modelyard-") as work, tempfile.TemporaryFile() as errors:
        log = Path(work) / "events.json"
        with _handing_on(interrupted) as signals:
            process = subprocess.Popen(
                [*command, "--event-log", str(log)],
                cwd=folder,
                env={**environment, "PULUMI_DEBUG_COMMANDS": "true"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                process_group=0,
            )
            signals.hand_to(process)
            follow = _Follower(log, take)
            while True:
                try:
                    process.wait(_PAUSE)
                    break
                except subprocess.TimeoutExpired:
                    follow.read()
                    idle()
            follow.read()
            follow.close()
        return Ended(process.returncode, _all_of(errors), signals.count)


class _Follower:
    """Reads whole lines of a file that another process is writing."""

    def __init__(self, path: Path, take: Callable[[Mapping[str, Any]], None]) -> None:
        self._path = path
        self._take = take
        self._file: BinaryIO | None = None
        self._rest = b""

    def read(self) -> None:
        if self._file is None:
            try:
                self._file = self._path.open("rb")
            except FileNotFoundError:
                return
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for line in lines:
            if line.strip():
                self._take(json.loads(line))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class _Signals:
    """The interrupts that arrived, and the CLI that gets one SIGINT for each."""

    def __init__(self, told: Callable[[int], None]) -> None:
        self.count = 0
        self._told = told
        self._process: subprocess.Popen[bytes] | None = None

    def hand_to(self, process: subprocess.Popen[bytes]) -> None:
        """From now on to this process; what arrived before it began is handed on at once."""
        self._process = process
        for _ in range(self.count):
            process.send_signal(signal.SIGINT)

    def take(self, number: int, frame: FrameType | None) -> None:
        """A signal handler."""
        del number, frame
        self.count += 1
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
        self._told(self.count)

    def end(self) -> None:
        """Let nothing outlive the run."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()


@contextlib.contextmanager
def _handing_on(told: Callable[[int], None]) -> Iterator[_Signals]:
    """Takes SIGINT and SIGTERM while the CLI runs; other threads than the main one can't.

    It begins before the CLI does: a process inherits that SIGINT is ignored, as it is in a shell's background jobs, but
    not that somebody handles it.
    """
    signals = _Signals(told)
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.signal(number, signals.take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signals.end()


def _all_of(file: Any) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
