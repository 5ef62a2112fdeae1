"""The engine on this machine: the Pulumi CLI with a Python language host, looked for where it may lie."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from modelyard.core.errors import EngineError
from modelyard.engine import hosting, places

Origin = Literal["path", "release", "built"]


@dataclass(frozen=True, slots=True)
class Engine:
    """A Pulumi CLI that can run Modelyard's programs.

    `source` says where it came from: `path` (the user's own), `release` (downloaded) or `built` (from Go modules).
    `host` is the Python language host that it will start, Pulumi's own where there is one.
    """

    path: Path
    version: str
    source: Origin
    host: Path

    @property
    def host_kind(self) -> Literal["official", "modelyard"]:
        """Whose language host it is."""
        return "modelyard" if self.host.with_name(hosting.PROGRAM).is_file() else "official"

    def search_path(self, inherited: str = "") -> str:
        """A PATH on which this CLI and its language host come first."""
        folders = [str(self.path.parent), str(self.host.parent), *inherited.split(os.pathsep)]
        return os.pathsep.join(dict.fromkeys(folder for folder in folders if folder))

    def as_json(self) -> dict[str, str]:
        """The engine as `yard engine status --json` prints it."""
        return {
            "path": str(self.path),
            "version": self.version,
            "source": self.source,
            "host": str(self.host),
            "host_kind": self.host_kind,
        }


def locate() -> Engine | None:
    """The engine that would be used now, or None if one must be installed first.

    MODELYARD_PULUMI is asked first, then PATH, then the cache folder. Raises `EngineError` for a CLI that was chosen,
    or found on PATH, and is of a version that can't be used.
    """
    own = own_engine()
    choice = os.environ.get(places.CHOICE, "")
    if choice == "own":
        return own
    if choice:
        return with_host(_chosen(Path(choice).expanduser()))
    on_path = shutil.which("pulumi")
    if on_path is None or (own is not None and Path(on_path).resolve() == own.path.resolve()):
        return own
    if Path(on_path).resolve().is_relative_to(places.cache().resolve()):
        return own
    return with_host(Path(on_path).absolute())


def own_engine() -> Engine | None:
    """Modelyard's copy in the cache folder, if it is there, whole and of the right version."""
    folder = places.home()
    binary = folder / "bin" / "pulumi"
    try:
        record = json.loads((folder / "engine.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if record.get("version") != places.VERSION or not os.access(binary, os.X_OK):
        return None
    host = binary.with_name(hosting.LAUNCHER)
    if not host.is_file():
        return None
    if host.with_name(hosting.PROGRAM).is_file():
        hosting.refresh(host.parent)
    return Engine(binary, places.VERSION, "release" if record.get("source") == "release" else "built", host)


def with_host(cli: Path) -> Engine | None:
    """The user's CLI together with a language host; None if the host has to be installed first."""
    version = verified(cli)
    beside = cli.resolve().with_name(hosting.LAUNCHER)
    on_path = shutil.which(hosting.LAUNCHER)
    for host in (beside, Path(on_path) if on_path else None, places.home() / "host" / hosting.LAUNCHER):
        if host is not None and host.is_file():
            if host.with_name(hosting.PROGRAM).is_file():
                hosting.refresh(host.parent)
            return Engine(cli, version, "path", host)
    return None


def verified(cli: Path) -> str:
    """The version that `cli` reports. Raises `EngineError` if it does not run or can't be used."""
    wanted = ".".join(map(str, places.OLDEST))
    remedy = f"Install a Pulumi CLI {wanted} or newer (major {places.OLDEST[0]}), or set {places.CHOICE}=own"
    try:
        environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
        answer = subprocess.run([cli, "version"], capture_output=True, text=True, timeout=30, env=environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{cli} does not run: {error}", remedy=remedy) from error
    version = answer.stdout.strip().removeprefix("v")
    if answer.returncode or places.parsed(version) is None:
        said = (answer.stderr or answer.stdout).strip()[:200]
        raise EngineError(f"{cli} does not tell its version, it says {said!r}", remedy=remedy)
    if not places.fits(version):
        raise EngineError(f"{cli} is version {version}, wanted is {wanted} or newer", remedy=remedy)
    return version


def _chosen(cli: Path) -> Path:
    if not cli.is_file():
        raise EngineError(
            f"{places.CHOICE} names {cli}, which is no file",
            remedy=f"Give the path of a pulumi program, or `own` for Modelyard's copy, or unset {places.CHOICE}",
        )
    return cli.absolute()
