"""Security groups, their rules, and the default group of a VPC, through their whole life."""

from __future__ import annotations

from typing import Any

import pytest

VPC = "aws:ec2/vpc:Vpc"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
HTTPS: dict[str, Any] = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
INLINE_HTTPS: dict[str, Any] = {"protocol": "tcp", "fromPort": 443, "toPort": 443}


@pytest.fixture
def vpc(cloud: Any) -> Any:
    return cloud.make(VPC, cidrBlock="10.0.0.0/16")


@pytest.fixture
def group(cloud: Any, vpc: Any) -> Any:
    return cloud.make(GROUP, name="work", description="Jobs", vpcId=vpc.id, tags={"Name": "work"})


@pytest.fixture
def other(cloud: Any, vpc: Any) -> Any:
    return cloud.make(GROUP, name="endpoints", description="Endpoints", vpcId=vpc.id)


def _kept(cloud: Any, group: Any) -> dict[str, Any]:
    return cloud.client("ec2").describe_security_groups(GroupIds=[group.id])["SecurityGroups"][0]


def test_a_new_group_lets_nothing_out(cloud: Any, group: Any) -> None:
    assert _kept(cloud, group)["IpPermissionsEgress"] == []


def test_a_group_lives_and_dies(cloud: Any, group: Any) -> None:
    assert group["arn"] == f"arn:aws:ec2:eu-west-1:123456789012:security-group/{group.id}"
    group.update(tags={"Name": "jobs"})
    assert group.forecast(description="Tasks").replaces == {"description"}
    assert group.forecast(name="tasks").replaces == {"name"}
    group.imported(group.id)
    group.delete()


def test_a_group_has_rules_of_its_own(cloud: Any, vpc: Any, other: Any) -> None:
    ingress = [{**INLINE_HTTPS, "cidrBlocks": ["10.0.0.0/24", "10.0.1.0/24"], "description": "inside"}]
    egress = [{**INLINE_HTTPS, "securityGroups": [other.id], "self": True}]
    group = cloud.make(GROUP, name="inline", vpcId=vpc.id, ingress=ingress, egress=egress)
    assert len(_kept(cloud, group)["IpPermissions"][0]["IpRanges"]) == 2
    group.update(ingress=[{"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}])
    assert not group.forecast(egress=None).changed, "rules of which nobody speaks may be rules of their own"
    group.update(egress=[])
    assert _kept(cloud, group)["IpPermissionsEgress"] == []


def test_rules_written_by_hand_show_as_drift(cloud: Any, vpc: Any) -> None:
    ingress = [{**INLINE_HTTPS, "cidrBlocks": ["10.0.0.0/24"]}]
    group = cloud.make(GROUP, name="inline", vpcId=vpc.id, ingress=ingress)
    opened = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    cloud.client("ec2").authorize_security_group_ingress(GroupId=group.id, IpPermissions=[opened])
    found = group.read()
    assert [rule["fromPort"] for rule in found.inputs["ingress"]] == [443, 22]


def test_a_rule_between_groups_keeps_its_description(cloud: Any, group: Any, other: Any) -> None:
    rule = cloud.make(
        INGRESS,
        securityGroupId=other.id,
        referencedSecurityGroupId=group.id,
        description="work to endpoints",
        tags={"Name": "work"},
        **HTTPS,
    )
    assert rule.id.startswith("sgr-")
    assert rule["arn"] == f"arn:aws:ec2:eu-west-1:123456789012:security-group-rule/{rule.id}"
    rule.update(description="jobs to endpoints")
    rule.update(fromPort=8443, toPort=8443)
    rule.update(tags={"Name": "jobs"})
    assert rule.forecast(securityGroupId=group.id).replaces == {"securityGroupId"}
    rule.imported(rule.id)
    rule.delete()


def test_a_rule_changes_its_source_in_place(cloud: Any, group: Any, other: Any) -> None:
    rule = cloud.make(EGRESS, securityGroupId=group.id, cidrIpv4="0.0.0.0/0", description="anywhere", **HTTPS)
    rule.update(cidrIpv4=None, referencedSecurityGroupId=other.id)
    rule.delete()


def test_a_rule_of_everything_has_no_ports(cloud: Any, group: Any) -> None:
    rule = cloud.make(
        EGRESS, securityGroupId=group.id, referencedSecurityGroupId=group.id, ipProtocol="-1", description="itself"
    )
    assert "fromPort" not in rule.state
    rule.imported(rule.id)
    rule.delete()


def test_a_rule_leads_to_a_prefix_list(cloud: Any, group: Any) -> None:
    lists = cloud.client("ec2").describe_managed_prefix_lists()["PrefixLists"]
    found = next(entry for entry in lists if entry["PrefixListName"].endswith(".s3"))["PrefixListId"]
    rule = cloud.make(EGRESS, securityGroupId=group.id, prefixListId=found, description="S3", **HTTPS)
    rule.delete()


def test_a_prefix_list_that_does_not_exist_is_refused(cloud: Any, group: Any) -> None:
    message = cloud.refused(EGRESS, securityGroupId=group.id, prefixListId="pl-0123456789abcdef0", **HTTPS)
    assert "InvalidPrefixListID.NotFound" in message


def test_a_rule_twice_is_refused(cloud: Any, group: Any) -> None:
    rule = {"securityGroupId": group.id, "cidrIpv4": "10.0.0.0/24", **HTTPS}
    cloud.make(INGRESS, **rule)
    assert "InvalidPermission.Duplicate" in cloud.refused(INGRESS, **rule)


def test_a_group_that_another_refers_to_cannot_be_deleted(cloud: Any, group: Any, other: Any) -> None:
    for token in (INGRESS, EGRESS):
        rule = cloud.make(token, securityGroupId=other.id, referencedSecurityGroupId=group.id, **HTTPS)
        assert "DependencyViolation" in cloud.refuses_to_delete(group), token
        rule.delete()
    group.delete()


def test_a_group_that_refers_to_itself_can_be_deleted(cloud: Any, group: Any) -> None:
    cloud.make(INGRESS, securityGroupId=group.id, referencedSecurityGroupId=group.id, ipProtocol="-1")
    group.delete()


def test_a_group_of_the_same_name_in_a_vpc_is_refused(cloud: Any, vpc: Any, group: Any) -> None:
    assert "InvalidGroup.Duplicate" in cloud.refused(GROUP, name="work", vpcId=vpc.id)


def test_the_default_group_is_adopted_without_its_rules_and_outlives_its_resource(cloud: Any, vpc: Any) -> None:
    default = cloud.make(DEFAULT, vpcId=vpc.id, ingress=[], egress=[], tags={"Name": "closed"})
    assert default.id == vpc["defaultSecurityGroupId"]
    assert default["name"] == "default"
    kept = _kept(cloud, default)
    assert (kept["IpPermissions"], kept["IpPermissionsEgress"]) == ([], [])
    default.update(egress=[{**INLINE_HTTPS, "cidrBlocks": ["10.0.0.0/16"]}])
    default.update(tags={"Name": "shut"})
    cloud.provider.delete(default.token, default.id, default.urn, default.state)
    assert _kept(cloud, default)["GroupName"] == "default"
