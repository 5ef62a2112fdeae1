"""VPCs, subnets, gateways, addresses, routes and flow logs through their whole life."""

from __future__ import annotations

import json
from typing import Any

import pytest

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
TABLE = "aws:ec2/routeTable:RouteTable"
ROUTE = "aws:ec2/route:Route"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
EIP = "aws:ec2/eip:Eip"
NAT = "aws:ec2/natGateway:NatGateway"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
ARN = "arn:aws:ec2:eu-west-1:123456789012"


@pytest.fixture
def vpc(cloud: Any) -> Any:
    return cloud.make(VPC, cidrBlock="10.0.0.0/16")


@pytest.fixture
def subnet(cloud: Any, vpc: Any) -> Any:
    return cloud.make(SUBNET, vpcId=vpc.id, cidrBlock="10.0.0.0/24", availabilityZone="eu-west-1a")


@pytest.fixture
def gateway(cloud: Any, vpc: Any) -> Any:
    return cloud.make(GATEWAY, vpcId=vpc.id)


def _nat(cloud: Any, subnet: Any) -> tuple[Any, Any]:
    address = cloud.make(EIP, domain="vpc", tags={"Name": "nat"})
    return address, cloud.make(NAT, allocationId=address["allocationId"], subnetId=subnet.id, tags={"Name": "nat"})


def test_a_vpc_lives_and_dies(cloud: Any) -> None:
    vpc = cloud.make(VPC, cidrBlock="10.0.0.0/16", enableDnsSupport=True, enableDnsHostnames=True, tags={"Name": "ml"})
    assert vpc["arn"] == f"{ARN}:vpc/{vpc.id}"
    assert vpc["ownerId"] == "123456789012"
    starts = {"mainRouteTableId": "rtb-", "defaultSecurityGroupId": "sg-", "defaultNetworkAclId": "acl-"}
    assert {prop: vpc[prop][: len(start)] for prop, start in starts.items()} == starts
    vpc.update(enableDnsHostnames=False)
    vpc.update(tags={"Name": "ml", "team": "platform"})
    assert vpc.forecast(cidrBlock="10.1.0.0/16").replaces == {"cidrBlock"}
    vpc.imported(vpc.id)
    vpc.delete()


def test_a_subnet_lives_and_dies(cloud: Any, vpc: Any) -> None:
    subnet = cloud.make(
        SUBNET,
        vpcId=vpc.id,
        cidrBlock="10.0.0.0/24",
        availabilityZone="eu-west-1a",
        mapPublicIpOnLaunch=False,
        tags={"Name": "private-a"},
    )
    assert subnet["arn"] == f"{ARN}:subnet/{subnet.id}"
    assert subnet["availabilityZoneId"].startswith("euw1-az")
    subnet.update(mapPublicIpOnLaunch=True)
    subnet.update(tags={"Name": "public-a"})
    assert subnet.forecast(availabilityZone="eu-west-1b").replaces == {"availabilityZone"}
    assert subnet.forecast(cidrBlock="10.0.1.0/24").replaces == {"cidrBlock"}
    subnet.imported(subnet.id)
    subnet.delete()


def test_a_subnet_without_a_zone_gets_one_of_its_region(cloud: Any, vpc: Any) -> None:
    subnet = cloud.make(SUBNET, vpcId=vpc.id, cidrBlock="10.0.0.0/24")
    assert subnet["availabilityZone"].startswith("eu-west-1")


def test_the_first_subnet_of_a_zone_gives_no_public_addresses_unasked(cloud: Any, vpc: Any) -> None:
    for zone in ("eu-west-1a", "eu-west-1b", "eu-west-1c"):
        block = f"10.0.{ord(zone[-1]) - 96}.0/24"
        assert not cloud.make(SUBNET, vpcId=vpc.id, cidrBlock=block, availabilityZone=zone)["mapPublicIpOnLaunch"]


def test_an_internet_gateway_moves_between_vpcs_in_place(cloud: Any, gateway: Any) -> None:
    other = cloud.make(VPC, cidrBlock="10.1.0.0/16")
    gateway.update(vpcId=other.id)
    gateway.update(tags={"Name": "out"})
    assert not gateway.forecast(vpcId=None).changed, "left out, it stays where it is"
    gateway.imported(gateway.id)
    gateway.delete()


