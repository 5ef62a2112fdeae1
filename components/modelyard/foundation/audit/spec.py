"""What a platform file says about its audit: how long the trail is kept and locked, and who hears of tampering."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field

from modelyard.core.context import Context
from modelyard.core.errors import Fault
from modelyard.core.spec import Email, LogDays, Spec

PRODUCTION_DAYS: Final = 365
"""The least that production keeps: a year is what PCI DSS 10.5.1 asks of audit logs, and what auditors expect."""
ELSEWHERE_DAYS: Final = 1
"""What other environments keep when nobody says: Object Lock's shortest, so that they can be taken down again."""


class GovernanceLock(Spec):
    """Object Lock in governance mode."""

    kind: Literal["governance"] = Field(
        default="governance",
        description="Only whoever may bypass governance deletes a log before its time; in production nobody may.",
    )


class ComplianceLock(Spec):
    """Object Lock in compliance mode: irreversible."""

    kind: Literal["compliance"] = Field(
        description="Nobody deletes a log before its time, not even the account's root user or AWS."
    )
    undeletable: bool = Field(
        default=False,
        description="Must be true: says that you know that nothing but closing the account ends the retention early.",
    )

    def check(self) -> Iterator[Fault]:
        """The mode can't be taken back, so it is said twice."""
        if not self.undeletable:
            yield self.fault(
                "undeletable",
                "compliance mode can't be undone: not even the root user deletes a log before its time",
                'Add "undeletable: true", or take "kind: governance".',
                self.undeletable,
            )


Lock = Annotated[GovernanceLock | ComplianceLock, Field(discriminator="kind")]


class AuditSpec(Spec):
    """The platform's audit: who did what, kept where nobody can change it."""

    retention_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description=(
            "Days that the trail's log files can't be deleted, and after which they go. Absent: 365 in production, "
            "the least there; elsewhere 1, so that the environment can be taken down."
        ),
    )
    lock: Lock = Field(
        default_factory=GovernanceLock,
        description="How the files are locked. Governance: a mistake in the retention can still be mended.",
    )
    log_days: LogDays = Field(
        default=90,
        description="Days that the trail can be searched in CloudWatch Logs: a quarter; the bucket keeps the rest.",
    )
    access_log_days: int = Field(
        default=90, ge=1, description="Days that the access logs of the trail's bucket stay: a quarter to look back."
    )
    event_days: int = Field(
        default=365,
        ge=1,
        le=36_500,
        description="Days that the platform's own events are archived and can be replayed: a year, as the trail.",
    )
    data_events: Literal["all", "writes", "none"] = Field(
        default="all",
        description=(
            "Which accesses to confidential data are recorded, a tenth of a cent per thousand. All: who read it is "
            "what an incident is about."
        ),
    )
    notify: tuple[Email, ...] = Field(
        default=(),
        max_length=20,
        description="Who hears of tampering; each address must confirm once. Absent: nobody; production refuses that.",
    )
    denied_calls: int = Field(
        default=50,
        ge=1,
        description="Refused calls within five minutes, in all regions, that raise the alarm: somebody tries doors.",
    )

    def check(self) -> Iterator[Fault]:
        """The same address twice would be told twice."""
        for index, address in enumerate(self.notify):
            if address in self.notify[:index]:
                yield self.fault(f"notify[{index}]", "is there already", "Take one of the two away.", address)

    def days(self, context: Context) -> int:
        """Days that log files are locked in this environment."""
        if self.retention_days is not None:
            return self.retention_days
        return PRODUCTION_DAYS if context.production else ELSEWHERE_DAYS

    def faults_in(self, context: Context) -> Iterator[Fault]:
        """What this environment makes a fault: a short or unheard audit in production, a lasting one elsewhere."""
        if context.production:
            if self.days(context) < PRODUCTION_DAYS:
                yield self.fault(
                    "retention_days",
                    f"production keeps its trail for {PRODUCTION_DAYS} days at least: a year is what audits ask for",
                    f"Use {PRODUCTION_DAYS} or more.",
                    self.retention_days,
                )
            if not self.notify:
                yield self.fault(
                    "notify", "nobody would hear of tampering in production", "Name at least one address.", []
                )
        elif isinstance(self.lock, ComplianceLock):
            yield self.fault(
                "lock.kind",
                "an environment that isn't production could never be taken down",
                'Take "kind: governance" here.',
                self.lock.kind,
            )
