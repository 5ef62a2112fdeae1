"""A project's files as a commit has them, read beside those that lie here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.shipped import copied

from modelyard.assess.graph.compare import differences
from modelyard.blueprints import Project
from modelyard.core.errors import EnvironmentFault, InputError, SpecError
from modelyard.operate.at_ref import project_at
from modelyard.operate.recorded import Recorder


def git(folder: Path, *arguments: str) -> None:
    own = ["-c", "user.name=ada", "-c", "user.email=ada@acme.example", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *own, *arguments], capture_output=True, check=True)


def committed(folder: Path, message: str) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", message)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A shipped project below the repository's root, tagged `v1`; its files then change in two commits."""
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    (tmp_path / "README").write_text("what there was before\n")
    committed(tmp_path, "begun")
    git(tmp_path, "tag", "v0")
    root = tmp_path / "ml"
    root.mkdir()
    copied(root)
    committed(tmp_path, "first")
    git(tmp_path, "tag", "v1")
    return Project(root)


def test_the_files_are_those_of_the_commit_and_those_that_lie_here_stay(project: Project):
    added = project.team_file("fraud").with_name("later.yaml")
    added.write_text("team: later\n")
    with project_at(project, "v1") as before:
        assert before.teams() == ["demand", "fraud"]
        assert before.platform_file.read_bytes() == project.platform_file.read_bytes()
        where = before.root
    assert "later" in project.teams() and not where.exists()


def test_a_stack_recorded_at_the_commit_is_the_stack_recorded_here(project: Project):
    with project_at(project, "v1") as before:
        then = Recorder(before).graph("platform", "dev")
    assert differences(then, Recorder(project).graph("platform", "dev")) == []


def test_a_fault_of_an_older_file_names_the_commit(project: Project):
    file = project.team_file("fraud")
    file.write_text(file.read_text() + "\nno_such_field: 1\n")
    committed(project.root, "broken")
    told = r"^main:stacks/teams/fraud\.yaml:\d+.*no_such_field"
    with pytest.raises(SpecError, match=told), project_at(project, "main") as before:
        before.team("fraud", "dev")


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("no-such-branch", "is no commit, branch or tag of the repository.*git fetch origin no-such-branch"),
        ("--output=taken", "is no commit, branch or tag"),
        ("v0", "holds no Modelyard project here"),
    ],
)
def test_what_is_no_commit_with_the_project_is_refused(project: Project, ref: str, message: str):
    with pytest.raises(InputError, match=f"--against: got '{ref}'; {message}"), project_at(project, ref):
        pass


def test_without_a_repository_or_git_it_is_said(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    alone = Project(copied(tmp_path_factory.mktemp("alone")))
    with pytest.raises(InputError, match="there is no git repository at"), project_at(alone, "HEAD"):
        pass
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EnvironmentFault, match="there is no git on this machine"), project_at(project, "v1"):
        pass
