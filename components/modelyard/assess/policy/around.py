"""The surroundings of a project's stacks: what its files say, and no graph does; and a graph examined in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from modelyard.assess.cost.prices import current, shipped
from modelyard.assess.graph.model import Graph
from modelyard.assess.policy.examine import Examined, examine
from modelyard.assess.policy.own import rules_of
from modelyard.assess.policy.subject import Surroundings
from modelyard.assess.policy.waivers import waivers_of
from modelyard.blueprints.ceilings import ceiling_of
from modelyard.blueprints.enforcement import Profile
from modelyard.blueprints.project import Project
from modelyard.blueprints.spec import PlatformSpec
from modelyard.core.errors import Fault, SpecError

PLATFORM: Final = "platform"
"""What the platform's stack is called among those of the teams."""


def surroundings(
    project: Project, spec: PlatformSpec, name: str, environment: str, *, today: date, prices: Path | None = None
) -> Surroundings:
    """What a graph doesn't say of its stack. `prices`: a table of the caller's own, over all others.

    Raises `SpecError` with the faults of ceilings, discounts and of the team's file, `InputError` with a table's.
    """
    faults = list(faults_of(project, spec))
    if faults:
        raise SpecError(*faults)
    team = None if name == PLATFORM else project.team(name, environment)
    return Surroundings(
        environment=environment,
        production=spec.production,
        region=spec.region,
        account=spec.account,
        team=None if team is None else name,
        ceiling=ceiling_of(spec, team),
        usage=spec.usage if team is None else team.usage,
        prices=current(project.root, today, own=prices, discounts=spec.discounts),
        today=today,
    )


def examined(
    project: Project, graph: Graph, name: str, environment: str, *, today: date, profile: Profile | None = None
) -> Examined:
    """What the project's rules say of a graph of one of its stacks, wherever the graph comes from.

    `profile`: absent, the environment's own. Raises what `surroundings`, waivers and rules raise.
    """
    spec, rules = project.platform(environment), rules_of(project.root)
    return examine(
        graph,
        rules,
        surroundings(project, spec, name, environment, today=today),
        stack=name,
        profile=profile or spec.policy.chosen(production=spec.production, sandbox=spec.sandbox),
        tightened=spec.policy.stops,
        waivers=waivers_of(project.root, today, rules),
    )


def faults_of(project: Project, spec: PlatformSpec) -> Iterator[Fault]:
    """What the platform's file says of teams and of services that there aren't."""
    teams, services = project.teams(), shipped().services()
    for team in spec.ceilings.teams:
        if team not in teams:
            problem = f"is no team of the project; there are: {', '.join(teams) or 'none'}"
            yield spec.fault(f"ceilings.teams.{team}", problem, "Name a team.", team)
    for service in spec.discounts:
        if service not in services:
            problem = f"is no service of the price table; there are: {', '.join(services)}"
            yield spec.fault(f"discounts.{service}", problem, "Name one of them.", service)
