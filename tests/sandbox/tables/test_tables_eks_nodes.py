"""Node groups and add-ons of EKS over their tables: made, changed in place or anew, gone, and what EKS refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.sandbox.tables.clusters import ADDON, NODE_GROUP, cluster, nodes, nodes_asked, role, subnets

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
PODS = "pods.eks.amazonaws.com"


def refused(cloud: Cloud, **changes: Any) -> str:
    return cloud.refused(NODE_GROUP, **nodes_asked(cloud, **changes))


def fails(made: Made, **changes: Any) -> str:
    with pytest.raises(Exception) as caught:
        made.update(**changes)
    return str(caught.value)


def sizes(least: int, desired: int, most: int) -> dict[str, int]:
    return {"minSize": least, "desiredSize": desired, "maxSize": most}


def template(cloud: Cloud, **inputs: Any) -> Made:
    options = {"metadataOptions": {"httpTokens": "required"}, "updateDefaultVersion": True, **inputs}
    return cloud.make(TEMPLATE, name="nodes", **options)


def test_a_node_group_shows_what_eks_chose(cloud: Cloud):
    cluster(cloud)
    made = nodes(cloud, instanceTypes=None, amiType=None, tags={"team": "a"})
    assert made.id == "ml:system"
    assert made["arn"].startswith("arn:aws:eks:eu-west-1:123456789012:nodegroup/ml/system/")
    assert (made["amiType"], made["capacityType"], made["diskSize"]) == ("AL2023_x86_64_STANDARD", "ON_DEMAND", 20)
    assert made["instanceTypes"] == ["t3.medium"]
    assert made["version"] == "1.33" and made["releaseVersion"].startswith("1.33.")
    (resources,) = made["resources"]
    assert resources["autoscalingGroups"][0]["name"].startswith("eks-system-")
    made.imported("ml:system")
    made.delete()


def test_a_node_group_changes_in_place(cloud: Cloud):
    above = cluster(cloud)
    made = nodes(cloud)
    made.update(scalingConfig=sizes(2, 3, 6))
    made.update(labels={"pool": "system", "stage": "dev"})
    made.update(labels={"pool": "cpu"})
    taint = {"key": "gpu", "value": "true", "effect": "NO_SCHEDULE"}
    made.update(taints=[taint])
    made.update(taints=[{**taint, "effect": "NO_EXECUTE"}])
    made.update(taints=None)
    made.update(updateConfig={"maxUnavailablePercentage": 33})
    made.update(nodeRepairConfig={"enabled": True})
    made.update(tags={"team": "b"})
    above.update(version="1.34")
    made.update(version="1.34")
    assert made["releaseVersion"].startswith("1.34.")
    for changes in ({"instanceTypes": ["m6i.xlarge"]}, {"subnetIds": subnets(cloud)}, {"capacityType": "SPOT"}):
        assert made.forecast(**changes).replaces == set(changes)


def test_a_node_group_that_was_scaled_behind_our_back_is_seen(cloud: Cloud):
    cluster(cloud)
    made = nodes(cloud)
    cloud.client("eks").update_nodegroup_config(
        clusterName="ml", nodegroupName="system", scalingConfig={"desiredSize": 4}
    )
    found = made.read()
    assert found is not None and found.state["scalingConfig"]["desiredSize"] == 4


def test_nodes_are_between_the_least_and_the_most(cloud: Cloud):
    cluster(cloud)
    ask = nodes_asked(cloud)
    made = nodes(cloud)
    eks = cloud.client("eks")
    where = {"clusterName": "ml", "nodegroupName": "system"}
    with pytest.raises(eks.exceptions.InvalidParameterException, match="Minimum capacity 3 can't be greater"):
        eks.update_nodegroup_config(**where, scalingConfig={"minSize": 3})
    with pytest.raises(eks.exceptions.InvalidParameterException, match="desiredSize can't be greater than maxSize"):
        eks.update_nodegroup_config(**where, scalingConfig={"desiredSize": 5})
    with pytest.raises(eks.exceptions.InvalidParameterException, match="minSize can't be greater than desiredSize"):
        eks.create_nodegroup(
            clusterName="ml",
            nodegroupName="other",
            nodeRole=ask["nodeRoleArn"],
            subnets=ask["subnetIds"],
            scalingConfig=sizes(3, 2, 4),
        )
    made.settled()


def test_nodes_stand_where_their_cluster_does_on_machines_that_fit(cloud: Cloud):
    cluster(cloud)
    far = cloud.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    apart = cloud.client("ec2").create_subnet(VpcId=far, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    assert "not in the cluster's VPC" in refused(cloud, subnetIds=[apart])
    assert "is not a valid instance type" in refused(cloud, instanceTypes=["m6i.huge"])
    told = refused(cloud, instanceTypes=["m7g.large"])
    assert "[m7g.large] is not a valid instance type for requested amiType BOTTLEROCKET_x86_64" in told
    assert "only supported for kubernetes versions 1.32 or earlier" in refused(cloud, amiType="AL2_x86_64")
    assert "isn't the cluster's" in refused(cloud, version="1.32")
    assert "cannot be found" in refused(cloud, nodeRoleArn="arn:aws:iam::123456789012:role/nobody")
    assert "service principals [ec2.amazonaws.com]" in refused(cloud, nodeRoleArn=role(cloud, "control-plane"))
    assert "No cluster found" in refused(cloud, clusterName="other")
    nodes(cloud)
    assert "ResourceInUseException" in refused(cloud)


def test_nodes_of_a_launch_template_follow_its_versions(cloud: Cloud):
    cluster(cloud)
    base = template(cloud)
    made = nodes(cloud, launchTemplate={"id": base.id, "version": "1"})
    assert made["launchTemplate"]["name"] == "nodes"
    base.update(metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 1})
    made.update(launchTemplate={"id": base.id, "version": "2"})
    assert made.forecast(launchTemplate={"id": "lt-0aaaaaaaaaaaaaaaa", "version": "1"}).replaces == {"launchTemplate"}


def test_what_a_launch_template_says_nobody_says_again(cloud: Cloud):
    cluster(cloud)
    typed = template(cloud, instanceType="m6i.large")
    given = {"launchTemplate": {"id": typed.id, "version": "1"}}
    assert "not in both" in refused(cloud, **given)
    assert "does not exist" in refused(cloud, launchTemplate={"id": typed.id, "version": "9"})
    assert "does not exist" in refused(cloud, launchTemplate={"id": "lt-0aaaaaaaaaaaaaaaa", "version": "1"})
    made = nodes(cloud, **given, instanceTypes=None)
    assert made.state.get("instanceTypes") in (None, [])


def addon(cloud: Cloud, name: str = "vpc-cni", **inputs: Any) -> Made:
    return cloud.make(ADDON, clusterName="ml", addonName=name, **inputs)


def test_an_addon_comes_in_the_default_version_and_goes_up_in_place(cloud: Cloud):
    cluster(cloud)
    made = addon(cloud, "coredns", tags={"team": "a"})
    assert made.id == "ml:coredns" and made["addonVersion"] == "v1.13.2-eksbuild.4"
    assert made["arn"].startswith("arn:aws:eks:eu-west-1:123456789012:addon/ml/coredns/")
    made.update(addonVersion="v1.12.4-eksbuild.1")
    assert made.forecast(resolveConflictsOnUpdate="OVERWRITE").changed == {"resolveConflictsOnUpdate"}
    made.update(configurationValues=json.dumps({"replicaCount": 3}))
    made.update(tags={"team": "b"})
    assert made.forecast(namespaceConfig={"namespace": "elsewhere"}).replaces
    made.imported("ml:coredns")
    made.delete()


def test_an_addon_is_one_that_eks_offers_for_the_version_and_once(cloud: Cloud):
    cluster(cloud)

    def told(name: str = "vpc-cni", **inputs: Any) -> str:
        return cloud.refused(ADDON, clusterName="ml", addonName=name, **inputs)

    assert "Addon specified is not supported" in told("vpc-cnn")
    assert "Addon version specified is not supported" in told("kube-proxy", addonVersion="v1.35.0-eksbuild.2")
    assert "not valid JSON or YAML" in told(configurationValues="{")
    made = addon(cloud)
    assert "ResourceInUseException: Addon already exists." in told()
    assert "Addon version specified is not supported" in fails(made, addonVersion="v9.9.9-eksbuild.9")


def test_an_addon_brings_the_identity_of_its_own_pods_and_takes_it_along(cloud: Cloud):
    cluster(cloud)
    own, other = role(cloud, "cni", PODS), role(cloud, "cni-2", PODS)
    made = addon(cloud, podIdentityAssociations=[{"serviceAccount": "aws-node", "roleArn": own}])
    eks = cloud.client("eks")
    (found,) = eks.list_pod_identity_associations(clusterName="ml")["associations"]
    assert (found["namespace"], found["serviceAccount"], found["ownerArn"]) == ("kube-system", "aws-node", made["arn"])
    made.update(podIdentityAssociations=[{"serviceAccount": "aws-node", "roleArn": other}])
    with pytest.raises(eks.exceptions.InvalidRequestException, match="is owned by"):
        (found,) = eks.list_pod_identity_associations(clusterName="ml")["associations"]
        eks.delete_pod_identity_association(clusterName="ml", associationId=found["associationId"])
    made.delete()
    assert eks.list_pod_identity_associations(clusterName="ml")["associations"] == []


def test_the_driver_of_fsx_takes_the_identity_that_was_made_for_it(cloud: Cloud):
    cluster(cloud)
    own, eks = role(cloud, "fsx", PODS), cloud.client("eks")
    whose = {"namespace": "kube-system", "serviceAccount": "fsx-csi-controller-sa"}
    eks.create_pod_identity_association(clusterName="ml", roleArn=own, **whose)
    made = addon(cloud, "aws-fsx-csi-driver")
    made.delete()
    (left,) = eks.list_pod_identity_associations(clusterName="ml")["associations"]
    assert left["serviceAccount"] == "fsx-csi-controller-sa", "it goes with the stack that made it, not with the add-on"


def test_only_pods_that_call_aws_get_an_identity_by_their_addon(cloud: Cloud):
    cluster(cloud)

    def told(name: str, account: str, arn: str) -> str:
        given = [{"serviceAccount": account, "roleArn": arn}]
        return cloud.refused(ADDON, clusterName="ml", addonName=name, podIdentityAssociations=given)

    own = role(cloud, "cni", PODS)
    assert "Pod Identity feature is not supported" in told("coredns", "coredns", own)
    assert "Service account other in pod identity configuration is not supported" in told("vpc-cni", "other", own)
    assert "Trust policy of the role provided is invalid" in told("vpc-cni", "aws-node", role(cloud, "control-plane"))


def test_eks_tells_which_addons_it_offers_for_a_version(cloud: Cloud):
    eks = cloud.client("eks")
    (proxy,) = eks.describe_addon_versions(addonName="kube-proxy", kubernetesVersion="1.34")["addons"]
    assert [one["addonVersion"] for one in proxy["addonVersions"]] == ["v1.34.6-eksbuild.13", "v1.34.1-eksbuild.2"]
    assert [one["compatibilities"][0]["defaultVersion"] for one in proxy["addonVersions"]] == [True, False]
    assert len(eks.describe_addon_versions()["addons"]) > 5
