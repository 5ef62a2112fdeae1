"""What a platform file says about the gateways of its cluster, by which calls come in to models that teams serve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.given import ObjectName
from modelyard.core.spec import Spec

NAMESPACE_OF_GATEWAYS: Final = "gateways"
"""Where all gateways of a platform lie, as a team's file names it."""
Domain = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", max_length=180),
]
Range = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$")]
Annotation = Annotated[str, StringConstraints(pattern=r"^([a-z0-9.-]+/)?[A-Za-z0-9._-]+$", max_length=317)]
INSIDE_ON_EKS: Final = {
    "service.beta.kubernetes.io/aws-load-balancer-type": "nlb",
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
}
"""What makes EKS put a network load balancer inside of the VPC (eks/latest/userguide/network-load-balancing)."""


class InsideSpec(Spec):
    """Calls come from the network of the cluster, and what is joined to it."""

    kind: Literal["inside"] = Field(default="inside", description="Reached from the network alone.")


class InternetSpec(Spec):
    """Calls come from the internet, too; who calls still shows a token, unless a team's door says otherwise."""

    kind: Literal["internet"] = Field(description="Reached from the internet, too.")
    cidrs: tuple[Range, ...] = Field(
        default=("0.0.0.0/0",), min_length=1, max_length=100, description="From where. Absent: everywhere."
    )
    unsafe_because: Annotated[str, StringConstraints(min_length=10, max_length=300)] = Field(
        description="Why a way from the internet is needed; it stands on the gateway."
    )


class GatewayOfTeamsSpec(Spec):
    """One gateway for all teams, with a part of its own for each: no team takes calls that are another's.

    Source: gateway-api.sigs.k8s.io/reference/api-spec/main/spec (Listener, AllowedRoutes).
    """

    domain: Domain = Field(
        description="The domain of which each team has a part: with models.acme.example the team fraud has "
        "*.fraud.models.acme.example. A record `*.<team>.<domain>` leads to the load balancer."
    )
    reach: Annotated[InsideSpec | InternetSpec, Field(discriminator="kind")] = Field(
        default_factory=InsideSpec, description="From where it is reached: kind inside, or internet."
    )
    issuer: ObjectName | None = Field(
        default=None,
        description="The ClusterIssuer of cert-manager by which each team's certificate comes. Absent: somebody puts "
        f"Secrets of type kubernetes.io/tls into the namespace {NAMESPACE_OF_GATEWAYS}, called `<gateway>-<team>`.",
    )
    annotations: dict[Annotation, str] = Field(
        default_factory=dict[str, str],
        description="What the cluster's cloud reads of the load balancer. Absent on EKS: a network load balancer, in "
        "the VPC unless it is for the internet. Elsewhere required for kind inside: most clouds make public ones.",
    )
    count: int = Field(default=2, ge=1, le=50, description="Proxies. Two: one may go while the other works.")

    def faults_on(self, *, eks: bool, installed: tuple[str, ...]) -> Iterator[Fault]:
        """What only shows beside the cluster: charts that it stands on, and a cloud that nobody told to stay inside."""
        if "envoy-gateway" not in installed:
            remedy = 'Add "envoy-gateway" to "cluster.charts.install".'
            yield self.fault("domain", "is kept by envoy-gateway, which isn't installed", remedy, self.domain)
        if self.issuer is not None and "cert-manager" not in installed:
            remedy = 'Add "cert-manager" to "cluster.charts.install", or leave it away.'
            yield self.fault("issuer", "is asked by cert-manager, which isn't installed", remedy, self.issuer)
        if not eks and isinstance(self.reach, InsideSpec) and not self.annotations:
            problem = "needs what the cluster's cloud reads to keep a load balancer inside, or it is public in most"
            yield self.fault("annotations", problem, 'Say it, or "reach: {kind: internet, …}".')
