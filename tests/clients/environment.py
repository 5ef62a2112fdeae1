"""The clients' own Python environment, in Modelyard's cache folder: made once, from a lock with hashes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from modelyard.engine import locked
from modelyard.engine.progress import Progress

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = ROOT / "requirements" / "clients.txt"
_WHOSE: Final = "the clients'"


def install(progress: Progress | None = None) -> Path:
    """The environment's interpreter, of this one's version; made first if this machine has none.

    Raises `EnvironmentFault` where its packages can't be had, or take longer than fifteen minutes.
    """
    return locked.installed(
        home(), LOCK, whose=_WHOSE, content="Feast, MLflow and model-signing", tools=_tools, progress=progress
    )


def home() -> Path:
    """Its folder; another lock or another Python has another one."""
    return locked.home("clients", LOCK, f"{sys.version_info[0]}.{sys.version_info[1]}")


def _tools(_: Progress) -> tuple[str, str]:
    return locked.found_uv(_WHOSE), sys.executable
