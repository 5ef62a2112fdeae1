"""One judge and one recorded project for all isolation tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.isolation.judge import Judge
from tests.isolation.trials import Trials
from tests.isolation.world import World, project, recorded, world


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """The judge; where it can't be had every test fails and says why, since an unproven fence is none."""
    with Judge() as made:
        yield made


@pytest.fixture(scope="session")
def five_teams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of five teams."""
    return project(tmp_path_factory.mktemp("isolation") / "project")


@pytest.fixture(scope="session")
def teams(five_teams: Path) -> World:
    """The five teams' world, as their files and the platform's describe it."""
    return world(*recorded(five_teams))


@pytest.fixture(scope="session")
def trials(judge: Judge, teams: World) -> Trials:
    """What is tried in it."""
    return Trials(judge, teams)
