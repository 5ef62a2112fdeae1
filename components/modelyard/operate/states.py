"""States of stacks: what is deployed, and files that Pulumi wrote of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from modelyard import engine
from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.readers import from_state
from modelyard.assess.impact.forecast import Forecast
from modelyard.blueprints.programs import team_and_environment
from modelyard.blueprints.project import PLATFORM_PROJECT, TEAM_PROJECT, Project
from modelyard.core.errors import EnvironmentFault, Fault, InputError, Source
from modelyard.operate import deployments
from modelyard.operate.recorded import PLATFORM

_LARGEST: Final = 500_000_000
"""Bytes of a state or a preview that are read."""


def deployed(
    project: Project, what: str | None, environment: str | None, *, sandbox: bool, instead: str
) -> tuple[deployments.Place, dict[str, Graph]]:
    """Where it is, and the graph of each deployed stack by what people call it; `what` and the platform, or all.

    Raises `EnvironmentFault`, which names the command `instead`, where no state is at hand.
    """
    try:
        where = deployments.place(project, environment, what, sandbox=sandbox)
        there = deployments.standing(where)
        return where, {
            name: from_state(engine.stack_state(target))
            for name, target in deployments.targets(where, list(where.names)).items()
            if target.stack in there[name == PLATFORM]
        }
    except EnvironmentFault as error:
        remedy = f"Sign in to the backend that holds it, or do without it: {instead}"
        raise EnvironmentFault(*error.faults, Fault("no deployed state is at hand", remedy)) from error


def named(
    project: Project, found: Graph | Forecast, file: Path, option: str, what: str | None, environment: str | None
) -> tuple[str, str]:
    """The stack that a file speaks of, as people call it. Raises `InputError` where it isn't the one asked for."""
    if found.project == PLATFORM_PROJECT and found.stack in project.environments():
        name, env = PLATFORM, found.stack
    elif found.project == TEAM_PROJECT:
        name, env = team_and_environment(project, found.stack)
    else:
        stack = f"{found.project}/{found.stack}".strip("/") or "no stack"
        remedy = f"Give one of {PLATFORM_PROJECT} or {TEAM_PROJECT}."
        raise InputError(Fault(f"{file} speaks of {stack}, which isn't one of this project", remedy, Source(option)))
    for asked, got, place in ((what, name, "WHAT"), (environment, env, "--env")):
        if asked is not None and asked != got:
            remedy = "Leave it out: the file says it."
            raise InputError(Fault(f"isn't what {file} speaks of, {name} in {env}", remedy, Source(place), asked))
    return name, env


def text_of(file: Path, option: str) -> str:
    """What a state or a preview holds. Raises `InputError`, which names `option`, for a file that can't be read."""
    try:
        if file.stat().st_size > _LARGEST:
            raise InputError(Fault("is larger than 500 MB", "Name a state or a preview.", Source(option), str(file)))
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise InputError(Fault(f"can't be read: {reason}", "Name a file.", Source(option), str(file))) from error
