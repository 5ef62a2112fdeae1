"""EC2: VPCs, subnets, gateways, addresses and flow logs. Source: the EC2 API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Answer, Call, Step, Type, fields
from modelyard_sandbox.aws.refusals import RefusedByService
from modelyard_sandbox.aws.tables.ec2_shared import ARN, TAGS, arn, filters

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_VPC_ATTRIBUTES: Final = {
    "enableDnsSupport": True,
    "enableDnsHostnames": False,
    "enableNetworkAddressUsageMetrics": False,
}
"""Attributes of a VPC, and what AWS gives a new one."""


def _member(prop: str) -> str:
    return prop[0].upper() + prop[1:]


def _set_vpc_attributes(live: Live) -> None:
    for prop, at_birth in _VPC_ATTRIBUTES.items():
        wanted = live.inputs.get(prop, at_birth)
        if prop in live.changed if live.changed else wanted != at_birth:
            live.call("modify_vpc_attribute", VpcId=live.id, **{_member(prop): {"Value": wanted}})


def _read_vpc(live: Live) -> dict[str, Any]:
    vpc = live.call("describe_vpcs", VpcIds=[live.id])["Vpcs"][0]
    main = live.call("describe_route_tables", Filters=filters(vpc_id=live.id) + _MAIN)["RouteTables"]
    groups = live.call("describe_security_groups", Filters=filters(vpc_id=live.id, group_name="default"))
    lists = live.call("describe_network_acls", Filters=filters(vpc_id=live.id, default="true"))["NetworkAcls"]
    sixes = vpc.get("Ipv6CidrBlockAssociationSet") or [{}]
    found = {
        "arn": arn(live, "vpc"),
        "cidrBlock": vpc["CidrBlock"],
        "instanceTenancy": vpc["InstanceTenancy"],
        "dhcpOptionsId": vpc["DhcpOptionsId"],
        "ownerId": vpc["OwnerId"],
        "mainRouteTableId": main[0]["RouteTableId"] if main else "",
        "defaultRouteTableId": main[0]["RouteTableId"] if main else "",
        "defaultSecurityGroupId": next((group["GroupId"] for group in groups["SecurityGroups"]), ""),
        "defaultNetworkAclId": next((found["NetworkAclId"] for found in lists), ""),
        "ipv6AssociationId": sixes[0].get("AssociationId", ""),
        "ipv6CidrBlock": sixes[0].get("Ipv6CidrBlock", ""),
        "ipv6CidrBlockNetworkBorderGroup": sixes[0].get("NetworkBorderGroup", ""),
        "assignGeneratedIpv6CidrBlock": "AssociationId" in sixes[0],
    }
    for prop in _VPC_ATTRIBUTES:
        answer = live.call("describe_vpc_attribute", VpcId=live.id, Attribute=prop)
        found[prop] = answer[_member(prop)]["Value"]
    return found


_MAIN: Final = [{"Name": "association.main", "Values": ["true"]}]
_SET_VPC_ATTRIBUTES: Final = Step(_set_vpc_attributes, on=tuple(_VPC_ATTRIBUTES))
VPC = Type(
    "aws:ec2/vpc:Vpc",
    "ec2",
    fields=fields("cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength", "ipv6CidrBlock")
    | fields("ipv6IpamPoolId", "ipv6NetmaskLength", "ipv6CidrBlockNetworkBorderGroup")
    | {"assignGeneratedIpv6CidrBlock": "AmazonProvidedIpv6CidrBlock"},
    id=Answer("VpcId"),
    defaults={"instanceTenancy": "default", "assignGeneratedIpv6CidrBlock": False, **_VPC_ATTRIBUTES},
    computed=("arn", "dhcpOptionsId", "ownerId", "ipv6AssociationId")
    + ("mainRouteTableId", "defaultRouteTableId", "defaultSecurityGroupId", "defaultNetworkAclId"),
    create=(Call("create_vpc", take="Vpc"), _SET_VPC_ATTRIBUTES),
    read=_read_vpc,
    update=_SET_VPC_ATTRIBUTES,
    delete=Call("delete_vpc", {"VpcId": "id"}, fill=False),
    tags=TAGS,
)


def _zone(live: Live) -> str | None:
    """The zone asked for, else the region's first: AWS chooses one, moto always takes one of us-east-1."""
    if live.inputs.get("availabilityZone") or live.inputs.get("availabilityZoneId"):
        return live.inputs.get("availabilityZone")
    return live.call("describe_availability_zones")["AvailabilityZones"][0]["ZoneName"]


