"""Modelyard's own Python language host, put where a Pulumi CLI finds it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from modelyard.core.errors import EngineError

LAUNCHER = "pulumi-language-python"
"""The program that the CLI looks for."""

PROGRAM = "modelyard-language-host.py"
"""The host itself, which the launcher starts."""

EXEC = "pulumi-language-python-exec"
"""Pulumi's own starter of Python programs, from its SDK's module."""

_SOURCE = Path(__file__).with_name("host.py")
_LAUNCHER = """#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
for python in '{python}' "${{PULUMI_PYTHON_CMD:-}}" "${{VIRTUAL_ENV:-/nowhere}}/bin/python"; do
  [ -x "$python" ] && exec "$python" "$here/{program}" "$@"
done
exec python3 "$here/{program}" "$@"
"""


def put(folder: Path, exec_file: Path) -> None:
    """Lays the launcher, the host and Pulumi's `exec_file` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(exec_file, folder / EXEC)
    (folder / EXEC).chmod(0o755)
    refresh(folder)


def refresh(folder: Path) -> None:
    """Brings the host in `folder` up to this Modelyard's, and its interpreter to one that exists.

    Raises `EngineError` if the folder can't be written and has to be.
    """
    launcher = folder / LAUNCHER
    try:
        _write(folder / PROGRAM, _SOURCE.read_bytes())
        if not launcher.is_file() or not _interpreter_of(launcher).is_file():
            quoted = sys.executable.replace("'", "'\\''")
            _write(launcher, _LAUNCHER.format(python=quoted, program=PROGRAM).encode())
    except PermissionError as error:
        raise EngineError(
            f"{folder}: the language host is out of date and the folder can't be written",
            remedy="Make it writable, or set MODELYARD_CACHE to a folder that is",
        ) from error


def _interpreter_of(launcher: Path) -> Path:
    words = launcher.read_text(encoding="utf-8").split("'")
    return Path(words[1]) if len(words) > 1 else Path()


def _write(file: Path, content: bytes) -> None:
    if file.is_file() and file.read_bytes() == content:
        return
    staged = file.with_name(f".{file.name}-{os.getpid()}")
    staged.write_bytes(content)
    staged.chmod(0o755)
    staged.replace(file)
