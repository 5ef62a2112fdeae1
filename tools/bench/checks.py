"""`yard check`: cold, unchanged, watched, for a hundred teams, and its rules beside Checkov's and a Terraform plan."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
from tools.bench.figure import Figure, Target, Yardstick
from tools.bench.process import BIN, PYTHON, ROOT, BenchError, run
from tools.bench.project import scratch, without_teams
from tools.bench.terraform import RECORDED, Terraform, yardstick

ENVIRONMENT: Final = "prod"
TEAM: Final = "team0"
MANY: Final = 100
FEW: Final = 5
RESOURCES: Final = 15_000
_YARD: Final = BIN / "yard"
_CHECK: Final = ("check", "--env", ENVIRONMENT, "--output", "said.txt")
_GIB: Final = 2**30


def checks(runs: int) -> Iterator[Figure]:
    """A platform with one team, several times; Checkov and Terraform beside it where they are at hand."""
    with _project(1) as root:
        plan = root / "plan.json"
        told = json.loads(run([PYTHON, "-m", "tools.bench.one_check", root, ENVIRONMENT, TEAM, "1", plan]).output)
        times = str(round(RESOURCES / (told["judged"])))
        alone = [
            json.loads(run([PYTHON, "-m", "tools.bench.one_check", root, ENVIRONMENT, TEAM, times, plan]).output)
            for _ in range(runs)
        ]
        imports = tuple(each["imports"] for each in alone)
        count = int(told["resources"])
        cold = tuple(_yard(root, "--fresh") for _ in range(runs))
        allowed = Yardstick("imports and 10 ms a resource", tuple(each + 0.010 * count for each in imports))
        yield Figure("checks", "imports of the SDK", "s", imports)
        yield Figure("checks", f"yard check of {count} resources, cold", "s", cold, Target(1, True), allowed)
        yield Figure("checks", "the same, in seconds", "s", cold, Target(6))
        _yard(root)
        unchanged = tuple(_yard(root) for _ in range(max(runs, 5)))
        version = tuple(run([_YARD, "--version"]).seconds for _ in range(max(runs, 5)))
        known = Yardstick("yard --version", version)
        yield Figure("checks", "the same, nothing changed", "s", unchanged, Target(0.6), known)
        yield Figure(
            "checks",
            "yard check --watch, from a save to the answer",
            "s",
            _watched(root, runs),
            Target(1),
            Yardstick("yard check, cold", cold),
        )
        many = tuple(each["many"] for each in alone)
        judged = Yardstick("to record so many", tuple(each * RESOURCES / count for each in cold))
        yield Figure("checks", f"the rules over {RESOURCES:,} resources", "s", many, Target(5), judged)
        yield from _beside_checkov(runs, plan, tuple(each["rules"] for each in alone), cold)
        yield _beside_terraform(count, cold)


def hundred(runs: int) -> Iterator[Figure]:
    """A hundred teams, once whatever `runs` says, beside five."""
    del runs
    took: dict[int, tuple[float, float, int]] = {}
    for count in (FEW, MANY):
        with _project(count) as root:
            took[count] = _sampled(root)
    seconds, peak, resources = took[MANY]
    few, _, less = took[FEW]
    yield Figure(
        "hundred",
        f"yard check --all of {MANY} teams",
        "s",
        (seconds,),
        Target(90),
        Yardstick(f"{FEW} teams", (few,)),
        f"{resources:,} resources, and {less:,}",
    )
    yield Figure("hundred", "memory of all its processes", "GiB", (peak,), Target(1.5))
    yield Figure(
        "hundred",
        f"a resource of {MANY} teams",
        "ms",
        (1000 * seconds / resources,),
        Target(1.2, True),
        Yardstick(f"of {FEW}", (1000 * few / less,)),
    )


@contextmanager
def _project(count: int) -> Iterator[Path]:
    """This project's platform with `count` teams of the blueprint `realtime`, as a newcomer makes them."""
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-") as place:
        root = Path(place).resolve()
        for folder in ("platform", "stacks"):
            shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
        (root / ".venv").symlink_to(ROOT / ".venv")
        without_teams(root)
        for number in range(count):
            run([_YARD, "new", "team", f"team{number}", "--env", ENVIRONMENT], folder=root)
        yield root


