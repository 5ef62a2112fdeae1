"""A real API server takes every object of MLflow and of Feast, strictly, and their pods into a restricted namespace."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from kubernetes.client import ApiClient, ApiException
from tests.cluster.test_serving_objects import NAMESPACE, put
from tests.unit import test_features_kubernetes, test_tracking_kubernetes

from modelyard_sandbox.kubernetes import client
from modelyard_sandbox.kubernetes.server import Cluster

TRACKING, FEATURES = test_tracking_kubernetes, test_features_kubernetes
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    graphs = (
        TRACKING.recorded({name: TRACKING.spec(**changes) for name, changes in TRACKING.CASES.items()}),
        FEATURES.recorded({name: FEATURES.spec(**changes) for name, changes in FEATURES.CASES.items()}),
    )
    return [dict(node.properties) for graph in graphs for node in graph.nodes if node.type.startswith("kubernetes:")]


@pytest.fixture(scope="module")
def api(api_server: Cluster) -> ApiClient:
    api = client.connected(api_server.kubeconfig)
    metadata = {"name": NAMESPACE, "labels": RESTRICTED}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    client.apply(api, f"/api/v1/namespaces/{NAMESPACE}", space, "test")
    return api


def templates(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pods that objects describe, by the objects' kinds and names, with their claims as controllers put them in."""
    found: dict[str, dict[str, Any]] = {}
    for each in objects:
        spec = each.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" not in spec:
            continue
        template = copy.deepcopy(spec["template"])
        for claim in spec.get("volumeClaimTemplates", ()):
            name = claim["metadata"]["name"]
            template["spec"]["volumes"].append({"name": name, "persistentVolumeClaim": {"claimName": name}})
        found[f"{each['kind']} {each['metadata']['name']}"] = template
    return found


def pod(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def test_every_object_is_taken(api: ApiClient, objects: list[dict[str, Any]]):
    kinds = {each["kind"] for each in objects}
    assert {"Deployment", "StatefulSet", "Job", "CronJob", "ConfigMap", "NetworkPolicy", "PodDisruptionBudget"} <= kinds
    for wanted in objects:
        assert put(api, wanted)["metadata"]["name"] == wanted["metadata"]["name"]


def test_their_pods_are_let_into_a_restricted_namespace(api: ApiClient, objects: list[dict[str, Any]]):
    found = templates(objects)
    assert len(found) == 2 + 3 * 3 + 1
    for name in {template["spec"]["serviceAccountName"] for template in found.values()}:
        put(api, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}})
    for index, template in enumerate(found.values()):
        assert put(api, pod(f"pod-{index}", template["spec"]))["status"]["phase"] == "Pending"


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"securityContext": {}}, "runAsNonRoot"),
        ({"hostNetwork": True}, "hostNetwork"),
    ],
)
def test_a_pod_that_gives_up_less_is_refused_there(
    api: ApiClient, objects: list[dict[str, Any]], change: dict[str, Any], because: str
):
    spec = copy.deepcopy(next(iter(templates(objects).values()))["spec"]) | change
    metadata = {"name": spec["serviceAccountName"], "namespace": NAMESPACE}
    put(api, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    for kind in ("initContainers", "containers"):
        for each in spec[kind]:
            each["securityContext"].pop("runAsNonRoot", None)
    with pytest.raises(ApiException) as refused:
        put(api, pod("loose", spec))
    assert refused.value.status == 403 and because in str(refused.value.body)
