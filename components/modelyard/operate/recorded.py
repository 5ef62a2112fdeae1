"""The stacks of a project, recorded from its files: no cloud, no login, no engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.stacks import record_platform, record_team
from modelyard.assess.policy.subject import Surroundings
from modelyard.blueprints.project import Project
from modelyard.blueprints.spec import PlatformSpec
from modelyard.core.errors import Fault, InputError, Source

PLATFORM: Final = "platform"


class Recorder:
    """Records stacks; the platform of an environment once, whatever teams read of it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._platforms: dict[str, Graph] = {}

    def graph(self, name: str, environment: str) -> Graph:
        """The graph of the platform's stack, or of a team's."""
        platform = self._platforms.get(environment)
        if platform is None:
            platform = self._platforms[environment] = record_platform(self._project.root, environment)
        if name == PLATFORM:
            return platform
        return record_team(self._project.root, name, environment, platform=platform)


def surroundings(spec: PlatformSpec, name: str, environment: str) -> Surroundings:
    """What a graph doesn't say of its stack."""
    return Surroundings(
        environment=environment,
        production=spec.production,
        region=spec.region,
        account=spec.account,
        team=None if name == PLATFORM else name,
    )


def stacks_of(project: Project, what: str | None, environment: str | None) -> Iterator[tuple[str, list[str]]]:
    """Environments, and which stacks each has of those that are asked for; absent, all.

    Raises `InputError` for a stack or an environment that the project hasn't.
    """
    environments = project.environments()
    if environment is not None and environment not in environments:
        problem = f"is no environment of the platform; it has: {', '.join(environments)}"
        raise InputError(Fault(problem, "Name one of them.", Source("--env"), environment))
    if what not in (None, PLATFORM, *project.teams()):
        known = ", ".join((PLATFORM, *project.teams()))
        raise InputError(Fault("is no stack of the project", f"There are: {known}.", Source("WHAT"), what))
    for env in environments if environment is None else [environment]:
        teams = [team for team in project.teams() if env in project.team_environments(team)]
        names = [name for name in (PLATFORM, *teams) if what in (None, name)]
        if names:
            yield env, names
