"""Profiles: which broken rules stop a change. Every profile asks every rule; none can drop one."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from pydantic import Field

from modelyard.assess.policy.engine import Result, Verdict
from modelyard.assess.policy.rule import Severity
from modelyard.core.errors import Fault
from modelyard.core.spec import Spec


class Profile(StrEnum):
    """How strict an environment is."""

    SANDBOX = "sandbox"
    BASELINE = "baseline"
    REGULATED = "regulated"


_STOPS: Final = {
    Profile.SANDBOX: {Severity.CRITICAL},
    Profile.BASELINE: {Severity.CRITICAL, Severity.HIGH},
    Profile.REGULATED: {Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM},
}
"""The severities whose violations stop a change; the others are told."""
_UNDECIDED_STOPS: Final = {Severity.CRITICAL, Severity.HIGH}
"""Under `regulated`, the severities that must be decided."""


class PolicySpec(Spec):
    """How the rules are enforced in an environment."""

    profile: Profile | None = Field(
        default=None,
        description="sandbox stops what is critical, baseline what is high as well, regulated what is medium as "
        "well, and what is critical or high and can't be decided. Absent: regulated in production, else baseline.",
    )
    stops: tuple[str, ...] = Field(
        default=(), max_length=200, description="Rules that stop a change beside those of the profile."
    )

    def faults_on(self, known: frozenset[str]) -> Iterator[Fault]:
        """Rules that there aren't."""
        for index, rule in enumerate(self.stops):
            if rule not in known:
                yield self.fault(f"stops[{index}]", "is no rule", "See what there is: yard rules.", rule)

    def chosen(self, *, production: bool, sandbox: bool = False) -> Profile:
        """The profile of an environment."""
        if self.profile is not None:
            return self.profile
        return Profile.REGULATED if production else Profile.SANDBOX if sandbox else Profile.BASELINE


def stops(profile: Profile, result: Result, tightened: frozenset[str] = frozenset()) -> bool:
    """Whether a result that nothing waives stops the change."""
    severity = result.rule.severity
    if result.verdict is Verdict.UNDECIDED:
        return profile is Profile.REGULATED and severity in _UNDECIDED_STOPS
    return result.rule.id in tightened or severity in _STOPS[profile]
