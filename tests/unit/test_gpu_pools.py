"""Pools of GPUs come and go with the pods that need them, and their controller rules over nothing else."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.gpus import POOLS, recorded
from tests.unit.test_knowledge_accepts import sent as as_sent

from modelyard.assess.graph import Graph
from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings
from modelyard.foundation.cluster import EksClusterSpec
from modelyard_sandbox.knowledge import check


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded()


def pool(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = graph.named(f"gpu-{name}")
    return found.properties["spec"]


def machines(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = graph.named(f"gpu-{name}-nodes")
    return found.properties["spec"]


def required(graph: Graph, name: str, key: str) -> list[str] | None:
    requirements = pool(graph, name)["template"]["spec"]["requirements"]
    return next((each["values"] for each in requirements if each["key"] == key), None)


def may(graph: Graph) -> list[dict[str, Any]]:
    policies = [node for node in graph.of_type("aws:iam/rolePolicy:RolePolicy") if "controller" in node.name]
    return [each for node in policies for each in json.loads(node.properties["policy"])["Statement"]]


def release(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = graph.named(f"charts-{name}")
    return found.properties["values"]


def test_none_of_the_rules_finds_anything_in_it(graph: Graph):
    around = Surroundings("prod", production=True, region="eu-west-1", today=date(2026, 11, 22))
    judged = judge(graph, CATALOGUE, around)
    ours = [each for each in judged.results if "karpenter" in each.urn or "::gpu" in each.urn or "charts" in each.urn]
    assert [(each.rule.id, each.urn.rpartition("::")[2], each.problem) for each in ours] == []
    assert judged.asked["gpu-limits-and-taint"] >= len(POOLS)


def test_a_pool_lets_nobody_on_who_did_not_ask_for_gpus_and_says_what_it_is(graph: Graph):
    template = pool(graph, "a100")["template"]
    assert template["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}]
    assert template["metadata"]["labels"]["modelyard.dev/pool"] == "a100"


def test_a_pool_grows_no_further_than_its_limit_counted_as_kubernetes_counts(graph: Graph):
    limits = {name: pool(graph, name)["limits"] for name in POOLS}
    assert limits["a100"] == {"nvidia.com/gpu": "32", "cpu": "384"}
    assert limits["shared"]["nvidia.com/gpu"] == "16", "each GPU shows four times"
    assert limits["parts"]["nvidia.com/gpu"] == "56", "each GPU shows seven parts"
    (node,) = graph.named("gpu-a100")
    assert node.properties["metadata"]["annotations"] == {
        "modelyard.dev/gpus": "32",
        "modelyard.dev/monthly-usd": "90000",
    }


def test_a_machine_goes_when_nothing_runs_on_it_and_never_under_a_run(graph: Graph):
    disruption = pool(graph, "a100")["disruption"]
    assert (disruption["consolidationPolicy"], disruption["consolidateAfter"]) == ("WhenEmpty", "10m")
    assert {"nodes": "1", "reasons": ["Drifted"]} in disruption["budgets"]
    assert "terminationGracePeriod" not in pool(graph, "a100")["template"]["spec"]
    assert pool(graph, "shared")["template"]["spec"]["terminationGracePeriod"] == "2h"


def test_what_is_bought_is_what_the_file_says(graph: Graph):
    assert required(graph, "a100", "karpenter.sh/capacity-type") == ["on-demand"]
    assert required(graph, "shared", "karpenter.sh/capacity-type") == ["spot", "on-demand"]
    assert required(graph, "parts", "karpenter.sh/capacity-type") == ["reserved"]
    assert required(graph, "parts", "karpenter.k8s.aws/capacity-reservation-type") == ["capacity-block"]
    assert required(graph, "parts", "topology.kubernetes.io/zone") == ["eu-west-1b"]
    assert machines(graph, "parts")["capacityReservationSelectorTerms"] == [{"id": "cr-0123456789abcdef0"}]
    assert required(graph, "shared", "topology.kubernetes.io/zone") is None


def test_machines_are_private_encrypted_pinned_and_keep_their_credentials_from_pods(graph: Graph):
    for name in POOLS:
        spec = machines(graph, name)
        assert spec["metadataOptions"]["httpPutResponseHopLimit"] == 1 and spec["associatePublicIPAddress"] is False
        assert all(disk["ebs"]["encrypted"] and disk["ebs"]["kmsKeyID"] for disk in spec["blockDeviceMappings"])
        assert "latest" not in spec["amiSelectorTerms"][0]["alias"] and spec["detailedMonitoring"] is False
        assert all(set(term) == {"id"} for term in spec["subnetSelectorTerms"] + spec["securityGroupSelectorTerms"])
        assert spec["tags"]["team"] == "platform" and spec["tags"]["pool"] == name


def test_with_efa_each_adapter_has_an_interface_and_machines_stand_together_within_a_group_that_lets_them(
    graph: Graph,
):
    spec = machines(graph, "a100")
    kinds = [each["interfaceType"] for each in spec["networkInterfaces"]]
    assert kinds == ["interface", "efa-only", "efa-only", "efa-only", "efa-only"]
    assert spec["networkInterfaces"][:3] == [
        {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"},
        {"networkCardIndex": 0, "deviceIndex": 1, "interfaceType": "efa-only"},
        {"networkCardIndex": 1, "deviceIndex": 0, "interfaceType": "efa-only"},
    ]
    (group,) = graph.of_type("aws:ec2/placementGroup:PlacementGroup")
    assert spec["placementGroupSelector"] == {"name": group.properties["name"]}
    assert len(spec["securityGroupSelectorTerms"]) == len(machines(graph, "shared")["securityGroupSelectorTerms"]) + 1
    assert release(graph, "efa-device-plugin")["supportedInstanceLabels"] == {
        "keys": ["modelyard.dev/efa"],
        "values": ["true"],
    }


def test_gpus_are_divided_or_shared_by_bottlerocket_itself_and_by_nvidias_plugin_elsewhere(graph: Graph):
    assert '"h100.80gb" = "1g.10gb"' in machines(graph, "parts")["userData"]
    assert "replicas = 4" in machines(graph, "shared")["userData"]
    assert "userData" not in machines(graph, "a100") and "userData" not in machines(graph, "plain")
    config = release(graph, "nvidia-device-plugin")["config"]
    assert list(config["map"]) == ["plain"]
    assert json.loads(config["map"]["plain"])["sharing"]["timeSlicing"]["resources"][0]["replicas"] == 2
    assert pool(graph, "plain")["template"]["metadata"]["labels"]["nvidia.com/device-plugin.config"] == "plain"


def test_local_disks_hold_pods_files_where_all_types_have_some_unless_the_file_says_no(graph: Graph):
    assert machines(graph, "a100")["instanceStorePolicy"] == "RAID0"
    assert "instanceStorePolicy" not in machines(graph, "plain")


def test_definitions_come_before_the_controller_and_the_controller_before_the_pools(graph: Graph):
    (crd,), (controller,), (a100,) = (
        graph.named(name) for name in ("charts-karpenter-crd", "charts-karpenter", "gpu-a100")
    )
    assert crd.urn in controller.dependencies
    assert controller.urn in a100.dependencies
    assert any(urn.endswith("::karpenter-identity") for urn in controller.dependencies)


def test_the_controller_starts_and_ends_machines_of_its_cluster_alone(graph: Graph):
    by_name = {each["Sid"]: each for each in may(graph) if "Sid" in each}
    owned = "aws:ResourceTag/kubernetes.io/cluster/ml-prod-platform-cluster"
    assert by_name["EndItsMachines"]["Condition"]["StringEquals"] == {owned: "owned"}
    assert set(by_name["EndItsMachines"]["Action"]) == {"ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"}
    passed = by_name["GiveMachinesTheirRole"]
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    assert "karpenter-machine" in passed["Resource"] and "*" not in passed["Resource"]
    writing = [each for each in may(graph) if not str(each["Action"]).count("Describe") and each["Resource"] == "*"]
    assert writing == []
    assert not any("iam:Create" in str(each["Action"]) or "iam:Add" in str(each["Action"]) for each in may(graph))


def test_only_pods_of_the_controllers_own_service_account_are_the_controller(graph: Graph):
    (role,) = graph.named("karpenter-controller-role")
    (statement,) = json.loads(role.properties["assumeRolePolicy"])["Statement"]
    who = statement["Condition"]["StringEquals"]
    assert who["aws:RequestTag/kubernetes-namespace"] == "kube-system"
    assert who["aws:RequestTag/kubernetes-service-account"] == "karpenter"


def test_it_hears_of_interruptions_in_an_encrypted_queue_that_rules_of_ours_alone_write_to(graph: Graph):
    (queue,) = graph.of_type("aws:sqs/queue:Queue")
    assert queue.properties["sqsManagedSseEnabled"] is True
    (policy,) = graph.of_type("aws:sqs/queuePolicy:QueuePolicy")
    allowed = [each for each in json.loads(policy.properties["policy"])["Statement"] if each["Effect"] == "Allow"]
    assert [each["Principal"] for each in allowed] == [{"Service": "events.amazonaws.com"}]
    assert len(allowed[0]["Condition"]["ArnEquals"]["aws:SourceArn"]) == 5
    heard = {
        kind
        for node in graph.of_type("aws:cloudwatch/eventRule:EventRule")
        if node.name.startswith("karpenter")
        for kind in json.loads(node.properties["eventPattern"])["detail-type"]
    }
    assert "EC2 Spot Instance Interruption Warning" in heard and "AWS Health Event" in heard
    assert release(graph, "karpenter")["settings"]["interruptionQueue"] == queue.properties["name"]


def test_machines_get_into_the_cluster_by_an_entry_of_their_own_and_broken_ones_are_replaced(graph: Graph):
    entries = {node.name: node.properties for node in graph.of_type("aws:eks/accessEntry:AccessEntry")}
    assert entries["karpenter-machine-entry"]["type"] == "EC2_LINUX"
    assert release(graph, "karpenter")["settings"]["featureGates"]["nodeRepair"] is True


@pytest.mark.parametrize("page", ["gpu-pools.md", "charts.md"])
def test_the_pages_examples_run(page: str):
    text = (Path(__file__).resolve().parents[2] / "docs" / page).read_text()
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, page, "exec"), {})


def test_the_pages_example_of_a_platforms_file_has_no_fault():
    text = (Path(__file__).resolve().parents[2] / "docs" / "gpu-pools.md").read_text()
    first = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    said = YAML(typ="safe").load(first)["cluster"]
    spec = EksClusterSpec.model_validate(said)
    assert list(spec.all_faults()) == [] and set(spec.pools) == {"a100", "notebooks"}


def test_the_sandbox_takes_all_that_it_puts_into_aws(graph: Graph):
    made = [node for node in graph.nodes if node.type.startswith("aws:") and node.name.startswith(("karpenter", "gpu"))]
    refused = {node.name: failures for node in made if (failures := check(node.type, as_sent(node.properties)))}
    assert refused == {} and len(made) > 20
