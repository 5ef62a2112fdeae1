"""Where results are, as code hosts name it: the file as its repository knows it, and a line."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

from modelyard.core.errors import Source

ROOT: Final = "%SRCROOT%"
"""What SARIF's readers call the root of the repository."""


def in_repository(file: str) -> str:
    """`file` relative to the root of its Git repository; as it is where it lies in none. Steps are divided by `/`."""
    path = Path(file).absolute()
    root = _root(path.parent)
    return path.relative_to(root).as_posix() if root else Path(file).as_posix()


def line_of(source: Source) -> int:
    """The line, from 1; a source that knows none speaks of the whole file, and so of its first line."""
    return source.line or 1


def at(source: Source) -> str:
    """File and line, as `stacks/teams/fraud.yaml:45`."""
    return f"{in_repository(source.file)}:{line_of(source)}"


def uri(file: str) -> tuple[str, str]:
    """An address for `file`, and what it is relative to: `ROOT`, or nothing where it lies outside."""
    shown = in_repository(file)
    if Path(shown).is_absolute():
        return Path(shown).as_uri(), ""
    return quote(shown), ROOT


@lru_cache(maxsize=512)
def _root(folder: Path) -> Path | None:
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), None)
