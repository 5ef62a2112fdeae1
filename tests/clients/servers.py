"""moto's server in a process of its own, as the sandbox starts it, and what programs outside see of it."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from modelyard_sandbox.aws.session import CREDENTIAL
from modelyard_sandbox.localstack.shared import EndpointSession

REGION: Final = "eu-west-1"
LIMIT: Final = 240
"""Seconds that a script may take."""
SCRIPTS: Final = Path(__file__).resolve().parent / "scripts"


class MotoServer:
    """A moto that listens at `endpoint`; a deployment begins with it empty."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def begin(self) -> None:
        """Empty it."""
        request = urllib.request.Request(f"{self.endpoint}/moto-api/reset", data=b"", method="POST")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30).close()

    def session(self, region: str) -> EndpointSession:
        """Its clients."""
        return EndpointSession(self.endpoint, region)

    def end(self) -> None:
        """It serves on, for the next deployment."""

    @property
    def variables(self) -> dict[str, str]:
        """All that leads a program here, and nowhere else."""
        return {
            "AWS_ACCESS_KEY_ID": CREDENTIAL,
            "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


class Clients:
    """The clients' environment: runs its programs with a server's variables and those that are given, no others."""

    def __init__(self, python: Path, server: MotoServer, home: Path) -> None:
        self.python = python
        self._server = server
        self._home = home

    def variables(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a program of this environment is started with."""
        own = {"HOME": str(self._home), "PATH": f"{self.python.parent}{os.pathsep}{os.defpath}", "NO_PROXY": "*"}
        return {**own, **self._server.variables, **(more or {})}

    def run(
        self, arguments: Sequence[str], *, folder: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> str:
        """What a program prints. Fails with its words if it doesn't end well."""
        done = subprocess.run(
            [str(self.python.parent / arguments[0]), *arguments[1:]],
            cwd=folder or self._home,
            env=self.variables(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
        return done.stdout

    def script(self, name: str, given: Mapping[str, Any], *, variables: Mapping[str, str] | None = None) -> Any:
        """What one of `scripts/` says, given arguments as JSON; it prints JSON in its last line."""
        said = self.run(["python", str(SCRIPTS / f"{name}.py"), json.dumps(given)], variables=variables)
        return json.loads(said.splitlines()[-1])
