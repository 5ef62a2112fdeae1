"""The commit that a deployment says it comes from."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from modelyard.assess.graph import record
from modelyard.core.deployed_from import revision


def git(folder: Path, *arguments: str) -> str:
    own = ["-c", "user.name=ada", "-c", "user.email=ada@acme.example", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", str(folder), *own, *arguments], capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one commit."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "platform").mkdir()
    (tmp_path / "platform" / "platform.yaml").write_text("platform: ml\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def test_the_commit_is_told_and_that_nothing_was_changed(project: Path):
    assert revision(project) == {"commit": git(project, "rev-parse", "HEAD").strip(), "dirty": False}


def test_a_change_that_isnt_committed_and_a_file_that_nobody_added_are_told(project: Path):
    (project / "stacks.yaml").write_text("team: fraud\n")
    assert revision(project)["dirty"] is True
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "second")
    assert revision(project)["dirty"] is False
    (project / "platform" / "platform.yaml").write_text("platform: other\n")
    assert revision(project)["dirty"] is True


def test_settings_that_the_engine_writes_change_nothing(project: Path):
    """Or the second deployment of one commit would say something else than the first."""
    (project / "platform" / "Pulumi.dev.yaml").write_text("encryptionsalt: v1\n")
    assert revision(project)["dirty"] is False


def test_a_folder_without_a_commit_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found = revision(tmp_path)
    assert found["commit"] is None
    assert "not a git repository" in found["because"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision(tmp_path) == {"commit": None, "because": "there is no git"}


def test_a_program_that_is_only_recorded_asks_nothing(project: Path):
    told: list[object] = []
    record(lambda: told.append(revision(project)), project="p", stack="s", region="eu-west-1")
    assert told == [{"commit": None, "because": "the program is only recorded"}]
