"""The command line of the bench."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from tools.bench.checks import checks, hundred
from tools.bench.desk import help_answers, recording, tests
from tools.bench.figure import Figure, show
from tools.bench.firstday import bare, up
from tools.bench.isolation import isolation
from tools.bench.localstack import localstack
from tools.bench.process import ROOT, BenchError
from tools.bench.sandbox import sandbox
from tools.bench.stack import stack
from tools.bench.teams import teams

Group = Callable[[int], Iterator[Figure]]

GROUPS: Final[Mapping[str, Group]] = {
    "help": help_answers,
    "recording": recording,
    "checks": checks,
    "hundred": hundred,
    "isolation": isolation,
    "sandbox": sandbox,
    "stack": stack,
    "localstack": localstack,
    "up": up,
    "teams": teams,
    "bare": bare,
    "tests": tests,
}
ON_DEMAND: Final = ("bare", "tests")
WIDTH: Final = 140
"""Columns of the table where there is no terminal to fit."""


def main(arguments: Sequence[str] | None = None, groups: Mapping[str, Group] = GROUPS) -> int:
    """0 when every group ran, met or missed; 1 when one could not run; 2 for a group that does not exist."""
    parser = argparse.ArgumentParser(prog="bench", description="Print the figures of Modelyard; see docs/figures.md.")
    parser.add_argument(
        "--only",
        default="",
        help=f"groups to measure, with commas: {', '.join(groups)} (default: all but bare and tests)",
    )
    parser.add_argument("--bare", action="store_true", help="also `make up` of a fresh clone in an empty home: minutes")
    parser.add_argument("--tests", action="store_true", help="also the time that the tests take: minutes")
    parser.add_argument("--runs", type=int, default=3, help="runs of each figure (default: 3; of `help` at least 7)")
    parser.add_argument("--json", action="store_true", help="print the run as JSON")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        parser.error(f"--runs: got {options.runs}; use 1 or more")
    chosen = [name.strip() for name in options.only.split(",") if name.strip()]
    if unknown := [name for name in chosen if name not in groups]:
        parser.error(f"--only: there is no {', '.join(unknown)}; there are {', '.join(groups)}")
    if not chosen:
        wanted = {name for name in ON_DEMAND if getattr(options, name)}
        chosen = [name for name in groups if name not in ON_DEMAND or name in wanted]

    about = machine()
    figures: list[Figure] = []
    failures: dict[str, str] = {}
    for name in chosen:
        print(f"bench: {name}", file=sys.stderr, flush=True)
        try:
            figures.extend(groups[name](options.runs))
        except BenchError as error:
            failures[name] = str(error)
    if options.json:
        print(
            json.dumps(
                {"machine": about, "figures": [figure.as_json() for figure in figures], "failures": failures}, indent=2
            )
        )
    else:
        show(about, figures, failures, Console(width=None if sys.stdout.isatty() else WIDTH))
    return 1 if failures else 0


def machine() -> dict[str, Any]:
    """What the figures were taken on, and when."""
    import psutil

    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.system(),
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit.stdout.strip() or "unknown",
        "load": round(os.getloadavg()[0], 2),
    }
