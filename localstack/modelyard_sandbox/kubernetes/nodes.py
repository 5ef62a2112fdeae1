"""Nodes with GPUs that are played: the scheduler places pods on them, and KWOK says what a kubelet would."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.kubernetes.binaries import Binaries

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

GPUS: Final = 8
"""Of one node, as `nvidia.com/gpu` counts them."""
_MACHINE: Final = {"cpu": "192", "memory": "2Ti", "pods": "110", "nvidia.com/gpu": str(GPUS)}
_LEASE: Final = 40
"""Seconds; a node's lease, which KWOK renews."""


def scheduler(binaries: Binaries, kubeconfig: Path) -> list[str]:
    """What places pods on nodes."""
    command = [str(binaries.scheduler), f"--kubeconfig={kubeconfig}", "--leader-elect=false"]
    return [*command, "--secure-port=0", "--profiling=false"]


def kwok(binaries: Binaries, kubeconfig: Path) -> list[str]:
    """What plays the nodes' kubelets."""
    command = [str(binaries.kwok), f"--kubeconfig={kubeconfig}", f"--config={binaries.stages}"]
    return [*command, "--manage-all-nodes", f"--node-lease-duration-seconds={_LEASE}"]


def create(api: ApiClient, count: int) -> None:
    """Create `count` nodes with eight GPUs each."""
    from kubernetes.client import CoreV1Api

    core: Any = CoreV1Api(api)
    for number in range(1, count + 1):
        made = _node(f"gpu-{number}")
        core.create_node(made)
        core.patch_node_status(made["metadata"]["name"], {"status": made["status"]})


def ready(api: ApiClient, count: int) -> bool:
    """Whether so many nodes say that they are."""
    from kubernetes.client import CoreV1Api

    nodes: Any = CoreV1Api(api).list_node().items
    return count == sum(
        condition.type == "Ready" and condition.status == "True"
        for node in nodes
        for condition in node.status.conditions or ()
    )


def _node(name: str) -> dict[str, Any]:
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "p5.48xlarge",
        "nvidia.com/gpu.present": "true",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {"capacity": _MACHINE, "allocatable": _MACHINE},
    }
