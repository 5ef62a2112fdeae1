"""The sandbox with Kubernetes beside the emulator: started, added, counted, emptied and stopped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from kubernetes.client import CoreV1Api

from modelyard.core.errors import EmulatorError
from modelyard_sandbox.emulator import Sandbox
from modelyard_sandbox.kubernetes import client
from modelyard_sandbox.kubernetes.binaries import VERSION, Binaries


@pytest.fixture
def sandbox(programs: Binaries, tmp_path: Path) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path)
    yield made
    made.stop()


def core(sandbox: Sandbox) -> Any:
    return CoreV1Api(client.connected(sandbox.places.cluster))


def test_it_is_added_to_what_runs_counts_what_is_put_into_it_and_ends_with_it(sandbox: Sandbox) -> None:
    alone = sandbox.start()
    assert alone["kubernetes"] is None
    assert sandbox.environment()["KUBECONFIG"] == os.devnull, "no cluster of the user's own may be reached"

    both = sandbox.start(kubernetes=True)

    assert both["pids"].items() > alone["pids"].items(), "the emulator goes on"
    assert both["healthy"]
    assert both["kubernetes"]["version"] == VERSION
    assert sandbox.environment()["KUBECONFIG"] == str(sandbox.places.cluster)
    core(sandbox).create_namespaced_config_map("default", {"metadata": {"name": "settings"}})
    assert sandbox.counts() == {"kubernetes: configmaps": 1}, "what a cluster holds by itself isn't counted"
    with pytest.raises(EmulatorError, match="with Kubernetes and 0 nodes with GPUs.*Stop it first"):
        sandbox.start(gpu_nodes=1)
    assert sandbox.start()["pids"] == both["pids"], "who asks for nothing gets what runs"

    assert sandbox.reset()["kubernetes"] is not None
    assert core(sandbox).list_namespaced_config_map("default", field_selector="metadata.name=settings").items == []

    begun = [psutil.Process(pid) for pid in sandbox.status()["pids"].values()]
    sandbox.stop()
    assert not [one.name() for one in begun if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert not sandbox.places.cluster.parent.exists()


def test_a_platform_that_wants_a_cluster_gets_one_with_its_sandbox_and_anew_where_it_ended(sandbox: Sandbox) -> None:
    written = sandbox.root / "platform" / "platform.yaml"
    written.parent.mkdir()
    written.write_text("environments:\n  local: {sandbox: true, region: eu-west-1, cluster: {}}\n")
    victim = psutil.Process(sandbox.start()["pids"]["kube-apiserver"])
    victim.kill()
    victim.wait(10)
    assert not sandbox.status()["running"], "a half of it is none"
    assert sandbox.start()["kubernetes"] is not None


def test_nodes_without_a_cluster_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(EmulatorError, match="--gpu-nodes: got 2; there is no cluster without Kubernetes"):
        sandbox.start(kubernetes=False, gpu_nodes=2)
