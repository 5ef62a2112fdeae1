"""What a team's file says about the monitors of an endpoint: its data, where truth comes from, what is bad."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.build.data import ZoneName
from modelyard.build.training import InstanceType
from modelyard.core.errors import Fault
from modelyard.core.instances import InstanceCatalogue
from modelyard.core.monitored import JobKind
from modelyard.core.monitors import ColumnKind, Plan, PlannedColumn, Problem
from modelyard.core.snapshots import Format
from modelyard.core.spec import ColumnName, Email, Spec
from modelyard.run.monitoring.kinds import (
    JOB_FIELDS,
    MEASURED,
    NEEDS_LABELS,
    BiasDriftMonitor,
    ConceptDriftMonitor,
    DataDriftMonitor,
    DataQualityMonitor,
    ErrorsMonitor,
    ExplanationDriftMonitor,
    JobMonitorSpec,
    LatencyMonitor,
    LoadMonitor,
    ModelQualityMonitor,
    PredictionDriftMonitor,
)
from modelyard.run.monitoring.watch_spec import RUNBOOK, Runbook
from modelyard.run.serving import ABILITIES, EndpointSpec

if TYPE_CHECKING:
    from modelyard.build.data import DataLake

ImageByDigest = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}$"
    ),
]
AnswerPart = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=128)]
"""An index of CSV (`0`), or a dotted path into JSON (`scores.fraud`)."""
Prefix = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?(/[a-z0-9_=-]+)*$", max_length=200)]
"""Below a zone's bucket, without a slash at either end."""
_ANSWERS: Final = ("prediction_drift", "concept_drift", "concept_proxy", "model_quality", "bias_drift")


class MonitoredColumn(Spec):
    """A column of the requests."""

    name: ColumnName = Field(description="Its name: the key of JSON, or what this place of a CSV row is called.")
    kind: ColumnKind = Field(default="number", description="Whether it is a number or a category.")


class ReferenceSpec(Spec):
    """Rows as the model knew them, of which baselines are made: those that it was trained or judged on."""

    zone: ZoneName = Field(default="curated", description="The zone of the lake.")
    prefix: Prefix = Field(
        description="Where they lie. Another reference has another prefix, such as that of another version: then "
        "baselines are made anew.",
    )
    format: Format = Field(default="parquet", description="How they are written: parquet, csv with a head, or json.")
    prediction: ColumnName | None = Field(
        default=None, description="The column with what the model answered. Absent: the rows have none."
    )
    probability: ColumnName | None = Field(
        default=None, description="The column with the probability of the positive answer. Absent: none."
    )
    label: ColumnName | None = Field(default=None, description="The column with the truth. Absent: none.")


class LabelsSpec(Spec):
    """Where the truth comes to, by the hour in which it came: `<prefix>/2026/11/21/13/….jsonl`."""

    zone: ZoneName = Field(default="capture", description="The zone of the lake.")
    prefix: Prefix = Field(
        description="Below which labels lie, each with the id of its call.",
    )
    wait_hours: int = Field(
        default=24, ge=0, le=720, description="Hours that labels take to come: runs look at calls so much older."
    )


