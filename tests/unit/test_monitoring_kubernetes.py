"""Alerts, their way to owners, and pages of endpoints on Kubernetes: from the monitors that AWS has, too."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from promql_parser import parse
from tests.ground import OWNER, fraud, ground, known_keys, recording
from tests.unit import test_llm_kubernetes, test_serving_kubernetes

from modelyard.assess.graph import Graph
from modelyard.core.errors import SpecError
from modelyard.foundation.cluster import PoolLimit
from modelyard.foundation.tenancy import ServiceAccountRole
from modelyard.run.monitoring import KubernetesMonitors, KubernetesMonitorsSpec
from modelyard.run.serving import KubernetesEndpoint, KubernetesLanguageModel

RUNBOOK = "https://wiki.acme.example/score"
LOAD = {"percent": 80}
ALL = {
    "latency": {"ms": 200, "runbook": f"{RUNBOOK}/slow"},
    "errors": {"percent": 2, "sustained": {"bad": 3, "of": 4}},
    "cpu": LOAD,
    "memory": LOAD,
}
WATCHED: dict[str, dict[str, Any]] = {
    "scored": {"served_by": {"kind": "rollout"}, "pods": 3},
    "tried": test_serving_kubernetes.CASES["tried"],
    "none": {"served_by": {"kind": "rollout"}, "scaling": test_serving_kubernetes.WAITING},
}


def monitors(**changes: Any) -> KubernetesMonitorsSpec:
    return KubernetesMonitorsSpec.model_validate({"owner": OWNER, "runbook": RUNBOOK, **ALL, **changes})


def recorded(**changes: Any) -> Graph:
    context = fraud(production=False)

    def program() -> None:
        on = ground(context, "scores", "writer", keys=known_keys())
        into = pulumi.ResourceOptions(providers={"kubernetes": kubernetes.Provider("cluster", kubeconfig="{}")})
        account = ServiceAccountRole("server", context=context, cluster="ml-dev", description="Serves", opts=into)
        stands: dict[str, Any] = {"context": context, "registry": on.registry, "identity": account, "opts": into}
        for name, given in WATCHED.items():
            endpoint = KubernetesEndpoint(name, test_serving_kubernetes.spec(**given), **stands)
            KubernetesMonitors(f"{name}-watch", monitors(**changes), context=context, endpoint=endpoint, opts=into)
        pools = {"gpus": PoolLimit(gpus=8)}
        chat = KubernetesLanguageModel("chat", test_llm_kubernetes.spec(), pools=pools, **stands)
        KubernetesMonitors("chat-watch", monitors(gpu=LOAD), context=context, endpoint=chat, opts=into)

    return recording(program)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded()


def rules(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    (found,) = [node for node in graph.nodes if node.name == f"{name}-watch-alerts"]
    (group,) = found.properties["spec"]["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def page(graph: Graph, name: str) -> tuple[dict[str, Any], dict[str, str]]:
    (found,) = [node for node in graph.nodes if node.name == f"{name}-watch-page"]
    (text,) = found.properties["data"].values()
    return json.loads(text), found.properties["metadata"]["labels"]


@pytest.mark.parametrize("name", [*WATCHED, "chat"])
def test_every_question_is_one_that_prometheus_can_read(graph: Graph, name: str):
    shown, _ = page(graph, name)
    queries = [panel["targets"][0]["expr"] for panel in shown["panels"]]
    queries += [rule["expr"] for rule in rules(graph, name).values()]
    assert len(queries) >= 12
    for query in queries:
        parse(query)


def test_every_alert_says_whose_it_is_and_what_to_do(graph: Graph):
    found = rules(graph, "scored")
    for rule in found.values():
        assert rule["labels"]["owner"] == OWNER and rule["labels"]["endpoint"] == "scored"
        assert rule["labels"]["namespace"] == "ml-dev-fraud", "Alertmanager gives a team's route no others"
        assert rule["annotations"]["runbook_url"].startswith(RUNBOOK)
    assert found["EndpointSlow"]["annotations"]["runbook_url"] == f"{RUNBOOK}/slow", "its own comes first"


def test_an_alert_goes_off_at_so_many_bad_points_of_the_last(graph: Graph):
    query = rules(graph, "scored")["EndpointFails"]["expr"]
    assert query.endswith("> bool 2)[20m:5m]) >= 3"), "three of four points of five minutes"


def test_only_its_own_pods_set_an_endpoints_alerts_off(graph: Graph):
    for name, rule in rules(graph, "scored").items():
        told = 'name="ml-dev-fraud-scored"' if name == "EndpointRolledBack" else 'modelyard_dev_endpoint="scored"'
        assert told in rule["expr"] and 'namespace="ml-dev-fraud"' in rule["expr"], name


def test_pods_that_lack_are_told_unless_none_is_wanted(graph: Graph):
    assert rules(graph, "scored")["EndpointLacksPods"]["expr"].endswith("< 3")
    assert "EndpointLacksPods" not in rules(graph, "none"), "an endpoint that sleeps isn't ill"


def test_a_version_that_was_taken_back_is_told_and_so_is_a_candidate_that_fails_more_than_the_release(graph: Graph):
    assert "EndpointRolledBack" in rules(graph, "scored") and "EndpointRolledBack" not in rules(graph, "tried")
    query = rules(graph, "tried")["EndpointCandidateFails"]["expr"]
    assert 'modelyard_dev_track="candidate"' in query and 'modelyard_dev_track="champion"' in query


def test_gpus_are_watched_by_what_dcgm_tells_and_only_where_there_are_some(graph: Graph):
    assert "DCGM_FI_DEV_GPU_UTIL" in rules(graph, "chat")["EndpointGpuFull"]["expr"]
    with pytest.raises(SpecError, match="gpu: is watched of an endpoint whose pods have none. Remove it."):
        recorded(gpu=LOAD)


def test_a_language_model_is_asked_by_the_names_that_vllm_has(graph: Graph):
    found = rules(graph, "chat")
    assert "vllm:e2e_request_latency_seconds_bucket{" in found["EndpointSlow"]["expr"]
    assert "http_requests_total{" in found["EndpointFails"]["expr"]


def test_alerts_reach_their_owner_and_nobody_elses_do(graph: Graph):
    (found,) = [node for node in graph.nodes if node.name == "scored-watch-receivers"]
    spec = found.properties["spec"]
    matched = {each["name"]: each["value"] for each in spec["route"]["matchers"]}
    assert matched == {"endpoint": "scored", "owner": OWNER}
    (receiver,) = spec["receivers"]
    assert receiver["name"] == spec["route"]["receiver"]
    assert receiver["emailConfigs"] == [{"to": OWNER, "sendResolved": True}]


def test_a_page_is_found_by_grafana_and_leaves_the_choice_of_prometheus_to_who_looks(graph: Graph):
    shown, labels = page(graph, "scored")
    assert labels["grafana_dashboard"] == "1"
    assert shown["uid"] and len(shown["uid"]) <= 40 and shown["title"] == "fraud / dev / scored"
    assert {panel["datasource"]["uid"] for panel in shown["panels"]} == {"${datasource}"}
    (variable,) = shown["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")


def test_pages_of_two_endpoints_are_two(graph: Graph):
    assert len({page(graph, name)[0]["uid"] for name in (*WATCHED, "chat")}) == len(WATCHED) + 1
