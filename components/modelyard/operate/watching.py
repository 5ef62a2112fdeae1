"""A check again whenever a file of the project is saved.

Libraries are loaded once. Each check runs in a fork of this process, so that nothing of one is left for the next.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from watchfiles import Change, DefaultFilter, watch

from modelyard.operate import fingerprints

_STEP: Final = 50
"""Milliseconds without another change, after which a check begins: editors save in several steps."""
_BEGINNING: Final = 200
"""Milliseconds after which it looks at what was saved during the first check, before anybody watched."""


def watched(root: Path, check: Callable[[], int], *, but: Path | None = None) -> None:
    """Run `check` in a fork of this process, at once and whenever a file below `root` is saved.

    `check` returns what the fork ends with. `but`: a file that it writes. Ends by KeyboardInterrupt alone, also where a
    shell started it in the background and had that signal ignored.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fingerprints.library()
    for _ in _saved(root, but):
        for name in _in_a_fork(check):
            with suppress(Exception):
                importlib.import_module(name)


def _saved(root: Path, but: Path | None) -> Iterator[None]:
    ignored = [path.resolve() for path in (but,) if path is not None]
    chosen = DefaultFilter(
        ignore_dirs=(*DefaultFilter.ignore_dirs, ".modelyard"), ignore_paths=tuple(map(os.fspath, ignored))
    )

    def of_interest(change: Change, path: str) -> bool:
        return chosen(change, path) and Path(path) not in ignored

    seen, begun = fingerprints.project(root), False
    yield None
    for changes in watch(
        root, watch_filter=of_interest, step=_STEP, rust_timeout=_BEGINNING, yield_on_timeout=True, raise_interrupt=True
    ):
        if begun and not changes:
            continue
        begun, now = True, fingerprints.project(root)
        if now != seen or _elsewhere(root, changes):
            seen = now
            yield None


def _elsewhere(root: Path, changes: set[tuple[Change, str]]) -> bool:
    """Whether anything changed that the project's fingerprint doesn't tell of, such as a file that a program opens."""
    described = {os.fspath(path) for path in fingerprints.described(root)}
    return any(path not in described for _, path in changes)


def _in_a_fork(check: Callable[[], int]) -> list[str]:
    """Run it; returns the names of the installed modules that it had loaded in the end, for the next to find there."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 3
        try:
            code = check()
            sys.stdout.flush()
            with os.fdopen(writing, "w") as out:
                json.dump(_installed(), out)
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as told:
        names = told.read()
    os.waitpid(child, 0)
    return [name for name in json.loads(names or "[]") if name not in sys.modules]


def _installed() -> list[str]:
    """The loaded modules of packages that are installed, Modelyard's own among them, in the order of their loading."""
    places = ("site-packages", os.path.join(fingerprints.LIBRARY, ""))
    return [name for name, module in list(sys.modules.items()) if any(place in _file(module) for place in places)]


def _file(module: Any) -> str:
    return getattr(module, "__file__", None) or ""
