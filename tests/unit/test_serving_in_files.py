"""A team's file says which of its models are served on the platform's cluster; what can't be is refused there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.shipped import edit
from tests.unit import test_llm_kubernetes, test_serving_kubernetes
from tests.unit.test_platform_cluster import PEOPLE, begun, team

from modelyard.assess.graph import Graph
from modelyard.blueprints import Project
from modelyard.blueprints.schema import schema
from modelyard.core.document import read
from modelyard.core.errors import SpecError
from modelyard.operate.recorded import Recorder

ADDRESS = "ada@acme.example"
SPACE = "ml-local-vision"
CHARTS = ["trainer", "kserve", "argo-rollouts", "keda", "envoy-gateway", "kube-prometheus-stack", "dcgm-exporter"]
REGISTRY = {
    "models": {
        "places": {
            "description": "Where a picture was taken.",
            "owner": ADDRESS,
            "ungated_because": "A person looks at each version.",
        }
    }
}
ENDPOINT: dict[str, Any] = {
    "flavour": "kubernetes",
    "model": "places",
    "owner": ADDRESS,
    "release": {"kind": "declared", "version": 1},
    "artifact": test_serving_kubernetes.DIGEST,
    "image": test_serving_kubernetes.IMAGE,
    "served_by": {"kind": "rollout"},
}
MODEL: dict[str, Any] = {
    "flavour": "kubernetes",
    "model": "places",
    "owner": ADDRESS,
    "release": {"kind": "declared", "version": 2},
    "artifact": test_llm_kubernetes.DIGEST,
    "image": test_llm_kubernetes.VLLM,
    "fetcher": test_llm_kubernetes.FETCHER,
    "served_by": {"kind": "vllm"},
    "needs": {"gpus": 1, "pool": "a10g", "memory_mib": 24_576},
    "weights_gib": 8,
}
SERVED = {"served_by": {"kind": "instances", "variants": {"main": {"instance_type": "ml.m5.large"}}}}
DOOR = {"request": {"fields": {"place": {"kind": "text", "max_length": 9}}}, "authorization": {"kind": "iam"}}
ON_SAGEMAKER = {"model": "places", "owner": ADDRESS, "release": ENDPOINT["release"], **SERVED}


def serving(folder: Path, charts: list[str], **said: Any) -> Project:
    project = begun(folder)
    edit(project.platform_file, lambda file: file["cluster"]["charts"].update(install=charts))
    edit(project.platform_file, lambda file: file.update(sign_in={"kind": "roles", "roles": [PEOPLE]}))
    team(project, registry=REGISTRY, **said)
    return project


def refused(folder: Path, **said: Any) -> str:
    """What is said of a team's file by itself, each fault once for all environments."""
    project = begun(folder)
    team(project, registry=REGISTRY, **said)
    with pytest.raises(SpecError) as error:
        project.team("vision", "local")
    return str(error.value)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Graph, Graph]:
    """The platform's stack and the team's."""
    project = serving(
        tmp_path_factory.mktemp("serving"),
        CHARTS,
        serving={"score": {**ENDPOINT, "door": test_serving_kubernetes.DOOR}, "rows": ON_SAGEMAKER},
        language_models={"chat": MODEL},
        monitoring={"score": {"owner": ADDRESS, "latency": {"ms": 200}}},
        people={"ml-engineer": [ADDRESS]},
        personas={"ml-engineer": {"endpoints": {"invoke": ["rows"]}}},
    )
    recorder = Recorder(project)
    return recorder.graph("platform", "local"), recorder.graph("vision", "local")


@pytest.fixture(scope="module")
def graph(graphs: tuple[Graph, Graph]) -> Graph:
    return graphs[1]


def test_each_model_is_served_by_what_its_flavour_says(graph: Graph):
    (rollout,) = graph.of_type("kubernetes:argoproj.io/v1alpha1:Rollout")
    (deployment,) = graph.of_type("kubernetes:apps/v1:Deployment")
    (endpoint,) = graph.of_type("modelyard:serving:InferenceEndpoint")
    assert rollout.name == "score-rollout" and deployment.name == "chat-deployment"
    assert endpoint.name == "rows", "what says no flavour stays on SageMaker"
    assert {node.properties["metadata"]["namespace"] for node in (rollout, deployment)} == {SPACE}


