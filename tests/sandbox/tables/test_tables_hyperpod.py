"""HyperPod by Cloud Control: machines join a cluster of EKS that is there, groups come and go, and nothing is left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.sandbox.tables import clusters
from tests.sandbox.tables.serving import PLACE, changed, controlled

from modelyard_sandbox.aws.provider import ProviderError

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made

EKS = "arn:aws:eks:eu-west-1:123456789012:cluster/ml"


def group(cloud: Cloud, name: str, machines: int = 2, kind: str = "ml.p5.48xlarge") -> dict[str, Any]:
    return {
        "InstanceGroupName": name,
        "InstanceType": kind,
        "InstanceCount": machines,
        "ExecutionRole": clusters.role(cloud, "hyperpod", "sagemaker.amazonaws.com"),
    }


def hyperpod(cloud: Cloud, *groups: dict[str, Any]) -> Made:
    """Machines in the first subnet; all that is asked of a cluster of EKS is that it is there."""
    return controlled(
        cloud,
        "Cluster",
        ClusterName="pod",
        Orchestrator={"Eks": {"ClusterArn": EKS}},
        NodeRecovery="Automatic",
        VpcConfig={"SecurityGroupIds": ["sg-0123456789abcdef0"], "Subnets": clusters.subnets(cloud)[:1]},
        InstanceGroups=list(groups),
        Tags=[{"Key": "team", "Value": "platform"}],
    )


def test_machines_join_grow_and_go(cloud: Cloud):
    clusters.cluster(cloud)
    made, sagemaker = hyperpod(cloud, group(cloud, "h100")), cloud.client("sagemaker")
    assert made.id == f"{PLACE}:cluster/pod"
    told = json.loads(made["properties"])
    assert told["InstanceGroups"][0]["InstanceCount"] == 2 and told["Tags"] == [{"Key": "team", "Value": "platform"}]
    made.update(desiredState=changed(made, InstanceGroups=[group(cloud, "h100", 4), group(cloud, "a100")]))
    found = sagemaker.describe_cluster(ClusterName="pod")["InstanceGroups"]
    assert {each["InstanceGroupName"]: each["CurrentCount"] for each in found} == {"h100": 4, "a100": 2}
    made.update(desiredState=changed(made, InstanceGroups=[group(cloud, "a100")]))
    (left,) = sagemaker.describe_cluster(ClusterName="pod")["InstanceGroups"]
    assert left["InstanceGroupName"] == "a100"
    made.delete()
    assert sagemaker.list_clusters()["ClusterSummaries"] == []


def test_a_cluster_that_is_not_there_and_another_type_for_a_group_are_refused(cloud: Cloud):
    with pytest.raises(ProviderError, match="EKS cluster ml doesn't exist"):
        hyperpod(cloud, group(cloud, "h100"))
    clusters.cluster(cloud)
    made = hyperpod(cloud, group(cloud, "h100"))
    with pytest.raises(ProviderError, match="instance type of the group h100"):
        made.update(desiredState=changed(made, InstanceGroups=[group(cloud, "h100", kind="ml.p4d.24xlarge")]))
