"""A project of its own for each module of journeys, with a sandbox of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.journeys.model_world import registered_by_the_page, snapshot_of_events
from tests.shipped import copied

from modelyard.blueprints.project import Project
from modelyard.core.emulators import emulator
from modelyard.core.provenance import SnapshotReference
from modelyard.operate.deployments import Place
from modelyard.operate.models import Model, model_of
from modelyard_jobs.versions import Registered

ENVIRONMENT = Path(sys.prefix)


class Yard:
    """`yard` as a user runs it, in a project folder, with the environment that runs these tests or another."""

    def __init__(self, root: Path, environment: Path = ENVIRONMENT) -> None:
        self.root = root
        self.environment = environment

    def __call__(self, *arguments: str, code: int = 0, **variables: str) -> str:
        done = subprocess.run(
            [str(self.environment / "bin" / "yard"), *arguments],
            cwd=self.root,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "160", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said
        return said

    def shell(self, script: str, folder: str = ".", code: int = 0) -> str:
        """What a bash script in `folder` of the project says, the environment active and led to the sandbox."""
        whole = f'set -e; source "{self.environment}/bin/activate"; eval "$(yard sandbox env)"; {script}'
        done = subprocess.run(
            ["bash", "-c", whole],
            cwd=self.root / folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


def copied_project(to: Path) -> Path:
    """A copy of the shipped projects at `to`, that runs in this environment."""
    copied(to, "examples")
    (to / ".venv").symlink_to(ENVIRONMENT)
    return to


@contextmanager
def running(folder: Path) -> Iterator[Yard]:
    """The shipped projects in `folder`, whose sandbox is stopped in the end, whatever happened."""
    made = Yard(copied_project(folder))
    try:
        yield made
    finally:
        made("sandbox", "stop")


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with running(tmp_path_factory.mktemp("project")) as made:
        yield made


@pytest.fixture(scope="session")
def fraud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """A project whose team fraud is deployed, for modules that add to it and look at what they added."""
    with running(tmp_path_factory.mktemp("fraud")) as made:
        made("up", "fraud")
        yield made


@pytest.fixture(scope="session")
def where(fraud: Yard) -> Place:
    """Where team fraud is deployed."""
    project = Project(fraud.root)
    return Place(project, "local", True, ("platform", "fraud"), emulator().environment(project.root))


@pytest.fixture(scope="module")
def scores(where: Place) -> Model:
    """The model `scores` of team fraud, of which nothing is registered yet."""
    return model_of(where, "scores")


@pytest.fixture(scope="module")
def snapshot(fraud: Yard, where: Place) -> SnapshotReference:
    """A snapshot of the dataset `events`."""
    return snapshot_of_events(fraud, where)


@pytest.fixture(scope="module")
def registered(scores: Model, snapshot: SnapshotReference, tmp_path_factory: pytest.TempPathFactory) -> Registered:
    """What the page's example registers, in the registry that is deployed here."""
    return registered_by_the_page(scores, snapshot, tmp_path_factory.mktemp("job"))
