"""Kubernetes' own programs, built from their Go modules into Modelyard's cache folder."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelyard.core.errors import EmulatorError, EngineError
from modelyard.engine import places, staging
from modelyard.engine.golang import Recipe
from modelyard.engine.progress import Progress, Silent

VERSION: Final = "1.36.3"
"""The Kubernetes that the recipe builds."""
KWOK: Final = "0.8.0"
NEEDED: Final = 9_500_000_000
"""Bytes that the modules and compiled packages of this and of the engine take in the cache."""

_ETCD: Final = "go.etcd.io/etcd/server/v3"
_COMMANDS: Final = (
    "k8s.io/kubernetes/cmd/kube-apiserver",
    "k8s.io/kubernetes/cmd/kube-controller-manager",
    "k8s.io/kubernetes/cmd/kube-scheduler",
    "sigs.k8s.io/kwok/cmd/kwok",
)
_BASE: Final = "k8s.io/component-base/version"
_VARIABLES: Final = {
    f"{_BASE}.gitVersion": f"v{VERSION}",
    f"{_BASE}.gitMajor": VERSION.split(".")[0],
    f"{_BASE}.gitMinor": VERSION.split(".")[1],
    f"{_BASE}.gitTreeState": "clean",
    "sigs.k8s.io/kwok/pkg/consts.Version": f"v{KWOK}",
}
"""What the programs say of their own versions, which Kubernetes' releases set in the same way."""
_KWOK: Final = "sigs.k8s.io/kwok"
_STAGES: Final = ("node/fast/node-*.yaml", "node/heartbeat-with-lease/node-*.yaml", "pod/fast/pod-*.yaml")
"""Where KWOK's module says how a node becomes ready and stays so, and a pod runs and ends."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs, in one folder."""

    folder: Path

    @property
    def etcd(self) -> Path:
        return self.folder / "etcd"

    @property
    def api_server(self) -> Path:
        return self.folder / "kube-apiserver"

    @property
    def controller_manager(self) -> Path:
        return self.folder / "kube-controller-manager"

    @property
    def scheduler(self) -> Path:
        return self.folder / "kube-scheduler"

    @property
    def kwok(self) -> Path:
        return self.folder / "kwok"

    @property
    def stages(self) -> Path:
        """What KWOK plays."""
        return self.folder.parent / "stages.yaml"

    @property
    def all(self) -> tuple[Path, ...]:
        """Every program."""
        return self.etcd, self.api_server, self.controller_manager, self.scheduler, self.kwok


def recipe() -> Recipe:
    """The checked-in modules of all programs."""
    folder = Path(__file__).with_name("recipe")
    return Recipe("Kubernetes", folder, NEEDED, "deploy without a cluster: `yard sandbox start --no-kubernetes`")


def home() -> Path:
    """The folder of the installed programs; they lie in `bin` below it."""
    return places.cache() / "kubernetes" / VERSION


def located() -> Binaries | None:
    """The programs, if they are there, whole and built by this recipe."""
    found = Binaries(home() / "bin")
    try:
        record = json.loads((home() / "built.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = record.get("recipe") == digest() and all(os.access(program, os.X_OK) for program in found.all)
    return found if whole else None


def install(progress: Progress | None = None) -> Binaries:
    """The programs, built first if this machine has none.

    Several processes may call it at once: one works, the others wait. Raises `EmulatorError` where there is no Go, no
    module proxy or no room.
    """
    shown = progress or Silent()
    found = located()
    if found is not None:
        return found
    try:
        with staging.alone(home().parent, "Kubernetes", shown):
            if located() is None:
                with staging.workspace(home().parent) as work:
                    _build(work, shown)
    except EngineError as error:
        raise EmulatorError(*error.faults) from error
    return Binaries(home() / "bin")


def digest() -> str:
    """What names the recipe: other modules, other programs."""
    said = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        said.update((recipe().folder / name).read_bytes())
    return said.hexdigest()


def _build(work: Path, progress: Progress) -> None:
    wanted = recipe()
    wanted.refuse_small_disk()
    staged = work / "kubernetes"
    made = Binaries(staged / "bin")
    made.folder.mkdir(parents=True)
    sources = wanted.copied(work)
    flags = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in _VARIABLES.items())])
    arguments = ["build", "-v", "-trimpath", "-ldflags", flags, "-o"]
    progress.phase("Building etcd from its Go modules")
    wanted.go([*arguments, str(made.etcd), _ETCD], sources, progress)
    progress.phase(f"Building Kubernetes {VERSION} from its Go modules")
    wanted.go([*arguments, f"{made.folder}{os.sep}", *_COMMANDS], sources, progress)
    module = wanted.go(["list", "-m", "-f", "{{.Dir}}", _KWOK], sources, progress).strip()
    stages = Path(module) / "kustomize" / "stage"
    texts = [file.read_text(encoding="utf-8") for each in _STAGES for file in sorted(stages.glob(each))]
    made.stages.write_text("\n---\n".join(texts), encoding="utf-8")
    (staged / "built.json").write_text(json.dumps({"recipe": digest()}) + "\n", encoding="utf-8")
    staging.swap(staged, home())
