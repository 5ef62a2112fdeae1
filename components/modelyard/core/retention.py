"""What happens to state when its resource is replaced or destroyed."""

from __future__ import annotations

from enum import StrEnum


class Classification(StrEnum):
    """How sensitive data is, from harmless to what the law protects."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class Retention(StrEnum):
    """`keep`: Pulumi refuses to delete it. `snapshot`: deleted after a final copy where the service has one.

    `ephemeral`: deleted with its content.
    """

    KEEP = "keep"
    SNAPSHOT = "snapshot"
    EPHEMERAL = "ephemeral"

    @property
    def protect(self) -> bool:
        """Whether Pulumi refuses to delete or replace the resource."""
        return self is Retention.KEEP

    @property
    def force_destroy(self) -> bool:
        """Whether a destroy takes the content along."""
        return self is Retention.EPHEMERAL


def retention_for(classification: Classification, *, production: bool, declared: Retention | None = None) -> Retention:
    """The retention class of a thing that holds data of this classification.

    Production keeps what isn't public, because nobody gets it back; elsewhere data is a copy and goes with its stack,
    so that a destroy leaves nothing behind that costs money. What the spec declares wins.
    """
    if declared is not None:
        return declared
    if not production:
        return Retention.EPHEMERAL
    return Retention.SNAPSHOT if classification is Classification.PUBLIC else Retention.KEEP
