"""A project of its own for each module of journeys, with a sandbox of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = Path(sys.prefix)


class Yard:
    """`yard` as a user runs it, in a project folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, *arguments: str, code: int = 0, **variables: str) -> str:
        done = subprocess.run(
            [str(ENVIRONMENT / "bin" / "yard"), *arguments],
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

    def shell(self, script: str, folder: str = ".") -> str:
        """A bash script in `folder` of the project, the environment active and led to the sandbox."""
        whole = f'set -e; source "{ENVIRONMENT}/bin/activate"; eval "$(yard sandbox env)"; {script}'
        done = subprocess.run(
            ["bash", "-c", whole],
            cwd=self.root / folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def copied_project(to: Path) -> Path:
    """A copy of the shipped projects at `to`, that runs in this environment."""
    ignore = shutil.ignore_patterns("__pycache__", "Pulumi.local.yaml", "Pulumi.*-local.yaml")
    for name in ("platform", "stacks", "examples"):
        shutil.copytree(ROOT / name, to / name, ignore=ignore)
    (to / ".venv").symlink_to(ENVIRONMENT)
    return to


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    running = Yard(copied_project(tmp_path_factory.mktemp("project")))
    yield running
    running("sandbox", "stop")
