"""Gateways of a cluster: what lets calls in to the models of all teams, with a part of its own for each team.

Sources: gateway-api.sigs.k8s.io/reference/api-spec/main/spec, gateway.envoyproxy.io/docs/api/extension_types,
cert-manager.io/docs/usage/gateway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.core.kubernetes import DOMAIN, NAMESPACE, custom
from modelyard.foundation.cluster.gateways_spec import (
    INSIDE_ON_EKS,
    NAMESPACE_OF_GATEWAYS,
    GatewayOfTeamsSpec,
    InternetSpec,
)

_API: Final = "gateway.networking.k8s.io"
_ENVOY: Final = "gateway.envoyproxy.io"
_CONTROLLER: Final = f"{_ENVOY}/gatewayclass-controller"
_PROXIES: Final = "envoy-gateway-system"
WHY_OPEN: Final = f"{DOMAIN}/open-because"
_ISSUER: Final = "cert-manager.io/cluster-issuer"
_HTTPS: Final = 443
_NLB: Final = "service.beta.kubernetes.io/aws-load-balancer-type"
_RECEIVED_WITHIN: Final = "30s"
"""How long a caller may take to send a request: models' requests are small, and slow ones hold connections."""
CERTIFICATES_BY_GATEWAYS: Final[Mapping[str, Any]] = {
    "config": {
        "apiVersion": "controller.config.cert-manager.io/v1alpha1",
        "kind": "ControllerConfiguration",
        "enableGatewayAPI": True,
    }
}
"""What cert-manager's chart is told, so that it makes certificates for listeners of Gateways."""


class TeamGateways(Component):
    """The gateways of a platform's cluster, in a namespace of their own.

    `teams`: the namespaces of teams, by team; each takes calls to `*.<team>.<domain>` and no others. `eks`: whether the
    cluster is one of EKS. `after`: the charts that gateways stand on. Raises `SpecError` with all faults.
    """

    CAPABILITY = "cluster"

    def __init__(
        self,
        name: str,
        gateways: Mapping[str, GatewayOfTeamsSpec],
        *,
        context: Context,
        teams: Mapping[str, pulumi.Input[str]],
        eks: bool,
        after: Sequence[pulumi.Resource],
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [fault for each in gateways.values() for fault in each.all_faults()]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, None, context=context, transform=transform, opts=opts)
        self._teams, self._eks, self._after = teams, eks, list(after)
        mode = "pod-security.kubernetes.io/enforce"
        space = kubernetes.core.v1.Namespace(
            self.named("namespace"),
            metadata={"name": NAMESPACE_OF_GATEWAYS, "labels": {mode: "restricted"}},
            opts=self.options(),
        )
        self._namespace = space.metadata.apply(lambda found: found.name or "")
        for gateway, spec in gateways.items():
            self._open(gateway, spec)
        self.register_outputs({})

    def _open(self, name: str, spec: GatewayOfTeamsSpec) -> None:
        called = self.physical("kubernetes", name)
        proxies = custom(
            self,
            f"{name}-proxies",
            api_version=f"{_ENVOY}/v1alpha1",
            kind="EnvoyProxy",
            name=called,
            namespace=_PROXIES,
            spec=self._proxies(spec),
            after=self._after,
        )
        described = {"group": _ENVOY, "kind": "EnvoyProxy", "name": called, "namespace": _PROXIES}
        kind = custom(
            self,
            f"{name}-class",
            api_version=f"{_API}/v1",
            kind="GatewayClass",
            name=called,
            spec={"controllerName": _CONTROLLER, "parametersRef": described},
            after=[proxies],
        )
        marks = {_ISSUER: spec.issuer} if spec.issuer is not None else {}
        if isinstance(spec.reach, InternetSpec):
            marks[WHY_OPEN] = spec.reach.unsafe_because
        listeners = [self._listener(name, spec, team) for team in self._teams]
        gateway = custom(
            self,
            name,
            api_version=f"{_API}/v1",
            kind="Gateway",
            name=name,
            namespace=self._namespace,
            annotations=marks or None,
            spec={"gatewayClassName": called, "listeners": listeners},
            after=[kind],
        )
        custom(
            self,
            f"{name}-clients",
            api_version=f"{_ENVOY}/v1alpha1",
            kind="ClientTrafficPolicy",
            name=name,
            namespace=self._namespace,
            spec={
                "targetRefs": [{"group": _API, "kind": "Gateway", "name": name}],
                "tls": {"minVersion": "1.2"},
                "timeout": {"http": {"requestReceivedTimeout": _RECEIVED_WITHIN}},
            },
            after=[gateway],
        )

    def _listener(self, name: str, spec: GatewayOfTeamsSpec, team: str) -> dict[str, Any]:
        """What takes a team's calls: its own hosts, by TLS, for routes of its own namespace."""
        theirs = {"matchLabels": {NAMESPACE: self._teams[team]}}
        return {
            "name": team,
            "hostname": f"*.{team}.{spec.domain}",
            "port": _HTTPS,
            "protocol": "HTTPS",
            "tls": {"mode": "Terminate", "certificateRefs": [{"name": f"{name}-{team}"}]},
            "allowedRoutes": {"namespaces": {"from": "Selector", "selector": theirs}, "kinds": [{"kind": "HTTPRoute"}]},
        }

    def _proxies(self, spec: GatewayOfTeamsSpec) -> dict[str, Any]:
        service: dict[str, Any] = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
        annotations = dict(spec.annotations)
        if self._eks and not annotations:
            annotations = {_NLB: "nlb"} if isinstance(spec.reach, InternetSpec) else dict(INSIDE_ON_EKS)
        if annotations:
            service["annotations"] = annotations
        if isinstance(spec.reach, InternetSpec):
            service["loadBalancerSourceRanges"] = list(spec.reach.cidrs)
        return {
            "provider": {
                "type": "Kubernetes",
                "kubernetes": {
                    "envoyDeployment": {"replicas": spec.count},
                    **({"envoyPDB": {"minAvailable": 1}} if spec.count > 1 else {}),
                    "envoyService": service,
                },
            }
        }
