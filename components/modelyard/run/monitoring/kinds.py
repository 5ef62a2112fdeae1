"""What a team's file says of each monitor: how often it runs, on how many calls, and what it takes for bad."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from modelyard.core.errors import Fault
from modelyard.core.monitored import JobKind
from modelyard.core.monitors import Problem
from modelyard.core.spec import ColumnName, Spec
from modelyard.run.monitoring.watch_spec import Runbook, SustainedSpec

WEEK: Final = 168
"""Hours that an alarm looks back at most (AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm)."""

Hours = Literal[1, 2, 3, 4, 6, 8, 12, 24]
"""Divisors of a day, so that runs fall on the same hours every day."""
Psi = Annotated[float, Field(gt=0, le=10)]
Share = Annotated[float, Field(gt=0, le=1)]
Metric = Literal["accuracy", "precision", "recall", "f1", "auc", "mae", "rmse", "r2"]

MEASURED: Final[Mapping[Problem, tuple[Metric, ...]]] = {
    "binary": ("accuracy", "precision", "recall", "f1", "auc"),
    "multiclass": ("accuracy", "precision", "recall", "f1"),
    "regression": ("mae", "rmse", "r2"),
}
"""What quality is measured by, for each kind of problem."""


def _default(bad: int, of: int) -> SustainedSpec:
    return SustainedSpec(bad=bad, of=of)


class MonitorSpec(Spec):
    """What all monitors say."""

    sustained: SustainedSpec = Field(
        default_factory=lambda: _default(2, 3),
        description="How many points must be bad before the alarm goes off. Two of three: what goes on, and not one "
        "odd run.",
    )
    runbook: Runbook | None = Field(
        default=None, description="What to do when this alarm goes off. Absent: the runbook of all of them."
    )


class JobMonitorSpec(MonitorSpec):
    """A monitor that a job computes of captured calls."""

    every_hours: Hours = Field(
        default=24, description="Hours between runs, and of calls that each is about. A day: one run a day costs least."
    )
    sample_percent: float = Field(
        default=100.0, gt=0, le=100, description="Percent of the captured calls that a run looks at; always the same."
    )

    def bounds(self) -> dict[str, float]:
        """The limits by metric; the alarms' and the reports'."""
        return {}

    def check(self) -> Iterator[Fault]:
        """An alarm that would look back further than CloudWatch does."""
        if self.every_hours * self.sustained.of > WEEK:
            problem = f"looks back {self.every_hours * self.sustained.of} hours, and CloudWatch {WEEK} at most"
            yield self.fault("sustained.of", problem, f"Use {WEEK // self.every_hours} or fewer.", self.sustained.of)


class DataQualityMonitor(JobMonitorSpec):
    """Whether rows are as they should be: complete, of their type, with known names."""

    every_hours: Hours = Field(
        default=1, description="Hours between runs. One: a broken caller is told within two hours."
    )
    violations: int = Field(default=0, ge=0, le=10_000, description="Broken rules that are let pass. None.")
    tolerance: float = Field(
        default=0.02,
        ge=0,
        lt=1,
        description="Share of a column's values that may break a rule. Two in a hundred: a bad value is no bad caller.",
    )

    def bounds(self) -> dict[str, float]:
        """Violations; the tolerance is no metric, and alarms leave it out."""
        return {"data_quality_violations": float(self.violations), "tolerance": self.tolerance}


class DataDriftMonitor(JobMonitorSpec):
    """Whether columns are distributed as in the reference."""

    psi: Psi = Field(
        default=0.2,
        description="Population stability index above which a column has moved. 0.2: the usual mark; what may be "
        "chance (Kolmogorov-Smirnov, chi-square) is left out.",
    )
    share: Share | None = Field(
        default=None, description="Share of moved columns above which an alarm of its own goes off. Absent: none."
    )

    def bounds(self) -> dict[str, float]:
        """The worst column, and the share of moved ones."""
        found = {"data_drift_worst": self.psi}
        return found if self.share is None else {**found, "data_drift_share": self.share}


class PredictionDriftMonitor(JobMonitorSpec):
    """Whether answers are distributed as in the reference; it needs no labels."""

    psi: Psi = Field(default=0.2, description="Population stability index above which the answers have moved.")

    def bounds(self) -> dict[str, float]:
        """The answers' index."""
        return {"prediction_drift": self.psi}


