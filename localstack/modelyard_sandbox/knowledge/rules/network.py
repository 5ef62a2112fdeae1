"""VPCs and what lies in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import (
    Rule,
    at_most_one,
    avoids,
    choice,
    exactly_one,
    known,
    length,
    matches,
    network,
    network6,
)

_VPC = "aws:ec2/vpc:Vpc"
_SUBNET = "aws:ec2/subnet:Subnet"
_ROUTE = "aws:ec2/route:Route"
_TABLE = "aws:ec2/routeTable:RouteTable"
_ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
_NAT = "aws:ec2/natGateway:NatGateway"
_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
_GROUP = "aws:ec2/securityGroup:SecurityGroup"
_DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
_FLOW_LOG = "aws:ec2/flowLog:FlowLog"

_VPC_BLOCKS = "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"
_SUBNET_BLOCKS = "https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"
_CREATE_SUBNET = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html"
_CREATE_ROUTE = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html"
_ASSOCIATE = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateRouteTable.html"
_CREATE_NAT = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html"
_CREATE_ENDPOINT = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html"
_CREATE_GROUP = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html"
_GROUP_RULES = "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"
_PERMISSION = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html"
_CREATE_LOGS = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html"

_ALPHABET = r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*"
_says_alphabet = "security groups take letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*"
_DESTINATIONS = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
_TARGETS = (
    "carrierGatewayId",
    "coreNetworkArn",
    "egressOnlyGatewayId",
    "gatewayId",
    "localGatewayId",
    "natGatewayId",
    "networkInterfaceId",
    "odbNetworkArn",
    "transitGatewayId",
    "vpcEndpointId",
    "vpcPeeringConnectionId",
)
_WATCHED = ("eniId", "regionalNatGatewayId", "subnetId", "transitGatewayAttachmentId", "transitGatewayId", "vpcId")
_PORT_PROTOCOLS = ("tcp", "udp", "6", "17")
_PROTOCOL = r"-1|tcp|udp|icmp|icmpv6|all|\d|\d\d|1\d\d|2[0-4]\d|25[0-5]"
_says_protocol = "a protocol is tcp, udp, icmp, icmpv6, -1 or a number to 255"


def _has_block(vpc: Mapping[str, Any]) -> str | None:
    return None if "cidrBlock" in vpc or "ipv4IpamPoolId" in vpc else "give cidrBlock, or ipv4IpamPoolId"


def _public_nat(gateway: Mapping[str, Any]) -> str | None:
    if known(gateway, "availabilityMode") == "regional" or gateway.get("connectivityType") == "private":
        return None
    missing = [name for name in ("allocationId", "subnetId") if name not in gateway]
    return f"a public NAT gateway needs {' and '.join(missing)}" if missing else None


def _private_nat(gateway: Mapping[str, Any]) -> str | None:
    if known(gateway, "connectivityType") == "private" and "allocationId" in gateway:
        return "a private NAT gateway takes no allocationId"
    return None


def _endpoint_kind(endpoint: Mapping[str, Any]) -> str | None:
    kind = endpoint.get("vpcEndpointType", "Gateway")
    excluded = {
        "Gateway": ("privateDnsEnabled", "securityGroupIds", "subnetIds"),
        "Interface": ("routeTableIds",),
    }.get(kind, ())
    given = [name for name in excluded if endpoint.get(name)]
    return f"an endpoint of type {kind} takes no {' or '.join(given)}" if given else None


def _ports(rule: Mapping[str, Any]) -> str | None:
    low, high = known(rule, "fromPort"), known(rule, "toPort")
    protocol = known(rule, "ipProtocol") or known(rule, "protocol")
    if protocol in _PORT_PROTOCOLS:
        if "fromPort" not in rule or "toPort" not in rule:
            return f"{protocol} needs fromPort and toPort"
        outside = [port for port in (low, high) if isinstance(port, int) and not 0 <= port <= 65535]
        if outside:
            return f"{outside[0]} is no port; 0 to 65535 are"
        if isinstance(low, int) and isinstance(high, int) and low > high:
            return f"fromPort {low} is above toPort {high}"
    if "protocol" in rule and protocol == "-1" and (low, high) not in ((0, 0), (None, None)):
        return "protocol -1 means all ports: set fromPort and toPort to 0"
    return None


def _log_role(log: Mapping[str, Any]) -> str | None:
    kind = log.get("logDestinationType", "cloud-watch-logs")
    if kind == "cloud-watch-logs" and "iamRoleArn" not in log:
        return "logs to CloudWatch need iamRoleArn"
    if kind == "s3" and "iamRoleArn" in log:
        return "logs to S3 take no iamRoleArn"
    return None


def _traffic(log: Mapping[str, Any]) -> str | None:
    if any(name in log for name in ("eniId", "subnetId", "vpcId")) and "trafficType" not in log:
        return "trafficType is needed: ACCEPT, REJECT or ALL"
    return None


def _rule_of(token: str) -> tuple[Rule, ...]:
    sources = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
    return (
        Rule(token, "", exactly_one(*sources), _GROUP_RULES),
        Rule(token, "", _ports, _PERMISSION),
        Rule(token, "ipProtocol", matches(_PROTOCOL, _says_protocol), _PERMISSION),
        Rule(token, "cidrIpv4", network(), _GROUP_RULES),
        Rule(token, "cidrIpv6", network6, _GROUP_RULES),
        Rule(token, "description", length(0, 255), _GROUP_RULES),
        Rule(token, "description", matches(_ALPHABET, _says_alphabet), _GROUP_RULES),
    )


def _inline_rules_of(token: str) -> tuple[Rule, ...]:
    return tuple(
        rule
        for side in ("ingress", "egress")
        for rule in (
            Rule(token, f"{side}[]", _ports, _PERMISSION),
            Rule(token, f"{side}[].cidrBlocks[]", network(), _GROUP_RULES),
            Rule(token, f"{side}[].protocol", matches(_PROTOCOL, _says_protocol), _PERMISSION),
            Rule(token, f"{side}[].description", length(0, 255), _GROUP_RULES),
            Rule(token, f"{side}[].description", matches(_ALPHABET, _says_alphabet), _GROUP_RULES),
        )
    )


RULES: Sequence[Rule] = (
    Rule(_VPC, "", _has_block, _VPC_BLOCKS),
    Rule(_VPC, "cidrBlock", network(16, 28), _VPC_BLOCKS),
    Rule(_SUBNET, "cidrBlock", network(16, 28), _SUBNET_BLOCKS),
    Rule(_SUBNET, "", at_most_one("availabilityZone", "availabilityZoneId"), _CREATE_SUBNET),
    Rule(_ROUTE, "", exactly_one(*_DESTINATIONS), _CREATE_ROUTE),
    Rule(_ROUTE, "", exactly_one(*_TARGETS), _CREATE_ROUTE),
    Rule(_ROUTE, "destinationCidrBlock", network(), _CREATE_ROUTE),
    Rule(_ROUTE, "destinationIpv6CidrBlock", network6, _CREATE_ROUTE),
    Rule(_TABLE, "routes[]", exactly_one("cidrBlock", "destinationPrefixListId", "ipv6CidrBlock"), _CREATE_ROUTE),
    Rule(_TABLE, "routes[].cidrBlock", network(), _CREATE_ROUTE),
    Rule(_ASSOCIATION, "", exactly_one("gatewayId", "subnetId"), _ASSOCIATE),
    Rule(_NAT, "", _public_nat, _CREATE_NAT),
    Rule(_NAT, "", _private_nat, _CREATE_NAT),
    Rule(_ENDPOINT, "", _endpoint_kind, _CREATE_ENDPOINT),
    Rule(_GROUP, "name", length(1, 255), _CREATE_GROUP),
    Rule(_GROUP, "name", avoids(r"^sg-", "names of security groups must not begin with sg-"), _CREATE_GROUP),
    Rule(_GROUP, "name", avoids(r"^default$", "the name is reserved for the group that each VPC has"), _CREATE_GROUP),
    Rule(_GROUP, "name", matches(_ALPHABET, _says_alphabet), _CREATE_GROUP),
    Rule(_GROUP, "namePrefix", length(0, 229), _CREATE_GROUP),
    Rule(_GROUP, "description", length(1, 255), _CREATE_GROUP),
    Rule(_GROUP, "description", matches(_ALPHABET, _says_alphabet), _CREATE_GROUP),
    *_inline_rules_of(_GROUP),
    *_inline_rules_of(_DEFAULT_GROUP),
    *_rule_of(_INGRESS),
    *_rule_of(_EGRESS),
    Rule(_FLOW_LOG, "", exactly_one(*_WATCHED), _CREATE_LOGS),
    Rule(_FLOW_LOG, "", _log_role, _CREATE_LOGS),
    Rule(_FLOW_LOG, "", _traffic, _CREATE_LOGS),
    Rule(_FLOW_LOG, "maxAggregationInterval", choice(60, 600), _CREATE_LOGS),
)
