"""A cluster of EKS with all that belongs to it, in the emulators: made, unchanged, changed step by step, and gone."""

from __future__ import annotations

import json
from collections.abc import Callable

import pulumi
import pulumi_aws as aws
from tests.sandbox.lives import changed

from modelyard.testing import deploy
from modelyard_sandbox.accounting import counted

VIEWER = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def role(name: str, service: str) -> aws.iam.Role:
    allowed = {"Effect": "Allow", "Principal": {"Service": service}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    return aws.iam.Role(name, name=name, assume_role_policy=trust)


def a_cluster(version: str = "1.33", logs: tuple[str, ...] = ("audit",), most: int = 3) -> Callable[[], None]:
    """A cluster in two zones, its nodes of a template, an add-on with an identity, a person, and a program."""

    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
        subnets = [
            aws.ec2.Subnet(
                f"subnet-{zone}", vpc_id=vpc.id, cidr_block=f"10.0.{number}.0/24", availability_zone=f"eu-west-1{zone}"
            )
            for number, zone in enumerate("ab")
        ]
        key = aws.kms.Key("key", deletion_window_in_days=7)
        cluster = aws.eks.Cluster(
            "cluster",
            name="ml",
            role_arn=role("control-plane", "eks.amazonaws.com").arn,
            version=version,
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": False},
            bootstrap_self_managed_addons=False,
            enabled_cluster_log_types=list(logs),
            encryption_config={"provider": {"key_arn": key.arn}, "resources": ["secrets"]},
            vpc_config={
                "subnet_ids": [subnet.id for subnet in subnets],
                "endpoint_private_access": True,
                "endpoint_public_access": False,
            },
            tags={"team": "platform"},
        )
        template = aws.ec2.LaunchTemplate(
            "template", name="nodes", update_default_version=True, metadata_options={"http_tokens": "required"}
        )
        nodes = aws.eks.NodeGroup(
            "nodes",
            cluster_name=cluster.name,
            node_group_name="system",
            node_role_arn=role("node", "ec2.amazonaws.com").arn,
            subnet_ids=[subnet.id for subnet in subnets],
            ami_type="BOTTLEROCKET_x86_64",
            instance_types=["m6i.large"],
            version=version,
            scaling_config={"min_size": 1, "desired_size": 2, "max_size": most},
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            tags={"team": "platform"},
        )
        pods = role("pods", "pods.eks.amazonaws.com")
        aws.eks.Addon(
            "network",
            cluster_name=cluster.name,
            addon_name="vpc-cni",
            pod_identity_associations=[{"role_arn": pods.arn, "service_account": "aws-node"}],
            opts=pulumi.ResourceOptions(depends_on=[nodes]),
        )
        entry = aws.eks.AccessEntry(
            "person", cluster_name=cluster.name, principal_arn=role("person", "ec2.amazonaws.com").arn
        )
        aws.eks.AccessPolicyAssociation(
            "person-views",
            cluster_name=cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn=VIEWER,
            access_scope={"type": "namespace", "namespaces": ["team-a"]},
        )
        aws.eks.PodIdentityAssociation(
            "program", cluster_name=cluster.name, namespace="team-a", service_account="trainer", role_arn=pods.arn
        )

    return program


def test_a_cluster_is_made_stays_as_it_is_goes_up_by_one_version_and_leaves_nothing(emulator: str):
    with deploy(lambda: None, region="eu-west-1", emulator=emulator) as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(a_cluster())
        assert set(stack.operations.values()) <= {"create", "same"}
        eks = stack.client("eks", "eu-west-1")
        made = eks.describe_cluster(name="ml")["cluster"]
        assert (made["version"], made["status"]) == ("1.33", "ACTIVE")
        assert counted(stack.client, "eu-west-1")["eks: clusters"] == 1

        stack.update(a_cluster())
        assert changed(stack) == {}
        stack.update(a_cluster(version="1.34"))
        assert changed(stack) == {"cluster": "update", "nodes": "update"}
        stack.update(a_cluster(version="1.34", logs=("api", "audit")))
        assert changed(stack) == {"cluster": "update"}
        stack.update(a_cluster(version="1.34", logs=("api", "audit"), most=6))
        assert changed(stack) == {"nodes": "update"}
        group = eks.describe_nodegroup(clusterName="ml", nodegroupName="system")["nodegroup"]
        assert (group["version"], group["scalingConfig"]["maxSize"]) == ("1.34", 6)

        stack.update(lambda: None)
        assert counted(stack.client, "eu-west-1") == before
        tagged = stack.client("resourcegroupstaggingapi", "eu-west-1").get_resources()["ResourceTagMappingList"]
        assert [one["ResourceARN"] for one in tagged if ":eks:" in one["ResourceARN"]] == []