class ConceptDriftMonitor(JobMonitorSpec):
    """Whether the same inputs come to mean something else: errors that grow, or, without labels, doubts that move."""

    days: int = Field(
        default=7, ge=1, le=30, description="Days that each run is about, cut into as many windows. A week has a trend."
    )
    rise: float = Field(
        default=0.5,
        gt=0,
        le=100,
        description="Where labels come: rise of the error above the baseline's, as a share of that. Half.",
    )
    trend: float | None = Field(
        default=0.8,
        gt=0,
        lt=1,
        description="Where labels come: Kendall's tau of the days' errors. 0.8: nearly every day is worse than the "
        "one before. Absent: no alarm on it.",
    )
    psi: Psi = Field(default=0.2, description="Where no labels come: index of the answers' uncertainty.")
    confidence: Share | None = Field(
        default=None, description="Where no labels come: mean confidence below which an alarm goes off. Absent: none."
    )

    def bounds_where(self, labelled: bool) -> dict[str, float]:
        """The limits, where labels come or where they don't."""
        if labelled:
            found = {"concept_drift_rise": self.rise}
            return found if self.trend is None else {**found, "concept_drift_trend": self.trend}
        found = {"concept_proxy_shift": self.psi}
        return found if self.confidence is None else {**found, "concept_proxy_confidence": self.confidence}


class ModelQualityMonitor(JobMonitorSpec):
    """How right the answers are, as labels come."""

    limits: dict[Metric, float] = Field(
        min_length=1,
        description="The worst that is let pass, by metric: accuracy, precision, recall, f1, auc, or mae, rmse, r2.",
    )
    labelled_share: Share | None = Field(
        default=0.1,
        description="Share of the calls whose labels must have come. A tenth: below it, quality speaks of few. "
        "Absent: no alarm on it.",
    )

    def bounds(self) -> dict[str, float]:
        """The metrics' limits, and the share of labels."""
        found: dict[str, float] = {str(name): limit for name, limit in self.limits.items()}
        return found if self.labelled_share is None else {**found, "labelled_share": self.labelled_share}


class BiasDriftMonitor(JobMonitorSpec):
    """Whether groups of people fare alike, as labels come."""

    group: ColumnName = Field(description="The column whose values are the groups; small groups are left out.")
    demographic_parity: Share | None = Field(
        default=0.1, description="Largest difference of selection rates. A tenth. Absent: no alarm on it."
    )
    equalized_odds: Share | None = Field(
        default=None, description="Largest difference of true or false positive rates. Absent: no alarm on it."
    )
    impact_ratio: Share | None = Field(
        default=0.8,
        description="Smallest selection rate as a share of the largest. Four fifths: 29 CFR 1607.4(D). Absent: no "
        "alarm on it.",
    )

    def bounds(self) -> dict[str, float]:
        """What was said of groups."""
        said = {
            "bias_demographic_parity": self.demographic_parity,
            "bias_equalized_odds": self.equalized_odds,
            "bias_impact_ratio": self.impact_ratio,
        }
        return {name: limit for name, limit in said.items() if limit is not None}

    def check(self) -> Iterator[Fault]:
        """A monitor that tells nobody."""
        yield from super().check()
        if not self.bounds():
            problem = "has no limit, so that nobody is ever told"
            yield self.fault("", problem, "Give demographic_parity, equalized_odds or impact_ratio.")


class ExplanationDriftMonitor(JobMonitorSpec):
    """Whether the same columns matter to the answers."""

    rank: Share = Field(
        default=0.9, description="NDCG of the columns' ranks below which they have changed. 0.9: SageMaker's own mark."
    )
    shift: Share | None = Field(
        default=None, description="Shift of a column's share of all attribution above which an alarm goes off."
    )

    def bounds(self) -> dict[str, float]:
        """Ranks, and the largest shift."""
        found = {"explanation_rank": self.rank}
        return found if self.shift is None else {**found, "explanation_shift": self.shift}


class ServiceMonitorSpec(MonitorSpec):
    """A monitor of what the service itself measures, in points of five minutes."""


class LatencyMonitor(ServiceMonitorSpec):
    """How long the model takes."""

    ms: float = Field(gt=0, le=60_000, description="Milliseconds of the model for 99 of 100 calls.")


class ErrorsMonitor(ServiceMonitorSpec):
    """How many calls fail."""

    percent: float = Field(
        default=1.0, gt=0, lt=100, description="Percent of the calls answered by a server error (5xx). One."
    )


class LoadMonitor(ServiceMonitorSpec):
    """How full the machines are."""

    percent: float = Field(
        default=90.0, gt=0, le=100, description="Percent of the whole machine. Ninety: what comes next is refused."
    )
    sustained: SustainedSpec = Field(
        default_factory=lambda: _default(6, 6), description="Six of six: half an hour, so that scaling comes first."
    )


JOB_FIELDS: Final[tuple[str, ...]] = (
    "data_quality",
    "data_drift",
    "prediction_drift",
    "concept_drift",
    "model_quality",
    "bias_drift",
    "explanation_drift",
)
NEEDS_LABELS: Final[tuple[JobKind, ...]] = ("concept_drift", "model_quality", "bias_drift")
