"""Where a component lives: organization, platform, environment, team, region, account, tags and names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelyard.core import tags
from modelyard.core.names import PLATFORM_TEAM, Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every component of one stack shares; it gives each of them its physical names and tags."""

    organization: str
    platform: str
    environment: str
    region: str
    account: str
    team: str | None = None
    """Absent: the component belongs to the platform itself."""
    partition: str = "aws"
    production: bool = False
    """Production state is protected, and the cheap defaults give way to the safe ones."""
    boundary: str | None = None
    """ARN of the permissions boundary that every role of the team carries. Absent: roles carry none."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def names(self) -> Names:
        """The names of this team in this environment."""
        return Names(self.platform, self.environment, self.team, (self.organization, self.account, self.region))

    @property
    def owner(self) -> str:
        """The team, or the word that stands for the platform itself."""
        return self.team or PLATFORM_TEAM

    def tags_for(self, component: str) -> dict[str, str]:
        """The tags of a resource of `component`; the reserved keys win over the user's."""
        return tags.merged(
            self.tags,
            {
                "organization": self.organization,
                "platform": self.platform,
                "environment": self.environment,
                "team": self.owner,
                "component": component,
                "managed-by": tags.MANAGED_BY,
            },
        )

    def for_team(self, team: str, *, boundary: str | None = None, account: str | None = None) -> Context:
        """The same place, seen by `team`, whose roles carry `boundary`; `account` is the team's own, if it has one."""
        return dataclasses.replace(self, team=team, boundary=boundary, account=account or self.account)

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """The ARN of a resource of this account whose name is known before it exists."""
        region = self.region if regional else ""
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{resource}"