_SUBNET_ATTRIBUTES: Final = {
    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
    "assignIpv6AddressOnCreation": "AssignIpv6AddressOnCreation",
    "enableDns64": "EnableDns64",
    "enableResourceNameDnsARecordOnLaunch": "EnableResourceNameDnsARecordOnLaunch",
    "enableResourceNameDnsAaaaRecordOnLaunch": "EnableResourceNameDnsAAAARecordOnLaunch",
}


def _set_subnet_attributes(live: Live) -> None:
    for prop, member in _SUBNET_ATTRIBUTES.items():
        wanted = live.inputs.get(prop, False)
        if prop in live.changed if live.changed else wanted != live.answer.get(member, False):
            live.call("modify_subnet_attribute", SubnetId=live.id, **{member: {"Value": wanted}})


def _read_subnet(live: Live) -> dict[str, Any]:
    subnet = live.call("describe_subnets", SubnetIds=[live.id])["Subnets"][0]
    sixes = subnet.get("Ipv6CidrBlockAssociationSet") or [{}]
    names = subnet.get("PrivateDnsNameOptionsOnLaunch") or {}
    return {
        "arn": subnet["SubnetArn"],
        "vpcId": subnet["VpcId"],
        "cidrBlock": subnet["CidrBlock"],
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet["AvailabilityZoneId"],
        "ownerId": subnet["OwnerId"],
        "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
        "assignIpv6AddressOnCreation": subnet["AssignIpv6AddressOnCreation"],
        "enableResourceNameDnsARecordOnLaunch": names.get("EnableResourceNameDnsARecord", False),
        "privateDnsHostnameTypeOnLaunch": names.get("HostnameType", "ip-name"),
        "ipv6Native": subnet.get("Ipv6Native", False),
        "ipv6CidrBlock": sixes[0].get("Ipv6CidrBlock", ""),
        "ipv6CidrBlockAssociationId": sixes[0].get("AssociationId", ""),
    }


_SET_SUBNET_ATTRIBUTES: Final = Step(_set_subnet_attributes, on=tuple(_SUBNET_ATTRIBUTES))
SUBNET = Type(
    "aws:ec2/subnet:Subnet",
    "ec2",
    fields=fields("vpcId", "cidrBlock", "availabilityZoneId", "ipv6CidrBlock", "ipv6Native", "outpostArn")
    | fields("ipv4IpamPoolId", "ipv4NetmaskLength", "ipv6IpamPoolId", "ipv6NetmaskLength"),
    id=Answer("SubnetId"),
    defaults={"ipv6Native": False, **dict.fromkeys(_SUBNET_ATTRIBUTES, False)},
    computed=("arn", "ownerId", "ipv6CidrBlockAssociationId"),
    create=(Call("create_subnet", {"AvailabilityZone": _zone}, take="Subnet"), _SET_SUBNET_ATTRIBUTES),
    read=_read_subnet,
    update=_SET_SUBNET_ATTRIBUTES,
    delete=Call("delete_subnet", {"SubnetId": "id"}, fill=False),
    tags=TAGS,
)


def _attach(live: Live) -> None:
    before, wanted = live.old.get("vpcId"), live.inputs.get("vpcId")
    if before:
        live.call("detach_internet_gateway", InternetGatewayId=live.id, VpcId=before)
    if wanted:
        live.call("attach_internet_gateway", InternetGatewayId=live.id, VpcId=wanted)


def _detach(live: Live) -> None:
    if live.get("vpcId"):
        live.call("detach_internet_gateway", InternetGatewayId=live.id, VpcId=live.get("vpcId"))


