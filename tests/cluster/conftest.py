"""API servers of Kubernetes that this tier's tests share: one that is bare, and one with every known definition."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest
from kubernetes.client import ApiClient, CoreV1Api

from modelyard.core.errors import EmulatorError
from modelyard.engine import Shown
from modelyard_sandbox.kubernetes import binaries, client, crds, server
from modelyard_sandbox.kubernetes.binaries import Binaries
from modelyard_sandbox.kubernetes.server import Cluster
from modelyard_sandbox.kubernetes.snapshot import snapshot


@pytest.fixture(scope="session")
def programs(pytestconfig: pytest.Config) -> Binaries:
    """Kubernetes' programs and all definitions, built and fetched where they are missing; in CI that is a failure."""
    found = binaries.located()
    if found is not None and crds.fetched(crds.table()):
        return found
    if os.environ.get("CI"):
        pytest.fail("Kubernetes isn't there; build it before: yard sandbox kubernetes install", pytrace=False)
    try:
        with _seen(pytestconfig), Shown() as shown:
            crds.fetch(tuple(crds.table()), shown)
            return binaries.install(shown)
    except EmulatorError as error:
        pytest.skip(f"Kubernetes can't be had: {error}")


@pytest.fixture(scope="session")
def api_server(programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster without nodes, in which nothing is installed."""
    yield from _running(programs, tmp_path_factory)


@pytest.fixture(scope="session")
def api_server_with_crds(
    programs: Binaries, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Cluster]:
    """A cluster without nodes that serves every known definition of custom resources."""
    with _seen(pytestconfig), Shown() as shown:
        kept = snapshot(shown)
    yield from _running(programs, tmp_path_factory, snapshot=kept)


@pytest.fixture(scope="session")
def admin(api_server: Cluster) -> ApiClient:
    """A client of `api_server` that may do everything."""
    return client.connected(api_server.kubeconfig)


@pytest.fixture
def fresh_namespace(admin: ApiClient) -> Iterator[str]:
    """The name of an empty namespace of `api_server`. Nobody waits for its end, which takes seconds."""
    core: Any = CoreV1Api(admin)
    name = f"test-{uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    yield name
    core.delete_namespace(name)


def _running(programs: Binaries, folders: pytest.TempPathFactory, **options: Any) -> Iterator[Cluster]:
    folder = folders.mktemp("kubernetes")
    cluster = server.start(folder / "cluster", programs, lambda name: folder / f"{name}.log", **options)
    try:
        yield cluster
    finally:
        cluster.stop()


def _seen(config: pytest.Config) -> AbstractContextManager[None]:
    """Shows on the terminal what takes minutes."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    disabled: Callable[[], AbstractContextManager[None]] = capture.global_and_fixture_disabled
    return disabled()
