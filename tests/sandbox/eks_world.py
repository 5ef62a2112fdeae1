"""A cluster of EKS in a running sandbox, made by boto3, and kubeconfigs that lead to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from modelyard_sandbox.aws.session import SandboxSession
from modelyard_sandbox.emulator import Sandbox

NAME = "ml"
ADMINISTRATOR = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


@dataclass(frozen=True)
class World:
    """The cluster's region and what `DescribeCluster` says of it."""

    session: SandboxSession
    environment: dict[str, str]
    cluster: dict[str, Any]

    @property
    def eks(self) -> Any:
        """A client."""
        return self.session.client("eks", self.session.region)

    def role(self, name: str, path: str = "/", service: str = "ec2.amazonaws.com") -> str:
        """The ARN of a new role that a service may assume."""
        allowed = {"Effect": "Allow", "Principal": {"Service": service}, "Action": ["sts:AssumeRole"]}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam = self.session.client("iam", self.session.region)
        return iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)["Role"]["Arn"]

    def admit(self, principal: str, *groups: str, policy: str = "", namespace: str = "") -> None:
        """Give a principal an access entry with these groups, and a policy of AWS."""
        self.eks.create_access_entry(clusterName=NAME, principalArn=principal, kubernetesGroups=list(groups))
        if policy:
            scope = {"type": "namespace", "namespaces": [namespace]} if namespace else {"type": "cluster"}
            self.eks.associate_access_policy(
                clusterName=NAME, principalArn=principal, policyArn=policy, accessScope=scope
            )

    def kubeconfig(self, role: str = "", name: str = NAME, **changes: str) -> str:
        """What `aws eks update-kubeconfig` writes: a token of this role, or of whoever calls."""
        arguments = ["--region", self.session.region, "eks", "get-token", "--cluster-name", name, "--output", "json"]
        token = {"command": "aws", "args": [*arguments, *(["--role-arn", role] if role else [])]}
        shown = {
            "server": self.cluster["endpoint"],
            "certificate-authority-data": self.cluster["certificateAuthority"]["data"],
        }
        document = {
            "clusters": [{"name": "c", "cluster": {**shown, **changes}}],
            "users": [{"name": "u", "user": {"exec": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        return json.dumps(document)


def eks_world(sandbox: Sandbox) -> World:
    """A new cluster that takes access entries."""
    environment = {key: value for key, value in sandbox.environment().items() if value is not None}
    session = SandboxSession({}, environment)
    world = World(session, environment, {})
    ec2 = session.client("ec2", session.region)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{session.region}{zone}")
        for number, zone in enumerate("ab")
    ]
    made = world.eks.create_cluster(
        name=NAME,
        roleArn=world.role("control-plane", service="eks.amazonaws.com"),
        resourcesVpcConfig={"subnetIds": [subnet["Subnet"]["SubnetId"] for subnet in subnets]},
        accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
    )["cluster"]
    return World(session, environment, made)
