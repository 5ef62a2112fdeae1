"""Which Pulumi CLI Modelyard wants, and where on this machine its own copy lies."""

from __future__ import annotations

import os
from pathlib import Path

VERSION = "3.259.0"
"""The version that is downloaded or built."""

OLDEST = (3, 259, 0)
"""The oldest CLI that is taken from PATH; the major version must be the same."""

CHOICE = "MODELYARD_PULUMI"
"""The variable that names a CLI to use (a path), or says `own`: Modelyard's copy, whatever PATH holds."""


def cache() -> Path:
    """Modelyard's cache folder: MODELYARD_CACHE, else the user's cache folder of the platform."""
    named = os.environ.get("MODELYARD_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("modelyard", appauthor=False)


def home(version: str = VERSION) -> Path:
    """The folder of the installed engine of `version`; its programs lie in `bin` below it."""
    return cache() / "engine" / version


def parsed(version: str) -> tuple[int, int, int] | None:
    """`v3.259.0-dev+1` as (3, 259, 0); None if it is no version."""
    numbers = version.strip().removeprefix("v").split("-")[0].split("+")[0].split(".")
    if len(numbers) != 3 or not all(number.isdecimal() for number in numbers):
        return None
    major, minor, patch = numbers
    return int(major), int(minor), int(patch)


def fits(version: str) -> bool:
    """Whether a CLI of `version` can run Modelyard's programs."""
    found = parsed(version)
    return found is not None and found[0] == OLDEST[0] and found >= OLDEST


def size(folder: Path) -> int:
    """Bytes of all files below `folder`; 0 where it does not exist."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except OSError:
                continue
    return total
