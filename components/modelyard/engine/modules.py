"""The engine built from its Go modules, for networks that serve modules but no releases."""

from __future__ import annotations

from pathlib import Path

from modelyard.core.errors import EngineError
from modelyard.engine import places
from modelyard.engine.golang import Recipe
from modelyard.engine.progress import Progress

NEEDED = 3_500_000_000
"""Bytes that modules and compiled packages take in the cache."""

_COMMAND = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"


def build(binaries: Path, work: Path, progress: Progress) -> None:
    """Builds `pulumi` into the folder `binaries`, using `work` for the module files.

    Modules and compiled packages stay in the cache folder, so that an interrupted build goes on where it stopped.
    Raises `EngineError` if there is no Go, no module proxy, or no room.
    """
    recipe = _recipe()
    recipe.refuse_small_disk()
    sources = recipe.copied(work)
    progress.phase(f"Building the Pulumi CLI {places.VERSION} from its Go modules")
    flags = f"-s -w -X {_VERSION_VARIABLE}=v{places.VERSION}"
    arguments = ["build", "-v", "-trimpath", "-tags", "osusergo,grpcnotrace", "-ldflags", flags]
    recipe.go([*arguments, "-o", str(binaries / "pulumi"), _COMMAND], sources, progress)


def fetch_launcher(work: Path, progress: Progress) -> Path:
    """The official `pulumi-language-python-exec`, which starts a program, from the SDK's module."""
    recipe = _recipe()
    sources = recipe.copied(work)
    progress.phase("Fetching the SDK's module")
    recipe.go(["mod", "download", _SDK], sources, progress)
    folder = recipe.go(["list", "-m", "-f", "{{.Dir}}", _SDK], sources, progress).strip().splitlines()[-1]
    launcher = Path(folder) / "python" / "cmd" / "pulumi-language-python-exec"
    if not launcher.is_file():
        raise EngineError(f"{launcher} is missing in the Go module", remedy=f"Remove {launcher.parents[2]}, then retry")
    return launcher


def _recipe() -> Recipe:
    return Recipe("the engine", Path(__file__).with_name("recipe"), NEEDED, "put a Pulumi CLI on PATH")