def test_the_pods_of_each_model_act_as_an_account_of_their_own_that_reads_its_model(graph: Graph):
    accounts = {node.name: node.properties["metadata"]["name"] for node in _kind(graph, "core/v1:ServiceAccount")}
    (rollout,) = graph.of_type("kubernetes:argoproj.io/v1alpha1:Rollout")
    used = rollout.properties["spec"]["template"]["spec"]["serviceAccountName"]
    assert used == accounts["score-server-account"] != accounts["chat-server-account"]
    associations = graph.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert used in {node.properties["serviceAccount"] for node in associations}
    (policy,) = graph.named("score-server-identity-registry-access")
    actions = {action for each in json.loads(policy.properties["policy"])["Statement"] for action in each["Action"]}
    assert "s3:GetObject" in actions and "s3:PutObject" not in actions


def test_each_model_on_the_cluster_is_watched_as_its_endpoint_is_served(graph: Graph):
    rules = {node.name: node for node in _kind(graph, "monitoring.coreos.com/v1:PrometheusRule")}
    assert set(rules) == {"score-monitors-alerts", "chat-monitors-alerts"}, "the language model's without being said"
    told = rules["score-monitors-alerts"].properties["spec"]["groups"][0]["rules"]
    assert "EndpointSlow" in [each["alert"] for each in told]
    (on_sagemaker,) = graph.of_type("modelyard:monitoring:EndpointMonitors")
    assert on_sagemaker.name == "rows-monitors"


