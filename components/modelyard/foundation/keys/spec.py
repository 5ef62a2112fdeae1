"""What a platform file says about keys."""

from __future__ import annotations

from pydantic import Field

from modelyard.core.spec import Name, RoleArn, Spec

DEFAULT_DOMAIN = "default"


class KeySpec(Spec):
    """One customer-managed key."""

    rotation_days: int = Field(
        default=365,
        ge=90,
        le=2560,
        description="Days between automatic rotations; KMS takes 90 to 2560. A year is what auditors expect.",
    )
    deletion_window_days: int = Field(
        default=30,
        ge=7,
        le=30,
        description="Days in which a scheduled deletion can be taken back. The longest: a deleted key is deleted data.",
    )


class KeysSpec(Spec):
    """The keys of the platform, and of each team."""

    domains: dict[Name, KeySpec] = Field(
        default_factory=lambda: {DEFAULT_DOMAIN: KeySpec()},
        description=(
            "Keys by domain (data, models, secrets …); what has no domain of its own uses `default`. One key per team: "
            "each costs a dollar a month, and the team is the border that matters."
        ),
    )
    administrators: tuple[RoleArn, ...] = Field(
        default=(),
        max_length=10,
        description=(
            "Roles that manage keys and can't use them; name two, so that losing one locks nobody out. Absent: whoever "
            "IAM lets manage keys in this account; still without use of them."
        ),
    )

    def check(self):
        """A map of domains without `default` leaves some data without a key."""
        if DEFAULT_DOMAIN not in self.domains:
            yield self.fault("domains", "lacks the domain that everything else uses", 'Add "default: {}".')