def test_an_address_and_a_nat_gateway_live_and_die(cloud: Any, subnet: Any, gateway: Any) -> None:
    address, nat = _nat(cloud, subnet)
    assert address.id == address["allocationId"]
    assert address["arn"] == f"{ARN}:elastic-ip/{address.id}"
    assert nat["publicIp"] == address["publicIp"]
    assert nat["connectivityType"] == "public"
    nat.update(tags={"Name": "other"})
    address.update(tags={"Name": "other"})
    assert nat.forecast(subnetId="subnet-0123456789abcdef0").replaces == {"subnetId"}
    nat.imported(nat.id)
    nat.delete()
    address.delete()


def test_a_route_table_has_routes_of_its_own(cloud: Any, vpc: Any, gateway: Any) -> None:
    table = cloud.make(TABLE, vpcId=vpc.id, routes=[{"cidrBlock": "0.0.0.0/0", "gatewayId": gateway.id}])
    table.update(routes=[{"cidrBlock": "192.168.0.0/16", "gatewayId": gateway.id}])
    table.update(tags={"Name": "public"})
    table.imported(table.id)
    table.delete()


def test_routes_written_beside_a_table_are_no_change_of_the_table(cloud: Any, vpc: Any, gateway: Any) -> None:
    table = cloud.make(TABLE, vpcId=vpc.id)
    cloud.make(ROUTE, routeTableId=table.id, destinationCidrBlock="0.0.0.0/0", gatewayId=gateway.id)
    found = table.read()
    assert found is not None
    assert "routes" not in {*table.given}
    assert [route["gatewayId"] for route in found.state["routes"]] == [gateway.id]


def test_a_route_changes_its_target_in_place(cloud: Any, vpc: Any, subnet: Any, gateway: Any) -> None:
    table = cloud.make(TABLE, vpcId=vpc.id)
    _, nat = _nat(cloud, subnet)
    route = cloud.make(ROUTE, routeTableId=table.id, destinationCidrBlock="0.0.0.0/0", gatewayId=gateway.id)
    assert route.id == f"r-{table.id}1080289494", "the real provider takes the CRC of the destination"
    assert (route["origin"], route["state"]) == ("CreateRoute", "active")
    route.update(gatewayId=None, natGatewayId=nat.id)
    assert route.forecast(destinationCidrBlock="10.9.0.0/16").replaces == {"destinationCidrBlock"}
    assert route.imported(f"{table.id}_0.0.0.0/0").inputs["natGatewayId"] == nat.id
    route.delete()


def test_a_subnets_route_table_is_changed_in_place(cloud: Any, vpc: Any, subnet: Any) -> None:
    tables = [cloud.make(TABLE, vpcId=vpc.id).id for _ in range(2)]
    link = cloud.make(ASSOCIATION, subnetId=subnet.id, routeTableId=tables[0])
    assert link.id.startswith("rtbassoc-")
    link.imported(f"{subnet.id}/{tables[0]}")
    link.update(routeTableId=tables[1])
    assert link.forecast(subnetId="subnet-0123456789abcdef0").replaces == {"subnetId"}
    link.delete()


def _role(cloud: Any, service: str) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return cloud.make("aws:iam/role:Role", name="flows", assumeRolePolicy=document)["arn"]


def _flow_log(cloud: Any, vpc: Any, service: str) -> dict[str, Any]:
    group = cloud.make("aws:cloudwatch/logGroup:LogGroup", name="/ml/flows")
    role = _role(cloud, service)
    return {"vpcId": vpc.id, "trafficType": "ALL", "logDestination": group["arn"], "iamRoleArn": role}


def test_a_flow_log_lives_and_dies(cloud: Any, vpc: Any) -> None:
    log = cloud.make(FLOW_LOG, **_flow_log(cloud, vpc, "vpc-flow-logs.amazonaws.com"), tags={"Name": "flows"})
    assert log["arn"] == f"{ARN}:vpc-flow-log/{log.id}"
    assert log["maxAggregationInterval"] == 600
    log.update(tags={"Name": "other"})
    assert log.forecast(trafficType="REJECT").replaces == {"trafficType"}
    log.imported(log.id)
    log.delete()


def test_the_role_of_a_flow_log_must_trust_the_service(cloud: Any, vpc: Any) -> None:
    wanted = _flow_log(cloud, vpc, "ec2.amazonaws.com")
    assert "Unable to assume given IAM role" in cloud.refused(FLOW_LOG, **wanted)


