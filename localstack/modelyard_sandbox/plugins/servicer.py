"""A stand-in provider as the engine speaks to it: Pulumi's ResourceProvider service over grpc."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import wraps
from importlib.metadata import version
from typing import Any, ClassVar, Final, Protocol

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from modelyard.engine.sandbox_state import PROVIDER_MARKER
from modelyard_sandbox.plugins.answers import (
    ConfigurationRefused,
    Difference,
    Found,
    HalfCreated,
    ProviderError,
    Refusal,
    within,
)
from modelyard_sandbox.plugins.greeting import Greeting
from modelyard_sandbox.plugins.launcher import PACKAGES
from modelyard_sandbox.plugins.values import Properties, has_unknown, plain

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
        kinds = _REPLACING if any(within(path, replacing) for replacing in difference.replaces) else _KINDS
        response.detailedDiff[path].kind = kinds[kind]
        response.detailedDiff[path].inputDiff = True
    return response


class Provider(Protocol):
    """A configured provider; values may carry secrets, which stay secret."""

    def check(
        self, token: str, urn: str, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, list[Refusal]]:
        """Completed inputs and what is wrong with them."""
        ...

    def diff(
        self, token: str, old_inputs: Properties, state: Properties, news: Properties, ignored: Iterable[str] = ()
    ) -> Difference:
        """What an update to `news` changes."""
        ...

    def create(self, token: str, urn: str, news: Properties, *, preview: bool) -> tuple[str, Properties]:
        """The new resource's id and state."""
        ...

    def read(self, token: str, id: str, urn: str, inputs: Properties, state: Properties) -> Found | None:
        """The resource as it is; None when it is gone. Without inputs (import) they are made from what is read."""
        ...

    def update(
        self,
        token: str,
        id: str,
        urn: str,
        old_inputs: Properties,
        state: Properties,
        news: Properties,
        ignored: Iterable[str] = (),
        *,
        preview: bool,
    ) -> Properties:
        """The state after bringing the resource to `news`."""
        ...

    def delete(self, token: str, id: str, urn: str, state: Properties) -> None:
        """Delete the resource; one that is gone already is no failure."""
        ...

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """The result of a data source."""
        ...


def resource_type(request: Any) -> str:
    """The type token of the resource that a request is about."""
    return request.type or request.urn.split("::")[2].rpartition("$")[2]


def answering(method: Any) -> Any:
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
    """One provider instance of one engine run, which `greeting` tells of."""

    plugin: ClassVar[str]

    def __init__(self, greeting: Greeting) -> None:
        self.greeting = greeting
        self._configured: Provider | None = None

    def faults(self, configuration: Properties) -> list[tuple[str, str]]:
        """What keeps this configuration, which is all known and plain, from being the sandbox's: key and reason."""
        raise NotImplementedError

    def configured(self, variables: Properties) -> Provider:
        """The provider of a configuration. Raises `ConfigurationRefused`."""
        raise NotImplementedError

    def replacing(self, old: Properties, new: Properties, changed: list[str]) -> list[str]:
        """Which of the changed settings lead elsewhere, so that everything made with the old ones is replaced."""
        raise NotImplementedError

    @property
    def provider(self) -> Provider:
        """The configured provider. Raises `ProviderError` before that."""
        if self._configured is None:
            raise ProviderError("the provider is not configured")
        return self._configured

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=version(PACKAGES[self.plugin]))

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=False)

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    @answering
    def CheckConfig(self, request: Any, context: Any) -> Any:
        news = received(request.news)
        found = [] if has_unknown(news) else self.faults(plain(news))
        failures = [provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in found]
        return provider_pb2.CheckResponse(inputs=sent({**news, PROVIDER_MARKER: "true"}), failures=failures)

    @answering
    def DiffConfig(self, request: Any, context: Any) -> Any:
        old = received(request.old_inputs) or received(request.olds)
        new = received(request.news)
        changed = sorted(key for key in {*old, *new} - {"version"} if old.get(key) != new.get(key))
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=self.replacing(old, new, changed),
        )

    @answering
    def Configure(self, request: Any, context: Any) -> Any:
        variables = plain(received(request.args)) if request.HasField("args") else dict(request.variables)
        self._configured = self.configured(variables)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=False
        )

    @answering
    def Check(self, request: Any, context: Any) -> Any:
        olds, news = received(request.olds), received(request.news)
        inputs, refused = self.provider.check(resource_type(request), request.urn, olds, news, request.randomSeed)
        failures = [provider_pb2.CheckFailure(property=item.path, reason=item.reason) for item in refused]
        return provider_pb2.CheckResponse(inputs=sent(inputs), failures=failures)

    @answering
    def Diff(self, request: Any, context: Any) -> Any:
        old_inputs, state, news = received(request.old_inputs), received(request.olds), received(request.news)
        return detailed(self.provider.diff(resource_type(request), old_inputs, state, news, request.ignoreChanges))

    @answering
    def Create(self, request: Any, context: Any) -> Any:
        news = received(request.properties)
        id, state = self.provider.create(resource_type(request), request.urn, news, preview=request.preview)
        return provider_pb2.CreateResponse(id=id, properties=sent(state))

    @answering
    def Read(self, request: Any, context: Any) -> Any:
        inputs, state = received(request.inputs), received(request.properties)
        found = self.provider.read(resource_type(request), request.id, request.urn, inputs, state)
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=found.id, properties=sent(found.state), inputs=sent(found.inputs))

    @answering
    def Update(self, request: Any, context: Any) -> Any:
        state = self.provider.update(
            resource_type(request),
            request.id,
            request.urn,
            received(request.old_inputs),
            received(request.olds),
            received(request.news),
            request.ignoreChanges,
            preview=request.preview,
        )
        return provider_pb2.UpdateResponse(properties=sent(state))

    @answering
    def Delete(self, request: Any, context: Any) -> Any:
        self.provider.delete(resource_type(request), request.id, request.urn, received(request.properties))
        return empty_pb2.Empty()

    @answering
    def Invoke(self, request: Any, context: Any) -> Any:
        result = self.provider.invoke(request.tok, received(request.args))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(sent(result))
        return response

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()
