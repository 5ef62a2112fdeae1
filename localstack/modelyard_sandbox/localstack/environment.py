"""LocalStack's own Python environment, in Modelyard's cache folder: made once, from a lock with hashes.

It can't share Modelyard's: it pins other versions of what both use, and needs Python 3.13.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from modelyard.core.errors import EmulatorError, EnvironmentFault
from modelyard.engine import locked
from modelyard.engine.progress import Progress

VERSION: Final = "4.14.0"
"""The last release that needs no token (https://docs.localstack.cloud/aws/changelog)."""
PYTHON: Final = (3, 13)
CHOICE: Final = "MODELYARD_LOCALSTACK_PYTHON"
"""The variable that names the Python 3.13 to use, where none is found."""

_HERE = Path(__file__).resolve().parent
_LOCKS: Final = (_HERE / "requirements.txt", _HERE.parents[2] / "requirements" / "localstack.txt")
"""Where the lock lies: in an installed Modelyard, and in a checkout of it."""


def install(progress: Progress | None = None) -> Path:
    """The interpreter of LocalStack's environment, made first if this machine has none.

    Several processes may call it at once: one works, the others wait. Raises `EmulatorError` where there is no Python
    3.13 and none can be had, and where the packages can't.
    """
    try:
        return locked.installed(
            home(), lock(), whose="LocalStack's", content=f"LocalStack {VERSION}", tools=_tools, progress=progress
        )
    except EnvironmentFault as error:
        raise EmulatorError(*error.faults) from None


def home() -> Path:
    """The environment's folder; another lock has another one."""
    return locked.home("localstack", lock(), VERSION)


def lock() -> Path:
    """The file that names each package of the environment with its hashes."""
    for path in _LOCKS:
        if path.is_file():
            return path
    raise EmulatorError("the list of LocalStack's packages is missing", remedy="Install modelyard[sandbox] again")


def _tools(progress: Progress) -> tuple[str, str]:
    uv = _uv()
    return uv, _interpreter(uv, progress)


def _uv() -> str:
    return locked.found_uv("LocalStack's")


def _interpreter(uv: str, progress: Progress) -> str:
    """A Python 3.13: the named one, one that lies about, or one that uv fetches."""
    named = os.environ.get(CHOICE)
    if named:
        if not _fits(named):
            raise EmulatorError(f"{CHOICE}: {named} is no Python 3.13", remedy="Name one, or remove the variable")
        return named
    found = next((candidate for candidate in _candidates() if _fits(candidate)), None)
    if found:
        return found
    wanted = ".".join(map(str, PYTHON))
    progress.detail(f"fetching Python {wanted}")
    impatient = {"UV_HTTP_TIMEOUT": "15", "UV_HTTP_RETRIES": "0"}
    try:
        locked.run([uv, "python", "install", "--quiet", wanted], locked.FETCH_LIMIT, impatient)
    except EnvironmentFault as error:
        why = error.faults[0].problem
        raise EmulatorError(
            f"LocalStack needs Python {wanted}; this machine has none, and it can't be fetched: {why}",
            remedy=f"Install Python {wanted}, or name one that lies elsewhere: {CHOICE}=/path/to/python{wanted}",
        ) from None
    return wanted


def _candidates() -> Iterator[str]:
    wanted = ".".join(map(str, PYTHON))
    yield sys.executable
    on_path = shutil.which(f"python{wanted}")
    if on_path:
        yield on_path
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(root.glob(f"versions/{wanted}.*/bin/python"), reverse=True))


def _fits(python: str) -> bool:
    """Whether it runs and is of the wanted version; a pyenv shim may be there without one behind it."""
    asked = "import sys; print(*sys.version_info[:2])"
    try:
        said = subprocess.run([python, "-c", asked], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.stdout.split() == [str(number) for number in PYTHON]
