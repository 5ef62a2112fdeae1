"""The engine installed: found, else downloaded, else built, into the cache folder and never by halves."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from modelyard.core.errors import EngineError, Fault
from modelyard.engine import found, hosting, modules, places, release, staging
from modelyard.engine.progress import Progress, Silent


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
    with staging.alone(cache, "the engine", shown):
        engine = found.locate()
        if engine is None:
            with staging.workspace(cache) as work:
                _install(work, shown)
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
        staging.swap(staged, places.home() / "host")
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
    staging.swap(staged, places.home())


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
