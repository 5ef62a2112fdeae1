"""What the sandbox asks a busy API server again, and what only once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiException

from modelyard_sandbox.kubernetes import client

BUSY = {"kind": "Status", "reason": "Timeout", "code": 504}


class Server(ThreadingHTTPServer):
    """An API server that has no time for the first `busy` requests."""

    busy = 0
    asked: list[str]


class Answers(BaseHTTPRequestHandler):
    def do_PATCH(self) -> None:  # noqa: N802, http.server calls it so
        server: Any = self.server
        server.asked.append(self.path)
        code, said = (504, BUSY) if len(server.asked) <= server.busy else (200, {"kind": "ConfigMap"})
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps(said).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Answers)
    made.asked = []
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def kubeconfig(server: Server, tmp_path: Path) -> Path:
    said = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "it", "user": {"token": "secret"}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(said))
    return path


def test_a_busy_api_server_is_asked_again(server: Server, kubeconfig: Path) -> None:
    server.busy = 2
    assert client.apply(client.connected(kubeconfig), "/api/v1/it", {}, "test") == {"kind": "ConfigMap"}
    assert len(server.asked) == 3


def test_one_that_stays_busy_is_reported_with_what_it_says(server: Server, kubeconfig: Path) -> None:
    server.busy = 100
    with pytest.raises(ApiException, match="Timeout"):
        client.apply(client.connected(kubeconfig), "/api/v1/it", {}, "test")


def test_what_would_be_made_twice_is_asked_once() -> None:
    assert client.AGAIN.is_retry("DELETE", 504)
    assert not client.AGAIN.is_retry("POST", 504)
    assert not client.AGAIN.is_retry("PATCH", 409)
