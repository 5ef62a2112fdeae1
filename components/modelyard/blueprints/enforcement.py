"""How strict an environment is: which broken rules stop a change."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from modelyard.core.spec import Spec

Profile = Literal["sandbox", "baseline", "regulated"]


class PolicySpec(Spec):
    """How the rules are enforced. Every profile asks every rule; none can drop one."""

    profile: Profile | None = Field(
        default=None,
        description="sandbox stops what is critical, baseline what is high as well, regulated what is medium as well, "
        "and what is critical or high and can't be decided. Absent: regulated in production, else baseline.",
    )
    stops: tuple[str, ...] = Field(
        default=(), max_length=200, description="Rules that stop a change beside those of the profile."
    )

    def chosen(self, *, production: bool, sandbox: bool = False) -> Profile:
        """The profile of an environment."""
        if self.profile is not None:
            return self.profile
        return "regulated" if production else "sandbox" if sandbox else "baseline"
