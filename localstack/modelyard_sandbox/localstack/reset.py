"""Inside LocalStack: `POST /_modelyard/reset` empties it, bridged services included, without a new start."""

# LocalStack lies in an environment of its own, which the type checker doesn't see.
# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

from modelyard_sandbox.localstack.services import RESET


class _Emptying:
    """Visits what LocalStack's own services keep, and empties it; moto's backends are emptied all at once."""

    def visit(self, kept: Any) -> None:
        from localstack.services.stores import AccountRegionBundle

        if isinstance(kept, AccountRegionBundle):
            kept.reset()


class _Reset:
    def on_post(self, request: Any) -> dict[str, Any]:
        del request
        from localstack.services.plugins import SERVICE_PLUGINS
        from moto.moto_api._internal.models import moto_api_backend

        services = [SERVICE_PLUGINS.get_service(name) for name in SERVICE_PLUGINS.list_active_services()]
        for service in services:
            service.lifecycle_hook.on_before_state_reset()
            service.accept_state_visitor(_Emptying())
        moto_api_backend.reset()
        for service in services:
            service.lifecycle_hook.on_after_state_reset()
        return {"reset": [service.name() for service in services]}


def install() -> None:
    """Add the path to LocalStack's own."""
    from localstack.http import Resource
    from localstack.services.internal import get_internal_apis

    get_internal_apis().add(Resource(RESET, _Reset()))
