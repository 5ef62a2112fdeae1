"""The shipped project: copied, its files changed, and what is said of them then."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from modelyard.blueprints import Project
from modelyard.core.errors import SpecError

ROOT = Path(__file__).resolve().parents[1]


def copied(to: Path, *folders: str) -> Path:
    """A copy at `to` of the platform, of the teams and of these folders, without what a sandbox keeps there."""
    ignore = shutil.ignore_patterns("__pycache__", "Pulumi.local.yaml", "Pulumi.*-local.yaml")
    for name in ("platform", "stacks", *folders):
        shutil.copytree(ROOT / name, to / name, ignore=ignore)
    return to


def edit(path: Path, change: Callable[[Any], object]) -> None:
    """The file at `path`, after `change`."""
    yaml = YAML()
    document = yaml.load(path)
    change(document)
    yaml.dump(document, path)


def said_of(project: Project, change: Callable[[Any], object], team: str = "fraud") -> str:
    """What is said of the team's file after `change`, which is one that it may not have."""
    edit(project.team_file(team), change)
    with pytest.raises(SpecError) as caught:
        project.team(team, "local")
    return str(caught.value)


def own_account(file: Any) -> None:
    """Gives a team an account of its own."""
    file["account"] = "210987654321"
