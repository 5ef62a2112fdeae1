"""Files that a command writes where its user says."""

from __future__ import annotations

from pathlib import Path

from modelyard.core.errors import Fault, InputError, Source


def writable(file: Path, option: str) -> None:
    """Raises `InputError`, which names the option, where a file can't be put down: asked before the work."""
    if file.is_dir() or not file.absolute().parent.is_dir():
        problem = "is a folder" if file.is_dir() else "lies in a folder that isn't there"
        raise InputError(Fault(problem, "Name a file in a folder that is there.", Source(option), str(file)))


def put_down(file: Path, content: str | bytes, option: str) -> None:
    """Write a text, or bytes, to a file. Raises `InputError`, which names the option, where that can't be done."""
    writable(file, option)
    try:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        problem = f"can't be written: {error.strerror}"
        raise InputError(Fault(problem, "Name another file.", Source(option), str(file))) from error
