"""EC2: endpoints whose interfaces and routes follow their settings, NAT gateways that let go, rules that keep texts."""

from __future__ import annotations

import json
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.nat_gateways import NatGateway
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.models.vpcs import VPCEndPoint
from moto.ec2.responses import EC2Response
from moto.ec2.utils import random_private_ip

_new_rule = SecurityGroupRule.__init__
_create_endpoint = EC2Backend.create_vpc_endpoint
_modify_endpoint = EC2Response.modify_vpc_endpoint
_delete_nat_gateway = EC2Backend.delete_nat_gateway


def _keep_description(self: Any, *arguments: Any, **named: Any) -> None:
    """moto keeps descriptions of address ranges, and drops those of groups and prefix lists."""
    _new_rule(self, *arguments, **named)
    values = (*arguments, *named.values())
    texts = [value["Description"] for value in values if isinstance(value, dict) and value.get("Description")]
    if texts and not self.ip_range:
        self.ip_range = {"Description": texts[0]}


def _create_whole_endpoint(self: Any, *arguments: Any, **named: Any) -> VPCEndPoint:
    """Give an interface endpoint's interfaces its security groups, or the VPC's default group."""
    endpoint = _create_endpoint(self, *arguments, **named)
    if _is_interface(endpoint):
        if not endpoint.security_group_ids:
            default = self.get_security_group_by_name_or_id("default", endpoint.vpc_id)
            endpoint.security_group_ids = [default.id] if default else []
        _match_interfaces(self, endpoint)
    return endpoint


def _modify_whole_endpoint(self: Any) -> Any:
    """Apply private DNS and the reset of the policy too; interfaces follow subnets, routes follow route tables."""
    answer = _modify_endpoint(self)
    endpoint = self.ec2_backend.vpc_end_points[self._get_param("VpcEndpointId")]
    private_dns = self._get_param("PrivateDnsEnabled")
    if private_dns is not None:
        endpoint.private_dns_enabled = _truth(private_dns)
    if _truth(self._get_param("ResetPolicy")):
        endpoint.policy_document = json.dumps(VPCEndPoint.DEFAULT_POLICY)
    if _is_interface(endpoint):
        _match_interfaces(self.ec2_backend, endpoint)
    else:
        _match_routes(self.ec2_backend, endpoint)
    return answer


def _truth(value: Any) -> bool:
    return str(value).lower() == "true"


def _is_interface(endpoint: VPCEndPoint) -> bool:
    return (endpoint.vpc_endpoint_type or "").lower() == "interface"


def _match_interfaces(backend: Any, endpoint: VPCEndPoint) -> None:
    kept = [backend.enis[id] for id in endpoint.network_interface_ids if id in backend.enis]
    wanted = list(endpoint.subnet_ids or [])
    for interface in kept:
        if interface.subnet.id not in wanted:
            backend.enis.pop(interface.id)
    kept = [interface for interface in kept if interface.subnet.id in wanted]
    served = {interface.subnet.id for interface in kept}
    kept += [backend.create_network_interface(subnet, random_private_ip()) for subnet in wanted if subnet not in served]
    groups = [backend.get_security_group_from_id(id) for id in endpoint.security_group_ids]
    for interface in kept:
        interface._group_set = [group for group in groups if group]
    endpoint.network_interface_ids = [interface.id for interface in kept]


def _match_routes(backend: Any, endpoint: VPCEndPoint) -> None:
    prefixes = endpoint.destination_prefix_list_id
    for table in backend.describe_route_tables(filters={"vpc-id": [endpoint.vpc_id]}):
        routed = any(route.gateway_id == endpoint.id for route in table.routes)
        if table.id in endpoint.route_table_ids and not routed:
            backend.create_route(table.id, None, gateway_id=endpoint.id, destination_prefix_list_id=prefixes)
        elif routed and table.id not in endpoint.route_table_ids:
            backend.delete_route(table.id, prefixes)


def _delete_whole_nat_gateway(self: Any, nat_gateway_id: str) -> NatGateway:
    """A deleted NAT gateway gives its address and its interface back."""
    gateway = _delete_nat_gateway(self, nat_gateway_id)
    for address in gateway.address_set:
        if address.get("associationId"):
            self.disassociate_address(association_id=address["associationId"])
    self.enis.pop(gateway._eni.id, None)
    return gateway


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    SecurityGroupRule.__init__ = _keep_description
    EC2Backend.create_vpc_endpoint = _create_whole_endpoint
    EC2Response.modify_vpc_endpoint = _modify_whole_endpoint
    EC2Backend.delete_nat_gateway = _delete_whole_nat_gateway
