"""A team's whole stack: what recording it costs, and who spends the seconds of its `yard up`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from tools.bench.figure import Figure, Target, Yardstick
from tools.bench.process import PYTHON, run
from tools.bench.project import scratch

TEAM: Final = "fraud"
"""The shipped team that has every capability."""


def stack(runs: int) -> Iterator[Figure]:
    """Recording the team's stack beside Pulumi's mocks on as many resources, and the split of its deployment."""
    recorded = [json.loads(run([PYTHON, "-m", "tools.bench.one_stack", "record", TEAM]).output) for _ in range(runs)]
    count = int(recorded[0]["resources"])
    mocks = [
        json.loads(run([PYTHON, "-m", "tools.bench.one_recording", "mocks", str(count)]).output) for _ in range(runs)
    ]
    beyond = tuple(1000 * each["beyond"] / count for each in recorded)
    yield Figure(
        "stack",
        f"recording a resource of {TEAM}'s {count}",
        "ms",
        beyond,
        Target(8),
        Yardstick("with Pulumi's mocks, simple ones", tuple(1000 * each["beyond"] / count for each in mocks)),
        f"beyond the imports, which take {min(each['imports'] for each in recorded):.1f} s",
    )
    deployed = [json.loads(run([PYTHON, "-m", "tools.bench.one_stack", "deploy", TEAM]).output) for _ in range(runs)]
    with scratch() as place:
        place.yard("up", "platform", "--sandbox")
        whole: list[float] = []
        for _ in range(runs):
            whole.append(place.yard("up", TEAM, "--json").seconds)
            place.yard("down", TEAM)
    calls = tuple(each["calls"] for each in deployed)
    program = tuple(each["beyond"] for each in recorded)
    ours = tuple(each["whole"] - each["calls"] for each in deployed)
    yield Figure(
        "stack",
        f"yard up {TEAM}, by the engine, an unchanged platform included",
        "s",
        tuple(whole),
        None,
        Yardstick("the emulator's calls alone, one after the other", calls),
    )
    yield Figure(
        "stack",
        "of that, program and stand-in, without engine and calls",
        "s",
        ours,
        Target(1.0, of_yardstick=True),
        Yardstick("what the emulator's calls take", calls),
        f"recording the program takes {min(program):.1f} s of it",
    )
