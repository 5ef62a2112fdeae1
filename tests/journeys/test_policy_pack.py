"""Under the real engine the pack says what yard check says, and blocks each mutilated stack."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import Yard, copied_project
from tests.mutilations import MUTILATIONS, TEAM, Mutilation
from tests.shipped import edit

from modelyard.blueprints import Project

IN_PRODUCTION = "prod-requires-approved-package"
"""The rule that asks in production alone."""
SAID = re.compile(r"^ +\[([a-z0-9-]+)\] \S+ (?!can't be decided)", re.MULTILINE)
"""What the pack says is broken; what a preview can't know of what is yet to be made isn't."""
LEVEL = re.compile(r"^ +- \[(mandatory|advisory)\]", re.MULTILINE)
"""Begins what one policy says of one resource, with whether that stops the change."""


def regulated(file: Any) -> None:
    file["environments"]["local"]["policy"] = {"profile": "regulated"}


def production(file: Any) -> None:
    """Has the pack take the environment for production: it asks what is previewed, and deploys nothing."""
    local = file["environments"]["local"]
    del local["sandbox"]
    local["production"] = True


@pytest.fixture(scope="module")
def deployed(yard: Yard) -> Yard:
    """Team fraud is deployed, under the strictest profile."""
    edit(yard.root / "platform" / "platform.yaml", regulated)
    yard("up", TEAM)
    return yard


@pytest.fixture
def unchanged(deployed: Yard, tmp_path: Path) -> Iterator[Project]:
    """The deployed project, whose files are put back in the end."""
    for folder in ("platform", "stacks"):
        shutil.copytree(deployed.root / folder, tmp_path / folder)
    yield Project(deployed.root)
    for folder in ("platform", "stacks"):
        shutil.rmtree(deployed.root / folder)
        shutil.copytree(tmp_path / folder, deployed.root / folder)


def previewed(deployed: Yard, pack: Path, *, code: int) -> set[str]:
    """The rules that the pack says are broken, in a preview that ends with `code`; each of them stops it by itself."""
    command = f"pulumi preview --stack {TEAM}-local --policy-pack {pack} --non-interactive"
    said = deployed.shell(command, "stacks", code)
    _, *parts = LEVEL.split(said)
    stops = {
        rule
        for level, text in zip(parts[::2], parts[1::2], strict=True)
        if level == "mandatory"
        for rule in SAID.findall(text)
    }
    assert stops == set(SAID.findall(said)), "what is broken is no mere advice"
    return stops


def test_a_sound_stack_passes_every_door(deployed: Yard):
    assert previewed(deployed, deployed.root / "platform" / "policy", code=0) == set()
    for door in ((), ("--deployed", "--sandbox")):
        said = json.loads(deployed("check", TEAM, "--env", "local", "--json", *door))
        (stack,) = said["stacks"]
        assert (stack["profile"], stack["results"], stack["decided"]) == ("regulated", [], stack["total"])


TOGETHER = (
    [each for each in MUTILATIONS if each.where == "program" and IN_PRODUCTION not in each.breaks],
    [each for each in MUTILATIONS if each.where == "files"],
)
"""Those that can stand in one stack beside each other: its preview takes as long for one as for all."""


@pytest.mark.parametrize("mutilations", TOGETHER, ids=["in the program", "in the files"])
def test_a_mutilated_stack_is_blocked_by_each_rule_that_it_breaks_and_by_no_other(
    mutilations: list[Mutilation], deployed: Yard, unchanged: Project
):
    for mutilation in mutilations:
        mutilation.apply(unchanged)
    broken = {rule for mutilation in mutilations for rule in mutilation.breaks}
    assert previewed(deployed, unchanged.platform_folder / "policy", code=1) == broken


def test_a_model_that_nobody_approved_is_blocked_in_production(
    deployed: Yard, unchanged: Project, tmp_path_factory: pytest.TempPathFactory
):
    (mutilation,) = [each for each in MUTILATIONS if IN_PRODUCTION in each.breaks]
    mutilation.apply(unchanged)
    strict = copied_project(tmp_path_factory.mktemp("strict"))
    edit(strict / "platform" / "platform.yaml", production)
    assert IN_PRODUCTION in previewed(deployed, strict / "platform" / "policy", code=1)


def test_what_was_changed_behind_the_files_back_is_found_in_what_is_deployed(deployed: Yard, tmp_path: Path):
    state = json.loads(deployed.shell(f"pulumi stack export --stack {TEAM}-local", "stacks"))
    (block,) = (each for each in state["deployment"]["resources"] if each["urn"].endswith("::lake-raw-public-access"))
    block["inputs"]["blockPublicPolicy"] = False
    file = tmp_path / "state.json"
    file.write_text(json.dumps(state))
    said = json.loads(deployed("check", "--state", str(file), "--json", code=1))
    (found,) = said["stacks"][0]["results"]
    assert (found["rule"], found["path"]) == ("s3-block-public", "blockPublicPolicy")
