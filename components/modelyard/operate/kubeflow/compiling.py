"""Kubeflow's compiler, in a process and an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from modelyard.core.errors import EnvironmentFault
from modelyard.engine import locked
from modelyard.engine.progress import Progress

Form = Literal["ir", "objects"]
"""`ir`: what is uploaded to Kubeflow Pipelines. `objects`: a Pipeline and a PipelineVersion of its Kubernetes API."""

_SCRIPT: Final = Path(__file__).resolve().with_name("compiler.py")
_SECONDS: Final = 120
_TAIL: Final = 400


def compiled(told: Mapping[str, Any], form: Form, progress: Progress | None = None) -> str:
    """A pipeline as YAML, from what `rendered` or `wrapped` tells of it.

    The compiler's environment is made first if this machine has none: a few seconds, 56 MB. Raises `EnvironmentFault`
    where it can't be had, and with the compiler's own words where it refuses the pipeline.
    """
    python = install(progress)
    with tempfile.TemporaryDirectory(prefix="modelyard-kubeflow-") as work:
        output = Path(work) / "pipeline.yaml"
        try:
            done = subprocess.run(
                [str(python), str(_SCRIPT), form, str(output)],
                input=json.dumps(told),
                cwd=work,
                env={**os.environ, "HOME": work, "PYTHONWARNINGS": "ignore"},
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvironmentFault(f"Kubeflow's compiler could not run: {error}", remedy="Try again") from None
        if done.returncode or not output.is_file():
            said = (done.stderr.strip().splitlines() or ["nothing"])[-1][-_TAIL:]
            raise EnvironmentFault(
                f"Kubeflow's compiler refuses {told['name']}: {said}", remedy="Change the step that it names"
            )
        return output.read_text(encoding="utf-8")


def install(progress: Progress | None = None) -> Path:
    """The interpreter of the compiler's environment, made first if this machine has none. Raises `EnvironmentFault`."""
    return locked.program("kfp", whose="Kubeflow's", content="Kubeflow's compiler", progress=progress)
