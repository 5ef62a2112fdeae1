"""Where the sandbox of a project keeps its files."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

MARKER = "modelyard-sandbox.json"
"""Lies in the state's folder, so that a run against a real cloud recognises it and refuses."""


@dataclass(frozen=True, slots=True)
class Places:
    """The folders and files of one project's sandbox, below `.modelyard/sandbox/`."""

    root: Path

    @property
    def folder(self) -> Path:
        """Everything but the socket lies here."""
        return self.root / ".modelyard" / "sandbox"

    @property
    def record(self) -> Path:
        """Which processes run, and where they listen."""
        return self.folder / "running.json"

    @property
    def lock(self) -> Path:
        """Held while the sandbox starts or stops."""
        return self.folder / "lock"

    @property
    def state(self) -> Path:
        """Pulumi's backend."""
        return self.folder / "state"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's home; the stand-in plugin lies here and nowhere else."""
        return self.folder / "pulumi-home"

    @property
    def socket(self) -> Path:
        """Where the stand-in's daemon listens; short, since a socket's path holds 107 bytes at most."""
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"modelyard-{os.getuid()}" / f"{name}.sock"

    @property
    def cluster(self) -> Path:
        """The kubeconfig of the sandbox's API server, for its administrator; nobody else may read it."""
        return self.folder / "kubernetes" / "kubeconfig"

    @property
    def manifests(self) -> Path:
        """Where objects of Kubernetes are written while no API server runs."""
        return self.folder / "manifests"

    def log(self, process: str) -> Path:
        """The log of one of the sandbox's processes."""
        return self.folder / "logs" / f"{process}.log"
