"""How long the judge takes over all escapes of five teams, and how many of them get through."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Final

from tools.bench.figure import Figure, Target
from tools.bench.process import BenchError

LEAST: Final = 20_000
SECONDS: Final = 30.0


def isolation(runs: int) -> Iterator[Figure]:
    """Tries and leaks of five teams, on one another, the platform and their own fences; each run starts the judge."""
    from tests.isolation.installed import JudgeMissing, installed
    from tests.isolation.judge import Judge
    from tests.isolation.report import table
    from tests.isolation.trials import Outcome, Trials
    from tests.isolation.world import TEAMS, project, recorded, world

    try:
        installed()
    except JudgeMissing as error:
        raise BenchError(str(error)) from None
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-") as place:
        root = project(Path(place).resolve() / "project")
        teams = world(*recorded(root))
    seconds: list[float] = []
    outcomes: list[Outcome] = []
    for _ in range(runs):
        begin = perf_counter()
        with Judge() as judge:
            outcomes.append(Trials(judge, teams).outcome())
        seconds.append(perf_counter() - begin)
    outcome = outcomes[-1]
    tries, twins = len(outcome.trials), sum(outcome.twins.values()) + sum(outcome.by_administrator.values())
    if tries < LEAST:
        raise BenchError(f"{tries:,} tries are no proof; {LEAST:,} are wanted")
    note = f"{tries:,} tries of {len(TEAMS)} teams, {twins:,} twins allowed; each refusal has one"
    yield Figure("isolation", "to judge all tries", "s", tuple(seconds), Target(SECONDS), None, note)
    yield Figure("isolation", "leaks", "", (float(len(outcome.leaks)),), Target(0), None, f"\n{table(outcome)}")
    yield Figure("isolation", "refusals without an allowed twin", "", (float(len(outcome.hollow)),), Target(0))
