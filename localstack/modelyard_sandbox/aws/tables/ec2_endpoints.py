"""EC2: endpoints of services in a VPC. Source: the AWS PrivateLink guide and the EC2 API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Answer, Call, Step, Type, fields
from modelyard_sandbox.aws.tables.ec2_shared import TAGS, arn, filters

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_LISTS: Final = {"routeTableIds": "RouteTableIds", "subnetIds": "SubnetIds", "securityGroupIds": "SecurityGroupIds"}


def _modify(live: Live) -> None:
    sent: dict[str, Any] = {}
    for prop, member in _LISTS.items():
        if prop in live.changed:
            before, wanted = (set(values.get(prop) or []) for values in (live.state, live.inputs))
            sent[f"Add{member}"] = sorted(wanted - before) or None
            sent[f"Remove{member}"] = sorted(before - wanted) or None
    if "policy" in live.changed:
        sent |= {"PolicyDocument": live.inputs["policy"]} if live.inputs.get("policy") else {"ResetPolicy": True}
    if "privateDnsEnabled" in live.changed:
        sent["PrivateDnsEnabled"] = bool(live.inputs.get("privateDnsEnabled"))
    if "ipAddressType" in live.changed:
        sent["IpAddressType"] = live.inputs.get("ipAddressType")
    live.call("modify_vpc_endpoint", VpcEndpointId=live.id, **sent)


def _read_endpoint(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_vpc_endpoints", VpcEndpointIds=[live.id])["VpcEndpoints"][0]
    if found["State"] in ("deleted", "deleting"):
        return None
    prefixes = live.call("describe_prefix_lists", Filters=filters(prefix_list_name=found["ServiceName"]))
    named = [entry for entry in prefixes["PrefixLists"] if entry["PrefixListName"] == found["ServiceName"]]
    gateway = found["VpcEndpointType"] == "Gateway"
    return {
        "arn": arn(live, "vpc-endpoint"),
        "vpcId": found["VpcId"],
        "serviceName": found["ServiceName"],
        "serviceRegion": live.region,
        "vpcEndpointType": found["VpcEndpointType"],
        "state": found["State"],
        "ownerId": found["OwnerId"],
        "policy": found["PolicyDocument"],
        "privateDnsEnabled": not gateway and found["PrivateDnsEnabled"],
        "ipAddressType": found.get("IpAddressType") or ("" if gateway else "ipv4"),
        "requesterManaged": found.get("RequesterManaged", False),
        "routeTableIds": found.get("RouteTableIds", []),
        "subnetIds": found.get("SubnetIds", []),
        "securityGroupIds": [group["GroupId"] for group in found.get("Groups", [])],
        "networkInterfaceIds": found.get("NetworkInterfaceIds", []),
        "dnsEntries": [
            {"dnsName": entry["DnsName"], "hostedZoneId": entry.get("HostedZoneId", "")}
            for entry in found.get("DnsEntries", [])
        ],
        "prefixListId": named[0]["PrefixListId"] if gateway and named else "",
        "cidrBlocks": named[0].get("Cidrs", []) if gateway and named else [],
    }


VPC_ENDPOINT = Type(
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "ec2",
    fields=fields("vpcId", "serviceName", "vpcEndpointType", "privateDnsEnabled", "ipAddressType", "serviceRegion")
    | fields("dnsOptions", "resourceConfigurationArn", "serviceNetworkArn", "subnetConfigurations")
    | {"policy": "PolicyDocument", **_LISTS},
    id=Answer("VpcEndpointId"),
    defaults={"vpcEndpointType": "Gateway", "privateDnsEnabled": False},
    computed=("arn", "cidrBlocks", "dnsEntries", "networkInterfaceIds", "ownerId", "prefixListId")
    + ("requesterManaged", "state"),
    volatile=("networkInterfaceIds", "dnsEntries"),
    create=Call("create_vpc_endpoint", take="VpcEndpoint"),
    read=_read_endpoint,
    update=Step(_modify, on=(*_LISTS, "policy", "privateDnsEnabled", "ipAddressType", "dnsOptions")),
    delete=Call("delete_vpc_endpoints", {"VpcEndpointIds": lambda live: [live.id]}, fill=False),
    json=("policy",),
    sets=tuple(_LISTS),
    inert=("autoAccept",),
    tags=TAGS,
)

TYPES = (VPC_ENDPOINT,)
