"""A real API server takes every object that serves or watches a model, strictly, and refuses what it wouldn't know."""

from __future__ import annotations

import copy
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from kubernetes.client import ApiClient, ApiException
from tests.ground import PLATFORM, recording
from tests.unit import test_gateways, test_llm_kubernetes, test_monitoring_kubernetes, test_serving_kubernetes

from modelyard.assess.graph import Graph
from modelyard.foundation.cluster import GatewayOfTeamsSpec, TeamGateways
from modelyard.foundation.cluster.charts import held_apart
from modelyard_sandbox.kubernetes import client
from modelyard_sandbox.kubernetes.server import Cluster

NAMESPACE, PROXIES = "ml-dev-fraud", "envoy-gateway-system"
ATTEMPTS, TIMED_OUT = 4, 504
"""A server reads a definition when it is first asked for; Envoy Gateway's takes longer than a request."""
SERVING = test_serving_kubernetes
LANGUAGE = test_llm_kubernetes


def gateways() -> Graph:
    """One gateway for inside and one for the internet, with parts for two teams."""

    def program() -> None:
        said = {name: GatewayOfTeamsSpec.model_validate(each) for name, each in test_gateways.GATEWAYS.items()}
        into = pulumi.ResourceOptions(providers={"kubernetes": kubernetes.Provider("cluster", kubeconfig="{}")})
        teams = {"fraud": NAMESPACE, "demand": "ml-dev-demand"}
        TeamGateways("gateways", said, context=PLATFORM, teams=teams, eks=True, after=(), opts=into)

    return recording(program)


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    graphs = (
        SERVING.recorded({name: SERVING.spec(**changes) for name, changes in SERVING.CASES.items()}),
        LANGUAGE.recorded(
            plain=LANGUAGE.spec(served_by={"kind": "vllm", "scaling": LANGUAGE.SCALING}, door=LANGUAGE.DOOR),
            operated=LANGUAGE.spec(served_by=LANGUAGE.OF_KSERVE, door=LANGUAGE.DOOR),
        ),
        test_monitoring_kubernetes.recorded(),
        gateways(),
    )
    return [dict(node.properties) for graph in graphs for node in graph.nodes if node.type.startswith("kubernetes:")]


@pytest.fixture(scope="module")
def api(api_server_with_crds: Cluster) -> ApiClient:
    api = client.connected(api_server_with_crds.kubeconfig)
    for name in (NAMESPACE, PROXIES):
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        client.apply(api, f"/api/v1/namespaces/{name}", space, "test")
    return api


def put(api: ApiClient, wanted: dict[str, Any]) -> Any:
    version, kind = wanted["apiVersion"], wanted["kind"]
    group = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    (plural,) = [
        each["name"] for each in client.get(api, group)["resources"] if each["kind"] == kind and "/" not in each["name"]
    ]
    namespace = wanted["metadata"].get("namespace")
    place = group if namespace is None else f"{group}/namespaces/{namespace}"
    path = f"{place}/{plural}/{wanted['metadata']['name']}"
    for _ in range(ATTEMPTS):
        try:
            return client.apply(api, path, wanted, "test")
        except ApiException as error:
            if error.status != TIMED_OUT:
                raise
    return client.apply(api, path, wanted, "test")


def test_every_object_is_taken(api: ApiClient, objects: list[dict[str, Any]]):
    kinds = {each["kind"] for each in objects}
    assert {"InferenceService", "LLMInferenceService", "Rollout", "AnalysisTemplate", "ScaledObject"} <= kinds
    assert {"EnvoyProxy", "GatewayClass", "Gateway", "ClientTrafficPolicy"} <= kinds
    assert {"HTTPRoute", "SecurityPolicy", "BackendTrafficPolicy", "PodMonitor", "PrometheusRule"} <= kinds
    for wanted in objects:
        assert put(api, wanted)["metadata"]["name"] == wanted["metadata"]["name"]


def test_prometheus_knows_what_holds_teams_to_their_own_namespaces(api: ApiClient):
    metadata = {"name": "held", "namespace": NAMESPACE}
    wanted = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Prometheus",
        "metadata": metadata,
        "spec": held_apart(),
    }
    kept = put(api, wanted)["spec"]
    assert kept["enforcedNamespaceLabel"] == "namespace"
    assert {"group", "namespace", "resource"} == set(kept["excludedFromEnforcement"][0])


@pytest.mark.parametrize(
    ("kind", "path", "value", "because"),
    [
        ("InferenceService", "predictor", {"scalesToZero": True}, "field not declared in schema"),
        ("HTTPRoute", "hostnames", ["https://score"], "spec.hostnames"),
        ("SecurityPolicy", "jwt", {"providers": [{"name": "a", "remoteJWKS": {"url": "x"}}]}, "remoteJWKS"),
        ("Gateway", "listeners", [{"name": "a", "hostname": "*.*.acme", "port": 1, "protocol": "HTTP"}], "hostname"),
        ("EnvoyProxy", "provider", {"type": "Kubernetes", "kubernetes": {"envoyServices": {}}}, "envoyServices"),
        ("PrometheusRule", "groups", [{"name": "a", "rules": [{"alert": "A"}]}], "expr"),
    ],
)
def test_what_their_projects_do_not_know_is_refused(
    api: ApiClient, objects: list[dict[str, Any]], kind: str, path: str, value: Any, because: str
):
    wanted = copy.deepcopy(next(each for each in objects if each["kind"] == kind))
    wanted["metadata"]["name"] += "-wrong"
    wanted["spec"][path] = value
    with pytest.raises(ApiException) as refused:
        put(api, wanted)
    assert because in str(refused.value.body)
