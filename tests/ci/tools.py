"""The tools that pipelines are held against, each in the version that its lock names, outside of the work tree."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.isolation.installed import filled, found_node, hashed

from modelyard.engine import locked
from modelyard.engine.places import cache
from modelyard.engine.progress import Silent
from modelyard.engine.toolchain import find_go

HERE: Final = Path(__file__).resolve().parent
LOCK: Final = HERE.parents[1] / "requirements" / "ci.txt"
_SECONDS: Final = 600


def actionlint() -> Path:
    """actionlint, built from its Go module."""
    return built(HERE / "actionlint", "github.com/rhysd/actionlint/cmd/actionlint")


def built(recipe: Path, module: str) -> Path:
    """A Go program, of the version that the recipe's go.mod names and of the hashes in its go.sum."""
    name = module.rpartition("/")[2]
    folder = cache() / "ci" / f"{name}-{hashed(recipe / 'go.mod', recipe / 'go.sum')}"
    store = cache() / "go"
    variables = {
        "CGO_ENABLED": "0",
        "GOCACHE": str(store / "build"),
        "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
        "GOMODCACHE": str(store / "modules"),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }

    def build(made: Path) -> None:
        command = [str(find_go(Silent())), "build", "-trimpath", "-o", str(made / name), module]
        said(*command, folder=recipe, variables=variables)

    if not folder.is_dir():
        filled(folder, build)
    return folder / name


def groovy_lint() -> list[str]:
    """The command of npm-groovy-lint, which reads a Jenkinsfile with Groovy's own parser; it needs Java on PATH."""
    node, npm = found_node()
    lock = HERE / "groovy" / "package-lock.json"
    folder = cache() / "ci" / f"groovy-{hashed(lock)}"

    def install(made: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            (made / name).write_bytes((HERE / "groovy" / name).read_bytes())
        said(*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", folder=made)

    if not folder.is_dir():
        filled(folder, install)
    return [str(node), str(folder / "node_modules" / "npm-groovy-lint" / "lib" / "index.js"), "--noserver"]


def python_tools() -> Path:
    """The folder of ansible-lint, ansible-playbook and check-jsonschema, in a Python environment of their own."""
    home = locked.home("ci", LOCK, f"python-{sys.version_info[0]}.{sys.version_info[1]}")
    content = "Ansible and check-jsonschema"
    whose = "the CI tools'"
    python = locked.installed(
        home, LOCK, whose=whose, content=content, tools=lambda _: (locked.found_uv(whose), sys.executable)
    )
    return python.parent


def said(*command: str, folder: Path, code: int = 0, variables: Mapping[str, str] | None = None) -> str:
    """What a command says in `folder`, and that it ends with `code`."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == code, f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
