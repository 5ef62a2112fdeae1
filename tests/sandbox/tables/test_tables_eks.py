"""EKS clusters over their table: made, changed one step and one kind at a time, and what EKS refuses of them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from tests.sandbox.tables.clusters import CLUSTER, asked, cluster, group, key, nodes, role, subnets

from modelyard_sandbox.accounting import counted

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made


def refused(cloud: Cloud, **changes: Any) -> str:
    return cloud.refused(CLUSTER, **asked(cloud, **changes))


def fails(made: Made, **changes: Any) -> str:
    with pytest.raises(Exception) as caught:
        made.update(**changes)
    return str(caught.value)


def network(made: Made, **changes: Any) -> dict[str, Any]:
    return {**made.given["vpcConfig"], **changes}


def test_a_cluster_shows_what_its_clients_need(cloud: Cloud):
    made = cluster(cloud)
    assert made.id == "ml"
    assert made["arn"] == "arn:aws:eks:eu-west-1:123456789012:cluster/ml"
    assert made["endpoint"].startswith("https://") and made["endpoint"].endswith(".gr7.eu-west-1.eks.amazonaws.com")
    (identity,) = made["identities"]
    assert identity["oidcs"][0]["issuer"].startswith("https://oidc.eks.eu-west-1.amazonaws.com/id/")
    assert base64.b64decode(made["certificateAuthority"]["data"]).startswith(b"-----BEGIN CERTIFICATE-----")
    assert (made["version"], made["platformVersion"], made["status"]) == ("1.33", "eks.33", "ACTIVE")
    assert made["vpcConfig"]["clusterSecurityGroupId"].startswith("sg-") and made["vpcConfig"]["vpcId"]
    assert made["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "10.100.0.0/16"


def test_an_import_takes_for_default_what_eks_never_shows(cloud: Cloud):
    made = cluster(cloud, accessConfig={"authenticationMode": "API"}, bootstrapSelfManagedAddons=None)
    made.imported("ml")


def test_a_cluster_that_names_little_gets_the_newest_version_and_stays_with_it(cloud: Cloud):
    made = cluster(cloud, version=None, accessConfig=None, vpcConfig={"subnetIds": subnets(cloud)})
    assert made["version"] == "1.35"
    assert made["accessConfig"]["authenticationMode"] == "CONFIG_MAP"
    assert made["vpcConfig"]["publicAccessCidrs"] == ["0.0.0.0/0"]


def test_a_cluster_changes_in_place(cloud: Cloud):
    made = cluster(cloud)
    made.update(version="1.34")
    assert made["platformVersion"] == "eks.19"
    made.update(enabledClusterLogTypes=["audit", "api"])
    made.update(enabledClusterLogTypes=["audit"])
    made.update(enabledClusterLogTypes=None)
    made.update(upgradePolicy={"supportType": "STANDARD"})
    made.update(zonalShiftConfig={"enabled": True})
    made.update(vpcConfig=network(made, endpointPublicAccess=True, publicAccessCidrs=["192.0.2.0/24"]))
    made.update(vpcConfig=network(made, securityGroupIds=[group(cloud)]))
    made.update(encryptionConfig={"provider": {"keyArn": key(cloud)}, "resources": ["secrets"]})
    made.update(tags={"owner": "us", "stage": "prod"})
    made.update(tags={"team": "b"})
    tags = cloud.client("eks").describe_cluster(name="ml")["cluster"]["tags"]
    assert tags == {"team": "b"}, "two keys that go, go both"


def test_what_replaces_a_cluster(cloud: Cloud):
    made = cluster(cloud, encryptionConfig={"provider": {"keyArn": key(cloud)}, "resources": ["secrets"]})
    for changes in (
        {"name": "other"},
        {"roleArn": role(cloud, "another")},
        {"bootstrapSelfManagedAddons": True},
        {"encryptionConfig": None},
        {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16"}},
        {"accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True}},
    ):
        assert made.forecast(**changes).replaces == set(changes), changes
    for changes in ({"version": "1.34"}, {"deletionProtection": True}, {"vpcConfig": network(made, subnetIds=[])}):
        assert not made.forecast(**changes).replaces, changes


def test_a_version_goes_up_by_one_and_never_down(cloud: Cloud):
    made = cluster(cloud)
    assert "Unsupported Kubernetes minor version update from 1.33 to 1.35" in fails(made, version="1.35")
    assert "Unsupported Kubernetes minor version update from 1.33 to 1.32" in fails(made, version="1.32")
    assert "unsupported Kubernetes version" in refused(cloud, name="x", version="1.19")


def test_nodes_that_are_behind_hold_their_cluster_back(cloud: Cloud):
    made, system = cluster(cloud), nodes(cloud)
    made.update(version="1.34")
    assert "must be updated to match cluster version 1.34" in fails(made, version="1.35")
    system.update(version="1.34")
    made.update(version="1.35")


def test_a_cluster_stands_in_two_zones_of_one_network(cloud: Cloud):
    near = subnets(cloud)

    def told(**changes: Any) -> str:
        return refused(cloud, vpcConfig={"subnetIds": near, **changes})

    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    zone = "eu-west-1a"
    far = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
    assert "at least two different AZs" in told(subnetIds=near[:1])
    assert "does not exist" in told(subnetIds=["subnet-0aaaaaaaaaaaaaaaa"])
    assert "same VPC" in told(subnetIds=[*near, far])
    assert "does not exist in VPC" in told(securityGroupIds=["sg-0aaaaaaaaaaaaaaaa"])


def test_new_subnets_lie_in_the_zones_of_the_old(cloud: Cloud):
    made = cluster(cloud)
    assert "exact set of AZs" in fails(made, vpcConfig=network(made, subnetIds=subnets(cloud)[:2]))


def test_a_role_that_is_missing_or_trusts_another_is_refused(cloud: Cloud):
    assert "does not exist" in refused(cloud, roleArn="arn:aws:iam::123456789012:role/nobody")
    assert "trusted entity is not correct" in refused(cloud, roleArn=role(cloud, "node", "ec2.amazonaws.com"))


def test_secrets_are_encrypted_under_a_key_that_exists_and_for_good(cloud: Cloud):
    missing = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    assert "does not exist" in refused(
        cloud, encryptionConfig={"provider": {"keyArn": missing}, "resources": ["secrets"]}
    )
    made = cluster(cloud, encryptionConfig={"provider": {"keyArn": key(cloud)}, "resources": ["secrets"]})
    other = {"provider": {"keyArn": key(cloud)}, "resources": ["secrets"]}
    assert "can't be changed or removed" in fails(made, encryptionConfig=other)


def test_services_have_addresses_of_their_own(cloud: Cloud):
    block = cloud.client("ec2").describe_vpcs()["Vpcs"][0]["CidrBlock"]
    assert "overlaps" in refused(cloud, kubernetesNetworkConfig={"serviceIpv4Cidr": block})


def test_authentication_moves_on_to_the_api_and_never_back(cloud: Cloud):
    made = cluster(cloud, accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"})
    made.update(accessConfig={"authenticationMode": "API"})
    told = fails(made, accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"})
    assert "Unsupported authentication mode update from API to API_AND_CONFIG_MAP" in told
    back = {"authenticationMode": "CONFIG_MAP"}
    assert "Unsupported authentication mode update from API to CONFIG_MAP" in fails(made, accessConfig=back)


def test_auto_mode_is_on_as_a_whole_or_off(cloud: Cloud):
    half = {"enabled": True, "nodePools": ["system"], "nodeRoleArn": role(cloud, "node", "ec2.amazonaws.com")}
    assert "either fully enabled or fully disabled" in refused(cloud, computeConfig=half)
    made = cluster(
        cloud,
        computeConfig=half,
        storageConfig={"blockStorage": {"enabled": True}},
        kubernetesNetworkConfig={"elasticLoadBalancing": {"enabled": True}},
    )
    assert made.forecast(computeConfig={**half, "nodeRoleArn": role(cloud, "other")}).replaces


def test_a_protected_cluster_and_one_with_nodes_stay(cloud: Cloud):
    made = cluster(cloud, deletionProtection=True)
    assert "InvalidRequestException" in cloud.refuses_to_delete(made)
    made.update(deletionProtection=False)
    system = nodes(cloud)
    assert "ResourceInUseException: Cluster has nodegroups attached" in cloud.refuses_to_delete(made)
    system.delete()
    made.delete()


def test_a_name_is_taken_once(cloud: Cloud):
    cluster(cloud)
    assert "ResourceInUseException: Cluster already exists" in refused(cloud)


def test_its_network_waits_for_the_cluster_and_nothing_is_left_of_it(cloud: Cloud):
    def existing() -> dict[str, int]:
        return counted(lambda service, _: cloud.client(service), "eu-west-1", account="123456789012")

    role(cloud, "control-plane")
    before = existing()
    made = cluster(cloud)
    there = existing()
    assert there["eks: clusters"] == 1
    assert there["ec2: NetworkInterfaces"] == len(subnets(cloud))
    made.delete()
    assert existing() == before


def test_the_tagging_api_finds_clusters_and_their_nodes(cloud: Cloud):
    cluster(cloud)
    nodes(cloud, tags={"team": "a"})
    found = cloud.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "team", "Values": ["a"]}])
    kinds = {mapping["ResourceARN"].split(":")[5].partition("/")[0] for mapping in found["ResourceTagMappingList"]}
    assert kinds == {"cluster", "nodegroup"}


def test_a_cluster_that_was_opened_behind_our_back_is_seen(cloud: Cloud):
    made = cluster(cloud)
    cloud.client("eks").update_cluster_config(name="ml", resourcesVpcConfig={"endpointPublicAccess": True})
    found = made.read()
    assert found is not None and found.state["vpcConfig"]["endpointPublicAccess"] is True


def test_an_update_is_of_one_kind_and_is_kept(cloud: Cloud):
    cluster(cloud)
    eks = cloud.client("eks")
    logs = {"clusterLogging": [{"types": ["audit"], "enabled": True}]}
    with pytest.raises(eks.exceptions.InvalidParameterException, match="Only one type of update"):
        eks.update_cluster_config(name="ml", logging=logs, deletionProtection=True)
    made = eks.update_cluster_config(name="ml", logging=logs)["update"]
    assert eks.describe_update(name="ml", updateId=made["id"])["update"]["status"] == "Successful"
    assert eks.list_updates(name="ml")["updateIds"] == [made["id"]]
    with pytest.raises(eks.exceptions.InvalidParameterException, match="No changes needed"):
        eks.update_cluster_config(name="ml", logging=logs)


def test_eks_tells_which_versions_it_offers_and_until_when(cloud: Cloud):
    offered = cloud.client("eks").describe_cluster_versions()["clusterVersions"]
    assert [one["clusterVersion"] for one in offered] == ["1.35", "1.34", "1.33", "1.32", "1.31"]
    assert [one["clusterVersion"] for one in offered if one["defaultVersion"]] == ["1.35"]
    assert offered[0]["endOfStandardSupportDate"].date().isoformat() == "2027-03-27"
