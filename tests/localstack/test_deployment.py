"""The shipped platform and its teams on LocalStack, by the real engine: up, nothing to do, one change, down, empty."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import copied

from modelyard_sandbox.emulator import Sandbox

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.prefix) / "bin"

pytestmark = pytest.mark.engine


def yard(root: Path, *arguments: str) -> Any:
    """What `yard … --json` says in the project at `root`."""
    done = subprocess.run(
        [str(BIN / "yard"), *arguments, "--json"],
        cwd=root,
        env={**os.environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def changes(said: Any) -> dict[str, dict[str, int]]:
    return {
        name: {step: count for step, count in result["changes"].items() if step not in ("same", "read") and count}
        for name, result in said["results"].items()
    }


@pytest.fixture(scope="module")
def project(localstack_there: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = copied(tmp_path_factory.mktemp("project"))
    (root / ".venv").symlink_to(sys.prefix)
    yard(root, "sandbox", "start", "--emulator", "localstack")
    try:
        yield root
    finally:
        yard(root, "sandbox", "stop")


def test_the_shipped_stacks_live_on_localstack_as_they_do_on_moto(project: Path):
    made = changes(yard(project, "up", "--sandbox"))
    assert all(set(steps) == {"create"} for steps in made.values()), made
    assert yard(project, "sandbox", "status")["emulator"] == "localstack", "yard up takes the one that runs"
    held = Sandbox(project).counts()
    assert {"s3: Buckets", "iam: Roles", "kms: Keys", "glue: DatabaseList", "athena: WorkGroups"} <= set(held)

    assert changes(yard(project, "up")) == {name: {} for name in made}, "a second up changes nothing"

    file = project / "stacks/teams/fraud.yaml"
    before = file.read_text()
    file.write_text(before.replace("retention_days: 400", "retention_days: 401"))
    assert set(changes(yard(project, "up", "fraud"))["fraud"]) == {"update"}
    file.write_text(before)

    gone = changes(yard(project, "down"))
    assert all(set(steps) <= {"delete", "discard"} for steps in gone.values()), "what was only read is let go"
    assert Sandbox(project).counts() == {}, "counted service by service"