def test_a_vpc_with_a_subnet_a_gateway_a_table_or_a_group_cannot_be_deleted(cloud: Any, vpc: Any) -> None:
    dependents = (
        (SUBNET, {"cidrBlock": "10.0.0.0/24"}),
        (GATEWAY, {}),
        (TABLE, {}),
        ("aws:ec2/securityGroup:SecurityGroup", {"name": "work"}),
    )
    for token, inputs in dependents:
        dependent = cloud.make(token, vpcId=vpc.id, **inputs)
        assert "DependencyViolation" in cloud.refuses_to_delete(vpc), token
        dependent.delete()
    vpc.delete()


def test_a_subnet_with_a_nat_gateway_cannot_be_deleted(cloud: Any, subnet: Any, gateway: Any) -> None:
    _, nat = _nat(cloud, subnet)
    assert "DependencyViolation" in cloud.refuses_to_delete(subnet)
    nat.delete()
    subnet.delete()


def test_an_address_in_use_cannot_be_released(cloud: Any, subnet: Any, gateway: Any) -> None:
    address, nat = _nat(cloud, subnet)
    assert "InvalidIPAddress.InUse" in cloud.refuses_to_delete(address)
    nat.delete()
    address.delete()


def test_an_address_serves_one_nat_gateway(cloud: Any, subnet: Any, gateway: Any) -> None:
    address, _ = _nat(cloud, subnet)
    assert "AlreadyAssociated" in cloud.refused(NAT, allocationId=address.id, subnetId=subnet.id)


def test_an_internet_gateway_stays_while_a_nat_gateway_needs_it(cloud: Any, subnet: Any, gateway: Any) -> None:
    _nat(cloud, subnet)
    assert "mapped public address(es)" in cloud.refuses_to_delete(gateway)


def test_a_vpc_takes_one_internet_gateway(cloud: Any, vpc: Any, gateway: Any) -> None:
    assert "already has an internet gateway attached" in cloud.refused(GATEWAY, vpcId=vpc.id)


def test_a_nat_gateway_needs_an_internet_gateway_in_its_vpc(cloud: Any, subnet: Any) -> None:
    address = cloud.make(EIP, domain="vpc")
    assert "Gateway.NotAttached" in cloud.refused(NAT, allocationId=address.id, subnetId=subnet.id)


def test_subnets_that_overlap_are_refused(cloud: Any, vpc: Any, subnet: Any) -> None:
    assert "InvalidSubnet.Conflict" in cloud.refused(SUBNET, vpcId=vpc.id, cidrBlock="10.0.0.128/25")


def test_a_subnet_outside_its_vpc_is_refused(cloud: Any, vpc: Any) -> None:
    assert "InvalidSubnet.Range" in cloud.refused(SUBNET, vpcId=vpc.id, cidrBlock="10.9.0.0/24")


def test_a_subnet_in_a_zone_of_another_region_is_refused(cloud: Any, vpc: Any) -> None:
    message = cloud.refused(SUBNET, vpcId=vpc.id, cidrBlock="10.0.0.0/24", availabilityZone="us-east-1a")
    assert "InvalidParameterValue" in message and "eu-west-1a" in message


def test_a_route_to_the_gateway_of_another_vpc_is_refused(cloud: Any, gateway: Any) -> None:
    other = cloud.make(VPC, cidrBlock="10.1.0.0/16")
    table = cloud.make(TABLE, vpcId=other.id)
    message = cloud.refused(ROUTE, routeTableId=table.id, destinationCidrBlock="0.0.0.0/0", gatewayId=gateway.id)
    assert "belong to different networks" in message


def test_a_second_route_to_one_destination_is_refused(cloud: Any, vpc: Any, gateway: Any) -> None:
    table = cloud.make(TABLE, vpcId=vpc.id)
    route = {"routeTableId": table.id, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateway.id}
    cloud.make(ROUTE, **route)
    assert "RouteAlreadyExists" in cloud.refused(ROUTE, **route)


def test_a_subnet_has_one_route_table(cloud: Any, vpc: Any, subnet: Any) -> None:
    first, second = (cloud.make(TABLE, vpcId=vpc.id) for _ in range(2))
    cloud.make(ASSOCIATION, subnetId=subnet.id, routeTableId=first.id)
    assert "Resource.AlreadyAssociated" in cloud.refused(ASSOCIATION, subnetId=subnet.id, routeTableId=second.id)


def test_a_route_table_in_use_cannot_be_deleted(cloud: Any, vpc: Any, subnet: Any) -> None:
    table = cloud.make(TABLE, vpcId=vpc.id)
    cloud.make(ASSOCIATION, subnetId=subnet.id, routeTableId=table.id)
    assert "DependencyViolation" in cloud.refuses_to_delete(table)