def _read_internet_gateway(live: Live) -> dict[str, Any]:
    gateway = live.call("describe_internet_gateways", InternetGatewayIds=[live.id])["InternetGateways"][0]
    attached = gateway.get("Attachments") or [{}]
    return {
        "arn": arn(live, "internet-gateway"),
        "ownerId": gateway["OwnerId"],
        "vpcId": attached[0].get("VpcId", ""),
    }


_ATTACH: Final = Step(_attach, on=("vpcId",))
INTERNET_GATEWAY = Type(
    "aws:ec2/internetGateway:InternetGateway",
    "ec2",
    id=Answer("InternetGatewayId"),
    computed=("arn", "ownerId"),
    create=(Call("create_internet_gateway", take="InternetGateway"), _ATTACH),
    read=_read_internet_gateway,
    update=_ATTACH,
    delete=(_detach, Call("delete_internet_gateway", {"InternetGatewayId": "id"}, fill=False)),
    gone=("Gateway.NotAttached",),
    tags=TAGS,
)


def _public_name(live: Live, address: str) -> str:
    place = "compute-1" if live.region == "us-east-1" else f"{live.region}.compute"
    return f"ec2-{address.replace('.', '-')}.{place}.amazonaws.com"


def _associate(live: Live) -> None:
    if live.changed and live.state.get("associationId"):
        live.call("disassociate_address", AssociationId=live.state["associationId"])
    instance, interface = live.inputs.get("instance"), live.inputs.get("networkInterface")
    if instance or interface:
        live.call(
            "associate_address",
            AllocationId=live.id,
            InstanceId=instance,
            NetworkInterfaceId=interface,
            PrivateIpAddress=live.inputs.get("associateWithPrivateIp"),
        )


def _read_address(live: Live) -> dict[str, Any]:
    address = live.call("describe_addresses", AllocationIds=[live.id])["Addresses"][0]
    private = address.get("PrivateIpAddress", "")
    return {
        "arn": arn(live, "elastic-ip"),
        "allocationId": address["AllocationId"],
        "associationId": address.get("AssociationId", ""),
        "domain": address["Domain"],
        "publicIp": address["PublicIp"],
        "publicDns": _public_name(live, address["PublicIp"]),
        "privateIp": private,
        "privateDns": f"ip-{private.replace('.', '-')}.{live.region}.compute.internal" if private else "",
        "instance": address.get("InstanceId", ""),
        "networkInterface": address.get("NetworkInterfaceId", ""),
        "networkBorderGroup": live.region,
        "publicIpv4Pool": address.get("PublicIpv4Pool", "amazon"),
    }


def _free(live: Live) -> None:
    address = live.call("describe_addresses", AllocationIds=[live.id])["Addresses"][0]
    if address.get("AssociationId"):
        live.call("disassociate_address", AssociationId=address["AssociationId"])


_ASSOCIATE: Final = Step(_associate, on=("instance", "networkInterface", "associateWithPrivateIp"))
_OF_USE: Final = ("associationId", "privateIp", "privateDns")
EIP = Type(
    "aws:ec2/eip:Eip",
    "ec2",
    fields=fields("domain", "address", "publicIpv4Pool", "networkBorderGroup", "customerOwnedIpv4Pool", "ipamPoolId"),
    id=Answer("AllocationId"),
    defaults={"domain": "vpc"},
    computed=("arn", "allocationId", "publicIp", "publicDns", "carrierIp", "customerOwnedIp", "ptrRecord", *_OF_USE),
    volatile=_OF_USE,
    create=(Call("allocate_address"), _ASSOCIATE),
    read=_read_address,
    update=_ASSOCIATE,
    delete=(_free, Call("release_address", {"AllocationId": "id"}, fill=False)),
    tags=TAGS,
)


def _read_nat_gateway(live: Live) -> dict[str, Any] | None:
    gateways = live.call("describe_nat_gateways", NatGatewayIds=[live.id])["NatGateways"]
    if not gateways or gateways[0]["State"] in ("deleting", "deleted"):
        return None
    address, *others = gateways[0]["NatGatewayAddresses"]
    return {
        "allocationId": address.get("AllocationId"),
        "associationId": address.get("AssociationId", ""),
        "connectivityType": gateways[0].get("ConnectivityType", live.get("connectivityType") or "public"),
        "availabilityMode": "zonal",
        "networkInterfaceId": address["NetworkInterfaceId"],
        "privateIp": address["PrivateIp"],
        "publicIp": address.get("PublicIp", ""),
        "secondaryAllocationIds": [other["AllocationId"] for other in others],
        "subnetId": gateways[0]["SubnetId"],
        "vpcId": gateways[0]["VpcId"],
    }


