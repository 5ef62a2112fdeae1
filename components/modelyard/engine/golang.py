"""Go at work for an installation: modules and compiled packages lie in the cache folder, recipes are checked in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelyard.core.errors import EngineError
from modelyard.engine import places
from modelyard.engine.progress import Progress
from modelyard.engine.toolchain import find_go

_PACKAGE = re.compile(r"[\w.\-]+(/[\w.\-~]+)*")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is built from Go modules. `folder` holds its `go.mod` and `go.sum`.

    `what` and `otherwise` are what people are told: "the engine", and what helps where no module can be had. `needed`:
    bytes that modules and compiled packages take in the cache.
    """

    what: str
    folder: Path
    needed: int
    otherwise: str

    def refuse_small_disk(self) -> None:
        """Raises `EngineError` where the disk has no room for what is missing."""
        cache = places.cache()
        missing = self.needed - places.size(cache / "go")
        free = shutil.disk_usage(cache).free
        if free < missing:
            raise EngineError(
                f"{cache}: building {self.what} needs {missing / 1e9:.1f} GB of disk, and {free / 1e9:.1f} GB are free",
                remedy="Free some space, or set MODELYARD_CACHE to a folder on a larger disk",
            )

    def copied(self, work: Path) -> Path:
        """A copy of the recipe below `work`, which Go may write to."""
        sources = work / "recipe"
        sources.mkdir(parents=True, exist_ok=True)
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(self.folder / name, sources / name)
        return sources

    def go(self, arguments: Sequence[str], folder: Path, progress: Progress) -> str:
        """Runs Go in `folder`, counts what it fetches and compiles, and gives its standard output.

        Raises `EngineError` with its last words where it fails, and where there is no Go.
        """
        code, answer, said = run(find_go(progress, self.otherwise), arguments, folder, progress)
        if code:
            raise self._explained(said)
        return answer

    def _explained(self, said: Sequence[str]) -> EngineError:
        text = "\n".join(said)
        if "no space left on device" in text or "disk quota exceeded" in text:
            return EngineError(
                f"{places.cache()}: the disk is full, so {self.what} could not be built",
                remedy="Free some space, or set MODELYARD_CACHE to a folder on a larger disk",
            )
        return EngineError(
            f"Go could not build {self.what}:\n" + "\n".join(said[-8:]),
            remedy=f"Let Go reach a module proxy (GOPROXY), or {self.otherwise}",
        )


def run(
    go: Path, arguments: Sequence[str], folder: Path, progress: Progress, variables: Mapping[str, str] | None = None
) -> tuple[int, str, list[str]]:
    """Runs `go` in `folder`, with further `variables`: its exit status, its standard output, what it complained of.

    What it fetches and compiles is counted in `progress`.
    """
    fetched = compiled = 0
    said: list[str] = []
    answer: list[str] = []
    with subprocess.Popen(
        [go, *arguments],
        cwd=folder,
        env={**_environment(), **(variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        reader = threading.Thread(target=lambda out=process.stdout: answer.append(out.read()), daemon=True)
        reader.start()
        try:
            for line in process.stderr:
                if line.startswith("go: downloading "):
                    fetched += 1
                    progress.detail(f"fetched {fetched} modules")
                elif _PACKAGE.fullmatch(line.rstrip()):
                    compiled += 1
                    progress.detail(f"compiled {compiled} packages")
                else:
                    said.append(line.rstrip())
        except BaseException:
            process.terminate()
            raise
        reader.join()
    return process.returncode, "".join(answer), said


def _environment() -> dict[str, str]:
    store = places.cache() / "go"
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOCACHE": str(store / "build"),
        "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
        "GOMODCACHE": str(store / "modules"),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