class MonitorsSpec(Spec):
    """The monitors of one endpoint: each makes its baseline, runs by the clock, and tells its owner."""

    owner: Email = Field(description="Who hears of the alarms.")
    runbook: Runbook | None = Field(
        default=None, description="What to do when an alarm goes off. Absent: Modelyard's page on monitoring."
    )
    run_by: Literal["scheduler", "model_monitor"] = Field(
        default="scheduler",
        description="Who starts the jobs: EventBridge Scheduler and a state machine, or SageMaker Model Monitor, which "
        "is closed to new customers since 30 July 2026 and sees no redacted calls.",
    )
    image: ImageByDigest | None = Field(
        default=None,
        description="The open job container in ECR, by digest, with Modelyard's extra `monitors`. Needed by every "
        "monitor that a job computes.",
    )
    instance_type: InstanceType = Field(default="ml.m5.large", description="Where jobs run: the smallest that will do.")
    volume_gib: int = Field(default=20, ge=1, le=16_384, description="GiB of the encrypted disk.")
    most_minutes: int = Field(default=30, ge=1, le=1_440, description="Minutes after which a run is stopped.")
    vpc: bool = Field(
        default=True, description="Whether jobs stand in the network's private subnets; they reach nothing either way."
    )
    problem: Problem = Field(default="binary", description="What is predicted: binary, multiclass or regression.")
    columns: tuple[MonitoredColumn, ...] = Field(
        default=(), max_length=500, description="The columns of the requests, in their order."
    )
    prediction: AnswerPart = Field(default="0", description="The answer's prediction: an index of CSV, a path of JSON.")
    probability: AnswerPart | None = Field(
        default=None, description="The answer's probability of the positive class. Absent: it has none."
    )
    positive: str = Field(default="1", max_length=64, description="The positive class of a binary problem.")
    threshold: float = Field(
        default=0.5, ge=0, le=1, description="From which probability the answer is positive, where only that is told."
    )
    reference: ReferenceSpec | None = Field(
        default=None, description="Of which baselines are made. Absent: no monitor that compares."
    )
    labels: LabelsSpec | None = Field(
        default=None, description="Where the truth comes to. Absent: none comes; concept drift takes a proxy."
    )
    data_quality: DataQualityMonitor | None = Field(default=None, description="Whether rows are as they should be.")
    data_drift: DataDriftMonitor | None = Field(default=None, description="Whether columns moved.")
    prediction_drift: PredictionDriftMonitor | None = Field(default=None, description="Whether answers moved.")
    concept_drift: ConceptDriftMonitor | None = Field(default=None, description="Whether errors or doubts grow.")
    model_quality: ModelQualityMonitor | None = Field(default=None, description="How right answers are.")
    bias_drift: BiasDriftMonitor | None = Field(default=None, description="Whether groups fare alike.")
    explanation_drift: ExplanationDriftMonitor | None = Field(
        default=None, description="Whether the same columns matter."
    )
    latency: LatencyMonitor | None = Field(
        default=None, description="How long the model takes. Absent: only the team knows what is slow."
    )
    errors: ErrorsMonitor | None = Field(
        default_factory=ErrorsMonitor, description="How many calls fail. `null`: nobody is told."
    )
    cpu: LoadMonitor | None = Field(default=None, description="How busy processors are. Absent: scaling looks at load.")
    memory: LoadMonitor | None = Field(default=None, description="How full memory is. Absent: not watched.")
    gpu: LoadMonitor | None = Field(default=None, description="How busy GPUs are. Absent: not watched.")

    @property
    def jobs(self) -> dict[JobKind, JobMonitorSpec]:
        """The monitors that jobs compute; concept drift as its proxy where no labels come."""
        found: dict[JobKind, JobMonitorSpec] = {}
        for field in JOB_FIELDS:
            monitor = getattr(self, field)
            if monitor is not None:
                proxy = field == "concept_drift" and self.labels is None
                found["concept_proxy" if proxy else field] = monitor  # pyright: ignore[reportArgumentType]
        return found

    def bounds(self, kind: JobKind) -> dict[str, float]:
        """The limits of a monitor that jobs compute, by metric."""
        monitor = self.jobs[kind]
        if isinstance(monitor, ConceptDriftMonitor):
            return monitor.bounds_where(kind == "concept_drift")
        return monitor.bounds()

    def looks_back(self, kind: JobKind) -> int:
        """Hours of calls that a run of this monitor is about."""
        monitor = self.jobs[kind]
        if isinstance(monitor, ConceptDriftMonitor) and kind == "concept_drift":
            return 24 * monitor.days
        return monitor.every_hours

    def waits(self, kind: JobKind) -> int:
        """Hours that a run leaves to labels."""
        return self.labels.wait_hours if self.labels is not None and kind in NEEDS_LABELS else 0

    def runbook_of(self, field: str) -> str:
        """The runbook of a monitor by its field, as its alarms name it."""
        own = getattr(getattr(self, field, None), "runbook", None)
        return own or self.runbook or RUNBOOK

    def plan(self, kind: JobKind, endpoint: str) -> Plan:
        """What the jobs of a monitor are told; `endpoint` by its physical name."""
        reference = self.reference
        assert reference is not None
        monitor = self.jobs[kind]
        return Plan(
            endpoint=endpoint,
            kind=kind,
            columns=tuple(PlannedColumn(name=column.name, kind=column.kind) for column in self.columns),
            problem=self.problem,
            positive=self.positive,
            prediction=self.prediction,
            probability=self.probability or "",
            threshold=self.threshold,
            group=monitor.group if isinstance(monitor, BiasDriftMonitor) else "",
            windows=monitor.days if isinstance(monitor, ConceptDriftMonitor) and kind == "concept_drift" else 1,
            reference=f"{reference.zone}/{reference.prefix}",
            reference_format=reference.format,
            reference_prediction=reference.prediction or "",
            reference_probability=reference.probability or "",
            reference_label=reference.label or "",
        )

    def check(self) -> Iterator[Fault]:
        """A monitor without what it needs: an image, columns, a baseline, the truth, a group."""
        names = [column.name for column in self.columns]
        for twice in sorted({name for name in names if names.count(name) > 1}):
            yield self.fault("columns", f"name {twice} twice", "Keep one.", twice)
        jobs = self.jobs
        if jobs and self.image is None:
            yield self.fault("image", "is needed: a job computes monitors", "Give the open job container by digest.")
        if jobs and not names:
            yield self.fault("columns", "are needed: requests are read by them", "Name the columns in their order.")
        if jobs and not InstanceCatalogue.shipped().get(self.instance_type):
            yield self.fault("instance_type", "is no known instance type", "Take another.", self.instance_type)
        for kind in jobs:
            yield from self._lacking("concept_drift" if kind == "concept_proxy" else kind, kind)
        yield from self._unmeasured(names)

    def _lacking(self, field: str, kind: JobKind) -> Iterator[Fault]:
        reference = self.reference
        if reference is None:
            remedy = 'Give "reference", the rows that the model knew, or remove the monitor.'
            yield self.fault(field, "has nothing to compare with: no baseline can be made", remedy)
        elif kind in _ANSWERS and reference.prediction is None and reference.probability is None:
            remedy = "Name the column with the model's answers."
            yield self.fault("reference.prediction", f"is needed by {field}", remedy)
        if reference is not None and kind in NEEDS_LABELS and reference.label is None:
            yield self.fault("reference.label", f"is needed by {field}", "Name the column with the truth.")
        if kind in ("model_quality", "bias_drift") and self.labels is None:
            remedy = 'Give "labels", where the truth comes to, or remove the monitor.'
            yield self.fault(field, "needs the truth, and nobody says where it comes to", remedy)
        if kind == "concept_proxy" and (self.probability is None or (reference and reference.probability is None)):
            where = "probability" if self.probability is None else "reference.probability"
            remedy = 'Name it, or give "labels".'
            yield self.fault(where, "is needed by concept_drift: without labels it looks at uncertainty", remedy)

    def _unmeasured(self, names: list[str]) -> Iterator[Fault]:
        """What can't be measured of this problem, or of these columns."""
        if self.model_quality is not None:
            able = MEASURED[self.problem]
            for metric in self.model_quality.limits:
                if metric not in able:
                    path = f"model_quality.limits.{metric}"
                    yield self.fault(
                        path, f"isn't measured of {self.problem}", f"Use one of: {', '.join(able)}.", metric
                    )
                elif metric == "auc" and self.probability is None:
                    yield self.fault("model_quality.limits.auc", "needs probabilities", 'Give "probability".', metric)
        if self.bias_drift is not None:
            if self.problem != "binary":
                remedy = "Remove it, or watch a binary decision."
                yield self.fault("bias_drift", f"compares selection rates, and {self.problem} has none", remedy)
            if self.bias_drift.group not in names:
                remedy = f"There are: {', '.join(names) or 'none'}. Captured calls must have it, or nobody can compare."
                yield self.fault("bias_drift.group", "is no column of the requests", remedy, self.bias_drift.group)
        if self.problem != "regression" or self.concept_drift is None or self.labels is not None:
            return
        yield self.fault("concept_drift", "of a number needs labels: a number has no uncertainty", 'Give "labels".')

    def unfit_for(self, endpoint: EndpointSpec) -> Iterator[Fault]:
        """What an endpoint of this kind doesn't give its monitors; from the table of what kinds can do."""
        kind = endpoint.served_by.kind
        able, captured = ABILITIES[kind], endpoint.captured
        if self.jobs and captured is None:
            remedy = (
                "Let it capture calls, by our container where SageMaker can't, or remove monitors that jobs compute."
            )
            for field in sorted({"concept_drift" if job == "concept_proxy" else job for job in self.jobs}):
                yield self.fault(
                    field, f"has nothing to look at: the endpoint, of kind {kind}, captures no call", remedy
                )
        if self.jobs and self.run_by == "model_monitor" and captured is not None:
            if not able.monitors or captured.by == "container":
                problem = "sees only what SageMaker itself captures"
                yield self.fault("run_by", problem, 'Use "scheduler".', self.run_by)
            elif captured.redact is not None:
                problem = "reads calls before they are redacted, which nobody may"
                yield self.fault("run_by", problem, 'Use "scheduler".', self.run_by)
        if not able.gpu and self.gpu is not None:
            yield self.fault("gpu", f"is nothing that an endpoint of kind {kind} has", "Remove it.")
        elif self.gpu is not None and not any(each.gpus for each in endpoint.instances()):
            yield self.fault("gpu", "is watched, and no instance of the endpoint has one", "Remove it.")
        if kind == "serverless":
            for field in ("cpu", "memory"):
                if getattr(self, field) is not None:
                    yield self.fault(field, "isn't measured of a serverless endpoint", "Remove it.")

    def unplaced(
        self, lake: DataLake, *, networked: bool, redacted: Mapping[str, str] | None = None
    ) -> Iterator[Fault]:
        """Zones that the lake lacks, a network that isn't there, and columns that captured calls don't tell any more.

        `redacted`: what becomes of the fields of captured calls, `remove` or `hash`, by name.
        """
        has = ", ".join(lake.zones)
        for path, place in (("reference", self.reference), ("labels", self.labels)):
            if place is not None and place.zone not in lake.zones:
                yield self.fault(f"{path}.zone", "is no zone of the lake", f"It has: {has}.", place.zone)
        if self.jobs and "capture" not in lake.zones:
            yield self.fault("", "need the zone capture, which the lake hasn't", "Add it to the lake.")
        if self.jobs and self.vpc and not networked:
            yield self.fault("vpc", "needs a network, and there is none", 'Give a network, or say "vpc: false".', True)
        for index, column in enumerate(self.columns):
            how = (redacted or {}).get(column.name)
            if how == "remove":
                problem = "is taken out of captured calls, so that no monitor sees it"
                yield self.fault(f"columns[{index}]", problem, "Hash it, or watch without it.", column.name)
            elif how == "hash" and column.kind == "number":
                problem = "is hashed in captured calls, and a hash is no number"
                yield self.fault(f"columns[{index}].kind", problem, 'Use "category", or watch without it.', "number")