NAT_GATEWAY = Type(
    "aws:ec2/natGateway:NatGateway",
    "ec2",
    fields=fields(
        "subnetId", "allocationId", "connectivityType", "secondaryAllocationIds", privateIp="PrivateIpAddress"
    )
    | fields("availabilityMode", "vpcId", "secondaryPrivateIpAddressCount", "secondaryPrivateIpAddresses"),
    id=Answer("NatGatewayId"),
    defaults={"connectivityType": "public"},
    computed=("associationId", "networkInterfaceId", "publicIp", "autoProvisionZones", "autoScalingIps")
    + ("regionalNatGatewayAddresses", "regionalNatGatewayAutoMode", "routeTableId"),
    create=Call("create_nat_gateway", take="NatGateway"),
    read=_read_nat_gateway,
    delete=Call("delete_nat_gateway", {"NatGatewayId": "id"}, fill=False),
    sets=("secondaryAllocationIds",),
    tags=TAGS,
)

_WATCHED: Final = {
    "vpcId": "VPC",
    "subnetId": "Subnet",
    "eniId": "NetworkInterface",
    "transitGatewayId": "TransitGateway",
    "transitGatewayAttachmentId": "TransitGatewayAttachment",
}
_PREFIXES: Final = {"vpc-": "vpcId", "subnet-": "subnetId", "eni-": "eniId", "tgw-a": "transitGatewayAttachmentId"}


def _create_flow_log(live: Live) -> dict[str, Any]:
    watched, kind = next((prop, kind) for prop, kind in _WATCHED.items() if live.inputs.get(prop))
    answer = live.call(
        "create_flow_logs",
        ResourceIds=[live.inputs[watched]],
        ResourceType=kind,
        TrafficType=live.inputs.get("trafficType"),
        LogDestinationType=live.inputs["logDestinationType"],
        LogDestination=live.inputs.get("logDestination"),
        LogFormat=live.inputs.get("logFormat"),
        MaxAggregationInterval=live.inputs["maxAggregationInterval"],
        DeliverLogsPermissionArn=live.inputs.get("iamRoleArn"),
        DeliverCrossAccountRole=live.inputs.get("deliverCrossAccountRole"),
    )
    for failed in answer.get("Unsuccessful", []):
        raise RefusedByService("CreateFlowLogs", failed["Error"]["Code"], failed["Error"]["Message"])
    return answer


def _read_flow_log(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_flow_logs", FlowLogIds=[live.id])["FlowLogs"]
    if not found:
        return None
    watched = next((prop for start, prop in _PREFIXES.items() if found[0]["ResourceId"].startswith(start)), "vpcId")
    return {
        "arn": arn(live, "vpc-flow-log"),
        watched: found[0]["ResourceId"],
        "trafficType": found[0]["TrafficType"],
        "logDestinationType": found[0]["LogDestinationType"],
        "logDestination": found[0].get("LogDestination"),
        "logFormat": found[0]["LogFormat"],
        "maxAggregationInterval": found[0]["MaxAggregationInterval"],
        "iamRoleArn": found[0].get("DeliverLogsPermissionArn"),
    }


FLOW_LOG = Type(
    "aws:ec2/flowLog:FlowLog",
    "ec2",
    id=lambda live: live.answer["FlowLogIds"][0],
    defaults={"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600},
    computed=ARN,
    create=_create_flow_log,
    read=_read_flow_log,
    delete=Call("delete_flow_logs", {"FlowLogIds": lambda live: [live.id]}, fill=False),
    tags=TAGS,
)

TYPES = (VPC, SUBNET, INTERNET_GATEWAY, EIP, NAT_GATEWAY, FLOW_LOG)
