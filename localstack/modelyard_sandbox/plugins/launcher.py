"""The plugins that the engine starts: a script of a few lines that asks the warm daemon for a provider's port."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

PACKAGES: Final = {"aws": "pulumi-aws", "kubernetes": "pulumi-kubernetes"}
"""The plugins that have a stand-in, and the SDK whose version each must have."""
SCRIPT: Final = '''\
"""Asks the sandbox's daemon for a provider, prints its port, and stays until the engine ends it."""
import os, signal, socket, sys

plugin, where, *given = sys.argv[1:]
for ending in (signal.SIGINT, signal.SIGTERM):
    signal.signal(ending, lambda *_: os._exit(0))
connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
try:
    connection.connect(where)
except OSError as error:
    sys.exit("the Modelyard sandbox is not running (%s: %s); start it: yard sandbox start" % (where, error.strerror))
import json

kept = ("AWS_", "KUBECONFIG", "PULUMI_K8S_")
greeting = {
    "plugin": plugin,
    "environment": {key: value for key, value in os.environ.items() if key.startswith(kept)},
    "engine": given[-1] if given else "",
    "folder": os.getcwd(),
}
connection.sendall(json.dumps(greeting).encode() + b"\\n")
port = connection.makefile("rb").readline().decode().strip()
if not port:
    sys.exit("the Modelyard sandbox could not serve a provider; see its log: yard sandbox status")
print(port, flush=True)
connection.recv(1)
'''


def folder(pulumi_home: Path, plugin: str) -> Path:
    """Where the engine looks for a plugin of the installed SDK's version."""
    return pulumi_home / "plugins" / f"resource-{plugin}-v{version(PACKAGES[plugin])}"


def install(pulumi_home: Path, socket: Path) -> None:
    """Write the plugins into the sandbox's own PULUMI_HOME, in place of other versions.

    A plugin whose SDK isn't installed is left out: no program can ask for it.
    """
    for plugin in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            _install(plugin, folder(pulumi_home, plugin), socket)


def _install(plugin: str, place: Path, socket: Path) -> None:
    for other in place.parent.glob(f"resource-{plugin}-v*"):
        if other != place:
            shutil.rmtree(other, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    _write(place / "launcher.py", SCRIPT, 0o644)
    command = shlex.join([sys.executable, "-I", "-S", "-u", str(place / "launcher.py"), plugin, str(socket)])
    _write(place / f"pulumi-resource-{plugin}", f'#!/bin/sh\nexec {command} "$@"\n', 0o755)


def _write(path: Path, text: str, mode: int) -> None:
    """Replace a file at once, so that an engine that starts meanwhile never reads half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(mode)
    draft.replace(path)
