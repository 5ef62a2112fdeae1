"""What the sandbox refuses of clusters: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.rule_cases import Case, rules_without_a_case

from modelyard_sandbox.knowledge import UNKNOWN, check
from modelyard_sandbox.knowledge.rules import clusters

CLUSTER = "aws:eks/cluster:Cluster"
NODES = "aws:eks/nodeGroup:NodeGroup"
ADDON = "aws:eks/addon:Addon"
ENTRY = "aws:eks/accessEntry:AccessEntry"
POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
PROVIDER = "aws:eks/identityProviderConfig:IdentityProviderConfig"
ROLE = "arn:aws:iam::123456789012:role/r"
VIEWER = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
SIZES = {"minSize": 1, "desiredSize": 2, "maxSize": 3}
OIDC = {"identityProviderConfigName": "p", "clientId": "c", "issuerUrl": "https://id.example.com"}
ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    CLUSTER: {"name": "ml", "roleArn": ROLE, "version": "1.35", "vpcConfig": {"subnetIds": SUBNETS}},
    NODES: {"clusterName": "ml", "nodeRoleArn": ROLE, "subnetIds": SUBNETS, "scalingConfig": SIZES},
    ADDON: {"clusterName": "ml", "addonName": "vpc-cni"},
    ENTRY: {"clusterName": "ml", "principalArn": ROLE},
    POLICY: {"clusterName": "ml", "principalArn": ROLE, "policyArn": VIEWER, "accessScope": {"type": "cluster"}},
    ASSOCIATION: {"clusterName": "ml", "namespace": "a", "serviceAccount": "b", "roleArn": ROLE},
    PROVIDER: {"clusterName": "ml", "oidc": OIDC},
}


def network(**changes: Any) -> dict[str, Any]:
    return {"vpcConfig": {"subnetIds": SUBNETS, **changes}}


def services(block: str) -> dict[str, Any]:
    return {"kubernetesNetworkConfig": {"serviceIpv4Cidr": block}}


def access(mode: str, creator: bool) -> dict[str, Any]:
    return {"accessConfig": {"authenticationMode": mode, "bootstrapClusterCreatorAdminPermissions": creator}}


def encrypted(what: str) -> dict[str, Any]:
    return {"encryptionConfig": {"provider": {"keyArn": "k"}, "resources": [what]}}


def scaling(**changes: int) -> dict[str, Any]:
    return {"scalingConfig": {**SIZES, **changes}}


def scope(kind: str, *namespaces: str) -> dict[str, Any]:
    return {"accessScope": {"type": kind, **({"namespaces": list(namespaces)} if namespaces else {})}}


TEMPLATE = {"launchTemplate": {"id": "lt-0123456789abcdef0", "version": "1"}}
TAINTS = [{"key": f"k{number}", "effect": "NO_SCHEDULE"} for number in range(51)]
CASES: list[Case] = [
    ("a cluster's name takes no dots", CLUSTER, {"name": "a.b"}, {"name": "a-b_C1"}),
    ("a version is a minor one", CLUSTER, {"version": "1.35.2"}, {"version": "1.34"}),
    (
        "the API is reached somehow",
        CLUSTER,
        network(endpointPublicAccess=False),
        network(endpointPublicAccess=False, endpointPrivateAccess=True),
    ),
    (
        "who reaches the API is told in blocks",
        CLUSTER,
        network(publicAccessCidrs=["192.0.2.1/24"]),
        network(publicAccessCidrs=["192.0.2.0/24"]),
    ),
    ("a config map has its creator in it", CLUSTER, access("CONFIG_MAP", False), access("API", False)),
    ("secrets are what is encrypted", CLUSTER, encrypted("pods"), encrypted("secrets")),
    ("services have private addresses", CLUSTER, services("192.0.2.0/24"), services("10.200.0.0/16")),
    ("services have enough addresses", CLUSTER, services("10.200.0.0/25"), services("10.200.0.0/24")),
    ("a kind of log is one of EKS", CLUSTER, {"enabledClusterLogTypes": ["all"]}, {"enabledClusterLogTypes": ["api"]}),
    ("a node group's name has an end", NODES, {"nodeGroupName": "n" * 64}, {"nodeGroupName": "n" * 63}),
    ("a node group's version is a minor one", NODES, {"version": "v1.35"}, {"version": "1.35"}),
    ("the disk is the template's", NODES, {**TEMPLATE, "diskSize": 50}, TEMPLATE),
    ("a template has one name", NODES, {"launchTemplate": {**TEMPLATE["launchTemplate"], "name": "n"}}, TEMPLATE),
    (
        "twenty types are enough",
        NODES,
        {"instanceTypes": ["m6i.large"] * 21},
        {"instanceTypes": ["m6i.large"] * 20},
    ),
    ("fifty taints are enough", NODES, {"taints": TAINTS}, {"taints": TAINTS[:50]}),
    ("the least is no more than is wanted", NODES, scaling(minSize=3), scaling(minSize=2)),
    ("no more than the most is wanted", NODES, scaling(desiredSize=4), scaling(desiredSize=3)),
    (
        "nodes that are away are counted in one way",
        NODES,
        {"updateConfig": {"maxUnavailable": 1, "maxUnavailablePercentage": 33}},
        {"updateConfig": {"maxUnavailablePercentage": 33}},
    ),
    ("an image is one of EKS", NODES, {"amiType": "AL3"}, {"amiType": "AL2023_ARM_64_STANDARD"}),
    ("an add-on's version has a v", ADDON, {"addonVersion": "1.20.4"}, {"addonVersion": "v1.20.4-eksbuild.2"}),
    (
        "nothing is preserved of what isn't there",
        ADDON,
        {"resolveConflictsOnCreate": "PRESERVE"},
        {"resolveConflictsOnCreate": "OVERWRITE", "resolveConflictsOnUpdate": "PRESERVE"},
    ),
    ("an entry is of a kind", ENTRY, {"type": "LINUX"}, {"type": "EC2_LINUX"}),
    ("a group isn't the system's", ENTRY, {"kubernetesGroups": ["system:masters"]}, {"kubernetesGroups": ["a"]}),
    (
        "nodes have no groups of ours",
        ENTRY,
        {"type": "EC2_LINUX", "kubernetesGroups": ["a"]},
        {"type": "STANDARD", "kubernetesGroups": ["a"]},
    ),
    ("a namespace is named", POLICY, scope("namespace"), scope("namespace", "team-a")),
    ("a cluster is whole", POLICY, scope("cluster", "team-a"), scope("cluster")),
    (
        "a policy takes the place of tags",
        ASSOCIATION,
        {"policy": "{}"},
        {"policy": "{}", "disableSessionTags": True},
    ),
    (
        "an issuer is reached safely",
        PROVIDER,
        {"oidc": {**OIDC, "issuerUrl": "http://id.example.com"}},
        {"oidc": OIDC},
    ),
]


def inputs(token: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**ACCEPTED[token], **changes}.items() if value is not None}


@pytest.mark.parametrize("token", sorted(ACCEPTED))
def test_what_is_in_order_passes(token: str):
    assert check(token, inputs(token, {})) == []


@pytest.mark.parametrize(
    ("token", "refused", "accepted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_each_rule_refuses_a_case_and_accepts_its_neighbour(
    token: str, refused: Mapping[str, Any], accepted: Mapping[str, Any]
):
    assert len(check(token, inputs(token, refused))) == 1
    assert check(token, inputs(token, accepted)) == []


def test_every_rule_has_a_case():
    assert rules_without_a_case(clusters.RULES, ACCEPTED, CASES) == []


def test_what_is_unknown_yet_is_not_judged():
    assert check(NODES, inputs(NODES, scaling() | {"scalingConfig": {**SIZES, "desiredSize": UNKNOWN}})) == []
    assert check(CLUSTER, inputs(CLUSTER, {"version": UNKNOWN, "roleArn": UNKNOWN})) == []
