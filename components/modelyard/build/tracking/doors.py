"""The security groups of a server that we host: who reaches the balancer, and that nobody else reaches the rest."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.build.tracking.database import PORT as DATABASE_PORT
from modelyard.build.tracking.server import PORT as SERVER_PORT
from modelyard.build.tracking.spec import SelfHostedTracking
from modelyard.core.component import Component
from modelyard.foundation.network import NetworkLike


class Doors:
    """Groups of balancer, server, database and clients, each rule naming a group and never an address."""

    def __init__(self, tracking: Component, spec: SelfHostedTracking, network: NetworkLike, port: int) -> None:
        self._tracking = tracking
        self._vpc = network.vpc_id
        self.client = self._group("client", "What may connect to the tracking server")
        self.balancer = self._group("balancer", "The load balancer of the tracking server")
        self.server = self._group("server", "The tracking server")
        self.database = self._group("database", "The database of the tracking server")
        self._way("client", self.client, "balancer", self.balancer, port)
        self._way("balancer", self.balancer, "server", self.server, SERVER_PORT)
        self._way("server", self.server, "database", self.database, DATABASE_PORT)
        for intent in sorted(set(spec.reached_from)):
            self._into("balancer", self.balancer, f"{intent}-group", network.security_group(intent), port)

    def _group(self, role: str, description: str) -> pulumi.Output[str]:
        tracking = self._tracking
        name = tracking.physical("security-group", role)
        group = aws.ec2.SecurityGroup(
            tracking.named(f"{role}-group"),
            name=name,
            description=description,
            vpc_id=self._vpc,
            tags={"Name": name},
            opts=tracking.options(),
        )
        return group.id

    def _way(self, start: str, of: pulumi.Output[str], end: str, to: pulumi.Output[str], port: int) -> None:
        aws.vpc.SecurityGroupEgressRule(
            self._tracking.named(f"{start}-to-{end}"),
            security_group_id=of,
            referenced_security_group_id=to,
            description=f"{start} to {end}",
            opts=self._tracking.options(),
            **_tcp(port),
        )
        self._into(end, to, start, of, port)

    def _into(self, end: str, to: pulumi.Output[str], start: str, of: pulumi.Output[str], port: int) -> None:
        aws.vpc.SecurityGroupIngressRule(
            self._tracking.named(f"{end}-from-{start}"),
            security_group_id=to,
            referenced_security_group_id=of,
            description=f"{end} from {start}",
            opts=self._tracking.options(),
            **_tcp(port),
        )


def _tcp(port: int) -> dict[str, Any]:
    return {"ip_protocol": "tcp", "from_port": port, "to_port": port}
