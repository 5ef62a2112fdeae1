"""Karpenter's own definitions take every pool that we write, and refuse what we would never write."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from kubernetes.client import ApiClient, ApiException
from tests.gpus import POOLS, recorded

from modelyard_sandbox.kubernetes import client
from modelyard_sandbox.kubernetes.server import Cluster

ADAPTER = {"networkCardIndex": 0, "deviceIndex": 1, "interfaceType": "efa-only"}
KINDS = {"NodePool": "nodepools", "EC2NodeClass": "ec2nodeclasses"}


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return [dict(node.properties) for node in recorded().nodes if node.type.startswith("kubernetes:karpenter")]


@pytest.fixture(scope="module")
def api(api_server_with_crds: Cluster) -> ApiClient:
    return client.connected(api_server_with_crds.kubeconfig)


def put(api: ApiClient, wanted: dict[str, Any]) -> Any:
    path = f"/apis/{wanted['apiVersion']}/{KINDS[wanted['kind']]}/{wanted['metadata']['name']}"
    return client.apply(api, path, wanted, "test")


def test_every_pool_and_its_class_of_machines_is_taken(api: ApiClient, objects: list[dict[str, Any]]):
    assert len(objects) == 2 * len(POOLS)
    for wanted in objects:
        assert put(api, wanted)["metadata"]["name"] == wanted["metadata"]["name"]


@pytest.mark.parametrize(
    ("kind", "path", "value", "because"),
    [
        ("EC2NodeClass", "networkInterfaces", [ADAPTER], "must include a primary interface"),
        ("EC2NodeClass", "amiSelectorTerms", [{"alias": "ubuntu@v1"}], "family is not supported"),
        ("EC2NodeClass", "hopLimit", 2, "field not declared in schema"),
        ("NodePool", "limits", {"nvidia.com/gpu": "many"}, "limits"),
        ("NodePool", "disruption", {"consolidationPolicy": "Always", "consolidateAfter": "1m"}, "consolidationPolicy"),
    ],
)
def test_what_karpenter_does_not_know_is_refused(
    api: ApiClient, objects: list[dict[str, Any]], kind: str, path: str, value: Any, because: str
):
    wanted = copy.deepcopy(next(each for each in objects if each["kind"] == kind))
    wanted["metadata"]["name"] += "-wrong"
    wanted["spec"][path] = value
    with pytest.raises(ApiException) as refused:
        put(api, wanted)
    assert because in str(refused.value.body)
