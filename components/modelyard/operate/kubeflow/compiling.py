"""Kubeflow's compiler, in a process and an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from modelyard.core.errors import EnvironmentFault
from modelyard.engine import locked
from modelyard.engine.progress import Progress

Form = Literal["ir", "objects"]
"""`ir`: what is uploaded to Kubeflow Pipelines. `objects`: a Pipeline and a PipelineVersion of its Kubernetes API."""

_HERE: Final = Path(__file__).resolve().parent
_LOCKS: Final = (_HERE / "kfp.txt", _HERE.parents[3] / "requirements" / "kfp.txt")
"""Where the lock lies: in an installed Modelyard, and in a checkout of it."""
_SCRIPT: Final = _HERE / "compiler.py"
_WHOSE: Final = "Kubeflow's"
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
    lock = next((path for path in _LOCKS if path.is_file()), None)
    if lock is None:
        raise EnvironmentFault("the list of Kubeflow's packages is missing", remedy="Install modelyard again")
    home = locked.home("kfp", lock, f"{sys.version_info[0]}.{sys.version_info[1]}")
    return locked.installed(home, lock, whose=_WHOSE, content="Kubeflow's compiler", tools=_tools, progress=progress)


def _tools(_: Progress) -> tuple[str, str]:
    return locked.found_uv(_WHOSE), sys.executable
