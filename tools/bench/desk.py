"""What happens at the desk without engine or emulator: `yard --help`, recording, and the tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from tools.bench.figure import Figure, Target, Yardstick
from tools.bench.process import BIN, PYTHON, in_turn, run

SIZES: Final = (300, 1000, 3000)


def help_answers(runs: int) -> Iterator[Figure]:
    """`yard --help` as a whole process, beside a bare import of the library that parses its options."""
    ours, theirs = in_turn(max(runs, 7), [BIN / "yard", "--help"], [PYTHON, "-c", "import typer"])
    yield Figure("help", "yard --help", "s", ours, Target(0.5), Yardstick('python -c "import typer"', theirs))


def recording(runs: int) -> Iterator[Figure]:
    """Recording programs of three sizes, each in a fresh process, beside Pulumi's own mocks on the same program."""
    measured: dict[tuple[str, int], list[dict[str, float]]] = {
        (how, size): [] for size in SIZES for how in ("record", "mocks")
    }
    for _ in range(runs):
        for how, size in measured:
            ran = run([PYTHON, "-m", "tools.bench.one_recording", how, str(size)])
            measured[how, size].append(json.loads(ran.output))

    def each(how: str, size: int, key: str) -> tuple[float, ...]:
        return tuple(1000 * seconds[key] / size for seconds in measured[how, size])

    for size in SIZES:
        yield Figure(
            "recording",
            f"recording a resource of {size:,}",
            "ms",
            each("record", size, "beyond"),
            Target(8),
            Yardstick("with Pulumi's mocks", each("mocks", size, "beyond")),
        )
    small, large = SIZES[0], SIZES[-1]
    growth = {
        how: tuple(more / less for more, less in zip(each(how, large, "work"), each(how, small, "work"), strict=True))
        for how in ("record", "mocks")
    }
    yield Figure(
        "recording",
        f"a resource of {large:,} beside one of {small:,}",
        "×",
        growth["record"],
        Target(1.25),
        Yardstick("with Pulumi's mocks", growth["mocks"]),
        "in seconds of the processor, since others' load is no growth; 1 is linear",
    )
    yield Figure(
        "recording",
        "imports of the SDK",
        "s",
        tuple(seconds["imports"] for (how, _), runs in measured.items() if how == "record" for seconds in runs),
        None,
        Yardstick(
            "before the mocks",
            tuple(seconds["imports"] for (how, _), runs in measured.items() if how == "mocks" for seconds in runs),
        ),
        "not part of the figures above; pulumi, and the modules of pulumi_aws that the program uses",
    )


def tests(runs: int) -> Iterator[Figure]:
    """The quick tests and all tests, once each whatever `runs` says, beside collecting them."""
    del runs
    for name, folder, seconds in (("quick tests", "tests/unit", 60.0), ("all tests", "tests", 480.0)):
        pytest = [PYTHON, "-m", "pytest", "-q", folder]
        collected = run([*pytest, "--collect-only"]).seconds
        took = run(pytest, limit=4 * seconds).seconds
        yield Figure("tests", name, "s", (took,), Target(seconds), Yardstick("to collect them", (collected,)))
