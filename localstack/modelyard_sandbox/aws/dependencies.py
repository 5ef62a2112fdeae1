"""What networks, logs and queries must not do because of what else exists: the tests of `refusals.REFUSALS`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_OVER = ("deleted", "deleting")


def _filter(name: str, value: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]}]


def zone_of_another_region(live: Live) -> str | None:
    """A subnet lies in a zone of its own region."""
    zone = live.inputs.get("availabilityZone")
    zones = [found["ZoneName"] for found in live.call("describe_availability_zones")["AvailabilityZones"]]
    if not zone or zone in zones:
        return None
    return (
        f"Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the "
        f"following availability zones: {', '.join(zones)}."
    )


def _gateways_of(live: Live, vpc: str) -> list[str]:
    found = live.call("describe_internet_gateways", Filters=_filter("attachment.vpc-id", vpc))["InternetGateways"]
    return [gateway["InternetGatewayId"] for gateway in found]


def vpc_has_a_gateway(live: Live) -> str | None:
    """A VPC has one internet gateway."""
    vpc = live.inputs.get("vpcId")
    if not vpc or not set(_gateways_of(live, vpc)) - {live.id}:
        return None
    return f"Network {vpc} already has an internet gateway attached"


def gateway_carries_addresses(live: Live) -> str | None:
    """An internet gateway stays while public addresses of its VPC depend on it."""
    vpc = live.get("vpcId")
    if not vpc:
        return None
    found = live.call("describe_nat_gateways", Filters=_filter("vpc-id", vpc))["NatGateways"]
    public = [nat for nat in found if nat["State"] not in _OVER and nat["NatGatewayAddresses"][0].get("PublicIp")]
    if not public:
        return None
    return (
        f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching "
        "the gateway."
    )


def address_is_in_use(live: Live) -> str | None:
    """An address stays while a NAT gateway uses it."""
    for nat in live.call("describe_nat_gateways")["NatGateways"]:
        used = [address.get("AllocationId") for address in nat["NatGatewayAddresses"]]
        if nat["State"] not in _OVER and live.id in used:
            return f"Address {live.get('publicIp')} is in use."
    return None


def nat_has_no_way_out(live: Live) -> str | None:
    """A public NAT gateway lies in a VPC with an internet gateway."""
    if live.inputs.get("connectivityType") == "private" or not live.inputs.get("subnetId"):
        return None
    vpc = live.call("describe_subnets", SubnetIds=[live.inputs["subnetId"]])["Subnets"][0]["VpcId"]
    return None if _gateways_of(live, vpc) else f"Network {vpc} has no Internet gateway attached"


def route_leaves_its_vpc(live: Live) -> str | None:
    """A route's internet gateway belongs to the VPC of its table."""
    gateway, table = live.inputs.get("gatewayId") or "", live.inputs["routeTableId"]
    if not gateway.startswith("igw-"):
        return None
    vpc = live.call("describe_route_tables", RouteTableIds=[table])["RouteTables"][0]["VpcId"]
    live.call("describe_internet_gateways", InternetGatewayIds=[gateway])
    if gateway in _gateways_of(live, vpc):
        return None
    return f"route table {table} and network gateway {gateway} belong to different networks"


def subnet_has_a_table(live: Live) -> str | None:
    """A subnet uses one route table."""
    subnet, table = live.inputs.get("subnetId"), live.inputs["routeTableId"]
    if not subnet:
        return None
    if not live.call("describe_route_tables", Filters=_filter("association.subnet-id", subnet))["RouteTables"]:
        return None
    return f"the specified association for route table {table} conflicts with an existing association"


def service_is_unknown(live: Live) -> str | None:
    """An endpoint leads to a service that its region has, in a way that the service offers."""
    name, kind = live.inputs.get("serviceName") or "", live.inputs.get("vpcEndpointType")
    if not name.startswith("com.amazonaws."):
        return None
    refused = f"The Vpc Endpoint Service '{name}' does not exist"
    try:
        found = live.call("describe_vpc_endpoint_services", ServiceNames=[name])["ServiceDetails"]
    except live.error as error:
        if live.code(error) == "InvalidServiceName":
            return refused
        raise
    offered = {entry["ServiceType"] for service in found for entry in service["ServiceType"]}
    if kind in ("Gateway", "Interface") and kind not in offered:
        return f"{refused} as {kind} endpoint"
    return None


