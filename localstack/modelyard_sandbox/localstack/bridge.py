"""Inside LocalStack: moto answers for the services that are bridged, from the same gateway, process and state."""

# LocalStack lies in an environment of its own, which the type checker doesn't see.
# pyright: reportMissingImports=false

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any


class Bridged:
    """A provider without an operation of its own."""

    def __init__(self, service: str) -> None:
        self.service = service


class _Finder:
    """LocalStack's own plugins, those of bridged services replaced."""

    def __init__(self, own: Any, bridged: Iterable[str]) -> None:
        self._own = own
        self._bridged = tuple(bridged)

    def find_plugins(self) -> list[Any]:
        kept = [spec for spec in self._own.find_plugins() if spec.name.partition(":")[0] not in self._bridged]
        return kept + [_plugin(name) for name in self._bridged]


def install(bridged: Iterable[str]) -> None:
    """Let LocalStack find these services here. To be called before it looks for any."""
    exceptions: Any = importlib.import_module("moto.core.exceptions")
    # The one name that LocalStack imports of its older moto, and that this one calls otherwise.
    exceptions.RESTError = exceptions._RESTError
    from localstack.services import moto
    from localstack.services.plugins import SERVICE_PLUGINS

    moto.dispatch_to_moto = dispatch
    SERVICE_PLUGINS.plugin_manager.finder = _Finder(SERVICE_PLUGINS.plugin_manager.finder, bridged)


def dispatch(context: Any) -> Any:
    """Moto's answer to a request that LocalStack has parsed; LocalStack's native services lean on it too.

    LocalStack hands its own kind of request to an older moto; this moto wants its own.
    """
    from localstack.http import Response
    from localstack.http.request import get_full_raw_path, get_raw_current_url, restore_payload
    from localstack.services.moto import get_dispatcher
    from moto.core.request import Request
    from werkzeug.exceptions import HTTPException

    request = context.request
    path = get_full_raw_path(request)
    url = get_raw_current_url(request.scheme, request.host, request.root_path, path)
    normal = Request.from_primitives(request.method, url, request.headers, restore_payload(request))
    answer = get_dispatcher(context.service.service_name, path.partition("?")[0])
    try:
        answered = answer(normal, normal.raw_url, normal.headers)
    except HTTPException as error:
        answered = error.code, error.get_headers(), error.get_body()
    if not answered:
        raise NotImplementedError
    status, headers, body = answered
    return Response(body or None, int(status or 200), headers)


def _plugin(name: str) -> Any:
    from localstack.services.plugins import PLUGIN_NAMESPACE, ServicePluginAdapter
    from plux import PluginSpec

    def factory() -> Any:
        return ServicePluginAdapter(api=name, create_service=lambda: _service(name))

    return PluginSpec(PLUGIN_NAMESPACE, f"{name}:default", factory=factory)


def _service(name: str) -> Any:
    from localstack.aws.skeleton import Skeleton
    from localstack.aws.spec import load_service
    from localstack.services.plugins import Service

    def answer(context: Any, request: Any) -> Any:
        del request
        return dispatch(context)

    model = load_service(name)
    made = Service(name=name, skeleton=Skeleton(model, dict.fromkeys(model.operation_names, answer)))
    made._provider = Bridged(name)
    return made
