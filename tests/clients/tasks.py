"""A task of ECS on this machine: its containers' programs in the clients' environment, as its definition says them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.clients.servers import Clients

PATIENCE: Final = 300.0
_POLL: Final = 0.1


def eventually(ready: Callable[[], bool], alive: Callable[[], str | None]) -> None:
    """Wait until `ready` says so; fails with what `alive` says if that is anything, and after five minutes."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        ended = alive()
        assert ended is None, ended
        assert time.monotonic() < deadline, f"nothing came within {PATIENCE:.0f} s"
        time.sleep(_POLL)  # a server in another process tells only whom it is asked by


class Container:
    """One running container; its image's programs are those of the clients' environment."""

    def __init__(
        self,
        definition: Mapping[str, Any],
        clients: Clients,
        secrets: Any,
        folder: Path,
        *,
        variables: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """`folder` holds its volumes; `variables` and `options` of its command are others on this machine."""
        volumes = {each["containerPath"]: folder / each["sourceVolume"] for each in definition["mountPoints"]}
        own = {each["name"]: _here(each["value"], volumes) for each in definition["environment"]}
        own |= {each["name"]: _secret(secrets, each["valueFrom"]) for each in definition["secrets"]}
        command = [*definition["entryPoint"], *definition["command"]]
        for option, value in (options or {}).items():
            command[command.index(option) + 1] = value
        self._log = folder / f"{definition['name']}.log"
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                [str(clients.python.parent / command[0]), *command[1:]],
                cwd=folder,
                env=clients.variables({**own, **(variables or {})}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def ended(self) -> str | None:
        """Its last words, if it has ended."""
        if self._process.poll() is None:
            return None
        return f"it ended with {self._process.returncode}:\n{self._log.read_text(errors='replace')[-4000:]}"

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _here(path: str, volumes: Mapping[str, Path]) -> str:
    """A path in a container, where its volume lies here; anything else as it is."""
    for inside, outside in volumes.items():
        if path == inside or path.startswith(f"{inside}/"):
            return f"{outside}{path.removeprefix(inside)}"
    return path


def _secret(secrets: Any, where: str) -> str:
    """What ECS puts into a variable for `arn`, or `arn:key::` (AmazonECS/latest/developerguide/secrets-envvar)."""
    parts = where.split(":")
    value = secrets.get_secret_value(SecretId=":".join(parts[:7]))["SecretString"]
    return json.loads(value)[parts[7]] if len(parts) > 7 else value
