"""The engine installed: found, else downloaded, else built, into the cache folder and never by halves."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from modelyard.core.errors import EngineError, Fault
from modelyard.engine import found, hosting, modules, places, release
from modelyard.engine.progress import Progress, Silent

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def install(progress: Progress | None = None) -> found.Engine:
    """The engine, installed first if this machine has none.

    Tries the official release, then a build from Go modules. Several processes may call it at once: one works, the
    others wait and take what it made. Raises `EngineError` with the reason of every way that failed.
    """
    shown = progress or Silent()
    engine = found.locate()
    if engine is not None:
        return engine
    cache = places.cache() / "engine"
    with _clear_errors(cache):
        cache.mkdir(parents=True, exist_ok=True)
        with _alone(cache / ".lock", shown):
            engine = found.locate()
            if engine is None:
                _clear_leftovers(cache)
                with tempfile.TemporaryDirectory(prefix=".staging-", dir=cache) as work:
                    _install(Path(work), shown)
                engine = found.locate()
    if engine is None:
        raise EngineError(
            f"{places.home()}: the engine was installed and is not there",
            remedy="Remove that folder, then run `yard engine install`",
        )
    return engine


def _install(work: Path, progress: Progress) -> None:
    if _is_users_own():
        staged = work / "host"
        hosting.put(staged, modules.fetch_launcher(work, progress))
        places.home().mkdir(parents=True, exist_ok=True)
        _swap(staged, places.home() / "host")
        return
    staged = work / "engine"
    binaries = staged / "bin"
    binaries.mkdir(parents=True)
    source = _fill(binaries, work, progress)
    version = found.verified(binaries / "pulumi")
    if version != places.VERSION:
        raise EngineError(
            f"the engine that was made says {version}, wanted is {places.VERSION}",
            remedy=f"Remove {places.cache()}, then run `yard engine install`",
        )
    record = {"version": version, "source": source}
    (staged / "engine.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
    _swap(staged, places.home())


def _fill(binaries: Path, work: Path, progress: Progress) -> str:
    reasons: list[Fault] = []
    try:
        release.fetch(binaries, work, progress)
        if not (binaries / hosting.LAUNCHER).is_file():
            hosting.put(binaries, modules.fetch_launcher(work, progress))
        return "release"
    except release.Unreachable as closed:
        reasons.append(
            Fault(f"the official release can't be had: {closed}", f"Open {release.HOST}, or put a CLI on PATH")
        )
    shutil.rmtree(binaries)
    binaries.mkdir()
    try:
        modules.build(binaries, work, progress)
        hosting.put(binaries, modules.fetch_launcher(work, progress))
    except EngineError as failed:
        raise EngineError(*reasons, *failed.faults) from failed
    return "built"


def _is_users_own() -> bool:
    """Whether the user's own CLI is to be used, and only its language host is missing."""
    choice = os.environ.get(places.CHOICE, "")
    if choice:
        return choice != "own"
    on_path = shutil.which("pulumi")
    return on_path is not None and not Path(on_path).resolve().is_relative_to(places.cache().resolve())


def _swap(staged: Path, to: Path) -> None:
    """Renames `staged` to `to`; what was there before disappears only after that."""
    old = staged.with_name("old")
    if to.exists():
        to.rename(old)
    try:
        staged.rename(to)
    except OSError:
        if old.exists():
            old.rename(to)
        raise


@contextlib.contextmanager
def _alone(lock: Path, progress: Progress) -> Iterator[None]:
    """Holds `lock` among processes; it falls by itself with the process that holds it."""
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.phase("Waiting for another process that installs the engine")
            _wait_for(lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB), progress)
        yield


def _wait_for(taken: Callable[[], None], progress: Progress) -> None:
    while True:
        try:
            return taken()
        except BlockingIOError:
            progress.detail("")
            time.sleep(0.2)


def _clear_leftovers(cache: Path) -> None:
    """Removes what a killed installation left; the lock is held, so that nobody works in there."""
    for folder in cache.glob(".staging-*"):
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _clear_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise EngineError(
                f"{folder}: the disk is full, so the engine was not installed",
                remedy="Free some space, or set MODELYARD_CACHE to a folder on a larger disk",
            ) from error
        where = error.filename or folder
        raise EngineError(
            f"{where}: {error.strerror or error}",
            remedy="Make the folder writable, or set MODELYARD_CACHE to one that is",
        ) from error