def _yard(root: Path, *more: str) -> float:
    """Seconds of `yard check`; that a rule is broken is an answer, too."""
    begin = time.perf_counter()
    done = subprocess.run([_YARD, *_CHECK, *more], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise BenchError(f"yard check: exit code {done.returncode}\n{done.stderr}")
    return time.perf_counter() - begin


def _watched(root: Path, runs: int) -> tuple[float, ...]:
    """Seconds from the save of a team's file to the answer."""
    file, found = root / "stacks" / "teams" / f"{TEAM}.yaml", list[float]()
    command = [_YARD, "check", "--env", ENVIRONMENT, "--watch"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            _answered(process)
            for number in range(runs + 1):
                with file.open("a") as out:
                    out.write(f"# save {number}\n")
                begin = time.perf_counter()
                _answered(process)
                found.append(time.perf_counter() - begin)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
    return tuple(found[1:])


def _answered(process: subprocess.Popen[str]) -> None:
    """Reads until the answer names the team's stack."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"{TEAM} in "):
            return
    raise BenchError(f"yard check --watch ended with {process.wait()}")


def _sampled(root: Path) -> tuple[float, float, int]:
    """Seconds and peak GiB of all processes of a cold check, and the resources that it asked about."""
    begin, peak = time.perf_counter(), 0.0
    command = [_YARD, "check", "--all", "--env", ENVIRONMENT, "--fresh", "--format", "json", "--output", "said.json"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.25)
    seconds = time.perf_counter() - begin
    if process.returncode not in (0, 1):
        raise BenchError(f"yard check --all: exit code {process.returncode}")
    stacks = json.loads((root / "said.json").read_text("utf-8"))["stacks"]
    return seconds, peak / _GIB, sum(each["resources"] for each in stacks)


def _memory(pid: int) -> float:
    """Bytes that a process and its children hold, what they share counted once (proportional set size)."""
    total = 0.0
    with suppress(psutil.Error):
        for each in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            with suppress(psutil.Error):
                total += getattr(each.memory_full_info(), "pss", 0) or each.memory_info().rss
    return total


def _beside_checkov(runs: int, plan: Path, rules: tuple[float, ...], cold: tuple[float, ...]) -> Iterator[Figure]:
    from modelyard.assess.bridges.checkov import OFFLINE, install

    command = (install().with_name("checkov"), "--framework", "terraform_plan", *OFFLINE, "--file")
    empty = plan.with_name("empty.json")
    document = json.loads(plan.read_text("utf-8"))
    root_module = {"resources": []}
    empty.write_text(json.dumps({**document, "planned_values": {"root_module": root_module}, "resource_changes": []}))

    def seconds(file: Path) -> float:
        return run([*command, file], folder=file.parent, environment={**os.environ, "LOG_LEVEL": "ERROR"}).seconds

    whole = tuple(seconds(plan) for _ in range(runs))
    start = tuple(seconds(empty) for _ in range(runs))
    theirs = tuple(max(one - other, 0.001) for one, other in zip(whole, start, strict=True))
    yield Figure(
        "checks", "the rules alone", "s", rules, Target(0.2, True), Yardstick("Checkov's, without its start", theirs)
    )
    yield Figure("checks", "yard check, cold", "s", cold, Target(1, True), Yardstick("Checkov on the same", whole))


def _beside_terraform(count: int, cold: tuple[float, ...]) -> Figure:
    """A plan of as many resources, of the same kinds as the sandbox's figures."""
    plans: list[float] = []
    note = ""
    try:
        with scratch() as place:
            terraform = Terraform(place.root / "terraform", count)
            note = terraform.version()
            plans.append(terraform.measure(place.emptied())[1])
    except BenchError as reason:
        note = f"Terraform could not run, {RECORDED['plan']} s were seen for 150 resources: {reason}".splitlines()[0]
    return Figure("checks", "yard check, cold", "s", cold, Target(1 / 1.5, True), yardstick("plan", plans), note)
