"""What the sandbox remembers of a start until it is stopped: which emulator, where it answers, and its processes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelyard.core.errors import EmulatorError, Fault, Source
from modelyard_sandbox.kubernetes.server import Cluster
from modelyard_sandbox.processes import Process
from modelyard_sandbox.servers import Choice


@dataclass(frozen=True, slots=True)
class Record:
    """One start. `baseline`: what the emulator held by itself, by `service: kind`. `cluster`: where Kubernetes runs."""

    choice: Choice
    endpoint: str
    processes: tuple[Process, ...]
    baseline: Mapping[str, int]
    cluster: Cluster | None = None

    @property
    def alive(self) -> bool:
        """Whether all its processes still run."""
        return all(process.running() for process in self.processes) and (self.cluster is None or self.cluster.alive)

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """The record at `path`; None where there is none. Raises `EmulatorError` for a damaged one."""
        try:
            kept = json.loads(path.read_text())
            return cls(
                Choice.from_json(kept["choice"]),
                kept["endpoint"],
                tuple(Process(name, at["pid"], at["began"]) for name, at in kept["processes"].items()),
                kept["baseline"],
                Cluster.from_json(kept["cluster"]) if kept.get("cluster") else None,
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EmulatorError(
                Fault(f"is damaged: {error}", "Delete it; end what still runs by hand.", Source(str(path)))
            ) from None

    def write(self, path: Path) -> None:
        """Keep it at `path`, in place of another, at once."""
        kept = {
            "choice": self.choice.as_json(),
            "endpoint": self.endpoint,
            "processes": {process.name: process.as_json() for process in self.processes},
            "baseline": dict(self.baseline),
            "cluster": self.cluster.as_json() if self.cluster else None,
        }
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(kept, indent=2) + "\n")
        temporary.replace(path)
