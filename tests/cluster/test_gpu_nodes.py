"""Nodes with GPUs that are played: the real scheduler counts their GPUs, and pods on them run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import CoreV1Api
from tests.cluster.waiting import until

from modelyard_sandbox.kubernetes import client, nodes, server
from modelyard_sandbox.kubernetes.binaries import Binaries


@pytest.fixture(scope="module")
def core(programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a cluster with two nodes of eight GPUs."""
    folder: Path = tmp_path_factory.mktemp("nodes")
    cluster = server.start(folder / "cluster", programs, lambda name: folder / f"{name}.log", gpu_nodes=2)
    yield CoreV1Api(client.connected(cluster.kubeconfig))
    cluster.stop()


def test_a_node_offers_its_gpus_and_is_ready(core: Any) -> None:
    found = core.list_node().items
    assert [node.metadata.name for node in found] == ["gpu-1", "gpu-2"]
    assert {node.status.allocatable["nvidia.com/gpu"] for node in found} == {str(nodes.GPUS)}
    ready = [condition.status for node in found for condition in node.status.conditions if condition.type == "Ready"]
    assert ready == ["True", "True"]


def test_pods_take_whole_nodes_and_the_one_too_many_waits_for_its_gpus(core: Any) -> None:
    resources = {"limits": {"nvidia.com/gpu": str(nodes.GPUS)}}
    spec = {"containers": [{"name": "c", "image": "x:1", "resources": resources}]}

    def unschedulable(pod: Any) -> bool:
        return any(condition.reason == "Unschedulable" for condition in pod.status.conditions or ())

    for name in ("first", "second"):
        core.create_namespaced_pod("default", {"metadata": {"name": name}, "spec": spec})
    ran = [
        until(
            core.list_namespaced_pod,
            lambda pod, name=name: (pod.metadata.name, pod.status.phase) == (name, "Running"),
            "default",
        )
        for name in ("first", "second")
    ]
    core.create_namespaced_pod("default", {"metadata": {"name": "third"}, "spec": spec})
    waits = until(core.list_namespaced_pod, unschedulable, "default")

    assert {pod.spec.node_name for pod in ran} == {"gpu-1", "gpu-2"}
    assert (waits.metadata.name, waits.spec.node_name, waits.status.phase) == ("third", None, "Pending")
    assert "2 Insufficient nvidia.com/gpu" in waits.status.conditions[0].message
