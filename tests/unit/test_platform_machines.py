"""A platform's file names machines that stand all the time, and has those found that let their GPUs idle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import edit
from tests.unit.test_platform_cluster import OWNER, begun, team

from modelyard.assess.graph import Graph
from modelyard.blueprints.vending import new_team
from modelyard.core.contract import OUTPUT, read_contract
from modelyard.core.errors import SpecError
from modelyard.core.spec import SourceMap
from modelyard.foundation.cluster import EksClusterSpec, ExistingClusterSpec
from modelyard.operate.recorded import Recorder

IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs@sha256:{64 * '0'}"
GROUPS = {"h100": {"instance_type": "ml.p5.48xlarge", "machines": 4, "topology": True}}
HYPERPOD = {"chart": "./charts/HyperPodHelmChart", "groups": GROUPS}
PROMETHEUS = "kube-prometheus-stack"


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graph]:
    """The platform with HyperPod alone, and a team that trains there."""
    project = begun(tmp_path_factory.mktemp("standing"))
    new_team(project, "sales", "batch", OWNER, ["local"])

    def standing(file: Any) -> None:
        file["cluster"].update(
            hyperpod=HYPERPOD, sharing={"idle": {"image": IMAGE, "exempt": ["ml-local-vision/big-*"]}}
        )
        file["cluster"]["charts"]["install"].append(PROMETHEUS)
        file["cluster"].pop("pools")

    edit(project.platform_file, standing)
    team(project, quota={"pools": {"h100": {"gpus": 16}}})

    def train_there(file: Any) -> None:
        training = file["training"]
        training["flavour"]["pool"] = "h100"
        training["instance_types"] = ["p5.48xlarge"]
        training["flavour"]["programs"]["finetune"]["nodes"] = 2
        training["distributed"] = {"most_instances": 2, "efa": True}
        training["inter_container_encryption"] = False

    edit(project.team_file("vision"), train_there)
    recorder = Recorder(project)
    return {"platform": recorder.graph("platform", "local"), "vision": recorder.graph("vision", "local")}


def queued(graph: Graph, kind: str) -> list[dict[str, Any]]:
    return [node.properties["spec"] for node in graph.of_type(f"kubernetes:kueue.x-k8s.io/v1beta2:{kind}")]


def test_hyperpod_comes_after_its_chart_and_without_karpenter(graphs: dict[str, Graph]):
    (made,), (chart,) = graphs["platform"].named("hyperpod-cluster"), graphs["platform"].named("hyperpod-chart")
    assert chart.urn in made.dependencies
    assert not graphs["platform"].named("charts-karpenter"), "machines that stand need nobody to start them"


def test_the_contract_tells_of_machines_that_stand_as_of_any_pool(graphs: dict[str, Graph]):
    (stack,) = graphs["platform"].of_type("pulumi:pulumi:Stack")
    cluster = read_contract(stack.outputs[OUTPUT], "local").cluster
    assert cluster is not None
    pool = cluster.pools["h100"]
    assert (pool.gpus, pool.instance_types, pool.efa, pool.topology) == (32, ("ml.p5.48xlarge",), True, True)


def test_runs_may_ask_for_neighbours_among_machines_that_stand_and_say_so(graphs: dict[str, Graph]):
    (topology,) = queued(graphs["platform"], "Topology")
    assert topology["levels"][-1] == {"nodeLabel": "kubernetes.io/hostname"}
    assert [each["topologyName"] for each in queued(graphs["platform"], "ResourceFlavor") if each.get("nodeLabels")]
    (runtime,) = graphs["vision"].of_type("kubernetes:trainer.kubeflow.org/v1alpha1:TrainingRuntime")
    assert "kueue.x-k8s.io/podset-preferred-topology" in json.dumps(runtime.properties["spec"])


def test_jobs_choose_machines_by_the_name_that_sagemaker_writes_on_them(graphs: dict[str, Graph]):
    (runtime,) = graphs["vision"].of_type("kubernetes:trainer.kubeflow.org/v1alpha1:TrainingRuntime")
    said = json.dumps(runtime.properties["spec"])
    assert '"values": ["ml.p5.48xlarge"]' in said, "EC2's own name is on none of HyperPod's machines"


def test_idle_runs_are_looked_for_in_teams_namespaces_by_a_job_that_prometheus_lets_in(graphs: dict[str, Graph]):
    graph = graphs["platform"]
    (job,) = graph.of_type("kubernetes:batch/v1:CronJob")
    (container,) = job.properties["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    settings = json.loads(container["env"][0]["value"])
    assert (settings["namespaces"], settings["exempt"]) == (["ml-local-vision"], ["ml-local-vision/big-*"])
    (door,) = graph.named("idle-asks")
    (rule,) = door.properties["spec"]["ingress"]
    assert door.properties["metadata"]["namespace"] == "monitoring"
    assert rule["ports"] == [{"protocol": "TCP", "port": 9090}]
    (way,) = [each for each in graph.named("idle-nobody")[0].properties["spec"]["egress"] if "ipBlock" in each["to"][0]]
    (vpc,) = graph.of_type("aws:ec2/vpc:Vpc")
    assert [each["ipBlock"]["cidr"] for each in way["to"]] == [vpc.properties["cidrBlock"]], "where EKS answers"


def test_the_gpus_exporter_is_read_by_the_prometheus_that_comes_before_it(graphs: dict[str, Graph]):
    (exporter,), (prometheus,) = (
        graphs["platform"].named("charts-dcgm-exporter"),
        graphs["platform"].named(f"charts-{PROMETHEUS}"),
    )
    monitor = exporter.properties["values"]["serviceMonitor"]
    assert monitor == {"enabled": True, "additionalLabels": {"release": PROMETHEUS}}
    assert prometheus.urn in exporter.dependencies, "it brings the definition of what the exporter's chart makes"


def test_a_pool_outside_the_network_is_refused_where_it_is_written_before_anything_is_made(tmp_path: Path):
    project = begun(tmp_path)
    edit(project.platform_file, lambda file: file["cluster"]["pools"]["a100"].update(zones=["eu-west-1f"]))
    with pytest.raises(SpecError, match=r"platform\.yaml:\d+:\d+: .*zones\[0\].*is no zone of the network"):
        project.platform("local")


EKS: dict[str, Any] = {"version": "1.35"}
LAB: dict[str, Any] = {"kind": "existing", "context": "lab", "version": "1.34", "pools": {"a10g": {"gpus": 8}}}
IDLE = {"idle": {"image": IMAGE}}
POOL = {"instance_types": ["g6.xlarge"], "limits": {"gpus": 4}, "image": {"version": "1.50.0"}}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({**EKS, "hyperpod": HYPERPOD, "pools": {"h100": POOL}}, ["hyperpod.groups.h100", "one of the pools is"]),
        ({**EKS, "hyperpod": {**HYPERPOD, "groups": {"system": GROUPS["h100"]}}}, ["the cluster's own nodes are"]),
        ({**EKS, "hyperpod": HYPERPOD, "charts": {"air_gapped": True, "registry": "r.example/m"}},
         ["hyperpod: ", "can't be told to come from a mirror"]),
        ({**EKS, "pools": {"a": POOL}, "sharing": IDLE}, ["sharing.idle", f'"charts.install": [{PROMETHEUS}]']),
        ({**LAB, "sharing": IDLE, "api_servers": ["10.0.0.0/28"]}, [f"no {PROMETHEUS} and no dcgm-exporter"]),
        ({**LAB, "sharing": IDLE, "charts": {"install": [PROMETHEUS, "dcgm-exporter"]}}, ['under "api_servers"']),
        ({**LAB, "version": "1.20", "charts": {"install": ["karpenter"]}}, ["needs Kubernetes 1.26 or newer"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_where_it_is_written(said: dict[str, Any], expected: list[str]):
    spec = (ExistingClusterSpec if said.get("kind") == "existing" else EksClusterSpec).model_validate(said)
    spec.locate(SourceMap("platform.yaml"), "cluster")
    found = [str(fault) for fault in spec.all_faults()]
    assert any(all(text in fault for text in expected) for fault in found), found


def test_a_lab_that_says_all_of_it_has_no_fault():
    charts = {"install": [PROMETHEUS, "dcgm-exporter"]}
    pools = {"a10g": {"gpus": 8, "topology": True}}
    spec = ExistingClusterSpec.model_validate(
        {**LAB, "pools": pools, "sharing": IDLE, "charts": charts, "api_servers": ["10.0.0.0/28"]}
    )
    assert list(spec.all_faults()) == []
    assert spec.limits["a10g"].topology
