"""The plugin that the engine starts: a script of a few lines that asks the warm daemon for a provider's port."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

SCRIPT: Final = '''\
"""Asks the sandbox's daemon for a provider, prints its port, and stays until the engine ends it."""
import os, signal, socket, sys

where = sys.argv[1]
for ending in (signal.SIGINT, signal.SIGTERM):
    signal.signal(ending, lambda *_: os._exit(0))
connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
try:
    connection.connect(where)
except OSError as error:
    sys.exit("the Modelyard sandbox is not running (%s: %s); start it: yard sandbox start" % (where, error.strerror))
import json

known = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
connection.sendall(json.dumps(known).encode() + b"\\n")
port = connection.makefile("rb").readline().decode().strip()
if not port:
    sys.exit("the Modelyard sandbox could not serve a provider; see its log: yard sandbox status")
print(port, flush=True)
connection.recv(1)
'''


def folder(pulumi_home: Path) -> Path:
    """Where the engine looks for the plugin of the installed SDK's version."""
    return pulumi_home / "plugins" / f"resource-aws-v{version('pulumi-aws')}"


def install(pulumi_home: Path, socket: Path) -> Path:
    """Write the plugin into the sandbox's own PULUMI_HOME, in place of other versions; gives its folder."""
    plugin = folder(pulumi_home)
    for other in plugin.parent.glob("resource-aws-v*"):
        if other != plugin:
            shutil.rmtree(other, ignore_errors=True)
    plugin.mkdir(parents=True, exist_ok=True)
    _write(plugin / "launcher.py", SCRIPT, 0o644)
    command = shlex.join([sys.executable, "-I", "-S", "-u", str(plugin / "launcher.py"), str(socket)])
    _write(plugin / "pulumi-resource-aws", f"#!/bin/sh\nexec {command}\n", 0o755)
    return plugin


def _write(path: Path, text: str, mode: int) -> None:
    """Replace a file at once, so that an engine that starts meanwhile never reads half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(mode)
    draft.replace(path)
