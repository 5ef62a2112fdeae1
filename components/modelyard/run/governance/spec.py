"""What a team's file says about the evidence of its releases: how long it is kept, and how it is locked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from modelyard.core.context import Context
from modelyard.core.errors import Fault
from modelyard.core.spec import Spec
from modelyard.foundation.audit import ComplianceLock, GovernanceLock


class GovernanceSpec(Spec):
    """Evidence of each release: a bundle that nobody changes or deletes, and that anybody let in can verify."""

    retention_years: int = Field(
        default=10,
        ge=1,
        le=100,
        description="Years in which nobody deletes a bundle. Ten: what Article 18 of the EU's AI Act asks of the "
        "documentation of high-risk systems; a bundle is less than a megabyte.",
    )
    lock: Annotated[GovernanceLock | ComplianceLock, Field(discriminator="kind")] = Field(
        default_factory=GovernanceLock,
        description="How bundles are locked. Governance: a mistake in the retention can still be mended.",
    )
    access_log_days: int = Field(
        default=365, ge=1, le=3650, description="Days that the bucket's access logs stay. A year: an audit's look back."
    )

    @property
    def mode(self) -> str:
        """The mode of Object Lock, as S3 calls it."""
        return self.lock.kind.upper()

    def faults_in(self, context: Context) -> Iterator[Fault]:
        """What this environment makes a fault: a lock that nobody can lift, where things come and go."""
        if isinstance(self.lock, ComplianceLock) and not context.production:
            yield self.fault(
                "lock.kind",
                f"{context.environment} isn't production, and could not be taken down for {self.retention_years} years",
                'Take "kind: governance" here.',
                self.lock.kind,
            )
