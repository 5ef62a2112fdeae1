"""Many teams at once: what a team costs when there are twenty of them, beside two."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Final

from tools.bench.figure import Figure, Target, Yardstick
from tools.bench.process import BenchError
from tools.bench.project import Scratch, scratch, without_teams

FEW: Final = 2
MANY: Final = 20
_BLUEPRINTS: Final = ("realtime", "batch")


def teams(runs: int) -> Iterator[Figure]:
    """Teams vended and deployed onto an empty emulator in one `yard up`; once, whatever `runs` says."""
    del runs
    measured: dict[int, tuple[float, float, float]] = {}
    for count in (FEW, MANY):
        with scratch() as place:
            measured[count] = _deployed(place, count)
    (few, few_stack, few_platform), (many, many_stack, many_platform) = measured[FEW], measured[MANY]
    limit = Target(1.2, of_yardstick=True)
    yield Figure(
        "teams",
        f"a team of {MANY}, everything included",
        "s",
        (many / MANY,),
        limit,
        Yardstick(f"a team of {FEW}", (few / FEW,)),
        f"vending and the platform's share included; the platform took {few_platform:.0f} s and {many_platform:.0f} s",
    )
    yield Figure(
        "teams",
        f"a team's own stack, of {MANY}",
        "s",
        (many_stack,),
        limit,
        Yardstick(f"of {FEW}", (few_stack,)),
        "the mean, without the platform, whose fixed cost flatters the row above",
    )


def _deployed(place: Scratch, count: int) -> tuple[float, float, float]:
    """Seconds for everything, for the mean team stack, and for the platform."""
    without_teams(place.root)
    place.yard("sandbox", "start")
    began = time.perf_counter()
    for number in range(count):
        place.yard("new", "team", f"team{number}", "--blueprint", _BLUEPRINTS[number % 2], "--env", "local")
    results = json.loads(place.yard("up", "--sandbox", "--json").output)["results"]
    whole = time.perf_counter() - began
    platform = float(results.pop("platform")["seconds"])
    seconds = [float(result["seconds"]) for result in results.values()]
    if len(seconds) != count:
        raise BenchError(f"{len(seconds)} teams were deployed, not {count}")
    return whole, sum(seconds) / count, platform
