"""A cluster that serves every known definition, kept as data of etcd: another begins with it within seconds."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from modelyard.core.errors import EmulatorError, EngineError
from modelyard.engine import places, staging
from modelyard.engine.progress import Progress, Silent
from modelyard_sandbox.kubernetes import binaries, client, crds, server


def snapshot(progress: Progress | None = None) -> Path:
    """The kept data, made first where there is none of these definitions and programs.

    Builds and fetches what that needs. Several processes may call it at once: one works, the others wait. Raises
    `EmulatorError` where it can't be made.
    """
    shown = progress or Silent()
    kept = _folder() / _digest()
    if kept.is_dir():
        return kept
    programs = binaries.install(shown)
    crds.fetch(tuple(crds.table()), shown)
    try:
        with staging.alone(_folder(), "the definitions", shown):
            if not kept.is_dir():
                with staging.workspace(_folder()) as work:
                    _make(programs, work, shown)
                    for outdated in _folder().glob("[!.]*"):
                        shutil.rmtree(outdated, ignore_errors=True)
                    staging.swap(work / "data", kept)
    except EngineError as error:
        raise EmulatorError(*error.faults) from error
    return kept


def _make(programs: binaries.Binaries, work: Path, progress: Progress) -> None:
    progress.phase("Starting Kubernetes")
    cluster = server.start(work / "cluster", programs, lambda name: work / f"{name}.log")
    try:
        definitions = [definition for key in crds.table() for definition in crds.manifests(key)]
        crds.apply(client.connected(cluster.kubeconfig), definitions, progress)
        cluster.freeze(work / "data")
    finally:
        cluster.stop()


def _folder() -> Path:
    return places.cache() / "kubernetes" / "snapshots"


def _digest() -> str:
    """Other definitions, other programs: another name."""
    said = hashlib.sha256(binaries.digest().encode())
    for key, origin in sorted(crds.table().items()):
        said.update(f"{key} {origin.digest}".encode())
    return said.hexdigest()[:16]
