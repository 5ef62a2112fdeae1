"""What a provider tells the user beside its answers: the engine shows it with the resource."""

from __future__ import annotations

import logging
import threading

_LOG = logging.getLogger(__name__)


class Messages:
    """Messages to the engine at `address`; empty: nobody hears. Each is told once for a resource."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def warn(self, text: str, urn: str = "") -> None:
        """A warning; without `urn`: about the stack as a whole."""
        with self._lock:
            if (text, urn) in self._told:
                return
            self._told.add((text, urn))
        _LOG.warning("%s: %s", urn or "stack", text)
        if self._address:
            self._send(text, urn)

    def _send(self, text: str, urn: str) -> None:
        import grpc
        from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

        try:
            with grpc.insecure_channel(self._address) as channel:
                said = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=text, urn=urn)
                engine_pb2_grpc.EngineStub(channel).Log(said)
        except grpc.RpcError as error:
            _LOG.info("the engine doesn't listen: %s", error)
