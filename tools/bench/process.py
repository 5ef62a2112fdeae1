"""Whole processes, timed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = ROOT / ".venv" / "bin"
PYTHON: Final = str(BIN / "python")

_TAIL = 2000
"""Characters of a failed command's output that are shown."""


class BenchError(Exception):
    """Something that a figure needs could not be run; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A process that ended well: the seconds from its start to its end, and what it wrote on both streams."""

    seconds: float
    output: str
    errors: str


def run(
    command: Sequence[str | Path],
    *,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    limit: float = 600,
) -> Ran:
    """Run a command to its end; its output is read, and shown only if it fails.

    `environment` absent: this process's. Raises `BenchError` if the command is missing, fails, or takes more than
    `limit` seconds; then nothing of it goes on running.
    """
    words = [str(word) for word in command]
    said = " ".join(words)
    begin = perf_counter()
    try:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    except OSError as error:
        raise BenchError(f"{said}: {error}") from error
    try:
        output, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise BenchError(f"{said}: not done after {limit:g} s") from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    seconds = perf_counter() - begin
    if process.returncode:
        raise BenchError(f"{said}: exit code {process.returncode}\n{(errors.strip() or output.strip())[-_TAIL:]}")
    return Ran(seconds, output, errors)


def in_turn(runs: int, *commands: Sequence[str | Path], warm: int = 1) -> list[tuple[float, ...]]:
    """The seconds that each command took, run after run: A B A B …, `warm` rounds first that don't count."""
    rounds = [[run(command).seconds for command in commands] for _ in range(warm + runs)][warm:]
    return [tuple(times) for times in zip(*rounds, strict=True)]
