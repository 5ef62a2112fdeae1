"""The header of a team's file: who the team is, and who answers for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.names import PLATFORM_TEAM
from modelyard.core.spec import REPLACES, Email, Spec

TeamName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*$", max_length=16)]
"""Lower-case letters and digits; no hyphen, since every policy of team `a` speaks of names that begin with `a-`."""


class Owner(Spec):
    """A person, or a group of people, who answers for the team."""

    name: str = Field(min_length=1, max_length=128, description="What people call them.")
    email: Email = Field(description="Where they read mail.")


class TeamHeader(Spec):
    """What the platform's stack reads of a team's file; nothing here lets a team loosen its own fence."""

    team: Annotated[TeamName, REPLACES] = Field(
        description=(
            "The team's name, as the file is called: letters and digits, at most 16, since it is part of every name. "
            "No hyphen: the names of team `a-b` would be among those of team `a`."
        )
    )
    owners: tuple[Owner, ...] = Field(min_length=1, description="Who answers for the team; two survive a holiday.")
    cost_center: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9 _.:/=+@-]+$",
        max_length=256,
        description="Where the team's costs are booked. Absent: they show under the team's name only.",
    )

    def check(self) -> Iterator[Fault]:
        """One name is the platform's own."""
        if self.team == PLATFORM_TEAM:
            yield self.fault("team", "is the platform's own name", "Choose another.", self.team)
