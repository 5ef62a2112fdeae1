"""The real engine on the sandbox, beside Terraform on the same emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tools.bench.figure import Figure, Target
from tools.bench.process import PYTHON, ROOT, BenchError, run
from tools.bench.project import scratch
from tools.bench.terraform import Terraform, yardstick

COUNT: Final = 150
_STACK = "bench"
_PROJECT = f"""name: modelyard-bench
runtime:
  name: python
  options:
    virtualenv: {ROOT / ".venv"}
config:
  aws:region: us-east-1
"""
_PROGRAM = f"""from tools.bench.mix import declare

declare({COUNT}, "bench")
"""


def sandbox(runs: int) -> Iterator[Figure]:
    """`pulumi up` of the mix, then again with nothing to change; each tool begins with an empty emulator."""
    ups, again, refreshed, applies, plans = [], [], [], [], []
    with scratch() as place:
        folder = place.root / "bench"
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(_PROJECT)
        (folder / "__main__.py").write_text(_PROGRAM)
        try:
            beside = Terraform(place.root / "terraform", COUNT)
            note = beside.version()
        except BenchError as reason:
            beside, note = None, f"Terraform could not run: {reason}"
        for _ in range(runs):
            place.emptied()
            environment = {**place.environment(), "PYTHONPATH": str(ROOT), "PULUMI_PYTHON_CMD": PYTHON}
            _pulumi(folder, environment, "stack", "init", _STACK)
            ups.append(_up(folder, environment))
            _check(folder, environment)
            again.append(_up(folder, environment, "--expect-no-changes"))
            refreshed.append(_up(folder, environment, "--expect-no-changes", "--refresh"))
            if beside:
                apply, plan = beside.measure(place.emptied())
                applies.append(apply)
                plans.append(plan)

    half = Target(0.5, of_yardstick=True)
    yield Figure("sandbox", f"up of {COUNT} resources", "s", tuple(ups), half, yardstick("apply", applies), note)
    yield Figure("sandbox", "the same, nothing to change", "s", tuple(again), half, yardstick("plan", plans))
    yield Figure(
        "sandbox",
        "the same with --refresh",
        "s",
        tuple(refreshed),
        None,
        yardstick("plan", plans),
        "terraform plan reads every resource; a plain up does not, with --refresh it does",
    )


def _up(folder: Path, environment: Mapping[str, str], *arguments: str) -> float:
    return _pulumi(folder, environment, "up", "--yes", "--skip-preview", "--stack", _STACK, *arguments)


def _check(folder: Path, environment: Mapping[str, str]) -> None:
    exported = run(["pulumi", "stack", "export", "--stack", _STACK], folder=folder, environment=environment)
    state = json.loads(exported.output)["deployment"]["resources"]
    made = sum(resource["type"].startswith("aws:") for resource in state)
    if made != COUNT:
        raise BenchError(f"pulumi up made {made} resources, not {COUNT}")


def _pulumi(folder: Path, environment: Mapping[str, str], *arguments: str) -> float:
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    return run(command, folder=folder, environment=environment).seconds