def test_what_measures_and_the_gateway_reach_the_ports_of_pods_and_no_other_port(graphs: tuple[Graph, Graph]):
    for namespace in ("monitoring", "envoy-gateway-system"):
        (policy,) = graphs[0].named(f"vision-namespace-from-{namespace}")
        (rule,) = policy.properties["spec"]["ingress"]
        assert rule["from"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": namespace}
        assert [each["port"] for each in rule["ports"]] == [8000, 8080]


def test_prometheus_may_be_asked_by_what_scales_and_judges_and_looks_into_all_namespaces(graphs: tuple[Graph, Graph]):
    (policy,) = graphs[0].named("charts-monitoring-webhooks")
    assert 9090 in [each["port"] for each in policy.properties["spec"]["ingress"][0]["ports"]]
    (within,) = graphs[0].named("charts-monitoring-each-other")
    assert within.properties["spec"]["ingress"] == [{"from": [{"podSelector": {}}]}]
    (stack,) = graphs[0].named("charts-kube-prometheus-stack")
    said = stack.properties["values"]["prometheus"]["prometheusSpec"]
    assert said["podMonitorSelectorNilUsesHelmValues"] is False


def test_rules_of_a_team_ask_of_its_own_namespace_alone_and_those_of_charts_of_all(graphs: tuple[Graph, Graph]):
    (stack,) = graphs[0].named("charts-kube-prometheus-stack")
    said = stack.properties["values"]["prometheus"]["prometheusSpec"]
    assert said["enforcedNamespaceLabel"] == "namespace"
    spared = {(each["resource"], each["namespace"]) for each in said["excludedFromEnforcement"]}
    assert ("servicemonitors", "monitoring") in spared and ("prometheusrules", "monitoring") in spared
    assert SPACE not in {namespace for _, namespace in spared}


def test_who_deploys_for_the_team_may_make_the_policies_of_its_doors_and_the_ways_of_its_alerts(
    graphs: tuple[Graph, Graph],
):
    (role,) = graphs[0].named("vision-namespace-deployers")
    managed = {
        (group, resource)
        for rule in role.properties["rules"]
        if "create" in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert ("gateway.envoyproxy.io", "securitypolicies") in managed
    assert ("gateway.envoyproxy.io", "backendtrafficpolicies") in managed
    assert ("monitoring.coreos.com", "alertmanagerconfigs") in managed


def test_what_the_cluster_lacks_is_said_all_at_once(tmp_path: Path):
    scaled = {**ENDPOINT, "served_by": {"kind": "kserve"}, "scaling": test_serving_kubernetes.BY_CALLS, "port": 9000}
    project = serving(
        tmp_path,
        ["trainer"],
        serving={"score": {**scaled, "door": test_serving_kubernetes.DOOR}},
        language_models={
            "chat": {**MODEL, "needs": {**MODEL["needs"], "pool": "a10g", "gpus": 5}},
            "wide": {**MODEL, "served_by": {"kind": "llm_inference_service"}, "door": test_llm_kubernetes.DOOR},
        },
    )
    with pytest.raises(SpecError) as error:
        Recorder(project).graph("vision", "local")
    said = str(error.value)
    for path, problem in (
        ("serving.score.flavour", "is measured by kube-prometheus-stack, and the platform's cluster has"),
        ("serving.score.served_by.kind", "runs by kserve"),
        ("serving.score.scaling", "is done by keda"),
        ("serving.score.door", "is kept by envoy-gateway"),
        ("serving.score.port", "Answer at 8000 or 8080"),
        ("language_models.chat.needs.gpus", "times 2 pods is more than the 8 that the team may use of a10g"),
        ("language_models.wide.served_by.kind", 'Use kind "vllm"'),
    ):
        assert any(path in line and problem in line for line in said.splitlines()), (path, said)


def test_models_on_a_cluster_without_a_share_of_one_are_refused(tmp_path: Path):
    project = serving(tmp_path, CHARTS, serving={"score": ENDPOINT}, language_models={"chat": MODEL})
    edit(project.team_file("vision"), lambda file: (file.pop("quota"), file.pop("training"), file.pop("jobs")))
    with pytest.raises(SpecError) as error:
        Recorder(project).graph("vision", "local")
    for path in ("serving.score.flavour", "language_models.chat.flavour"):
        assert f"{path}: got 'kubernetes'; needs a share of the platform's cluster" in str(error.value)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"serving": {"score": {**ENDPOINT, "flavour": "azure"}}},
         "serving.score.flavour: got 'azure'; is none of the choices. Use sagemaker or kubernetes."),
        ({"serving": {"score": {**ENDPOINT, "vpc": True}}}, "serving.score.vpc: got True; unknown field."),
        ({"serving": {"score": {**ENDPOINT, "release": {"kind": "loop"}}}}, "serving.score.release.kind"),
        ({"serving": {"score": ENDPOINT}, "doors": {"score": DOOR}},
         'doors.score: got \'score\'; is API Gateway\'s, which leads to endpoints of SageMaker, and this one is on '
         'Kubernetes. Give "serving.score.door"'),
        ({"serving": {"score": ENDPOINT}, "retraining": {"weekly": {"endpoint": "score", "owner": ADDRESS}}},
         "retraining.weekly.endpoint: got 'score'; is on Kubernetes, and loops bring versions to endpoints of "
         "SageMaker alone"),
        ({"serving": {"score": ENDPOINT}, "monitoring": {"score": {"owner": ADDRESS, "data_drift": {}}}},
         "monitoring.score.data_drift: got {}; unknown field"),
        ({"serving": {"score": ENDPOINT}, "monitoring": {"score": {"owner": ADDRESS, "flavour": "sagemaker"}}},
         "monitoring.score.flavour: got 'sagemaker'; is another flavour than that of what it watches, kubernetes. "
         "Remove it."),
        ({"monitoring": {"score": {"owner": ADDRESS}}}, "monitoring.score: got 'score'; watches no endpoint"),
        ({"serving": {"score": ENDPOINT}, "jobs": {"endpoints": {"invoke": ["score"]}}},
         "jobs.endpoints.invoke[0]: got 'score'; serves on Kubernetes, where no such grant is needed"),
    ],
)  # fmt: skip
def test_what_an_endpoint_on_kubernetes_has_not_is_refused_in_the_file(
    tmp_path: Path, said: dict[str, Any], expected: str
):
    assert expected in refused(tmp_path, **said)


def test_an_environment_may_serve_otherwise_than_the_others(tmp_path: Path):
    project = begun(tmp_path)
    team(project, registry=REGISTRY, serving={"score": ON_SAGEMAKER})
    edit(project.team_file("vision"), lambda file: file["environments"].update(local={"serving": {"score": ENDPOINT}}))
    assert project.team("vision", "local").serving["score"].flavour == "kubernetes"


def test_the_schema_takes_either_flavour_and_monitors_of_either(tmp_path: Path):
    project = begun(tmp_path)
    team(
        project,
        registry=REGISTRY,
        serving={"score": ENDPOINT, "rows": ON_SAGEMAKER},
        monitoring={"score": {"owner": ADDRESS}},
    )
    document = read(project.team_file("vision")).data
    validator = Draft202012Validator(schema("team"))
    assert [error.message for error in validator.iter_errors(document)] == []
    document["serving"]["score"]["vpc"] = True
    assert list(validator.iter_errors(document)), "a field of the other flavour"


def _kind(graph: Graph, kind: str) -> list[Any]:
    return list(graph.of_type(f"kubernetes:{kind}"))
