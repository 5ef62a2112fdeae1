"""The way in to an endpoint: a route of the Gateway API, and what Envoy Gateway asks of its callers.

Sources: gateway-api.sigs.k8s.io/reference/api-types/httproute,
gateway.envoyproxy.io/docs/tasks/security/jwt-authentication, …/tasks/traffic/local-rate-limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.core.component import Component
from modelyard.core.kubernetes import DOMAIN, custom
from modelyard.run.serving.kubernetes_door_spec import Anybody, GatewayDoorSpec, JwtCallers
from modelyard.run.serving.kubernetes_pods import PORT_NAME

ROUTES: Final = "gateway.networking.k8s.io"
POLICIES: Final = "gateway.envoyproxy.io/v1alpha1"
WHY_OPEN: Final = f"{DOMAIN}/open-because"
SERVICE_PORT: Final = 80
_ISSUER: Final = "callers"


def door(
    owner: Component,
    spec: GatewayDoorSpec,
    *,
    namespace: pulumi.Input[str],
    weights: Mapping[str, int],
    theirs: bool,
    after: Sequence[pulumi.Resource] = (),
) -> None:
    """The route and its policies. `weights`: each service by name, and its share of the calls.

    `theirs`: whether a controller moves the weights, so that an `up` leaves the rules as they are.
    """
    name = owner.physical("kubernetes")
    open_to = {WHY_OPEN: spec.callers.unsafe_because} if isinstance(spec.callers, Anybody) else None
    kept: dict[str, Any] = {"ignore_changes": ["spec.rules"]} if theirs else {}
    route = custom(
        owner,
        "route",
        api_version=f"{ROUTES}/v1",
        kind="HTTPRoute",
        name=name,
        namespace=namespace,
        annotations=open_to,
        spec={
            "parentRefs": [parent(spec)],
            "hostnames": [spec.host],
            "rules": [
                {
                    "matches": [{"path": {"type": "Exact", "value": path}} for path in spec.paths],
                    "backendRefs": [
                        {"name": service, "port": SERVICE_PORT, "weight": weight} for service, weight in weights.items()
                    ],
                    "timeouts": {"request": f"{spec.timeout_seconds}s"},
                }
            ],
        },
        after=after,
        **kept,
    )
    policies(owner, spec, route=name, namespace=namespace, after=[route])


def policies(
    owner: Component,
    spec: GatewayDoorSpec,
    *,
    route: str,
    namespace: pulumi.Input[str],
    after: Sequence[pulumi.Resource],
) -> None:
    """Who may use a route, and how often."""
    name = owner.physical("kubernetes")
    target = [{"group": ROUTES, "kind": "HTTPRoute", "name": route}]
    if isinstance(spec.callers, JwtCallers):
        custom(
            owner,
            "callers",
            api_version=POLICIES,
            kind="SecurityPolicy",
            name=name,
            namespace=namespace,
            spec={"targetRefs": target, **_asks(spec.callers)},
            after=after,
        )
    limit = {"limit": {"requests": spec.calls_per_second, "unit": "Second"}}
    custom(
        owner,
        "limits",
        api_version=POLICIES,
        kind="BackendTrafficPolicy",
        name=name,
        namespace=namespace,
        spec={"targetRefs": target, "rateLimit": {"type": "Local", "local": {"rules": [limit]}}},
        after=after,
    )


def _asks(callers: JwtCallers) -> dict[str, Any]:
    """Who gets in, as a SecurityPolicy says it."""
    provider = {
        "name": _ISSUER,
        "issuer": callers.issuer,
        "audiences": list(callers.audiences),
        "remoteJWKS": {"uri": callers.keys_at},
    }
    said: dict[str, Any] = {"jwt": {"providers": [provider]}}
    if callers.scopes:
        allowed = {"jwt": {"provider": _ISSUER, "scopes": list(callers.scopes)}}
        rule = {"name": "scopes", "action": "Allow", "principal": allowed}
        said["authorization"] = {"defaultAction": "Deny", "rules": [rule]}
    return said


def parent(spec: GatewayDoorSpec) -> dict[str, Any]:
    """The Gateway, as a route names it."""
    gateway: dict[str, Any] = {"name": spec.gateway.name, "namespace": spec.gateway.namespace}
    return gateway if spec.gateway.listener is None else {**gateway, "sectionName": spec.gateway.listener}


def service(
    owner: Component,
    role: str,
    name: str,
    *,
    namespace: pulumi.Input[str],
    selects: Mapping[str, str],
    theirs: bool = False,
) -> str:
    """A service of the cluster, and its name; `theirs`: a controller narrows what it selects, and an `up` lets it."""
    kubernetes.core.v1.Service(
        owner.named(role),
        metadata={"name": name, "namespace": namespace},
        spec={
            "type": "ClusterIP",
            "selector": dict(selects),
            "ports": [{"name": PORT_NAME, "port": SERVICE_PORT, "target_port": PORT_NAME, "protocol": "TCP"}],
        },
        opts=owner.options(ignore_changes=["spec.selector"] if theirs else None),
    )
    return name
