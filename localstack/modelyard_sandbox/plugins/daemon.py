"""The process behind the plugins, which stays: one provider, on a port of its own, for every launcher that connects.

A launcher sends one line of JSON, its `Greeting`, receives the port as a line, and keeps the connection open; when it
closes, that provider ends. So two providers of one run (regions, assumed roles, clusters) share nothing.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from modelyard_sandbox.places import Places
from modelyard_sandbox.plugins.greeting import Greeting

_LOG = logging.getLogger(__name__)
_WORKERS: Final = {"aws": 8, "kubernetes": 32}
"""Calls at once. Those of `kubernetes` mostly wait, for what they deleted to be gone."""
_LONGEST_MESSAGE: Final = 400 * 1024 * 1024
_LONGEST_GREETING: Final = 1 << 20


def serve(greeting: Greeting, places: Places) -> tuple[Any, int]:
    """A started grpc server with an unconfigured provider on a free loopback port, and that port.

    `places`: of the sandbox that it belongs to.
    """
    import grpc
    from pulumi.runtime.proto import provider_pb2_grpc

    limits = [("grpc.max_receive_message_length", _LONGEST_MESSAGE), ("grpc.max_send_message_length", _LONGEST_MESSAGE)]
    server = grpc.server(ThreadPoolExecutor(max_workers=_WORKERS[greeting.plugin]), options=limits)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(_servicer(greeting, places), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def _servicer(greeting: Greeting, places: Places) -> Any:
    if greeting.plugin == "kubernetes":
        from modelyard_sandbox.kubernetes.provider.servicer import KubernetesServicer

        return KubernetesServicer(greeting, places)
    from modelyard_sandbox.aws.servicer import AwsServicer

    return AwsServicer(greeting)


def _attend(connection: socket.socket, places: Places) -> None:
    """One launcher's connection, from its greeting to its end."""
    with connection, connection.makefile("rb") as lines:
        try:
            greeting = Greeting(**json.loads(lines.readline(_LONGEST_GREETING)))
            server, port = serve(greeting, places)
        except Exception:
            _LOG.exception("a connection could not be served")
            return
        try:
            connection.sendall(f"{port}\n".encode())
            lines.read()
        except OSError as error:
            _LOG.info("a launcher went away: %s", error)
        finally:
            server.stop(grace=None)


def listen(path: Path) -> socket.socket:
    """The daemon's socket, only for this user, in place of a stale one; it appears when it accepts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o077)
    try:
        listening.bind(str(draft))
    finally:
        os.umask(mask)
    listening.listen(64)
    draft.replace(path)
    return listening


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="modelyard_sandbox.plugins.daemon", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the folder of the project")
    parser.add_argument("--endpoint", required=True, help="the emulator that this daemon belongs to")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    from modelyard.core.garbage import look_seldom

    look_seldom()

    from modelyard_sandbox.aws import servicer
    from modelyard_sandbox.aws.session import is_loopback

    if not is_loopback(given.endpoint):
        parser.error(f"{given.endpoint} is not on this machine")

    def stop(signum: int, frame: Any) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    places = Places(given.root)
    listening = listen(places.socket)
    _LOG.info("%s serves %s on %s", servicer.__name__, given.endpoint, places.socket)
    try:
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_attend, args=(connection, places), daemon=True).start()
    finally:
        listening.close()
        places.socket.unlink(missing_ok=True)


if __name__ == "__main__":
    raise SystemExit(main())
