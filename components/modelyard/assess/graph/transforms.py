"""Pulumi's `transforms`, run as its engine runs them: the resource's own, then its parents', then the stack's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from google.protobuf.message import Message
from pulumi.runtime._callbacks import _CallbackServicer
from pulumi.runtime.proto import resource_pb2

from modelyard.assess.graph.model import STACK_TYPE, urn_of
from modelyard.assess.graph.values import from_struct

_SAME_NAMES: Final = {
    "protect": "protect",
    "version": "version",
    "provider": "provider",
    "plugin_download_url": "pluginDownloadURL",
    "retain_on_delete": "retainOnDelete",
    "deleted_with": "deletedWith",
    "import": "importId",
}
_LISTS: Final = {
    "depends_on": "dependencies",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
    "additional_secret_outputs": "additionalSecretOutputs",
    "replace_with": "replace_with",
    "aliases": "aliases",
}


class Transforms(_CallbackServicer):
    """Keeps the program's callbacks in this process, where Pulumi would serve them to its engine over a socket.

    The program's event loop must be free while a transform runs: `active` says that requests need threads from now on.
    """

    def __init__(self, project: str, stack: str) -> None:
        self._project, self._stack = project, stack
        self._callbacks: dict[str, Callable[[bytes], Awaitable[Message]]] = {}
        self._transforms = {}
        self._state_migrations = {}
        self._target = ""
        self._of_parents: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.for_stack: list[str] = []
        self.for_invokes: list[str] = []

    def attach(self, monitor: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Say where registrations go and on which loop the callbacks run."""
        self._monitor, self._loop = monitor, loop

    @property
    def active(self) -> bool:
        """Whether the program has given any transform."""
        return bool(self._transforms)

    def of_resource(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> tuple[resource_pb2.RegisterResourceRequest, frozenset[str]]:
        """The registration after all transforms that apply to it, and the properties that they changed."""
        if not self.active or request.type == STACK_TYPE:
            return request, frozenset()
        own = tuple(callback.token for callback in request.transforms)
        urn = urn_of(self._stack, self._project, request.type, request.name, request.parent)
        self._of_parents[urn] = (request.parent, own)
        tokens = list(own)
        above = request.parent
        while above in self._of_parents:
            above, theirs = self._of_parents[above]
            tokens += theirs
        before = from_struct(request.object)
        for token in tokens + self.for_stack:
            asked = resource_pb2.TransformRequest(
                type=request.type,
                name=request.name,
                custom=request.custom,
                parent=request.parent,
                properties=request.object,
                options=_options(request),
            )
            answer = cast(resource_pb2.TransformResponse, self._run(token, asked))
            request.object.CopyFrom(answer.properties)
            if answer.HasField("options"):
                _apply(answer.options, request)
        after = from_struct(request.object)
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        return request, frozenset(changed)

    def of_invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeRequest:
        """The call of a provider function after all transforms of calls."""
        for token in self.for_invokes:
            asked = resource_pb2.TransformInvokeRequest(
                token=request.tok,
                args=request.args,
                options=resource_pb2.TransformInvokeOptions(provider=request.provider, version=request.version),
            )
            answer = cast(resource_pb2.TransformInvokeResponse, self._run(token, asked))
            request.args.CopyFrom(answer.args)
        return request

    def _run(self, token: str, request: Message) -> Message:
        coroutine = cast(Any, self._callbacks[token](request.SerializeToString()))
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


def _options(request: resource_pb2.RegisterResourceRequest) -> resource_pb2.TransformResourceOptions:
    options = resource_pb2.TransformResourceOptions()
    for there, here in _SAME_NAMES.items():
        if value := getattr(request, here):
            setattr(options, there, value)
    for there, here in _LISTS.items():
        getattr(options, there).extend(getattr(request, here))
    if request.deleteBeforeReplaceDefined:
        options.delete_before_replace = request.deleteBeforeReplace
    if request.HasField("customTimeouts"):
        options.custom_timeouts.CopyFrom(request.customTimeouts)
    for package, provider in request.providers.items():
        options.providers[package] = provider
    return options


def _apply(options: resource_pb2.TransformResourceOptions, request: resource_pb2.RegisterResourceRequest) -> None:
    for there, here in _SAME_NAMES.items():
        setattr(request, here, getattr(options, there))
    for there, here in _LISTS.items():
        request.ClearField(cast(Any, here))
        getattr(request, here).extend(getattr(options, there))
    request.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
    request.deleteBeforeReplace = options.delete_before_replace
    request.ClearField("customTimeouts")
    if options.HasField("custom_timeouts"):
        request.customTimeouts.CopyFrom(options.custom_timeouts)
    request.ClearField("providers")
    for package, provider in options.providers.items():
        request.providers[package] = provider
