"""The provider over grpc: what the engine must be told so that it forgets nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from modelyard.engine.sandbox_state import PROVIDER_MARKER
from modelyard_sandbox.places import Places
from modelyard_sandbox.plugins.answers import HalfCreated
from modelyard_sandbox.plugins.daemon import serve
from modelyard_sandbox.plugins.greeting import Greeting
from modelyard_sandbox.plugins.messages import Messages
from modelyard_sandbox.plugins.servicer import received, sent

HERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_REGION": "eu-west-1",
}
URN = "urn:pulumi:dev::team::aws:s3/bucket:Bucket::lake"


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Any]:
    server, port = serve(Greeting("aws", HERE), Places(tmp_path))
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(grace=None).wait()


def test_a_half_created_resource_is_handed_to_the_engine(provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(*_: object, **__: object) -> None:
        raise HalfCreated("the tags were refused", "lake", {"bucket": "lake"}, {"bucket": "lake"})

    monkeypatch.setattr("modelyard_sandbox.aws.provider.Provider.create", half)
    provider.Configure(provider_pb2.ConfigureRequest())
    with pytest.raises(grpc.RpcError) as raised:
        provider.Create(provider_pb2.CreateRequest(urn=URN, properties=sent({"bucket": "lake"})))
    error: Any = raised.value
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    failed = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(details).details[0].Unpack(failed)
    assert failed.id == "lake"
    assert list(failed.reasons) == ["the tags were refused"]


def test_configuration_comes_back_with_the_sandboxs_marker(provider: Any) -> None:
    answer = provider.CheckConfig(provider_pb2.CheckRequest(news=sent({"region": "eu-west-1"})))
    assert received(answer.inputs) == {"region": "eu-west-1", PROVIDER_MARKER: "true"}


def test_a_resource_before_configuration_is_refused(provider: Any) -> None:
    with pytest.raises(grpc.RpcError, match="not configured"):
        provider.Create(provider_pb2.CreateRequest(urn=URN))


def test_a_component_of_kubernetes_plugin_is_refused_with_what_to_use(tmp_path: Path) -> None:
    server, port = serve(Greeting("kubernetes", folder=str(tmp_path)), Places(tmp_path))
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        plugin = provider_pb2_grpc.ResourceProviderStub(channel)
        assert plugin.GetPluginInfo(empty_pb2.Empty()).version == version("pulumi-kubernetes")
        with pytest.raises(grpc.RpcError, match=r"helm\.sh/v4:Chart: .*kubernetes\.yaml\.ConfigGroup"):
            plugin.Construct(provider_pb2.ConstructRequest(type="kubernetes:helm.sh/v4:Chart"))
    server.stop(grace=None).wait()


def test_a_message_reaches_the_engine_once_for_each_resource() -> None:
    heard: list[tuple[str, str]] = []

    class Listening(engine_pb2_grpc.EngineServicer):
        def Log(self, request: Any, context: Any) -> Any:
            heard.append((request.message, request.urn))
            return empty_pb2.Empty()

    server = grpc.server(ThreadPoolExecutor(1))
    engine_pb2_grpc.add_EngineServicer_to_server(Listening(), server)
    messages = Messages(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    for urn in (URN, URN, ""):
        messages.warn("no schema is at hand", urn)
    server.stop(grace=None).wait()
    assert heard == [("no schema is at hand", URN), ("no schema is at hand", "")]
    messages.warn("nobody hears this any more")
