"""The tools, each got once; where one can't be had its tests are skipped, and in CI fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from tests.ci import tools
from tests.ci.projects import elaborate, shipped
from tests.isolation.installed import JudgeMissing

from modelyard.blueprints import Project
from modelyard.core.errors import EnvironmentFault

T = TypeVar("T")


def had(get: Callable[[], T]) -> T:
    """A tool, or the end of the test that asks for it."""
    try:
        return get()
    except (AssertionError, EnvironmentFault, JudgeMissing) as missing:
        if os.environ.get("CI"):
            pytest.fail(f"a tool can't be had: {missing}", pytrace=False)
        pytest.skip(f"a tool can't be had: {missing}")


@pytest.fixture(scope="session")
def actionlint() -> Path:
    return had(tools.actionlint)


@pytest.fixture(scope="session")
def groovy_lint() -> list[str]:
    return had(tools.groovy_lint)


@pytest.fixture(scope="session")
def python_tools() -> Path:
    return had(tools.python_tools)


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> list[Project]:
    return [make(tmp_path_factory.mktemp("ci") / "repository") for make in (shipped, elaborate)]


@pytest.fixture(scope="session", params=[0, 1], ids=["shipped", "elaborate"])
def project(request: pytest.FixtureRequest, projects: list[Project]) -> Project:
    return projects[request.param]
