"""What a stack may cost in a month, judged before it is deployed: the platform's word, and a team's lower one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from modelyard.core.errors import Source, SpecError
from modelyard.core.spec import Spec

if TYPE_CHECKING:
    from modelyard.blueprints.spec import PlatformSpec, TeamSpec


class CeilingSpec(Spec):
    """What a stack may cost in a month by its files, at the high end of its price."""

    monthly_usd: float = Field(gt=0, description="US dollars a month.")


class CeilingsSpec(Spec):
    """What the stacks of an environment may cost in a month by their files.

    The lowest of a stack's ceilings and its budget holds.
    """

    platform: CeilingSpec | None = Field(
        default=None, description="The platform's own stack. Absent: `budget`, which counts the teams as well."
    )
    team: CeilingSpec | None = Field(
        default=None, description="Each team's stack, unless `teams` names it. Absent: the team's budget."
    )
    teams: dict[str, CeilingSpec] = Field(
        default_factory=dict[str, CeilingSpec], description="The stacks of these teams, instead of `team`."
    )


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most dollars a month that a stack may cost, and where that is written."""

    usd: float
    source: Source


def ceiling_of(platform: PlatformSpec, team: TeamSpec | None) -> Ceiling | None:
    """The ceiling of a team's stack in an environment, or of the platform's; None where nobody says one.

    Raises `SpecError` for a team's ceiling that is higher than what holds without it.
    """
    given = min(_given(platform, team), key=lambda each: each.usd, default=None)
    if team is None or team.ceiling is None:
        return given
    own = Ceiling(team.ceiling.monthly_usd, team.ceiling.source("monthly_usd"))
    if given is not None and own.usd > given.usd:
        remedy = f"Lower it, or have who answers for the platform raise ceilings.teams.{team.team} there."
        problem = f"is more than the {given.usd:,.0f} of {given.source}"
        raise SpecError(team.ceiling.fault("monthly_usd", problem, remedy, own.usd))
    return own


def _given(platform: PlatformSpec, team: TeamSpec | None) -> Iterator[Ceiling]:
    ceilings = platform.ceilings
    if team is None:
        limits = (ceilings.platform, platform.budget)
    else:
        limits = (ceilings.teams.get(team.team, ceilings.team), team.budget or platform.team_budget)
    for limit in limits:
        if limit is not None:
            yield Ceiling(limit.monthly_usd, limit.source("monthly_usd"))
