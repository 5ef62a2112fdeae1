"""What an emulator is to the sandbox: a server that is checked, started and asked for its health."""

from __future__ import annotations

import importlib.util
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from modelyard.core.errors import EmulatorError, Fault, Source
from modelyard_sandbox import processes
from modelyard_sandbox.localstack.services import How
from modelyard_sandbox.moto_server import LOOPBACK
from modelyard_sandbox.places import Places
from modelyard_sandbox.processes import Process

MOTO: Final = "moto"
LOCALSTACK: Final = "localstack"
NAMES: Final = (MOTO, LOCALSTACK)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which emulator, and how; the record keeps it until the sandbox is stopped.

    `bridge`: services of moto's that LocalStack is to offer beyond the table. `external`: the endpoint of a LocalStack
    that somebody else started.
    """

    emulator: str = MOTO
    bridge: tuple[str, ...] = ()
    enforces_iam: bool = False
    external: str = ""

    def as_json(self) -> dict[str, Any]:
        """The choice as the record keeps it."""
        return {
            "emulator": self.emulator,
            "bridge": list(self.bridge),
            "enforces_iam": self.enforces_iam,
            "external": self.external,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Choice:
        """The choice that the record keeps."""
        return cls(kept["emulator"], tuple(kept["bridge"]), bool(kept["enforces_iam"]), kept["external"])


class Server(Protocol):
    """One emulator."""

    access_key: str
    """The access key that leads a client into the sandbox's account."""

    def check(self, choice: Choice) -> None:
        """Raise `EmulatorError` for what keeps it from starting; fetch what it needs."""
        ...

    def start(self, port: int, choice: Choice, places: Places) -> Process:
        """Start it, and wait until it answers. Raises `EmulatorError` where it doesn't."""
        ...

    def healthy(self, endpoint: str) -> bool:
        """Whether it answers there."""
        ...

    def services(self, choice: Choice) -> dict[str, How]:
        """Which services it answers itself and which moto answers for it; empty where there is no such difference."""
        ...


class Moto:
    """moto's server, in Modelyard's own environment."""

    access_key = "sandbox"

    def check(self, choice: Choice) -> None:
        """Refuse what only LocalStack can do, and a missing moto."""
        if choice.bridge:
            raise EmulatorError(
                Fault("only LocalStack has a bridge", "Leave it away.", Source("--bridge"), choice.bridge[0])
            )
        if choice.enforces_iam:
            raise EmulatorError(
                "moto's policies are not enforced in the sandbox",
                remedy="Unset MODELYARD_ENFORCE_IAM, or use --emulator localstack",
            )
        if importlib.util.find_spec("moto") is None:
            raise EmulatorError("the emulator isn't installed", remedy="Install it: pip install 'modelyard[sandbox]'")

    def start(self, port: int, choice: Choice, places: Places) -> Process:
        """Start it, and wait until it answers."""
        del choice
        log = places.log("emulator")
        process = processes.start("emulator", "modelyard_sandbox.moto_server", ["--port", str(port)], log)
        processes.wait_until_ready(process, lambda: self.healthy(at(port)), log)
        return process

    def healthy(self, endpoint: str) -> bool:
        """Whether it answers there."""
        return answer(f"{endpoint}/moto-api/config") is not None

    def services(self, choice: Choice) -> dict[str, How]:
        """None is bridged."""
        del choice
        return {}


def server(name: str) -> Server:
    """The emulator called `name`. Raises `EmulatorError` where there is none."""
    if name == MOTO:
        return Moto()
    if name == LOCALSTACK:
        from modelyard_sandbox.localstack.host import LocalStack

        return LocalStack()
    raise EmulatorError(Fault(f"there are: {', '.join(NAMES)}", "Use one.", Source("--emulator"), name))


def at(port: int) -> str:
    """The endpoint on this machine's `port`."""
    return f"http://{LOOPBACK}:{port}"


def free_port(wanted: int | None) -> int:
    """`wanted`, or one that the system gives. Raises `EmulatorError` for one that is taken or can't be."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted or 0))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "ports end at 65535"
            raise EmulatorError(
                Fault(f"can't be had: {reason}", "Use another, or none: a free one is found.", Source("--port"), wanted)
            ) from None
        return probe.getsockname()[1]


def answer(url: str) -> Any:
    """What a server answers there in JSON; None where nobody does, or not in JSON."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as said:
            return json.loads(said.read())
    except (urllib.error.URLError, OSError, ValueError):
        return None
