"""A cluster of EKS is private, audited, encrypted and protected, and says at once what is wrong with its file."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from modelyard import Context, Keys, KeysSpec, Network, VpcSpec
from modelyard.assess.graph import Graph, record
from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings
from modelyard.core.errors import SpecError
from modelyard.foundation.cluster import EksCluster, EksClusterSpec

DEPLOYER = "arn:aws:iam::444455556666:role/deployer"
ADMIN = "arn:aws:iam::444455556666:role/platform-admin"
OF_CLUSTERS = ("eks-", "workload-identity", "gpu-limits", "iam-no", "passrole", "decrypt", "team-owner", "protect")


def recorded(*, production: bool = True, **spec: Any) -> Graph:
    context = Context(
        organization="acme",
        platform="ml",
        environment="prod",
        region="eu-west-1",
        account="444455556666",
        production=production,
    )

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=context)
        zones = ("eu-west-1a", "eu-west-1b")
        network = Network("network", VpcSpec(cidr="10.20.0.0/16", zones=zones), context=context, keys=keys)
        said = EksClusterSpec.model_validate({"version": "1.35", "administrators": (ADMIN,), **spec})
        EksCluster("cluster", said, context=context, keys=keys, network=network, deployers=[DEPLOYER])

    return record(program, project="modelyard-platform", stack="prod", region="eu-west-1")


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded()


def test_it_breaks_none_of_the_rules_on_clusters(graph: Graph):
    around = Surroundings("prod", production=True, region="eu-west-1", today=date(2026, 11, 22))
    judged = judge(graph, CATALOGUE, around)
    found = [each for each in judged.results if each.rule.id.startswith(OF_CLUSTERS)]
    assert [(each.rule.id, each.urn.rpartition("::")[2], each.problem) for each in found] == []
    assert judged.asked["eks-private"] == judged.asked["eks-audit-logs"] == 1


def test_who_makes_it_may_nothing_by_that_and_administrators_may_everything(graph: Graph):
    (cluster,) = graph.of_type("aws:eks/cluster:Cluster")
    assert cluster.properties["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }
    (role,) = graph.named("cluster-objects-role")
    associations = graph.of_type("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
    assert {each.properties["principalArn"] for each in associations} == {ADMIN, role.outputs["arn"]}
    assert all(each.properties["policyArn"].endswith("AmazonEKSClusterAdminPolicy") for each in associations)


def test_the_platforms_objects_are_put_by_a_role_that_its_deployers_assume_with_a_token_that_ends(graph: Graph):
    (role,) = graph.named("cluster-objects-role")
    (provider,) = graph.of_type("pulumi:providers:kubernetes")
    (user,) = json.loads(provider.properties["kubeconfig"])["users"]
    assert user["user"]["exec"]["args"][-2:] == ["--role-arn", role.outputs["arn"]]
    trusted = json.loads(role.properties["assumeRolePolicy"])["Statement"]
    assert [statement["Principal"] for statement in trusted] == [{"AWS": DEPLOYER}]


def test_its_machines_reach_aws_by_the_networks_endpoints(graph: Graph):
    (cluster,) = graph.of_type("aws:eks/cluster:Cluster")
    (workload,) = graph.named("network-workload-group")
    (template,) = graph.of_type("aws:ec2/launchTemplate:LaunchTemplate")
    own = cluster.outputs["vpcConfig"]["clusterSecurityGroupId"]
    assert template.properties["vpcSecurityGroupIds"] == [own, workload.outputs["id"]]


def test_its_log_group_is_there_before_it_so_that_logs_are_encrypted_and_end(graph: Graph):
    (cluster,) = graph.of_type("aws:eks/cluster:Cluster")
    (group,) = graph.named("cluster-log-group")
    assert group.urn in cluster.dependencies
    assert group.properties["name"] == f"/aws/eks/{cluster.properties['name']}/cluster"
    assert group.properties["retentionInDays"] == 90
    assert group.properties["kmsKeyId"]


def test_production_is_protected_twice_and_everything_else_goes_when_asked(graph: Graph):
    (cluster,) = graph.of_type("aws:eks/cluster:Cluster")
    assert (cluster.properties["deletionProtection"], cluster.options["protect"]) == (True, True)
    (other,) = recorded(production=False).of_type("aws:eks/cluster:Cluster")
    assert (other.properties["deletionProtection"], "protect" in other.options) == (False, False)


def test_nodes_are_encrypted_repaired_and_keep_their_credentials_from_pods(graph: Graph):
    (template,) = graph.of_type("aws:ec2/launchTemplate:LaunchTemplate")
    assert template.properties["metadataOptions"]["httpPutResponseHopLimit"] == 1
    assert template.properties["metadataOptions"]["httpTokens"] == "required"
    assert template.properties["blockDeviceMappings"][0]["ebs"]["encrypted"] == "true"
    (group,) = graph.of_type("aws:eks/nodeGroup:NodeGroup")
    assert group.properties["nodeRepairConfig"] == {"enabled": True}
    assert group.options["ignoreChanges"] == ["scalingConfig.desiredSize"]


def test_add_ons_that_call_aws_get_identities_of_this_cluster_alone(graph: Graph):
    addons = {node.properties["addonName"]: node for node in graph.of_type("aws:eks/addon:Addon")}
    assert len(addons) == 6
    made = graph.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert {node.properties["serviceAccount"] for node in made} == {"aws-node", "ebs-csi-controller-sa"}
    assert all(node.properties["tags"]["team"] == "platform" for node in made), "no team can make one its own"
    assert json.loads(addons["vpc-cni"].properties["configurationValues"]) == {"enableNetworkPolicy": "true"}
    (role,) = (node for node in graph.of_type("aws:iam/role:Role") if node.name == "cluster-vpc-cni-role")
    trust = role.properties["assumeRolePolicy"]
    assert "pods.eks.amazonaws.com" in trust and "sts:TagSession" in trust
    assert "arn:aws:eks:eu-west-1:444455556666:cluster/ml-prod-platform-cluster" in trust


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"version": "1.12"}, "version: got '1.12'; isn't known here; there are: 1.30"),
        ({"version": "latest"}, "version"),
        ({"endpoint": {"kind": "public", "cidrs": ["0.0.0.0/0"], "unsafe_because": "everybody works from home"}},
         "got '0.0.0.0/0'; is the whole internet"),
        ({"endpoint": {"kind": "public", "cidrs": ["192.0.2.0/24"]}}, "unsafe_because"),
        ({"system": {"least": 5, "most": 2}}, "got 2; is less than least, 5"),
        ({"addons": {"vpc-cni": {}}}, "lacks coredns, kube-proxy, eks-pod-identity-agent"),
        ({"addons": {"vpc-cni": {"version": "1.20"}}}, "addons.vpc-cni.version"),
    ],
)  # fmt: skip
def test_a_faulty_cluster_is_refused(spec: dict[str, Any], said: str):
    with pytest.raises((SpecError, ValueError)) as refusal:
        found = EksClusterSpec.model_validate({"version": "1.35", **spec})
        faults = list(found.all_faults())
        if faults:
            raise SpecError(*faults)
    assert all(part in str(refusal.value) for part in said.split("; "))