def private_name_is_taken(live: Live) -> str | None:
    """One endpoint in a VPC has the private name of a service, and the VPC resolves names."""
    if not live.inputs.get("privateDnsEnabled"):
        return None
    vpc, service = live.inputs["vpcId"], live.inputs["serviceName"]
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        answer = live.call("describe_vpc_attribute", VpcId=vpc, Attribute=attribute)
        if not answer[attribute[0].upper() + attribute[1:]]["Value"]:
            return (
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to "
                f"true for {vpc}"
            )
    for other in live.call("describe_vpc_endpoints", Filters=_filter("vpc-id", vpc))["VpcEndpoints"]:
        rival = other["ServiceName"] == service and other["VpcEndpointType"] == "Interface"
        if rival and other["VpcEndpointId"] != live.id and other["State"] not in _OVER and other["PrivateDnsEnabled"]:
            name = f"{service.rpartition('.')[2]}.{live.region}.amazonaws.com"
            return (
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                f"{name} in the VPC {vpc}"
            )
    return None


def subnets_share_a_zone(live: Live) -> str | None:
    """An interface endpoint has one subnet in a zone."""
    wanted = live.inputs.get("subnetIds") or []
    if not wanted:
        return None
    seen: set[str] = set()
    for subnet in live.call("describe_subnets", SubnetIds=wanted)["Subnets"]:
        if subnet["AvailabilityZone"] in seen:
            return f"Found another VPC endpoint subnet in the availability zone of {subnet['SubnetId']}"
        seen.add(subnet["AvailabilityZone"])
    return None


def prefix_list_is_missing(live: Live) -> str | None:
    """A rule names a prefix list that exists."""
    wanted = live.inputs.get("prefixListId")
    lists = live.call("describe_managed_prefix_lists")["PrefixLists"] if wanted else []
    if not wanted or any(found["PrefixListId"] == wanted for found in lists):
        return None
    return f"The prefix list ID '{wanted}' does not exist"


def _trusts(document: Any, service: str) -> bool:
    if isinstance(document, str):
        document = json.loads(unquote(document))
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal")
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        if statement["Effect"] == "Allow" and service in ([services] if isinstance(services, str) else services):
            return True
    return False


def flow_logs_are_not_trusted(live: Live) -> str | None:
    """The role of a flow log lets the service of flow logs assume it."""
    role = live.inputs.get("iamRoleArn")
    refused = "Unable to assume given IAM role"
    if not role:
        return None
    try:
        found = live.call("get_role", "iam", RoleName=role.rpartition("/")[2])["Role"]
    except live.error as error:
        if live.is_gone(error):
            return refused
        raise
    return None if _trusts(found["AssumeRolePolicyDocument"], "vpc-flow-logs.amazonaws.com") else refused


def logs_may_not_use_the_key(live: Live) -> str | None:
    """The key of a log group exists, is enabled, and its policy lets the service of logs use it."""
    key = live.inputs.get("kmsKeyId")
    if not key:
        return None
    refused = f"The specified KMS key does not exist or is not allowed to be used with log group {live.inputs['name']}"
    try:
        if live.call("describe_key", "kms", KeyId=key)["KeyMetadata"]["KeyState"] != "Enabled":
            return refused
        policy = live.call("get_key_policy", "kms", KeyId=key, PolicyName="default")["Policy"]
    except live.error as error:
        if live.is_gone(error):
            return refused
        raise
    services = (f"logs.{live.region}.amazonaws.com", "logs.amazonaws.com")
    return None if any(_trusts(policy, service) for service in services) else refused


def workgroup_is_not_empty(live: Live) -> str | None:
    """A workgroup with queries goes only when that is asked for."""
    if live.get("forceDestroy"):
        return None
    lists = {"list_named_queries": "NamedQueryIds", "list_query_executions": "QueryExecutionIds"}
    held = [live.call(operation, WorkGroup=live.id)[member] for operation, member in lists.items()]
    return f"WorkGroup {live.id} is not empty" if any(held) else None
