"""The sandbox's cluster begun: its programs built where they are missing, and what it holds by itself counted."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from modelyard.core.errors import EmulatorError
from modelyard.engine import Shown
from modelyard_sandbox.kubernetes import binaries, server
from modelyard_sandbox.kubernetes.server import Cluster, Log


@dataclass(frozen=True, slots=True)
class Wanted:
    """The cluster to run. `asked`: somebody asked for it, so that the sandbox doesn't start without."""

    asked: bool
    gpu_nodes: int = 0


def begin(folder: Path, log: Log, wanted: Wanted) -> Cluster | None:
    """The cluster, started in `folder`; None where nobody asked for it and its programs can't be had, which is told.

    Raises `EmulatorError` where it doesn't start.
    """
    with Shown() as progress:
        try:
            programs = binaries.install(progress)
        except EmulatorError as error:
            if wanted.asked:
                raise
            print(f"the sandbox goes on without Kubernetes: {error}", file=sys.stderr)
            return None
    cluster = server.start(folder, programs, log, gpu_nodes=wanted.gpu_nodes)
    try:
        return replace(cluster, baseline=cluster.counted())
    except BaseException:
        cluster.stop()
        raise
