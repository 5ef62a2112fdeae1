"""The two programs of a project, for Pulumi's `__main__.py`, for the recorder and for `yard`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pulumi

from modelyard.blueprints.platform import platform_of
from modelyard.blueprints.project import PLATFORM_PROJECT, TEAM_PROJECT, Project
from modelyard.blueprints.team import team_of
from modelyard.core.errors import Fault, InputError, ModelyardError, Source
from modelyard.core.source import is_recorded

SANDBOX_VARIABLE: Final = "MODELYARD_SANDBOX"
"""Is 1 where Pulumi and boto3 are led to the emulator of this machine."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and the project, stack and configuration that it runs under."""

    project: str
    stack: str
    config: dict[str, str]
    run: Callable[[], Awaitable[None]]


def team_stack(team: str, environment: str) -> str:
    """The name of a team's stack in an environment."""
    return f"{team}-{environment}"


def platform_program(root: Path, environment: str) -> Program:
    """The platform's program for one environment of the project at `root`."""
    project = Project(root)

    async def run() -> None:
        platform_of(project, environment)

    return Program(PLATFORM_PROJECT, environment, {}, run)


def team_program(root: Path, team: str, environment: str) -> Program:
    """The program of one team in one environment of the project at `root`."""
    project = Project(root)

    async def run() -> None:
        await team_of(project, team, environment)

    return Program(TEAM_PROJECT, team_stack(team, environment), {}, run)


async def platform_main() -> None:
    """What `platform/__main__.py` runs; the stack's name is the environment's."""

    async def run() -> None:
        project, environment = Project.find(), pulumi.get_stack()
        _refuse_elsewhere(project, environment)
        platform_of(project, environment)

    await _told(run)


async def team_main() -> None:
    """What `stacks/__main__.py` runs; the stack's name is `<team>-<environment>`."""

    async def run() -> None:
        project = Project.find()
        team, environment = team_and_environment(project, pulumi.get_stack())
        _refuse_elsewhere(project, environment)
        await team_of(project, team, environment)

    await _told(run)


def team_and_environment(project: Project, stack: str) -> tuple[str, str]:
    """The team and the environment that a stack's name stands for.

    Raises `InputError` where no team's file and environment make up the name.
    """
    for team in project.teams():
        if stack.startswith(f"{team}-") and stack.removeprefix(f"{team}-") in project.team_environments(team):
            return team, stack.removeprefix(f"{team}-")
    raise InputError(
        Fault(
            "is no <team>-<environment> of a file under stacks/teams",
            "Make the team by `yard new team NAME`, or select another stack: pulumi stack select",
            Source("the selected stack"),
            stack,
        )
    )


def _refuse_elsewhere(project: Project, environment: str) -> None:
    """Refuses to deploy an environment of the sandbox anywhere else; what is only recorded is deployed nowhere."""
    spec = project.platform(environment)
    if spec.sandbox and not is_recorded() and os.environ.get(SANDBOX_VARIABLE) != "1":
        raise InputError(
            Fault(
                "lives in the sandbox, and this run is outside of it",
                f'Run eval "$(yard sandbox env)" first, or yard up --env {environment}.',
                spec.source("sandbox"),
                environment,
            )
        )


async def _told(run: Callable[[], Awaitable[None]]) -> None:
    """Runs a program; a user's mistake ends it with its message and no traceback."""
    try:
        await run()
    except ModelyardError as error:
        raise pulumi.RunError(str(error)) from None
