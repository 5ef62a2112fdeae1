"""What a program rests on: the files that it opens, and the variables of the environment that it reads."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

from modelyard.operate import fingerprints

_EVENTS: Final = frozenset({"open", "os.listdir", "os.scandir"})
_INSTALLED: Final = tuple(
    os.path.join(folder, "")
    for folder in (
        *(sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), "/dev", "/proc", "/sys"),
        *fingerprints.packages(),
        *([sys.prefix] if sys.prefix != sys.base_prefix else ()),
    )
)
"""What is told by the versions of packages and of Python, and what no file is."""
_listeners: Final[list[set[str]]] = []
_hooked: Final[list[bool]] = []


@contextmanager
def opened() -> Iterator[set[str]]:
    """The paths of the files that are opened and of the folders that are listed, in this context and by any thread; and
    the variables that are read, written `$NAME`."""
    if not _hooked:
        sys.addaudithook(_heard)
        _listen_to_variables()
        _hooked.append(True)
    heard = set[str]()
    _listeners.append(heard)
    try:
        yield heard
    finally:
        _listeners[:] = [each for each in _listeners if each is not heard]


def grounds(root: Path, heard: Iterable[str], *, but: Callable[[Path], bool]) -> list[str]:
    """What a program rests on, sorted, the loaded modules among it; without what is installed, and the paths of `but`.

    Paths below `root` are relative to it, others whole.
    """
    modules = [file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))]
    found = set[str]()
    for each in {*map(_source, heard), *modules}:
        if each.startswith("$"):
            found.add(each)
        elif not each.startswith(_INSTALLED) and (path := Path(each)) != root and not but(path):
            found.add(path.relative_to(root).as_posix() if path.is_relative_to(root) else each)
    return sorted(found)


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if _listeners and event in _EVENTS and not isinstance(arguments[0], int) and not _only_written(event, arguments):
        path = os.path.abspath(os.fsdecode("." if arguments[0] is None else arguments[0]))
        for heard in _listeners:
            heard.add(path)


def _only_written(event: str, arguments: tuple[Any, ...]) -> bool:
    return event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR) == os.O_WRONLY


def _listen_to_variables() -> None:
    """Whatever reads a variable has its name encoded first."""
    environ = cast("Any", os.environ)
    encode = environ.encodekey

    def encoded(name: str) -> Any:
        if isinstance(name, str):
            for heard in _listeners:
                heard.add(f"${name}")
        return encode(name)

    environ.encodekey = encoded


def _source(path: str) -> str:
    """The source of a compiled module, else the path itself."""
    if path.endswith(".pyc"):
        with suppress(ValueError):
            return importlib.util.source_from_cache(path)
    return path
