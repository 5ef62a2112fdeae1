"""Terraform beside the engine: the mix applied and planned against the same emulator."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from tools.bench.figure import Yardstick
from tools.bench.mix import terraform
from tools.bench.process import BenchError, run

PLUGINS: Final = "MODELYARD_BENCH_TERRAFORM_PLUGINS"
"""A folder with Terraform's AWS provider, for networks that don't serve it; absent: Terraform's own settings."""

SERVICES: Final = ("glue", "iam", "kms", "logs", "s3", "ssm", "sts")
RECORDED: Final = {"apply": 21.6, "plan": 14.6}
"""Seconds seen for 150 resources with Terraform 1.11 and its AWS provider 5.100 against moto, on two cores."""

_INIT_LIMIT = 120


def yardstick(command: Literal["apply", "plan"], seen: Sequence[float]) -> Yardstick:
    """What `terraform <command>` took in this run; else what it took on another day, marked so."""
    return Yardstick(f"terraform {command}", tuple(seen) or (RECORDED[command],), recorded=not seen)


class Terraform:
    """The mix as a Terraform program in `folder`, ready to apply. Raises `BenchError` where it can't be made so."""

    def __init__(self, folder: Path, count: int) -> None:
        if shutil.which("terraform") is None:
            raise BenchError("terraform is not on PATH")
        self.folder = folder
        self.count = count
        folder.mkdir()
        self._write("http://127.0.0.1:1")
        plugins = os.environ.get(PLUGINS)
        chosen = [f"-plugin-dir={Path(plugins).expanduser().resolve()}"] if plugins else []
        self._run("init", *chosen, limit=_INIT_LIMIT)

    def version(self) -> str:
        """The versions of Terraform and its AWS provider."""
        told = json.loads(run(["terraform", "version", "-json"], folder=self.folder, environment=_environment()).output)
        providers = ", ".join(f"{name.rpartition('/')[2]} {it}" for name, it in told["provider_selections"].items())
        return f"Terraform {told['terraform_version']}, {providers}"

    def measure(self, endpoint: str) -> tuple[float, float]:
        """Seconds to apply the mix to an empty emulator, and to plan it again when nothing has changed."""
        for state in self.folder.glob("terraform.tfstate*"):
            state.unlink()
        self._write(endpoint)
        apply = self._run("apply", "-auto-approve")
        plan = self._run("plan", "-detailed-exitcode")
        return apply, plan

    def _write(self, endpoint: str) -> None:
        program = terraform(self.count, "bench-tf", dict.fromkeys(SERVICES, endpoint))
        (self.folder / "main.tf.json").write_text(json.dumps(program, indent=1))

    def _run(self, *arguments: str, limit: float = 600) -> float:
        command = ["terraform", *arguments, "-input=false", "-no-color"]
        return run(command, folder=self.folder, environment=_environment(), limit=limit).seconds


def _environment() -> Mapping[str, str]:
    """This process's environment without what would lead Terraform elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}
