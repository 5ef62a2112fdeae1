"""Names of what is measured of an endpoint: one table, from which alarms, dashboards, triggers and pages are made.

What SageMaker's schedules run, SageMaker publishes under its own namespaces, with the endpoint and the schedule as
dimensions. What our functions measure goes to one namespace of ours. Nobody spells a name a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from modelyard.core.monitored import JobKind

MonitorKind = Literal[
    JobKind,
    "latency",
    "errors",
    "cpu",
    "memory",
    "gpu",
    "uptime",
    "patterns",
    "cost",
    "champion",
]
Publisher = Literal["job", "service", "function"]
"""A job of a schedule's; the service that hosts the endpoint; a function of ours."""

OURS: Final = "modelyard/endpoints"
"""The namespace of what functions of ours measure."""
SERVICE: Final = "AWS/SageMaker"
INSTANCES: Final = "/aws/sagemaker/Endpoints"
DATA: Final = "aws/sagemaker/Endpoints/data-metrics"
QUALITY: Final = "aws/sagemaker/Endpoints/model-metrics"
BIAS: Final = "aws/sagemaker/Endpoints/bias-metrics"
EXPLANATIONS: Final = "aws/sagemaker/Endpoints/explainability-metrics"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `worse`: the side of a threshold that is the bad one; None for what only tells how much was seen.

    `statistic`: what CloudWatch makes of a period's values, or a percentile such as p99.
    """

    name: str
    says: str
    worse: Literal["above", "below"] | None = None
    statistic: str = "Maximum"
    unit: str = "None"


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of one kind of monitor. `dimensions` are those of every one of them, in the order of a page."""

    namespace: str
    publisher: Publisher
    dimensions: tuple[str, ...]
    metrics: tuple[Metric, ...]
    source: str

    def __getitem__(self, name: str) -> Metric:
        """The metric of that name. Raises `KeyError`."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(name)


BY_SCHEDULE: Final = ("Endpoint", "MonitoringSchedule")
BY_VARIANT: Final = ("EndpointName", "VariantName")
BY_ENDPOINT: Final = ("Endpoint",)

RECORDS: Final = Metric("records", "Calls that a run looked at", statistic="Sum", unit="Count")
BROKEN: Final = Metric("broken_records", "Captured lines that nobody can read", "above", "Sum", "Count")
JOINED: Final = Metric("labelled_share", "Share of the calls whose label came", "below", "Minimum")

_BYOC: Final = "sagemaker/latest/dg/model-monitor-byoc-cloudwatch"
_HOSTING: Final = "sagemaker/latest/dg/monitoring-cloudwatch"


def _job(namespace: str, *metrics: Metric) -> Metrics:
    return Metrics(namespace, "job", BY_SCHEDULE, (*metrics, RECORDS, BROKEN), _BYOC)


METRICS: Final[Mapping[MonitorKind, Metrics]] = {
    "data_quality": _job(
        DATA, Metric("data_quality_violations", "Rules of the baseline that don't hold", "above", unit="Count")
    ),
    "data_drift": _job(
        DATA,
        Metric("data_drift_worst", "Population stability index of the column that moved most", "above"),
        Metric("data_drift_share", "Share of the columns that moved", "above"),
    ),
    "prediction_drift": _job(
        DATA, Metric("prediction_drift", "Population stability index of the predictions", "above")
    ),
    "concept_drift": _job(
        QUALITY,
        Metric("concept_drift_error", "Error of the newest window", "above"),
        Metric("concept_drift_rise", "How much it is above the baseline's error, as a share of that", "above"),
        Metric(
            "concept_drift_trend", "Kendall's tau of the windows' errors over time, where it is significant", "above"
        ),
        JOINED,
    ),
    "concept_proxy": _job(
        DATA,
        Metric("concept_proxy_shift", "Population stability index of the predictions' uncertainty", "above"),
        Metric("concept_proxy_confidence", "Mean confidence of the predictions", "below", "Minimum"),
    ),
    "model_quality": _job(
        QUALITY,
        Metric("accuracy", "Share of right answers", "below", "Minimum"),
        Metric("precision", "Share of the positives that are", "below", "Minimum"),
        Metric("recall", "Share of the positives that are found", "below", "Minimum"),
        Metric("f1", "Harmonic mean of precision and recall", "below", "Minimum"),
        Metric("auc", "Area under the ROC curve", "below", "Minimum"),
        Metric("mae", "Mean absolute error", "above"),
        Metric("rmse", "Root of the mean squared error", "above"),
        Metric("r2", "Share of the variance that is explained", "below", "Minimum"),
        JOINED,
    ),
    "bias_drift": _job(
        BIAS,
        Metric("bias_demographic_parity", "Largest difference of selection rates between groups", "above"),
        Metric("bias_equalized_odds", "Largest difference of true or false positive rates between groups", "above"),
        Metric("bias_impact_ratio", "Smallest selection rate as a share of the largest", "below", "Minimum"),
        JOINED,
    ),
    "explanation_drift": _job(
        EXPLANATIONS,
        Metric("explanation_rank", "NDCG of the features' ranks against the baseline's", "below", "Minimum"),
        Metric("explanation_shift", "Largest shift of a feature's share of the mean absolute attribution", "above"),
    ),
    "latency": Metrics(
        SERVICE,
        "service",
        BY_VARIANT,
        (
            Metric("ModelLatency", "Time that the container takes", "above", "p99", "Microseconds"),
            Metric("OverheadLatency", "Time that SageMaker adds", "above", "p99", "Microseconds"),
        ),
        _HOSTING,
    ),
    "errors": Metrics(
        SERVICE,
        "service",
        BY_VARIANT,
        (
            Metric("Invocation5XXErrors", "Calls that failed at the container", "above", "Sum", "Count"),
            Metric("Invocation4XXErrors", "Calls that were refused", "above", "Sum", "Count"),
            Metric("Invocations", "Calls", statistic="Sum", unit="Count"),
        ),
        _HOSTING,
    ),
    "cpu": Metrics(
        INSTANCES,
        "service",
        BY_VARIANT,
        (Metric("CPUUtilization", "Percent of one core, summed over cores", "above", "Average", "Percent"),),
        _HOSTING,
    ),
    "memory": Metrics(
        INSTANCES,
        "service",
        BY_VARIANT,
        (Metric("MemoryUtilization", "Percent of the memory", "above", "Maximum", "Percent"),),
        _HOSTING,
    ),
    "gpu": Metrics(
        INSTANCES,
        "service",
        BY_VARIANT,
        (
            Metric("GPUUtilization", "Percent of one GPU, summed over GPUs", "above", "Average", "Percent"),
            Metric(
                "GPUMemoryUtilization", "Percent of one GPU's memory, summed over GPUs", "above", "Maximum", "Percent"
            ),
        ),
        _HOSTING,
    ),
    "uptime": Metrics(
        OURS,
        "function",
        BY_ENDPOINT,
        (
            Metric("uptime_answered", "Whether the probe was answered: 1 or 0", "below", "Minimum"),
            Metric("uptime_latency", "Time until the probe was answered", "above", "Maximum", "Milliseconds"),
        ),
        "Modelyard's probe",
    ),
    "patterns": Metrics(
        OURS,
        "function",
        BY_ENDPOINT,
        (
            Metric("patterns_inputs", "Captured inputs that were looked at", statistic="Sum", unit="Count"),
            Metric("patterns_share_of_one", "Share of the inputs that the busiest caller sent", "above"),
            Metric(
                "patterns_sweeps", "Share of the inputs that lie on a line, as a search for the boundary does", "above"
            ),
            Metric(
                "patterns_distances", "How far the inputs' distances are from scattering as ordinary ones do", "above"
            ),
            Metric("patterns_steps", "Share of the inputs that are one step of the same size from another", "above"),
            Metric("patterns_outside", "Share of the values that are beyond their range", "above"),
            Metric("patterns_boundary", "Share of the answers next to the threshold", "above"),
        ),
        "Modelyard's reader of patterns",
    ),
    "cost": Metrics(
        OURS,
        "function",
        BY_ENDPOINT,
        (Metric("cost_month", "US dollars of a month at the size that it has now", "above", "Average"),),
        "Modelyard's reader of cost",
    ),
    "champion": Metrics(
        OURS,
        "function",
        BY_ENDPOINT,
        (Metric("champion_version", "Version of the model that serves"),),
        "Modelyard's reader of cost",
    ),
}
"""Sources: sagemaker/latest/dg/model-monitor-byoc-cloudwatch, model-monitor-model-quality-cw,
clarify-model-monitor-bias-drift-cw, clarify-feature-attribute-drift-cw, monitoring-cloudwatch.

The pages don't agree on the spelling of data quality's namespace; this is how SageMaker's own SDK reads it.
"""


def dimensions(kind: MonitorKind, endpoint: str, *, schedule: str = "", variant: str = "") -> dict[str, str]:
    """The dimensions of a kind's metrics: of the endpoint by its physical name, its schedule, or its variant."""
    values = {
        "Endpoint": endpoint,
        "EndpointName": endpoint,
        "MonitoringSchedule": schedule,
        "VariantName": variant,
    }
    return {name: values[name] for name in METRICS[kind].dimensions}


def table() -> list[list[str]]:
    """The table as rows of text, its head first, for pages."""
    rows = [["monitor", "metric", "bad", "what it is", "namespace", "dimensions"]]
    for kind, known in METRICS.items():
        for metric in known.metrics:
            rows.append(
                [
                    kind,
                    metric.name,
                    metric.worse or "–",
                    metric.says,
                    known.namespace,
                    ", ".join(known.dimensions),
                ]
            )
    return rows
