"""How much of a team's machines may run at a time, and how those who wait share it."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from modelyard.core.spec import Spec

ShareName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*$", max_length=24)]
"""Lower-case letters and digits: Batch's share identifiers take no hyphen."""

Weight = Annotated[int, Field(ge=1, le=100)]

DEFAULT_SHARE: Final = "default"


class QuotaSpec(Spec):
    """How many instances jobs may have at a time, all together."""

    instances: dict[str, Annotated[int, Field(ge=1, le=1000)]] = Field(
        min_length=1, description="Instances at a time, by type; every allowed type, since what has none never runs."
    )
    most_gpus: int | None = Field(
        default=None, ge=0, description="GPUs at a time that `instances` may add up to. Absent: whatever they do."
    )
    shares: dict[ShareName, Weight] = Field(
        default_factory=lambda: {DEFAULT_SHARE: 1},
        min_length=1,
        max_length=20,
        description="Who shares it: personas or uses, each with its weight. A share of weight 3 gets three times what "
        "one of weight 1 gets while both wait.",
    )

    def split(self) -> dict[str, dict[str, int]]:
        """Instances of each share, by type: in proportion to the weights, whole, and all given out."""
        split: dict[str, dict[str, int]] = {share: {} for share in self.shares}
        total = sum(self.shares.values())
        for kind, count in self.instances.items():
            exact = {share: count * weight / total for share, weight in self.shares.items()}
            given = {share: int(value) for share, value in exact.items()}
            left = sorted(exact, key=lambda share: (given[share] - exact[share], given[share], share))
            for share in left[: count - sum(given.values())]:
                given[share] += 1
            for share, value in given.items():
                split[share][kind] = value
        return split
