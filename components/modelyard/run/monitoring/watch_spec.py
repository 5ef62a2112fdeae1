"""What a team's file says about watching an endpoint: probe, request patterns, cost, dashboard, incidents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import ColumnName, Spec

RUNBOOK: Final = "docs/monitoring.md"
"""The runbook where a team has none of its own."""
_LONGEST_SPAN: Final = 86_400
"""Seconds that an alarm with periods below an hour looks back at most (API_PutMetricAlarm, EvaluationPeriods)."""
_LONGEST_HOURS: Final = 168
"""Hours that an alarm with longer periods looks back at most: a week."""

Share = Annotated[float, Field(gt=0, lt=1)]
Runbook = Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9_.:/=+@-]+$", max_length=256)]
"""An address that fits a tag: without query and fragment."""
MimeType = Annotated[str, StringConstraints(pattern=r"^[a-z]+/[A-Za-z0-9.+;= _-]+$", max_length=256)]
InstanceName = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]


class SustainedSpec(Spec):
    """How many of the last points must be bad before an alarm goes off."""

    bad: int = Field(ge=1, le=100, description="Bad points, M.")
    of: int = Field(ge=1, le=100, description="The last points that are looked at, N.")

    def check(self) -> Iterator[Fault]:
        """More bad points than are looked at would never be."""
        if self.bad > self.of:
            problem = f"is more than the {self.of} points that are looked at, so that the alarm never goes off"
            yield self.fault("bad", problem, f"Use {self.of} or fewer.", self.bad)


def _sustained(bad: int, of: int) -> SustainedSpec:
    return SustainedSpec(bad=bad, of=of)


class ProbeSpec(Spec):
    """A call with an example that the endpoint must answer, made by the clock."""

    payload: str = Field(
        min_length=1,
        max_length=65_536,
        description="What is sent: an example that may be shown to anybody, since whoever sees the stack sees it.",
    )
    content_type: MimeType = Field(default="text/csv", description="The payload's type.")
    accept: MimeType = Field(default="text/csv", description="The type that the answer is to have.")
    expects: str = Field(
        default="", max_length=256, description="A text that the answer must have in it. Absent: any answer will do."
    )
    every_minutes: Literal[1, 5, 10, 15, 30, 60] = Field(
        default=5, description="Minutes between probes. Five: an outage is known within a quarter of an hour."
    )
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="Seconds after which there was no answer. SageMaker itself waits 60."
    )
    latency_ms: float | None = Field(
        default=None, gt=0, description="Milliseconds above which the answer is late. Absent: no alarm on that."
    )
    sustained: SustainedSpec = Field(
        default_factory=lambda: _sustained(2, 3),
        description="How many probes must fail. Two of three: one lost call is no outage.",
    )

    def check(self) -> Iterator[Fault]:
        """An alarm that would look back further than CloudWatch does, and a limit that no answer can pass."""
        if self.every_minutes * 60 * self.sustained.of > _LONGEST_SPAN:
            problem = f"looks back {self.every_minutes * self.sustained.of} minutes, and CloudWatch 1440 at most"
            yield self.fault("sustained.of", problem, "Look at fewer points.", self.sustained.of)
        if self.latency_ms is not None and self.latency_ms >= 1000 * self.timeout_seconds:
            remedy = f"Use less than {1000 * self.timeout_seconds:g}, or wait longer."
            yield self.fault("latency_ms", "is never passed: there is no answer by then", remedy, self.latency_ms)


class RangeSpec(Spec):
    """The values that a column has in earnest."""

    least: float = Field(description="The least.")
    most: float = Field(description="The most.")

    def check(self) -> Iterator[Fault]:
        """A range without a value in it."""
        if self.least > self.most:
            yield self.fault("least", f"is more than most, {self.most:g}", "Turn them round.", self.least)


class BoundarySpec(Spec):
    """Where the answers of a model turn into a decision."""

    threshold: float = Field(description="The answer at which the decision turns.")
    margin: float = Field(default=0.02, gt=0, description="How near to it an answer is near.")
    column: int = Field(default=0, ge=0, description="Which value of an answer it is, from 0.")
    share: Share = Field(
        default=0.2, description="Share of near answers that is suspicious. A fifth: ten times what chance gives."
    )


class PatternsSpec(Spec):
    """What looks like somebody who extracts the model or attacks it, in captured calls.

    Callers are told apart where calls say who makes them, in the custom attribute `caller`.
    """

    every_hours: Literal[1, 2, 3, 6, 12, 24] = Field(
        default=1, description="Hours that each look is at. One: an extraction takes hours, and is stopped within them."
    )
    least_inputs: int = Field(
        default=100, ge=50, le=100_000, description="Captured inputs below which nothing is said: chance looks odd."
    )
    sweeps: Share = Field(
        default=0.2, description="Share of the inputs on lines that is suspicious. A fifth: ordinary calls have none."
    )
    distances: Share = Field(
        default=0.2,
        description="How far distances may be from ordinary ones. A fifth: seeded samples of ordinary traffic stay "
        "below 0.14.",
    )
    steps: Share = Field(
        default=0.2,
        description="Share of inputs in steps of one size that is suspicious. A fifth: ordinary ones stay below 0.1.",
    )
    share_of_one: Share | None = Field(
        default=None, description="Share of the inputs by one caller that is suspicious. Absent: many have one caller."
    )
    columns: tuple[ColumnName, ...] = Field(
        default=(), max_length=2000, description="The columns of the input, in their order. Needed for `ranges`."
    )
    ranges: dict[ColumnName, RangeSpec] = Field(
        default_factory=dict[str, RangeSpec],
        description="What columns hold in earnest. Absent: values beyond it aren't counted.",
    )
    outside: Share = Field(default=0.05, description="Share of values beyond their ranges that is suspicious.")
    boundary: BoundarySpec | None = Field(
        default=None, description="Where the decision turns. Absent: answers near it aren't counted."
    )
    sustained: SustainedSpec = Field(
        default_factory=lambda: _sustained(2, 3),
        description="How many looks must be suspicious. Two of three: what goes on, and not one odd hour.",
    )

    def check(self) -> Iterator[Fault]:
        """An alarm that would look back further than CloudWatch does, and ranges of columns that the input hasn't."""
        if self.every_hours * self.sustained.of > _LONGEST_HOURS:
            problem = (
                f"looks back {self.every_hours * self.sustained.of} hours, and CloudWatch {_LONGEST_HOURS} at most"
            )
            yield self.fault("sustained.of", problem, "Look at fewer points.", self.sustained.of)
        for name in self.ranges:
            if name not in self.columns:
                known = ", ".join(self.columns) or "none"
                yield self.fault(f"ranges.{name}", f"is no column of the input; there are: {known}", "Name it.", name)

    def look(self) -> str:
        """What the function is told, as JSON."""
        places = {name: place for place, name in enumerate(self.columns)}
        near = self.boundary
        return json.dumps(
            {
                "least": self.least_inputs,
                "ranges": {places[name]: [each.least, each.most] for name, each in sorted(self.ranges.items())},
                "threshold": near.threshold if near else None,
                "margin": near.margin if near else 0.0,
                "answer": near.column if near else 0,
            }
        )


