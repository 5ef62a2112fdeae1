"""The graphs of a project's own stacks, recorded from its files."""

from __future__ import annotations

from pathlib import Path

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.recorder import record
from modelyard.blueprints.programs import Program, platform_program, team_program
from modelyard.blueprints.project import PLATFORM_PROJECT


def record_platform(root: Path, environment: str, *, preview: bool = False) -> Graph:
    """The platform's stack in an environment of the project at `root`."""
    return _record(platform_program(root, environment), root, environment, preview)


def record_team(
    root: Path, team: str, environment: str, *, preview: bool = False, platform: Graph | None = None
) -> Graph:
    """A team's stack. What it reads of the platform comes from `platform`; absent, that is recorded first."""
    return _record(team_program(root, team, environment), root, environment, preview, platform)


def _record(program: Program, root: Path, environment: str, preview: bool, platform: Graph | None = None) -> Graph:
    return record(
        program.run,
        project=program.project,
        stack=program.stack,
        config=program.config,
        preview=preview,
        stack_references={f"{PLATFORM_PROJECT}/{environment}": lambda: platform or record_platform(root, environment)},
    )
