"""Machines of HyperPod join the cluster as those of pools do, tested, replaced when they fail, and encrypted."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from tests.ground import recording
from tests.unit.test_knowledge_accepts import sent

from modelyard import Context, Keys, KeysSpec, Network, VpcSpec
from modelyard.assess.cost.pricing import bill_of
from modelyard.assess.graph import Graph
from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Stack, Surroundings
from modelyard.core.spec import SourceMap
from modelyard.foundation.cluster import EksCluster, EksClusterSpec, HyperPod, HyperPodSpec
from modelyard_sandbox.knowledge import check

GROUPS = {"h100": {"instance_type": "ml.p5.48xlarge", "machines": 4}}
SOUND: dict[str, Any] = {"groups": GROUPS, "chart": "./charts/HyperPodHelmChart"}
KIND = "AWS::SageMaker::Cluster"


@pytest.fixture(scope="module")
def graph() -> Graph:
    context = Context(
        organization="acme", platform="ml", environment="prod", region="eu-west-1", account="123456789012"
    )

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=context)
        network = Network(
            "network", VpcSpec(cidr="10.20.0.0/16", zones=("eu-west-1a", "eu-west-1b")), context=context, keys=keys
        )
        spec = EksClusterSpec.model_validate({"version": "1.35"})
        cluster = EksCluster("cluster", spec, context=context, keys=keys, network=network)
        said = HyperPodSpec.model_validate(SOUND)
        HyperPod("hyperpod", said, context=context, cluster=cluster, network=network, keys=keys, opts=cluster.into())

    return recording(program)


@pytest.fixture(scope="module")
def state(graph: Graph) -> dict[str, Any]:
    (node,) = graph.named("hyperpod-cluster")
    return json.loads(node.properties["desiredState"])


def test_machines_are_tested_replaced_and_encrypted(state: dict[str, Any]):
    (group,) = state["InstanceGroups"]
    assert state["NodeRecovery"] == "Automatic"
    assert group["OnStartDeepHealthChecks"] == ["InstanceStress", "InstanceConnectivity"]
    assert group["InstanceStorageConfigs"][0]["EbsVolumeConfig"]["VolumeKmsKeyId"]
    assert (group["InstanceType"], group["InstanceCount"]) == ("ml.p5.48xlarge", 4)


def test_pods_choose_them_as_they_choose_a_pool_and_all_others_stay_away(state: dict[str, Any]):
    (group,) = state["InstanceGroups"]
    assert group["KubernetesConfig"] == {
        "Labels": {"modelyard.dev/pool": "h100", "nvidia.com/gpu.present": "true"},
        "Taints": [{"Key": "nvidia.com/gpu", "Value": "true", "Effect": "NoSchedule"}],
    }


def test_they_stand_in_private_subnets_of_the_clusters_network_after_its_chart(graph: Graph, state: dict[str, Any]):
    private = {node.outputs["id"] for node in graph.of_type("aws:ec2/subnet:Subnet") if "private" in node.name}
    assert set(state["VpcConfig"]["Subnets"]) == private
    (node,), (chart,) = graph.named("hyperpod-cluster"), graph.named("hyperpod-chart")
    assert chart.urn in node.dependencies


def test_aws_takes_what_it_says_and_no_rule_finds_anything(graph: Graph):
    (node,) = graph.named("hyperpod-cluster")
    assert check(node.type, sent(node.properties)) == []
    around = Surroundings("prod", region="eu-west-1", today=date(2026, 11, 22))
    found = [each for each in judge(graph, CATALOGUE, around).results if "hyperpod" in each.urn]
    assert [(each.rule.id, each.problem) for each in found] == []


def test_they_cost_all_hours_whether_anybody_uses_them_or_not(graph: Graph):
    bill = bill_of(Stack(graph, Surroundings("prod", region="us-east-1")))
    lines = [line for line in bill.lines if "hyperpod" in line.urn]
    machines, disks = lines
    assert machines.what == "sagemaker-training: ml.p5.48xlarge" and disks.what.startswith("sagemaker: ml storage")
    assert machines.low == machines.high > 4 * 730 * 20
    assert disks.low == disks.high > 4 * 500 * 0.1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"groups": {"cpu": {"instance_type": "ml.m5.large", "machines": 1}}},
         "groups.cpu.instance_type: got 'ml.m5.large'; has no GPU of NVIDIA's. Use one that has"),
        ({"groups": {"h100": {"instance_type": "ml.p5.48xlrge", "machines": 1}}}, "Did you mean ml.p5.48xlarge?"),
        ({"chart": "oci://r.example/charts/HyperPodHelmChart"},
         "chart_version: isn't said, and a registry holds several. Say one."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_where_it_is_written(changes: dict[str, Any], expected: str):
    spec = HyperPodSpec.model_validate({**SOUND, **changes})
    spec.locate(SourceMap("platform.yaml"), "cluster.hyperpod")
    (fault,) = spec.all_faults()
    assert str(fault).startswith("platform.yaml: cluster.hyperpod.") and expected in str(fault)
