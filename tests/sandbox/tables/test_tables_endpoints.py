"""Endpoints of services in a VPC through their whole life."""

from __future__ import annotations

import json
from typing import Any

import pytest

ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
SUBNET = "aws:ec2/subnet:Subnet"
STS = "com.amazonaws.eu-west-1.sts"
S3 = "com.amazonaws.eu-west-1.s3"


def policy(account: str) -> str:
    """An endpoint's policy that lets one account through."""
    own = {"StringEquals": {"aws:PrincipalAccount": account}}
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": own}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def vpc(cloud: Any) -> Any:
    return cloud.make("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16", enableDnsHostnames=True)


@pytest.fixture
def subnets(cloud: Any, vpc: Any) -> list[Any]:
    return [
        cloud.make(SUBNET, vpcId=vpc.id, cidrBlock=f"10.0.{place}.0/24", availabilityZone=f"eu-west-1{zone}")
        for place, zone in enumerate("ab")
    ]


@pytest.fixture
def group(cloud: Any, vpc: Any) -> Any:
    return cloud.make("aws:ec2/securityGroup:SecurityGroup", name="endpoints", vpcId=vpc.id)


def _table(cloud: Any, vpc: Any) -> str:
    return cloud.make("aws:ec2/routeTable:RouteTable", vpcId=vpc.id).id


def _interface(vpc: Any, subnets: list[Any], group: Any, **changes: Any) -> dict[str, Any]:
    return {
        "vpcId": vpc.id,
        "serviceName": STS,
        "vpcEndpointType": "Interface",
        "subnetIds": [subnet.id for subnet in subnets],
        "securityGroupIds": [group.id],
        "privateDnsEnabled": True,
        **changes,
    }


def _ways_to(cloud: Any, table: str) -> list[str]:
    routes = cloud.client("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return [route["DestinationPrefixListId"] for route in routes if route.get("DestinationPrefixListId")]


def test_a_gateway_endpoint_lives_and_dies_in_route_tables(cloud: Any, vpc: Any) -> None:
    first, second = _table(cloud, vpc), _table(cloud, vpc)
    endpoint = cloud.make(
        ENDPOINT,
        vpcId=vpc.id,
        serviceName=S3,
        vpcEndpointType="Gateway",
        routeTableIds=[first],
        policy=policy("123456789012"),
        tags={"Name": "s3"},
    )
    assert endpoint["arn"] == f"arn:aws:ec2:eu-west-1:123456789012:vpc-endpoint/{endpoint.id}"
    assert endpoint["state"] == "available"
    assert _ways_to(cloud, first) == [endpoint["prefixListId"]]
    endpoint.update(routeTableIds=[second])
    assert (_ways_to(cloud, first), _ways_to(cloud, second)) == ([], [endpoint["prefixListId"]])
    endpoint.update(policy=policy("210987654321"))
    endpoint.update(tags={"Name": "objects"})
    assert endpoint.forecast(serviceName="com.amazonaws.eu-west-1.dynamodb").replaces == {"serviceName"}
    endpoint.imported(endpoint.id)
    endpoint.delete()
    assert _ways_to(cloud, second) == []


def test_an_endpoint_keeps_its_policy_where_nobody_speaks_of_it(cloud: Any, vpc: Any) -> None:
    endpoint = cloud.make(ENDPOINT, vpcId=vpc.id, serviceName=S3, policy=policy("123456789012"))
    assert not endpoint.forecast(policy=None).changed, "the provider would not let everybody through either"
    assert "Condition" in json.loads(endpoint["policy"])["Statement"][0]


def test_an_interface_endpoint_lives_and_dies_in_subnets(cloud: Any, vpc: Any, subnets: Any, group: Any) -> None:
    endpoint = cloud.make(ENDPOINT, **_interface(vpc, subnets, group))
    assert len(endpoint["networkInterfaceIds"]) == 2
    assert endpoint["dnsEntries"][0]["hostedZoneId"]
    endpoint.update(subnetIds=[subnets[0].id])
    assert len(endpoint["networkInterfaceIds"]) == 1
    endpoint.update(privateDnsEnabled=False)
    endpoint.imported(endpoint.id)
    endpoint.delete()
    for subnet in subnets:
        subnet.delete()


def test_an_interface_endpoint_without_a_group_takes_the_default_one(cloud: Any, vpc: Any, subnets: Any) -> None:
    wanted = {"serviceName": STS, "vpcEndpointType": "Interface", "subnetIds": [subnet.id for subnet in subnets]}
    endpoint = cloud.make(ENDPOINT, vpcId=vpc.id, **wanted)
    assert endpoint["securityGroupIds"] == [vpc["defaultSecurityGroupId"]]


def test_subnets_and_groups_in_use_by_an_endpoint_cannot_be_deleted(
    cloud: Any, vpc: Any, subnets: Any, group: Any
) -> None:
    endpoint = cloud.make(ENDPOINT, **_interface(vpc, subnets, group))
    for used in (subnets[0], group, vpc):
        assert "DependencyViolation" in cloud.refuses_to_delete(used), used.token
    endpoint.delete()
    group.delete()


def test_two_endpoints_cannot_have_the_private_name_of_one_service(
    cloud: Any, vpc: Any, subnets: Any, group: Any
) -> None:
    cloud.make(ENDPOINT, **_interface(vpc, subnets, group))
    second = _interface(vpc, subnets, group)
    assert "conflicting DNS domain for sts.eu-west-1.amazonaws.com" in cloud.refused(ENDPOINT, **second)
    cloud.make(ENDPOINT, **{**second, "privateDnsEnabled": False})


def test_private_names_need_a_vpc_that_resolves_them(cloud: Any, vpc: Any, subnets: Any, group: Any) -> None:
    vpc.update(enableDnsHostnames=False)
    assert "enableDnsHostnames" in cloud.refused(ENDPOINT, **_interface(vpc, subnets, group))


def test_an_endpoint_of_an_unknown_service_is_refused(cloud: Any, vpc: Any, subnets: Any, group: Any) -> None:
    nonsense = _interface(vpc, subnets, group, serviceName="com.amazonaws.eu-west-1.nonsense")
    assert "InvalidServiceName" in cloud.refused(ENDPOINT, **nonsense)


def test_a_gateway_endpoint_of_an_interface_service_is_refused(cloud: Any, vpc: Any) -> None:
    assert "InvalidServiceName" in cloud.refused(ENDPOINT, vpcId=vpc.id, serviceName=STS, vpcEndpointType="Gateway")


def test_an_endpoint_has_one_subnet_in_a_zone(cloud: Any, vpc: Any, subnets: Any, group: Any) -> None:
    twin = cloud.make(SUBNET, vpcId=vpc.id, cidrBlock="10.0.9.0/24", availabilityZone="eu-west-1a")
    assert "DuplicateSubnetsInSameZone" in cloud.refused(ENDPOINT, **_interface(vpc, [*subnets, twin], group))
