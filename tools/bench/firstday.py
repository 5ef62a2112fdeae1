"""The first day, `make up`: on a machine where all is at hand, and from a fresh clone in an empty home."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tools.bench.figure import Figure, Target, Yardstick
from tools.bench.process import ROOT, BenchError, run
from tools.bench.project import scratch

_BARE_LIMIT = 1800
_MADE = re.compile(r"^(Building|Fetching) the Pulumi CLI .* · (\d+) s", re.MULTILINE)
_HOMES: Final = (
    "HOME",
    "GOPATH",
    "GOCACHE",
    "GOMODCACHE",
    "GOENV",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "PIP_CACHE_DIR",
    "UV_CACHE_DIR",
)
_CACHES: Final = ("AWS_", "MODELYARD_", "PULUMI_", "XDG_", "MAKE", "MFLAGS")


def up(runs: int) -> Iterator[Figure]:
    """`yard up --sandbox` of platform and teams, the emulator's start included, engine and environment at hand."""
    first: list[float] = []
    second: list[float] = []
    with scratch() as place:
        for _ in range(runs):
            place.yard("sandbox", "stop")
            first.append(place.yard("up", "--sandbox").seconds)
            second.append(place.yard("up", "--sandbox").seconds)
    unchanged = Yardstick("the same again, nothing to change", tuple(second))
    yield Figure("up", "make up, warm", "s", tuple(first), Target(60), unchanged)


def bare(runs: int) -> Iterator[Figure]:
    """`make up` of a fresh clone in an empty home, once whatever `runs` says; what is not committed is not in it."""
    del runs
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-", ignore_cleanup_errors=True) as place:
        clone, home = Path(place).resolve() / "modelyard", Path(place).resolve() / "home"
        home.mkdir()
        run(["git", "clone", "-q", "--no-hardlinks", ROOT, clone])
        environment = emptied(os.environ, home)
        try:
            ran = run(["make", "up"], folder=clone, environment=environment, limit=_BARE_LIMIT)
        finally:
            with contextlib.suppress(BenchError):
                run(["make", "down"], folder=clone, environment=environment)
    engine = engine_made(ran.errors)
    note = "" if engine else "the engine was on PATH already"
    yield Figure("bare", "make up, bare", "s", (ran.seconds,), Target(480), engine, note)


def engine_made(report: str) -> Yardstick | None:
    """What the engine says that its own building or downloading took; None where it did neither."""
    made = _MADE.findall(report)
    if not made:
        return None
    how, seconds = made[-1]
    return Yardstick(f"{how.lower()} the engine alone", (float(seconds),))


def emptied(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """`environment` with an empty home and no cache; how the network is reached stays."""
    kept = {name: value for name, value in environment.items() if name not in _HOMES and not name.startswith(_CACHES)}
    return {**kept, "HOME": str(home)}