class CostSpec(Spec):
    """What the endpoint costs, from its machines and a table of prices."""

    monthly_ceiling_usd: float | None = Field(
        default=None, gt=0, description="US dollars a month above which the owner is told. Absent: it is only measured."
    )
    prices: dict[InstanceName, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict[str, float],
        description="US dollars of an hour by instance type, where a contract or a newer list says others.",
    )
    gb_second_usd: float | None = Field(
        default=None,
        gt=0,
        description="US dollars of a serverless endpoint's gigabyte-second. Absent: the table's.",
    )


class WatchSpec(Spec):
    """What is watched of an endpoint beside its model's data: answers, callers, cost; and where people look."""

    runbook: Runbook | None = Field(
        default=None, description="What to do when an alarm goes off. Absent: Modelyard's page on monitoring."
    )
    probe: ProbeSpec | None = Field(
        default=None, description="Whether it answers. Absent: no probe, since only the team knows an example."
    )
    patterns: PatternsSpec | None = Field(
        default_factory=PatternsSpec,
        description="What looks like an attack. Looked for where calls are captured; `null` looks for nothing.",
    )
    cost: CostSpec | None = Field(
        default_factory=CostSpec, description="What it costs. Measured where prices are known; `null` measures nothing."
    )
    dashboard: bool = Field(
        default=True, description="Whether it has a page: drift, latency, errors, cost, alarms. 3 dollars a month."
    )
    incidents: bool = Field(
        default=True, description="Whether its alarms open incidents. `false`: only the mail of the alarm itself."
    )

    @property
    def told(self) -> str:
        """The runbook, as alarms and incidents name it."""
        return self.runbook or RUNBOOK
