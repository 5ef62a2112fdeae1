"""The engine built from its Go modules, for networks that serve modules but no releases."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from modelyard.core.errors import EngineError
from modelyard.engine import places
from modelyard.engine.progress import Progress
from modelyard.engine.toolchain import find_go

NEEDED = 3_500_000_000
"""Bytes that modules and compiled packages take in the cache."""

_PACKAGE = re.compile(r"[\w.\-]+(/[\w.\-~]+)*")
_RECIPE = Path(__file__).with_name("recipe")
_COMMAND = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_NO_NETWORK = "Let Go reach a module proxy (GOPROXY), or put a Pulumi CLI on PATH"


def build(binaries: Path, work: Path, progress: Progress) -> None:
    """Builds `pulumi` into the folder `binaries`, using `work` for the module files.

    Modules and compiled packages stay in the cache folder, so that an interrupted build goes on where it stopped.
    Raises `EngineError` if there is no Go, no module proxy, or no room.
    """
    _refuse_small_disk()
    go = find_go(progress)
    sources = _sources(work)
    progress.phase(f"Building the Pulumi CLI {places.VERSION} from its Go modules")
    flags = f"-s -w -X {_VERSION_VARIABLE}=v{places.VERSION}"
    arguments = ["build", "-v", "-trimpath", "-tags", "osusergo,grpcnotrace", "-ldflags", flags]
    _go(go, [*arguments, "-o", str(binaries / "pulumi"), _COMMAND], sources, progress)


def fetch_launcher(work: Path, progress: Progress) -> Path:
    """The official `pulumi-language-python-exec`, which starts a program, from the SDK's module."""
    go = find_go(progress)
    sources = _sources(work)
    progress.phase("Fetching the SDK's module")
    _go(go, ["mod", "download", _SDK], sources, progress)
    folder = _go(go, ["list", "-m", "-f", "{{.Dir}}", _SDK], sources, progress).strip().splitlines()[-1]
    launcher = Path(folder) / "python" / "cmd" / "pulumi-language-python-exec"
    if not launcher.is_file():
        raise EngineError(f"{launcher} is missing in the Go module", remedy=f"Remove {launcher.parents[2]}, then retry")
    return launcher


def _sources(work: Path) -> Path:
    sources = work / "recipe"
    sources.mkdir(parents=True, exist_ok=True)
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(_RECIPE / name, sources / name)
    return sources


def _refuse_small_disk() -> None:
    cache = places.cache()
    missing = NEEDED - places.size(cache / "go")
    free = shutil.disk_usage(cache).free
    if free < missing:
        raise EngineError(
            f"{cache}: building the engine needs {missing / 1e9:.1f} GB of disk, and {free / 1e9:.1f} GB are free",
            remedy="Free some space, or set MODELYARD_CACHE to a folder on a larger disk",
        )


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


def _go(go: Path, arguments: Sequence[str], folder: Path, progress: Progress) -> str:
    """Runs Go, counts what it fetches and compiles, and gives its standard output."""
    fetched = compiled = 0
    said: list[str] = []
    answer: list[str] = []
    with subprocess.Popen(
        [go, *arguments],
        cwd=folder,
        env=_environment(),
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
    if process.returncode:
        raise _explained(said)
    return "".join(answer)


def _explained(said: Sequence[str]) -> EngineError:
    text = "\n".join(said)
    if "no space left on device" in text or "disk quota exceeded" in text:
        return EngineError(
            f"{places.cache()}: the disk is full, so the engine could not be built",
            remedy="Free some space, or set MODELYARD_CACHE to a folder on a larger disk",
        )
    return EngineError("Go could not build the engine:\n" + "\n".join(said[-8:]), remedy=_NO_NETWORK)
