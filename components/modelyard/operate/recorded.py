"""The stacks of a project, recorded from its files: no cloud, no login, no engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.stacks import record_platform, record_team
from modelyard.assess.policy.around import PLATFORM
from modelyard.blueprints.project import Project
from modelyard.core.errors import Fault, InputError, Source


class Recorder:
    """Records stacks, each once. `deployed`: by environment, the platform that teams read of in place of the files'."""

    def __init__(self, project: Project, deployed: Mapping[str, Graph] | None = None) -> None:
        self.project = project
        self._deployed = dict(deployed or {})
        self._recorded: dict[tuple[str, str, bool], Graph] = {}

    def graph(self, name: str, environment: str, *, preview: bool = False) -> Graph:
        """The graph of the platform's stack, or of a team's; with `preview` what a deployment computes is unknown."""
        key = name, environment, preview
        if key not in self._recorded:
            self._recorded[key] = self._record(name, environment, preview)
        return self._recorded[key]

    def _record(self, name: str, environment: str, preview: bool) -> Graph:
        root = self.project.root
        if name == PLATFORM:
            return record_platform(root, environment, preview=preview)
        platform = self._deployed.get(environment) or self.graph(PLATFORM, environment)
        return record_team(root, name, environment, preview=preview, platform=platform)


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


def stacks_there(project: Project, what: str | None, environment: str | None) -> Iterator[tuple[str, list[str]]]:
    """As `stacks_of`; nothing of what this version of a project doesn't have, since another may have it."""
    if environment in (None, *project.environments()) and what in (None, PLATFORM, *project.teams()):
        yield from stacks_of(project, what, environment)
