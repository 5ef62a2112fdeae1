"""A project that is begun from a blueprint is whole, and a faulty wish writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.shipped import ROOT

from modelyard.blueprints import Project
from modelyard.blueprints.beginning import new_project, platform_presets
from modelyard.blueprints.vending import new_team
from modelyard.core.errors import InputError
from modelyard.operate.checking import checked

NOTIFY = "platform@acme.example"


@pytest.mark.parametrize("blueprint", platform_presets())
def test_each_blueprint_makes_a_project_that_takes_teams_and_breaks_no_rule_of_regulated(
    blueprint: str, tmp_path: Path
):
    new_project(tmp_path / "ours", blueprint, "acme", NOTIFY)
    project = Project(tmp_path / "ours")
    preset = "gpu" if blueprint == "gpu-cluster" else "batch"
    new_team(project, "vision", preset, f"Ada <{NOTIFY}>", project.environments())
    found = checked(project, profile="regulated")
    assert [each.as_json() for one in found.stacks for each in one.results] == []
    assert {one.stack for one in found.stacks} == {"platform", "vision"}


@pytest.mark.parametrize(
    "path",
    [
        "platform/Pulumi.yaml",
        "platform/__main__.py",
        "platform/policy/PulumiPolicy.yaml",
        "platform/policy/__main__.py",
        "platform/platform.schema.json",
        "stacks/Pulumi.yaml",
        "stacks/__main__.py",
        "stacks/team.schema.json",
    ],
)
def test_its_programs_are_those_of_the_shipped_project(path: str, tmp_path: Path):
    written = new_project(tmp_path, "standard", "acme", NOTIFY)
    assert tmp_path / path in written
    assert (tmp_path / path).read_text() == (ROOT / path).read_text()


def test_all_faults_are_told_at_once_and_nothing_is_written(tmp_path: Path):
    (tmp_path / "stacks").mkdir()
    with pytest.raises(InputError) as caught:
        new_project(tmp_path, "huge", "acme", "somebody")
    said = str(caught.value)
    assert "holds a project already" in said and "gpu-cluster, standard" in said and "is no address" in said
    assert [path.name for path in tmp_path.rglob("*")] == ["stacks"]


def test_a_name_that_no_file_takes_is_refused_and_nothing_is_written(tmp_path: Path):
    with pytest.raises(InputError, match="organization"):
        new_project(tmp_path / "ours", "standard", "Acme Ltd", NOTIFY)
    assert not (tmp_path / "ours").exists()


def test_what_is_ignored_already_stays_as_it_was(tmp_path: Path):
    (tmp_path / ".gitignore").write_text("mine\n")
    new_project(tmp_path, "standard", "acme", NOTIFY)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
