"""Starts a program on each instance of a training job so that they find each other: `python -m modelyard_jobs.launch`.

`launch torchrun train.py …` for PyTorch, `launch mpi …` for MPI, `launch tf_config …` for TensorFlow. What instances
are called, SageMaker writes down (sagemaker/latest/dg/your-algorithms-training-algo-running-container).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

RESOURCES: Final = Path("/opt/ml/input/config/resourceconfig.json")
_PORT: Final = 29_500


def command(launcher: str, program: Sequence[str], resources: Mapping[str, Any], gpus: int) -> list[str]:
    """What to run on this instance. Raises `ValueError` for a launcher that isn't known."""
    hosts = list(resources["hosts"])
    each = max(gpus, 1)
    if launcher == "torchrun":
        return [
            "torchrun",
            f"--nnodes={len(hosts)}",
            f"--node_rank={hosts.index(resources['current_host'])}",
            f"--nproc_per_node={each}",
            f"--master_addr={hosts[0]}",
            f"--master_port={_PORT}",
            *program,
        ]
    if launcher == "mpi":
        slots = ",".join(f"{host}:{each}" for host in hosts)
        return ["mpirun", "--allow-run-as-root", "-np", str(each * len(hosts)), "--host", slots, *_program(program)]
    if launcher == "tf_config":
        return _program(program)
    raise ValueError(f"{launcher} is no launcher; use torchrun, mpi or tf_config")


def tf_config(resources: Mapping[str, Any]) -> str:
    """What TensorFlow reads from TF_CONFIG: the workers, and which of them this is."""
    hosts = list(resources["hosts"])
    workers = [f"{host}:{_PORT}" for host in hosts]
    task = {"type": "worker", "index": hosts.index(resources["current_host"])}
    return json.dumps({"cluster": {"worker": workers}, "task": task})


def _program(program: Sequence[str]) -> list[str]:
    return [sys.executable, *program] if program and program[0].endswith(".py") else list(program)


def main(arguments: Sequence[str]) -> None:
    """Become the program; only with MPI do other instances wait to be reached from the first."""
    launcher, *program = arguments
    resources = json.loads(RESOURCES.read_text("utf-8"))
    gpus = int(os.environ.get("SM_NUM_GPUS", "0")) or len(list(Path("/dev").glob("nvidia[0-9]*")))
    found = command(launcher, program, resources, gpus)
    if launcher == "tf_config":
        os.environ["TF_CONFIG"] = tf_config(resources)
    if launcher == "mpi" and resources["current_host"] != resources["hosts"][0]:
        found = ["/usr/sbin/sshd", "-D"]
    os.execvp(found[0], found)


if __name__ == "__main__":
    main(sys.argv[1:])
