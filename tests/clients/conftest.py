"""The clients' environment, one moto server, and deployments to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.clients import environment
from tests.clients.servers import REGION, Clients, MotoServer

from modelyard.core.errors import EnvironmentFault
from modelyard.engine.progress import Shown
from modelyard_sandbox.inprocess import Deployment, deploy
from modelyard_sandbox.places import Places
from modelyard_sandbox.servers import Choice, Moto, at, free_port


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoServer]:
    """moto's server, as the sandbox starts it."""
    port = free_port(None)
    process = Moto().start(port, Choice(), Places(tmp_path_factory.mktemp("moto")))
    yield MotoServer(at(port))
    process.stop()


@pytest.fixture(scope="session")
def clients_python(pytestconfig: pytest.Config) -> Path:
    """The interpreter of the clients' environment; where it can't be had the test is skipped, and in CI fails."""
    capture: Any = pytestconfig.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled(), Shown() as shown:
            return environment.install(shown)
    except EnvironmentFault as error:
        if os.environ.get("CI"):
            pytest.fail(f"the clients' environment can't be had: {error}", pytrace=False)
        pytest.skip(f"the clients' environment can't be had: {error}")


@pytest.fixture(scope="module")
def clients(clients_python: Path, moto_server: MotoServer, tmp_path_factory: pytest.TempPathFactory) -> Clients:
    """Programs of the clients' environment, which see the server and nothing else."""
    return Clients(clients_python, moto_server, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def deployed(moto_server: MotoServer) -> Iterator[Callable[[Any], Deployment]]:
    """Deploys a program to the server, emptied before."""
    with ExitStack() as stacks:
        yield lambda program: stacks.enter_context(deploy(program, region=REGION, emulated=moto_server))
