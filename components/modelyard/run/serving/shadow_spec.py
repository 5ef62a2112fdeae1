"""What a team's file says about how much a shadow may differ from production."""

from __future__ import annotations

from pydantic import Field

from modelyard.core.spec import Spec


class TolerancesSpec(Spec):
    """What a shadow may differ by, for `yard endpoint shadow` to say that it holds."""

    least_pairs: int = Field(
        default=100, ge=1, description="Calls that both answered, at least; fewer decide nothing. A hundred: a percent."
    )
    agreement: float = Field(
        default=0.95, ge=0, le=1, description="Share of the calls whose answers are the same, at least."
    )
    number_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of the larger by which two numbers may differ and be the same. A hundredth.",
    )
    shift: float = Field(
        default=0.1,
        ge=0,
        description="How far the distribution of the answers may move, as a population stability index. A tenth: where "
        "it counts as having moved.",
    )
    latency: float | None = Field(
        default=1.2,
        gt=0,
        description="How many times production's time (99th percentile) the shadow may take. `null`: not asked.",
    )
