"""A VPC with subnets by tier and zone, its ways out, its endpoints, its flow logs and its security groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.core.access import Statement, trust_service
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError, SpecError
from modelyard.core.identity import Role
from modelyard.core.settle import at_program_end
from modelyard.foundation.keys import KeysLike
from modelyard.foundation.network.endpoints import gateway_endpoint, interface_endpoint
from modelyard.foundation.network.existing import ExistingNetwork
from modelyard.foundation.network.groups import security_groups
from modelyard.foundation.network.known import Places
from modelyard.foundation.network.plan import GATEWAY_SERVICES
from modelyard.foundation.network.spec import ExistingNetworkSpec, FlowLogsSpec, Tier, VpcSpec

_ANYWHERE: Final = "0.0.0.0/0"
_BALANCED: Final[Mapping[Tier, Mapping[str, str]]] = {
    "private": {"kubernetes.io/role/internal-elb": "1"},
    "public": {"kubernetes.io/role/elb": "1"},
}
"""By which tags EKS finds subnets for load balancers inside and outside (eks/latest/userguide/network-reqs)."""


def network_from(
    name: str,
    spec: VpcSpec | ExistingNetworkSpec,
    *,
    context: Context,
    keys: KeysLike,
    transform: Mapping[str, Transform] | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> Network | ExistingNetwork:
    """The network that `spec` describes: a VPC of ours, or an adopted one."""
    if isinstance(spec, ExistingNetworkSpec):
        return ExistingNetwork(name, spec, context=context, transform=transform, opts=opts)
    return Network(name, spec, context=context, keys=keys, transform=transform, opts=opts)


class Network(Places, Component):
    """A VPC of ours: private by default, its default group closed, its connections logged."""

    CAPABILITY = "network"

    def __init__(
        self,
        name: str,
        spec: VpcSpec,
        *,
        context: Context,
        keys: KeysLike,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [*spec.all_faults(), *spec.zones_outside(context.region)]
        if context.production:
            faults += spec.too_few_for_production()
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self._used: set[str] = set()
        self._settled = False
        vpc = aws.ec2.Vpc(
            self.named("vpc"),
            cidr_block=spec.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._tag("vpc"),
            opts=self.options(),
        )
        self._vpc_id = vpc.id
        aws.ec2.DefaultSecurityGroup(
            self.named("default-group"),
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            tags=self._tag("default-group"),
            opts=self.options(),
        )
        subnets: dict[Tier, dict[str, pulumi.Output[str]]] = {
            tier: self._subnets(tier, by_zone) for tier, by_zone in spec.plan().items()
        }
        tables = self._routes(subnets)
        gateways = {service: gateway_endpoint(self, service, vpc.id, tables) for service in GATEWAY_SERVICES}
        ways_out: dict[str, Mapping[str, pulumi.Input[str]]] = {
            service: {"prefix_list_id": endpoint.prefix_list_id} for service, endpoint in gateways.items()
        }
        self.reachable = pulumi.Output.all(
            vpc.cidr_block, *(endpoint.cidr_blocks for endpoint in gateways.values())
        ).apply(lambda found: [found[0], *(cidr for cidrs in found[1:] for cidr in cidrs or ())])
        """CIDRs where AWS's services answer, as far as work in the network reaches them."""
        if spec.nat != "none":
            ways_out["internet"] = {"cidr_ipv4": _ANYWHERE}
            self.reachable = pulumi.Output.from_input([_ANYWHERE])
        groups = security_groups(self, vpc.id, given={}, ways_out=ways_out)
        self._know(vpc.id, vpc.cidr_block, subnets, groups)
        if isinstance(spec.flow_logs, FlowLogsSpec):
            self._log_flows(spec.flow_logs, keys)
        at_program_end(self._settle)
        self.register_outputs({"vpc_id": self.vpc_id, "subnets": self.subnets, "security_groups": self.security_groups})

    def use(self, service: str) -> None:
        """Tell that work in the network calls `service`, such as `glue` or `ecr.api`, so that it gets a way there.

        Raises `InputError` once the program has ended.
        """
        if self._settled:
            problem = "is asked for after the endpoints were made"
            remedy = "Call use() in the program itself, never inside apply()."
            raise InputError(Fault(problem, remedy, self.written.at("endpoints"), service))
        self._used.add(service)

    def _settle(self) -> None:
        self._settled = True
        asked = self.spec.endpoints.interface
        if asked == "auto":
            services = self._used if self.spec.nat == "none" else set[str]()
        else:
            services = set[str]() if asked == "none" else set(asked)
        private = self.subnets["private"]
        everywhere = self.spec.endpoints.zones or ("all" if self.context.production else "one")
        places = list(private.values()) if everywhere == "all" else [private[self.spec.zones[0]]]
        for service in sorted(services - set(GATEWAY_SERVICES)):
            interface_endpoint(self, service, self.vpc_id, places, self.security_group("endpoints"))

    def _tag(self, role: str) -> dict[str, pulumi.Input[str]]:
        return {"Name": self.physical("tag-name", role)}

    def _subnets(self, tier: Tier, by_zone: Mapping[str, str]) -> dict[str, pulumi.Output[str]]:
        return {
            zone: aws.ec2.Subnet(
                self.named(f"{tier}-{zone}"),
                vpc_id=self._vpc_id,
                cidr_block=cidr,
                availability_zone=zone,
                map_public_ip_on_launch=False,
                tags={**self._tag(f"{tier}-{zone}"), **_BALANCED.get(tier, {})},
                opts=self.options(),
            ).id
            for zone, cidr in by_zone.items()
        }

    def _routes(self, subnets: Mapping[Tier, Mapping[str, pulumi.Output[str]]]) -> list[pulumi.Output[str]]:
        """One route table per tier, but one per zone for private subnets with a NAT gateway each; the tables' ids."""
        tables: list[pulumi.Output[str]] = []
        nats: dict[str, pulumi.Output[str]] = {}
        if "public" in subnets:
            gateway = aws.ec2.InternetGateway(
                self.named("internet-gateway"),
                vpc_id=self._vpc_id,
                tags=self._tag("internet-gateway"),
                opts=self.options(),
            )
            tables.append(self._table("public", "public", subnets["public"], {"gateway_id": gateway.id}))
            nats = self._nat_gateways(subnets["public"], gateway)
        if "isolated" in subnets:
            tables.append(self._table("isolated", "isolated", subnets["isolated"]))
        private = subnets["private"]
        if self.spec.nat == "per-zone":
            for zone, subnet in private.items():
                tables.append(self._table(f"private-{zone}", "private", {zone: subnet}, {"nat_gateway_id": nats[zone]}))
        else:
            only = nats.get(self.spec.zones[0])
            tables.append(
                self._table("private", "private", private, {"nat_gateway_id": only} if only is not None else None)
            )
        return tables

    def _nat_gateways(
        self, public: Mapping[str, pulumi.Output[str]], gateway: aws.ec2.InternetGateway
    ) -> dict[str, pulumi.Output[str]]:
        """The id of the NAT gateway of each zone that has one."""
        zones = {"none": (), "one": self.spec.zones[:1], "per-zone": tuple(public)}[self.spec.nat]
        nats: dict[str, pulumi.Output[str]] = {}
        for zone in zones:
            role = f"nat-{zone}"
            address = aws.ec2.Eip(
                self.named(f"{role}-address"),
                domain="vpc",
                tags=self._tag(role),
                opts=self.options(depends_on=[gateway]),
            )
            nats[zone] = aws.ec2.NatGateway(
                self.named(role),
                allocation_id=address.allocation_id,
                subnet_id=public[zone],
                tags=self._tag(role),
                opts=self.options(depends_on=[gateway]),
            ).id
        return nats

    def _table(
        self,
        role: str,
        tier: Tier,
        subnets: Mapping[str, pulumi.Output[str]],
        way_out: Mapping[str, pulumi.Output[str]] | None = None,
    ) -> pulumi.Output[str]:
        """A route table for these subnets, by zone; `way_out` is where the rest of the world lies."""
        table = aws.ec2.RouteTable(
            self.named(f"{role}-routes"), vpc_id=self._vpc_id, tags=self._tag(f"{role}-routes"), opts=self.options()
        )
        if way_out:
            aws.ec2.Route(
                self.named(f"{role}-internet"),
                route_table_id=table.id,
                destination_cidr_block=_ANYWHERE,
                opts=self.options(),
                **way_out,
            )
        for zone, subnet in subnets.items():
            aws.ec2.RouteTableAssociation(
                self.named(f"{tier}-{zone}-association"),
                route_table_id=table.id,
                subnet_id=subnet,
                opts=self.options(),
            )
        return table.id

    def _log_flows(self, spec: FlowLogsSpec, keys: KeysLike) -> None:
        log_group = aws.cloudwatch.LogGroup(
            self.named("flow-log-group"),
            name=self.physical("log-group", "flows"),
            retention_in_days=spec.retention_days,
            kms_key_id=keys.arn("logs"),
            opts=self.options(),
        )
        flow_logs = self.context.arn("ec2", "vpc-flow-log/*")
        role = Role(
            self.named("flow-logs"),
            context=self.context,
            trusted=[trust_service("vpc-flow-logs.amazonaws.com", context=self.context, source_arn=flow_logs)],
            description="Delivers flow logs to CloudWatch Logs",
            opts=self.options(),
        )
        own = self.context.arn("logs", f"log-group:{self.physical('log-group', 'flows')}")
        deliver = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
        look_up = ("logs:DescribeLogGroups",)
        role.allow(self, "deliver", [Statement(deliver, (own, f"{own}:*")), Statement(look_up, ("*",))])
        aws.ec2.FlowLog(
            self.named("flow-log"),
            vpc_id=self._vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=log_group.arn,
            iam_role_arn=role.arn,
            tags=self._tag("flow-log"),
            opts=self.options(),
        )
