"""What clusters stand on: a network of three zones, roles that EKS, EC2 and pods may assume, a key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made

CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ADDON = "aws:eks/addon:Addon"
ENTRY = "aws:eks/accessEntry:AccessEntry"
POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
PROVIDER = "aws:eks/identityProviderConfig:IdentityProviderConfig"
ADMINISTRATOR = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def role(cloud: Cloud, name: str, service: str = "eks.amazonaws.com") -> str:
    """The ARN of a role that a service may assume; made once."""
    iam = cloud.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
        ],
    }
    try:
        return iam.get_role(RoleName=name)["Role"]["Arn"]
    except iam.exceptions.NoSuchEntityException:
        return iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]


def subnets(cloud: Cloud) -> list[str]:
    """Those of the default network: one in each zone."""
    ours = [{"Name": "default-for-az", "Values": ["true"]}]
    found = cloud.client("ec2").describe_subnets(Filters=ours)["Subnets"]
    return [subnet["SubnetId"] for subnet in sorted(found, key=lambda subnet: subnet["AvailabilityZone"])]


def group(cloud: Cloud, name: str = "own") -> str:
    """A security group of the default network."""
    ec2 = cloud.client("ec2")
    return ec2.create_security_group(GroupName=name, Description="d")["GroupId"]


def key(cloud: Cloud) -> str:
    """The ARN of a key."""
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


def asked(cloud: Cloud, **changes: Any) -> dict[str, Any]:
    """An ordinary cluster's inputs; None takes one away."""
    inputs: dict[str, Any] = {
        "name": "ml",
        "roleArn": role(cloud, "control-plane"),
        "version": "1.33",
        "vpcConfig": {"subnetIds": subnets(cloud), "endpointPrivateAccess": True, "endpointPublicAccess": False},
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        "bootstrapSelfManagedAddons": False,
        "tags": {"team": "a"},
        **changes,
    }
    return {prop: value for prop, value in inputs.items() if value is not None}


def cluster(cloud: Cloud, **changes: Any) -> Made:
    """An ordinary cluster."""
    return cloud.make(CLUSTER, **asked(cloud, **changes))


def nodes_asked(cloud: Cloud, **changes: Any) -> dict[str, Any]:
    """An ordinary node group's inputs; None takes one away."""
    inputs: dict[str, Any] = {
        "clusterName": "ml",
        "nodeGroupName": "system",
        "nodeRoleArn": role(cloud, "node", "ec2.amazonaws.com"),
        "subnetIds": subnets(cloud)[:2],
        "instanceTypes": ["m6i.large"],
        "amiType": "BOTTLEROCKET_x86_64",
        "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 4},
        **changes,
    }
    return {prop: value for prop, value in inputs.items() if value is not None}


def nodes(cloud: Cloud, **changes: Any) -> Made:
    """An ordinary node group."""
    return cloud.make(NODE_GROUP, **nodes_asked(cloud, **changes))
