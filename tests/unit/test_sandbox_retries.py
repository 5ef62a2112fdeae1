"""A throttled call is tried again, and a failure that lasts is told with its request."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from modelyard_sandbox.aws.provider import Provider, ProviderError
from modelyard_sandbox.aws.session import SandboxSession


class Throttling(HTTPServer):
    """Answers `refusals` calls with ThrottlingException, and those after with a key."""

    refusals = 1
    calls = 0


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Throttling)
        server.calls += 1
        refused = server.calls <= server.refusals
        found = {"KeyMetadata": {"KeyId": "k", "Arn": "arn", "KeyState": "PendingDeletion"}}
        body = json.dumps({"__type": "ThrottlingException", "message": "slow down"} if refused else found).encode()
        self.send_response(400 if refused else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", "request-7")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Throttling]:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    server = Throttling(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def read_key(server: Throttling) -> object:
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_REGION": "eu-west-1",
    }
    session = SandboxSession({"maxRetries": "3"}, environment)
    try:
        return Provider(session).read("aws:kms/key:Key", "k", "urn:pulumi:a::b::aws:kms/key:Key::k", {}, {"keyId": "k"})
    finally:
        session.client("kms", "eu-west-1").close()


def test_a_throttled_call_is_tried_again(service: Throttling) -> None:
    assert read_key(service) is None
    assert service.calls == 2


def test_throttling_that_lasts_is_told_with_its_request(service: Throttling) -> None:
    service.refusals = 100
    with pytest.raises(ProviderError, match=r"DescribeKey: ThrottlingException: slow down \(request id: request-7\)"):
        read_key(service)
    assert service.calls == 4, "one try and three retries"
