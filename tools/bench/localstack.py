"""LocalStack: until it answers, and the shipped base on it beside the same on moto."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from tools.bench.figure import Figure, Target, Yardstick
from tools.bench.process import BenchError
from tools.bench.project import scratch

from modelyard.core.errors import EmulatorError
from modelyard_sandbox.localstack.host import LocalStack
from modelyard_sandbox.places import Places
from modelyard_sandbox.servers import LOCALSTACK, MOTO, Choice, free_port, server


def localstack(runs: int) -> Iterator[Figure]:
    """Seconds until each emulator answers, and of `yard up` on each, both begun empty and taken in turn."""
    try:
        LocalStack().check(Choice(LOCALSTACK))
    except EmulatorError as reason:
        raise BenchError(f"LocalStack can't be had: {reason}") from reason
    ready: dict[str, list[float]] = {MOTO: [], LOCALSTACK: []}
    whole: dict[str, list[float]] = {MOTO: [], LOCALSTACK: []}
    ups: dict[str, list[float]] = {MOTO: [], LOCALSTACK: []}
    with scratch() as place:
        for _ in range(runs):
            for name in ready:
                ready[name].append(_until_ready(name))
                place.yard("sandbox", "stop")
                whole[name].append(place.yard("sandbox", "start", "--emulator", name).seconds)
                ups[name].append(place.yard("up").seconds)
    yield Figure(
        "localstack",
        "LocalStack ready",
        "s",
        tuple(ready[LOCALSTACK]),
        Target(10),
        Yardstick("moto ready", tuple(ready[MOTO])),
        "from the start of its process to its first answer, its environment made before",
    )
    yield Figure(
        "localstack",
        "yard sandbox start --emulator localstack",
        "s",
        tuple(whole[LOCALSTACK]),
        None,
        Yardstick("the same with moto", tuple(whole[MOTO])),
        "with the stand-in plugin; the first start on a machine also counts what a fresh one holds",
    )
    yield Figure(
        "localstack",
        "the base on LocalStack",
        "s",
        tuple(ups[LOCALSTACK]),
        Target(2, of_yardstick=True),
        Yardstick("the same on moto", tuple(ups[MOTO])),
        "yard up of platform and teams, the emulator running and empty",
    )


def _until_ready(name: str) -> float:
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-", ignore_cleanup_errors=True) as folder:
        port = free_port(None)
        began = perf_counter()
        process = server(name).start(port, Choice(name), Places(Path(folder)))
        seconds = perf_counter() - began
        process.stop()
    return seconds
