"""Inside LocalStack: it listens where it is told to, and not on every interface of the machine.

Its server takes the port of `GATEWAY_LISTEN`, and ignores the address.
"""

# LocalStack lies in an environment of its own, which the type checker doesn't see.
# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

from modelyard_sandbox.moto_server import LOOPBACK


def install() -> None:
    """Bind every listener that names no interface to the loopback interface."""
    from twisted.internet.endpoints import TCP4ServerEndpoint

    begin = TCP4ServerEndpoint.__init__

    def on_loopback(self: Any, reactor: Any, port: int, backlog: int = 50, interface: str = "") -> None:
        begin(self, reactor, port, backlog, interface or LOOPBACK)

    TCP4ServerEndpoint.__init__ = on_loopback
