"""Digests of what an answer rests on: this library, what else is installed, and the files of a project."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import modelyard

LIBRARY: Final = Path(modelyard.__file__).parent.parent
_PACKAGES: Final = ("modelyard", "modelyard_jobs")
_SKIPPED: Final = frozenset({"__pycache__", ".venv", ".git", ".modelyard", "node_modules"})
_DESCRIBED: Final = frozenset({".dist-info", ".egg-info"})
_AT_THE_ROOT: Final = frozenset({".yaml", ".yml", ".csv", ".json", ".toml"})


def digest(*parts: Any) -> str:
    """The digest of values that JSON can say."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def packages() -> list[Path]:
    """The folders that packages are installed in: this Python's own, and others that it finds them in."""
    found = (Path(each) for each in sys.path if Path(each).name in ("site-packages", "dist-packages"))
    return list(dict.fromkeys((Path(sysconfig.get_path("purelib")), *found)))


@cache
def library(installed: str = "") -> str:
    """The digest of Modelyard's own files, of Python's version, and of the packages that are there with their versions
    and, where they come from no registry, their origins.

    `installed`: the folder of the packages; absent, all that this Python finds them in.
    """
    folders = [Path(installed)] if installed else [folder for folder in packages() if folder.is_dir()]
    found = [Path(folder, name) for folder in folders for name in sorted(os.listdir(folder))]
    names = [(path.name, of_file(path / "direct_url.json")) for path in found if path.suffix in _DESCRIBED]
    own = [entry for name in _PACKAGES for entry in contents(below(LIBRARY / name), LIBRARY)]
    return digest(sys.version, names, own)


def contents(paths: Iterable[Path], root: Path) -> list[tuple[str, str]]:
    """The paths below `root` with the digests of what they hold, sorted."""
    return sorted((path.relative_to(root).as_posix(), of_file(path)) for path in paths)


def of_file(path: Path) -> str:
    """The digest of a file; of a folder, of what it lists; of what is not there, empty."""
    try:
        if path.is_dir():
            return digest(sorted(os.listdir(path)))
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def of_ground(root: Path, ground: str) -> str:
    """The digest of what an answer rests on: a file, by its path below `root` or its whole one, or a variable of the
    environment, written `$NAME`."""
    if ground.startswith("$"):
        return digest(ground, os.environ.get(ground[1:]))
    return of_file(root / ground)


def touched(root: Path, grounds: Iterable[str], since: int) -> bool:
    """Whether any of the files among `grounds` was written, or put in its place, after `since`, in nanoseconds."""
    for ground in grounds:
        with suppress(OSError):
            state = (root / ground).stat()
            if max(state.st_mtime_ns, state.st_ctime_ns) > since:
                return True
    return False


def below(folder: Path) -> Iterator[Path]:
    """The files below a folder, through links too, but for what programs leave there."""
    seen = set[str]()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else [name for name in folders if name not in _SKIPPED]
        if real not in seen:
            seen.add(real)
            yield from (Path(place, name) for name in files if not name.endswith(".pyc"))


def at_the_root(root: Path) -> Iterator[Path]:
    """The files that lie beside `platform/` and `stacks/`: waivers, prices."""
    yield from (path for path in root.iterdir() if path.suffix in _AT_THE_ROOT and path.is_file())


def project(root: Path) -> str:
    """The digest of all files that describe a project."""
    return digest(contents(described(root), root))


def described(root: Path) -> list[Path]:
    """The files that describe a project."""
    folders = (path for name in ("platform", "stacks") for path in below(root / name))
    return [*folders, *at_the_root(root)]


def shared(root: Path) -> str:
    """The digest of the files that every stack rests on: all but the teams' own, and the waivers."""
    teams = root / "stacks" / "teams"
    folders = [path for name in ("platform", "stacks") for path in below(root / name) if path.parent != teams]
    others = [path for path in at_the_root(root) if path.name != "waivers.yaml"]
    return digest(contents([*folders, *others], root))
