"""Who may speak to a server on a cluster, and to whom it may: one NetworkPolicy, closed but for what a file says.

Source: kubernetes.io/docs/concepts/services-networking/network-policies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from modelyard.core.errors import Fault
from modelyard.core.given import NamespaceName
from modelyard.core.kubernetes import NAMESPACE, POD_IDENTITY
from modelyard.core.spec import Spec

if TYPE_CHECKING:
    import pulumi

    from modelyard.core.component import Component

Port = Annotated[int, Field(ge=1, le=65_535)]


class WayOut(Spec):
    """What a server calls outside of its namespace."""

    namespace: NamespaceName | None = Field(default=None, description="Pods of this namespace. Absent: a CIDR.")
    cidr: str | None = Field(default=None, description="Addresses, such as 10.20.0.0/16. Absent: a namespace.")
    ports: tuple[Port, ...] = Field(min_length=1, max_length=20, description="On which ports (TCP).")

    def check(self) -> Iterator[Fault]:
        """One of the two, and addresses that are some."""
        if (self.namespace is None) == (self.cidr is None):
            yield self.fault("", "leads to one place", 'Give either "namespace" or "cidr".')
        if self.cidr is not None:
            try:
                ip_network(self.cidr)
            except ValueError:
                remedy = "Write an address and the bits that count, such as 10.20.0.0/16."
                yield self.fault("cidr", "is no range of addresses", remedy, self.cidr)


class WaysSpec(Spec):
    """Who may speak to a server, and to whom it may, beside pods of its own namespace."""

    reached_from: tuple[NamespaceName, ...] = Field(
        default=(), description="Further namespaces whose pods may call it. Absent: its own alone."
    )
    reaches: tuple[WayOut, ...] = Field(
        default=(),
        description="What it calls outside of its namespace, such as its database and its bucket. Absent: nothing but "
        "names and the agent of its identity.",
    )


def ways(
    component: Component,
    spec: WaysSpec,
    *,
    selects: Mapping[str, str],
    port: int | None,
    namespace: pulumi.Input[str],
    role: str = "ways",
) -> None:
    """The policy of the pods that have these labels, as a child of `component`.

    `port`: where they listen; None: nowhere, and nobody gets in.
    """
    import pulumi_kubernetes as kubernetes

    kubernetes.networking.v1.NetworkPolicy(
        component.named(role),
        metadata={"name": component.physical("kubernetes", role), "namespace": namespace},
        spec=policy(spec, selects=selects, port=port),
        opts=component.options(),
    )


def policy(spec: WaysSpec, *, selects: Mapping[str, str], port: int | None) -> Any:
    """The policy's spec, as pulumi-kubernetes takes it."""
    names = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    own: dict[str, Any] = {"pod_selector": {}}
    callers = [own, *(_in(each) for each in spec.reached_from)]
    egress: list[dict[str, Any]] = [
        {"to": [own]},
        {"to": [_in("kube-system")], "ports": names},
        {"to": [{"ip_block": {"cidr": POD_IDENTITY}}], "ports": [_tcp(80)]},
        *({"to": [_peer(way)], "ports": [_tcp(each) for each in way.ports]} for way in spec.reaches),
    ]
    return {
        "pod_selector": {"match_labels": dict(selects)},
        "policy_types": ["Ingress", "Egress"],
        "ingress": [] if port is None else [{"from_": callers, "ports": [_tcp(port)]}],
        "egress": egress,
    }


def _peer(way: WayOut) -> dict[str, Any]:
    return _in(way.namespace) if way.namespace is not None else {"ip_block": {"cidr": way.cidr}}


def _in(namespace: str) -> dict[str, Any]:
    return {"namespace_selector": {"match_labels": {NAMESPACE: namespace}}}


def _tcp(port: int) -> dict[str, Any]:
    return {"protocol": "TCP", "port": port}
