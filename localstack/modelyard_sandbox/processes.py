"""Processes in the background: started apart from the terminal, recognised again, ended for sure."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from modelyard.core.errors import EmulatorError, Fault, Source

POLL = 0.02
"""Seconds between two looks at a condition."""
LAST_WORDS = 12
"""Lines of a log that an error shows."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process of ours; pid and start time together are never used twice."""

    name: str
    pid: int
    began: float

    def running(self) -> bool:
        """Whether it still runs; a foreign process that got its pid doesn't count."""
        return self._alive() is not None

    def stop(self, patience: float = 2.0, *, kindly: bool = True) -> None:
        """End it with the processes that it started, kindly first; not so what has nothing to bring to an end."""
        alive = self._alive()
        if alive is None:
            return
        left = family = [alive, *alive.children(recursive=True)]
        if kindly:
            for one in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.terminate()
            left = _wait(family, patience)
        for one in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        _wait(left, patience)

    def as_json(self) -> dict[str, Any]:
        """The process as the record keeps it."""
        return {"pid": self.pid, "began": self.began}

    def _alive(self) -> psutil.Process | None:
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.began) < 1
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def _wait(family: Sequence[psutil.Process], patience: float) -> Sequence[psutil.Process]:
    """Wait until all have ended; who hasn't after `patience` seconds.

    What was started by a process that is gone is only taken off the list of processes when the system gets round to it,
    so a dead one that is still listed counts as ended once its last thread, and so its ports, are gone.
    """
    deadline = time.monotonic() + patience
    while (left := [one for one in family if _lives(one)]) and time.monotonic() < deadline:
        time.sleep(POLL)
    psutil.wait_procs(family, 0)
    return left


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and (process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False


def start(
    name: str,
    module: str,
    arguments: Sequence[str],
    log: Path,
    *,
    python: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> Process:
    """Start `python -m module` in a session of its own; what it prints goes to `log`.

    Absent `python` and `variables`: this process's interpreter and environment.
    """
    return launch(name, [str(python or sys.executable), "-P", "-m", module, *arguments], log, variables=variables)


def launch(name: str, command: Sequence[str], log: Path, *, variables: Mapping[str, str] | None = None) -> Process:
    """Start `command` in a session of its own; what it prints goes to `log`. Absent `variables`: this environment."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        begun = subprocess.Popen(
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return Process(name, begun.pid, psutil.Process(begun.pid).create_time())
    finally:
        # The child outlives this process on purpose; without this, Python warns that it was left running.
        begun.returncode = 0


def wait_until_ready(process: Process, ready: Callable[[], bool], log: Path, patience: float = 30.0) -> None:
    """Wait until `ready` says so. Raises `EmulatorError` with the log's last lines when it ends or takes too long."""
    deadline = time.monotonic() + patience
    while not ready():
        ended = not process.running()
        if ended or time.monotonic() > deadline:
            what = "ended before it was ready" if ended else f"wasn't ready within {patience:.0f} s"
            process.stop()
            said = log.read_text(errors="replace").splitlines()[-LAST_WORDS:] if log.exists() else []
            raise EmulatorError(
                Fault(
                    f"the sandbox's {process.name} {what}: " + " | ".join(said or ["it said nothing"]),
                    "Mend what it says, then: yard sandbox start",
                    Source(str(log)),
                )
            )
        time.sleep(POLL)
