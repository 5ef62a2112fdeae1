"""Programs installed into the cache folder by one process at a time, and never by halves."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from modelyard.core.errors import EngineError
from modelyard.engine.progress import Progress

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def alone(folder: Path, what: str, progress: Progress) -> Iterator[None]:
    """Holds the installations in `folder`, made where it is missing, among processes; clears what a killed one left.

    `what` is what people are told: "the engine". An `OSError` within becomes an `EngineError`.
    """
    with _clear_errors(folder, what):
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / ".lock", what, progress):
            for leftover in folder.glob(".staging-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            yield


@contextlib.contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """A folder to make an installation in, on the disk of `folder`; it goes in the end."""
    with tempfile.TemporaryDirectory(prefix=".staging-", dir=folder) as work:
        yield Path(work)


def swap(staged: Path, to: Path) -> None:
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
def _locked(lock: Path, what: str, progress: Progress) -> Iterator[None]:
    """Holds `lock`; it falls by itself with the process that holds it."""
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.phase(f"Waiting for another process that installs {what}")
            _wait_for(lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB), progress)
        yield


def _wait_for(taken: Callable[[], None], progress: Progress) -> None:
    while True:
        try:
            return taken()
        except BlockingIOError:
            progress.detail("")
            time.sleep(0.2)


@contextlib.contextmanager
def _clear_errors(folder: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise EngineError(
                f"{folder}: the disk is full, so {what} was not installed",
                remedy="Free some space, or set MODELYARD_CACHE to a folder on a larger disk",
            ) from error
        where = error.filename or folder
        raise EngineError(
            f"{where}: {error.strerror or error}",
            remedy="Make the folder writable, or set MODELYARD_CACHE to one that is",
        ) from error
