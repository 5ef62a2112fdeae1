"""How a new model or configuration comes to an endpoint, and what brings the old one back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import Spec

_MINUTE: Final = 60
_LONGEST: Final = 28_800
"""Seconds that a deployment may take at most (API_BlueGreenUpdatePolicy)."""

AlarmName = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class RollbackSpec(Spec):
    """Which alarms bring the old configuration back while the new one takes over."""

    error_percent: float | None = Field(
        default=1.0,
        gt=0,
        le=100,
        description="Percent of calls answered by a server error (5xx), in a minute. One: above the noise of a healthy "
        "service.",
    )
    latency_ms: float | None = Field(
        default=None,
        gt=0,
        description="Milliseconds of the model for 99 of 100 calls. Absent: not watched, since only the team knows "
        "what is slow.",
    )
    alarms: tuple[AlarmName, ...] = Field(
        default=(), max_length=8, description="Further CloudWatch alarms by name, such as those of the model's quality."
    )

    def check(self) -> Iterator[Fault]:
        """A rollback that nothing sets off is refused."""
        if self.error_percent is None and self.latency_ms is None and not self.alarms:
            yield self.fault(
                "",
                "names no alarm, so that nothing ever brings the old model back",
                'Give "error_percent", "latency_ms" or "alarms".',
            )


class _Rollout(Spec):
    bake_minutes: int = Field(
        default=10,
        ge=1,
        le=60,
        description="Minutes that alarms are watched at each step, and after the last. Ten: several points of each "
        "alarm.",
    )
    rollback: RollbackSpec = Field(default_factory=RollbackSpec, description="What brings the old configuration back.")

    def check(self) -> Iterator[Fault]:
        """Steps that would wait longer than a deployment may take are refused."""
        waits = (self._steps() + 1) * self.bake_minutes
        if waits * _MINUTE >= _LONGEST:
            yield self.fault(
                "bake_minutes",
                f"waits {waits} minutes in all, and a deployment ends after {_LONGEST // _MINUTE}",
                "Bake for fewer minutes, or take larger steps.",
                self.bake_minutes,
            )

    def policy(self) -> dict[str, Any]:
        """The part of CloudFormation's `DeploymentConfig` that says how traffic moves."""
        raise NotImplementedError

    def _blue_green(self, routing: Mapping[str, Any]) -> dict[str, Any]:
        waited = {"WaitIntervalInSeconds": self.bake_minutes * _MINUTE}
        return {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {**routing, **waited},
                "TerminationWaitInSeconds": self.bake_minutes * _MINUTE,
                "MaximumExecutionTimeoutInSeconds": self._most_seconds(),
            }
        }

    def _steps(self) -> int:
        return 1

    def _most_seconds(self) -> int:
        """Twice what all waits take and an hour for machines to start, within what the service allows."""
        waits = (self._steps() + 1) * self.bake_minutes * _MINUTE
        return min(_LONGEST, 2 * waits + 3_600)


class AllAtOnce(_Rollout):
    """All traffic moves to a new fleet when that is ready; the old one stays until baking is over."""

    kind: Literal["all_at_once"] = Field(description="All traffic in one step.")

    def policy(self) -> dict[str, Any]:
        """Blue/green in one step."""
        return self._blue_green({"Type": "ALL_AT_ONCE"})


class Canary(_Rollout):
    """A small part of the traffic first, the rest after baking."""

    kind: Literal["canary"] = Field(description="A small part first, then all.")
    percent: int = Field(
        default=10,
        ge=1,
        le=50,
        description="Percent of the capacity that takes traffic first. A tenth: few callers see a bad model.",
    )

    def policy(self) -> dict[str, Any]:
        """Blue/green with a canary."""
        size = {"Type": "CAPACITY_PERCENT", "Value": self.percent}
        return self._blue_green({"Type": "CANARY", "CanarySize": size})

    def _steps(self) -> int:
        return 2


class Linear(_Rollout):
    """The traffic moves in equal steps."""

    kind: Literal["linear"] = Field(description="Equal steps.")
    step_percent: int = Field(
        default=25, ge=10, le=50, description="Percent of the capacity that each step moves. A quarter: four looks."
    )

    def policy(self) -> dict[str, Any]:
        """Blue/green in steps."""
        size = {"Type": "CAPACITY_PERCENT", "Value": self.step_percent}
        return self._blue_green({"Type": "LINEAR", "LinearStepSize": size})

    def _steps(self) -> int:
        return -(-100 // self.step_percent)


class Rolling(_Rollout):
    """Instances are exchanged in batches, without a second fleet: for types that are hard to get."""

    kind: Literal["rolling"] = Field(description="Batches of instances, in place.")
    batch_percent: int = Field(
        default=20,
        ge=5,
        le=50,
        description="Percent of the capacity that is exchanged at a time. A fifth: the rest carries the load.",
    )

    def policy(self) -> dict[str, Any]:
        """A rolling update; going back takes larger steps, since the old model is known to work."""
        size = {"Type": "CAPACITY_PERCENT", "Value": self.batch_percent}
        return {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": size,
                "WaitIntervalInSeconds": self.bake_minutes * _MINUTE,
                "RollbackMaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 100},
                "MaximumExecutionTimeoutInSeconds": self._most_seconds(),
            }
        }

    def _steps(self) -> int:
        return -(-100 // self.batch_percent)


Rollout = Annotated[AllAtOnce | Canary | Linear | Rolling, Field(discriminator="kind")]
"""Source: sagemaker/latest/dg/deployment-guardrails; limits from its API reference (BlueGreenUpdatePolicy,
CapacitySize, RollingUpdatePolicy)."""
