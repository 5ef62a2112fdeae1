"""The definitions that charts bring are established by a real API server, and refuse what they don't allow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kubernetes.client import ApiClient, ApiException, ApiextensionsV1Api

from modelyard.core.errors import EmulatorError
from modelyard_sandbox.kubernetes import client, crds, discovery
from modelyard_sandbox.kubernetes.server import Cluster

KEYS = sorted(crds.table())


@pytest.fixture(scope="module")
def api(api_server_with_crds: Cluster) -> ApiClient:
    return client.connected(api_server_with_crds.kubeconfig)


@pytest.fixture(scope="module")
def established(api: ApiClient) -> set[str]:
    found = client.get(api, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]
    return {
        definition["metadata"]["name"]
        for definition in found
        if {"Established", "NamesAccepted"}
        <= {each["type"] for each in definition["status"]["conditions"] if each["status"] == "True"}
    }


def path_of(definition: dict[str, Any]) -> tuple[str, str, str]:
    """An object's path, its `apiVersion` and its kind."""
    spec = definition["spec"]
    version = next(each["name"] for each in spec["versions"] if each["storage"])
    space = "namespaces/default/" if spec["scope"] == "Namespaced" else ""
    return (
        f"/apis/{spec['group']}/{version}/{space}{spec['names']['plural']}/it",
        f"{spec['group']}/{version}",
        spec["names"]["kind"],
    )


@pytest.mark.parametrize("key", KEYS)
def test_every_definition_of_a_chart_is_established(key: str, api: ApiClient, established: set[str]) -> None:
    brought = {definition["metadata"]["name"] for definition in crds.manifests(key)}
    assert brought, "a chart without definitions has no place in the table"
    assert brought <= established


@pytest.mark.parametrize("key", KEYS)
def test_an_object_of_the_wrong_form_is_refused(key: str, api: ApiClient) -> None:
    for definition in crds.manifests(key):
        path, version, kind = path_of(definition)
        wrong = {"apiVersion": version, "kind": kind, "metadata": {"name": "it"}, "nobodyKnowsThis": 1}
        with pytest.raises(ApiException) as refused:
            client.apply(api, path, wrong, "test")
        assert "nobodyKnowsThis: field not declared in schema" in json.loads(refused.value.body or "{}")["message"]


def test_a_right_object_is_taken_and_a_value_that_a_rule_forbids_is_not(api: ApiClient) -> None:
    path = "/apis/kueue.x-k8s.io/v1beta2/clusterqueues/shared"
    queue = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ClusterQueue", "metadata": {"name": "shared"}}
    assert client.apply(api, path, {**queue, "spec": {"queueingStrategy": "StrictFIFO"}}, "test")["metadata"]["uid"]
    with pytest.raises(ApiException) as refused:
        client.apply(api, path, {**queue, "spec": {"queueingStrategy": "WhoeverComes"}}, "test")
    assert 'supported values: "StrictFIFO", "BestEffortFIFO"' in json.loads(refused.value.body or "{}")["message"]


def test_what_is_applied_is_served_when_it_returns(admin: ApiClient) -> None:
    wanted = crds.manifests("lws")
    crds.apply(admin, wanted)
    assert ("leaderworkerset.x-k8s.io", "v1", "leaderworkersets") in discovery.served(admin)
    extensions: Any = ApiextensionsV1Api(admin)
    for definition in wanted:
        extensions.delete_custom_resource_definition(definition["metadata"]["name"])


def test_a_chart_that_isnt_in_the_table_is_told_with_those_that_are() -> None:
    with pytest.raises(EmulatorError, match=r"got 'airflow'; no such chart; there are: argo-rollouts, .*, trainer"):
        crds.manifests("airflow")
