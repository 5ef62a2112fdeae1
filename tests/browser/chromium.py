"""A browser for tests that look at pages: Chromium on PATH, else one from npm's packages, in the cache folder."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright
from tests.isolation.installed import filled, found_node, hashed

from modelyard.engine.places import cache

HERE: Final = Path(__file__).resolve().parent
_LOCKS: Final = ("package.json", "package-lock.json", "unpack.mjs")
_SECONDS: Final = 300
_OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
)
_FONTS: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir prefix="relative">fonts</dir>
<dir prefix="relative">dejavu</dir>
<cachedir>{cache}</cachedir>
</fontconfig>
"""
"""Only fonts of its own, so that pages look the same everywhere; it ends where it finds none for a character."""


class BrowserMissing(RuntimeError):
    """No browser can be had on this machine; the message says what was tried."""


@dataclass(frozen=True, slots=True)
class Chromium:
    """A program, and the variables that it needs."""

    program: Path
    variables: dict[str, str] = field(default_factory=dict[str, str])


@contextmanager
def browser() -> Generator[Browser]:
    """A running browser. Raises `BrowserMissing`."""
    chromium = found()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium.program, args=list(_OPTIONS), env={**os.environ, **chromium.variables}
        )
        try:
            yield running
        finally:
            running.close()


def found() -> Chromium:
    """Chromium on PATH; else the one of the lock beside this file, which is fetched once. Raises `BrowserMissing`."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if there := shutil.which(name):
            return Chromium(Path(there))
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise BrowserMissing(f"npm has no Chromium for {sys.platform} on {platform.machine()}: put one on PATH")
    folder = cache() / "browser" / hashed(*(HERE / name for name in _LOCKS))
    if not folder.is_dir():
        filled(folder, _fetch)
    return Chromium(
        folder / "chromium", {"LD_LIBRARY_PATH": str(folder / "lib"), "FONTCONFIG_FILE": str(_fonts(folder))}
    )


def _fetch(staged: Path) -> None:
    node, npm = found_node()
    packages = staged / "packages"
    packages.mkdir()
    for name in _LOCKS:
        shutil.copyfile(HERE / name, packages / name)
    _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], packages)
    packed = packages / "node_modules" / "@sparticuz" / "chromium" / "bin"
    for name in ("chromium", "al2023.tar", "fonts.tar"):
        _run([str(node), str(packages / "unpack.mjs"), str(packed / f"{name}.br"), str(staged / name)], packages)
    (staged / "chromium").chmod(0o755)
    for name in ("al2023.tar", "fonts.tar"):
        with tarfile.open(staged / name) as archive:
            archive.extractall(staged, filter="data")
        (staged / name).unlink()
    shutil.copytree(packages / "node_modules" / "dejavu-fonts-ttf" / "ttf", staged / "dejavu")
    shutil.rmtree(packages)


def _fonts(folder: Path) -> Path:
    """The fonts' configuration, which names their cache by its whole path."""
    file = folder / "own-fonts.conf"
    if not file.exists():
        staged = file.with_suffix(f".{os.getpid()}")
        staged.write_text(_FONTS.format(cache=folder / "fonts-cache"), "utf-8")
        staged.replace(file)
    return file


def _run(command: list[str], folder: Path) -> None:
    said = " ".join(command[:3])
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BrowserMissing(f"no chromium on PATH, and `{said}` could not run: {error}") from None
    if done.returncode:
        why = (done.stderr.strip() or done.stdout.strip())[-1500:]
        raise BrowserMissing(f"no chromium on PATH, and `{said}` failed with {done.returncode}:\n{why}")
