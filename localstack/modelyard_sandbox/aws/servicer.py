"""The provider as the engine speaks to it: Pulumi's ResourceProvider service over grpc."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import wraps
from importlib.metadata import version
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from modelyard.engine.sandbox_state import PROVIDER_MARKER
from modelyard_sandbox.aws.diff import Difference
from modelyard_sandbox.aws.provider import HalfCreated, Provider, ProviderError
from modelyard_sandbox.aws.session import ConfigurationRefused, SandboxSession, decoded, faults
from modelyard_sandbox.aws.values import Properties, has_unknown, plain

_LOG = logging.getLogger(__name__)
_KINDS: Final = {
    "add": provider_pb2.PropertyDiff.ADD,
    "delete": provider_pb2.PropertyDiff.DELETE,
    "update": provider_pb2.PropertyDiff.UPDATE,
}
_REPLACING: Final = {
    "add": provider_pb2.PropertyDiff.ADD_REPLACE,
    "delete": provider_pb2.PropertyDiff.DELETE_REPLACE,
    "update": provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


def received(message: struct_pb2.Struct | None) -> Properties:
    """Properties out of a grpc struct; secrets and unknowns keep the engine's form."""
    return json_format.MessageToDict(message) if message is not None else {}


def sent(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties as a grpc struct."""
    message = struct_pb2.Struct()
    message.update(dict(properties))
    return message


def detailed(difference: Difference) -> provider_pb2.DiffResponse:
    """A difference in the engine's words: which paths, of which kind, and whether they replace."""
    response = provider_pb2.DiffResponse(
        replaces=sorted(difference.replaces),
        deleteBeforeReplace=difference.delete_first,
        changes=provider_pb2.DiffResponse.DIFF_SOME if difference.changed else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted(difference.changed),
        hasDetailedDiff=True,
    )
    for path, kind in difference.paths.items():
        root = path.partition(".")[0].partition("[")[0]
        kinds = _REPLACING if root in difference.replaces else _KINDS
        response.detailedDiff[path].kind = kinds[kind]
        response.detailedDiff[path].inputDiff = True
    return response


def _type(request: Any) -> str:
    return request.type or request.urn.split("::")[2].rpartition("$")[2]


def _answering(method: Any) -> Any:
    """Failures of the provider as grpc statuses, and anything unforeseen logged and named."""

    @wraps(method)
    def answer(self: Servicer, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except HalfCreated as half:
            failed = provider_pb2.ErrorResourceInitFailed(
                id=half.id, properties=sent(half.state), inputs=sent(half.inputs), reasons=[str(half)]
            )
            status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(half))
            status.details.add().Pack(failed)
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(grpc.StatusCode.UNKNOWN, str(half))
        except ProviderError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except ConfigurationRefused as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Exception as error:
            _LOG.exception("%s failed", method.__name__)
            context.abort(grpc.StatusCode.INTERNAL, f"the sandbox's provider: {type(error).__name__}: {error}")

    return answer


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """One provider instance of one engine run; `environment` is that of the run."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._configured: Provider | None = None

    @property
    def _provider(self) -> Provider:
        if self._configured is None:
            raise ProviderError("the provider is not configured")
        return self._configured

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=version("pulumi-aws"))

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=False)

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    @_answering
    def CheckConfig(self, request: Any, context: Any) -> Any:
        news = received(request.news)
        found = [] if has_unknown(news) else faults(decoded(plain(news)), self._environment)
        failures = [provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in found]
        return provider_pb2.CheckResponse(inputs=sent({**news, PROVIDER_MARKER: "true"}), failures=failures)

    @_answering
    def DiffConfig(self, request: Any, context: Any) -> Any:
        old = received(request.old_inputs) or received(request.olds)
        new = received(request.news)
        changed = sorted(key for key in {*old, *new} - {"version"} if old.get(key) != new.get(key))
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=["region"] if "region" in changed else [],
        )

    @_answering
    def Configure(self, request: Any, context: Any) -> Any:
        variables = plain(received(request.args)) if request.HasField("args") else dict(request.variables)
        self._configured = Provider(SandboxSession(variables, self._environment))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=False
        )

    @_answering
    def Check(self, request: Any, context: Any) -> Any:
        olds, news = received(request.olds), received(request.news)
        inputs, refused = self._provider.check(_type(request), request.urn, olds, news, request.randomSeed)
        failures = [provider_pb2.CheckFailure(property=item.path, reason=item.reason) for item in refused]
        return provider_pb2.CheckResponse(inputs=sent(inputs), failures=failures)

    @_answering
    def Diff(self, request: Any, context: Any) -> Any:
        old_inputs, state, news = received(request.old_inputs), received(request.olds), received(request.news)
        return detailed(self._provider.diff(_type(request), old_inputs, state, news, request.ignoreChanges))

    @_answering
    def Create(self, request: Any, context: Any) -> Any:
        news = received(request.properties)
        id, state = self._provider.create(_type(request), request.urn, news, preview=request.preview)
        return provider_pb2.CreateResponse(id=id, properties=sent(state))

    @_answering
    def Read(self, request: Any, context: Any) -> Any:
        inputs, state = received(request.inputs), received(request.properties)
        found = self._provider.read(_type(request), request.id, request.urn, inputs, state)
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=found.id, properties=sent(found.state), inputs=sent(found.inputs))

    @_answering
    def Update(self, request: Any, context: Any) -> Any:
        state = self._provider.update(
            _type(request),
            request.id,
            request.urn,
            received(request.old_inputs),
            received(request.olds),
            received(request.news),
            request.ignoreChanges,
            preview=request.preview,
        )
        return provider_pb2.UpdateResponse(properties=sent(state))

    @_answering
    def Delete(self, request: Any, context: Any) -> Any:
        self._provider.delete(_type(request), request.id, request.urn, received(request.properties))
        return empty_pb2.Empty()

    @_answering
    def Invoke(self, request: Any, context: Any) -> Any:
        result = self._provider.invoke(request.tok, received(request.args))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(sent(result))
        return response

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()
