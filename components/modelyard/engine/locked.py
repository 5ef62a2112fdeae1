"""Python environments of their own in Modelyard's cache folder: each made once, from a lock with hashes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from modelyard.core.errors import EnvironmentFault
from modelyard.engine.places import cache
from modelyard.engine.progress import Progress, Silent

FETCH_LIMIT: Final = 180
"""Seconds that a Python interpreter may take to come."""
INSTALL_LIMIT: Final = 900
"""Seconds that an environment's packages may take to come."""
_HERE: Final = Path(__file__).resolve()
_LOCKS: Final = (_HERE.with_name("locks"), _HERE.parents[3] / "requirements")
"""Where locks of programs that Modelyard runs lie: in an installed Modelyard, and in a checkout of it."""
_TELL_EVERY: Final = 5.0
_TAIL: Final = 400
"""Characters of a failed command that an error shows."""

Tools = Callable[[Progress], tuple[str, str]]
"""Gives uv, and the interpreter that the environment is made with."""


def home(kind: str, lock: Path, label: str) -> Path:
    """The folder of an environment; another lock has another one."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    return cache() / kind / f"{label}-{digest}"


def installed(
    folder: Path, lock: Path, *, whose: str, content: str, tools: Tools, progress: Progress | None = None
) -> Path:
    """The interpreter of the environment at `folder`, made first if this machine has none.

    `whose` and `content` are what people are told: "LocalStack's", "LocalStack 4.14.0". Several processes may call it
    at once: one works, the others wait. Raises `EnvironmentFault` where the packages can't be had.
    """
    shown = progress or Silent()
    if ready(folder).exists():
        return python(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not ready(folder).exists():
            shown.phase(f"Making {whose} environment {folder}")
            shutil.rmtree(folder, ignore_errors=True)
            uv, interpreter = tools(shown)
            run([uv, "venv", "--quiet", "--python", interpreter, str(folder)], FETCH_LIMIT)
            sync = [uv, "pip", "sync", "--quiet", "--python", str(python(folder)), "--require-hashes", str(lock)]
            run(sync, INSTALL_LIMIT, tell=lambda: shown.detail(f"installing {content}"))
            ready(folder).touch()
    return python(folder)


def program(name: str, *, whose: str, content: str, progress: Progress | None = None) -> Path:
    """The interpreter of the environment of a program that Modelyard runs, made first if this machine has none.

    `name`: of its lock. Raises `EnvironmentFault`.
    """
    lock = next((found for folder in _LOCKS if (found := folder / f"{name}.txt").is_file()), None)
    if lock is None:
        raise EnvironmentFault(f"the list of {whose} packages is missing", remedy="Install modelyard again")
    return installed(
        home(name, lock, f"{sys.version_info[0]}.{sys.version_info[1]}"),
        lock,
        whose=whose,
        content=content,
        tools=lambda _: (found_uv(whose), sys.executable),
        progress=progress,
    )


def python(folder: Path) -> Path:
    """The interpreter of the environment at `folder`."""
    return folder / "bin" / "python"


def ready(folder: Path) -> Path:
    """The file that is there once the environment is whole."""
    return folder / ".ready"


def found_uv(whose: str) -> str:
    """uv: the one beside this interpreter, or on PATH. Raises `EnvironmentFault`."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if not found:
        raise EnvironmentFault(f"uv, which makes {whose} environment, isn't there", remedy="Install it: pip install uv")
    return found


def run(
    command: list[str],
    limit: float,
    variables: Mapping[str, str] | None = None,
    tell: Callable[[], None] = lambda: None,
) -> None:
    """Run a command of the installation; `tell` is called every few seconds.

    Raises `EnvironmentFault` with what it said, or that it took too long.
    """
    shown = " ".join([Path(command[0]).name, *command[1:3]])
    end = time.monotonic() + limit
    with subprocess.Popen(
        command,
        env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while True:
            tell()
            try:
                _, complaints = process.communicate(timeout=min(_TELL_EVERY, limit))
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() < end:
                    continue
                process.kill()
                raise EnvironmentFault(
                    f"{shown}: not done after {limit:g} s", remedy="Look at the network, and try again"
                ) from None
    if process.returncode:
        said = " | ".join(line.strip() for line in complaints.splitlines() if line.strip())
        raise EnvironmentFault(f"{shown} failed: {said[:_TAIL]}", remedy="Mend what it says, then try again")
