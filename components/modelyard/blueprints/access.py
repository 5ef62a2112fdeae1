"""What a team's file says about who may do what: with data, secrets, features, models, and jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from pydantic import Field

from modelyard.core.errors import Fault
from modelyard.core.spec import Name, Spec

Things = Mapping[str, tuple[str, ...]]
"""The names of what a team has, by kind: datasets, secrets, views, models …"""


class FeatureAccessSpec(Spec):
    """What may be done with feature views."""

    read_online: tuple[Name, ...] = Field(default=(), description="Views of which single records are read.")
    read_offline: tuple[Name, ...] = Field(default=(), description="Views whose history is read and queried.")
    write: tuple[Name, ...] = Field(default=(), description="Views to which records are written.")


class ModelAccessSpec(Spec):
    """What may be done with models."""

    submit: tuple[Name, ...] = Field(
        default=(), description="Models of which versions are registered, waiting for approval."
    )
    evaluate: tuple[Name, ...] = Field(default=(), description="Models whose gates' results are put down.")
    approve: tuple[Name, ...] = Field(default=(), description="Models whose versions are approved or rejected.")
    read: tuple[Name, ...] = Field(
        default=(), description="Models whose versions, results and releases are seen, and signatures verified."
    )
    pull: tuple[Name, ...] = Field(default=(), description="Models whose artifacts are read as well.")


class EvidenceAccessSpec(Spec):
    """What may be done with the evidence of releases."""

    read: tuple[Name, ...] = Field(default=(), description="Models whose evidence is read and verified.")
    report: bool = Field(
        default=False, description="Whether it puts down what was deployed, and what the check of the policies found."
    )


class PipelineAccessSpec(Spec):
    """What may be done with training pipelines."""

    start: tuple[Name, ...] = Field(default=(), description="Pipelines whose runs are started, followed and stopped.")
    watch: tuple[Name, ...] = Field(default=(), description="Pipelines whose definition and runs are seen.")


class EndpointAccessSpec(Spec):
    """What may be done with endpoints."""

    invoke: tuple[Name, ...] = Field(default=(), description="Endpoints that are called, from inside.")
    invoke_language_models: tuple[Name, ...] = Field(
        default=(), description="Endpoints of language models of which all models are called, from inside."
    )
    read: tuple[Name, ...] = Field(
        default=(), description="Endpoints of which is seen what they run, and how they are."
    )
    read_capture: tuple[Name, ...] = Field(default=(), description="Endpoints whose captured calls are read.")
    read_results: tuple[Name, ...] = Field(
        default=(), description="Endpoints of whose monitors baselines and results are read."
    )
    start_monitors: tuple[Name, ...] = Field(default=(), description="Endpoints whose monitors are run at once.")
    read_incidents: tuple[Name, ...] = Field(default=(), description="Endpoints whose incidents are read.")
    close_incidents: tuple[Name, ...] = Field(
        default=(), description="Endpoints of whose incidents is said what was done about them."
    )


class BatchAccessSpec(Spec):
    """What may be done with batch inference."""

    start: tuple[Name, ...] = Field(default=(), description="Batches that are started, followed and stopped.")
    read: tuple[Name, ...] = Field(default=(), description="Batches whose predictions are read.")


class ImageAccessSpec(Spec):
    """What may be done with image repositories."""

    push: tuple[Name, ...] = Field(default=(), description="Repositories to which images are pushed.")
    pull: tuple[Name, ...] = Field(default=(), description="Repositories from which images are pulled.")


class AccessSpec(Spec):
    """What somebody, or a job, may do, beyond nothing."""

    read: tuple[Name, ...] = Field(default=(), description="Datasets that it reads. Absent: none.")
    write: tuple[Name, ...] = Field(default=(), description="Datasets that it writes. Absent: none.")
    publish: tuple[Name, ...] = Field(default=(), description="Datasets to which it puts events. Absent: none.")
    query: bool = Field(default=False, description="Whether it runs queries over what it reads.")
    snapshot: tuple[Name, ...] = Field(default=(), description="Datasets of which it takes snapshots. Absent: none.")
    erase: tuple[Name, ...] = Field(
        default=(),
        description="Datasets that it restores, and from which it erases a subject's rows; it could destroy them. "
        "Absent: none.",
    )
    secrets: tuple[Name, ...] = Field(default=(), description="Secrets that it reads. Absent: none.")
    events: bool = Field(
        default=False, description="Whether it puts approvals, promotions and the like on the platform's bus."
    )
    features: FeatureAccessSpec | None = Field(
        default=None, description="What it does with feature views. Absent: nothing."
    )
    models: ModelAccessSpec | None = Field(default=None, description="What it does with models. Absent: nothing.")
    evidence: EvidenceAccessSpec | None = Field(
        default=None, description="What it does with the evidence of releases. Absent: nothing."
    )
    train: bool = Field(default=False, description="Whether it submits training jobs, follows and stops them.")
    track: Literal["log", "read", "manage"] | None = Field(
        default=None,
        description="What it does in experiment tracking: log runs, read them, or manage all of it. Absent: nothing.",
    )
    pipelines: PipelineAccessSpec | None = Field(
        default=None, description="What it does with training pipelines. Absent: nothing."
    )
    endpoints: EndpointAccessSpec | None = Field(
        default=None, description="What it does with endpoints. Absent: nothing."
    )
    retrain: tuple[Name, ...] = Field(default=(), description="Loops that are started by hand. Absent: none.")
    batches: BatchAccessSpec | None = Field(
        default=None, description="What it does with batch inference. Absent: nothing."
    )
    images: ImageAccessSpec | None = Field(
        default=None, description="What it does with image repositories. Absent: nothing."
    )
    workbench: bool = Field(
        default=False, description="Whether each of its people opens their own profile of the workbench."
    )


_NAMED: Final = (
    ("read", "datasets"),
    ("write", "datasets"),
    ("publish", "datasets"),
    ("snapshot", "datasets"),
    ("erase", "datasets"),
    ("secrets", "secrets"),
    ("features.read_online", "online views"),
    ("features.read_offline", "offline views"),
    ("features.write", "views"),
    ("models.submit", "models"),
    ("models.evaluate", "models"),
    ("models.approve", "models"),
    ("models.read", "models"),
    ("models.pull", "models"),
    ("evidence.read", "models with evidence"),
    ("pipelines.start", "pipelines"),
    ("pipelines.watch", "pipelines"),
    ("endpoints.invoke", "endpoints"),
    ("endpoints.invoke_language_models", "language models"),
    ("endpoints.read", "endpoints"),
    ("endpoints.read_capture", "endpoints with capture"),
    ("endpoints.read_results", "endpoints"),
    ("endpoints.start_monitors", "endpoints"),
    ("endpoints.read_incidents", "endpoints with incidents"),
    ("endpoints.close_incidents", "endpoints with incidents"),
    ("retrain", "loops"),
    ("batches.start", "batches"),
    ("batches.read", "batches"),
    ("images.push", "repositories"),
    ("images.pull", "repositories"),
)
"""The lists of names in an access, and the kind of thing that each names."""
ON_CLUSTER: Final = "models on Kubernetes"
"""The kind of what serves on the cluster, where no role of AWS opens anything."""
VIEWS_ON_CLUSTER: Final = "views on Kubernetes"
"""The kind of views that a Feast store on the cluster has, which pods of the namespace ask."""
KEPT_ON_CLUSTER: Final = "views on Kubernetes in the lake"
"""Those of them whose history lies in the lake, where a grant lets somebody put it down."""
TRACKED_ON_CLUSTER: Final = "tracking on Kubernetes"
"""There, where MLflow's own users may what they may."""


def access_faults(spec: Spec, path: str, access: AccessSpec, has: Things) -> Iterator[Fault]:
    """What `access`, at `path` of `spec`, names and the team hasn't, and what contradicts itself."""
    for field, kind in _NAMED:
        known = has[kind]
        for index, name in enumerate(_names(access, field)):
            if field.startswith("endpoints.") and name in has[ON_CLUSTER]:
                problem = "serves on Kubernetes, where no such grant is needed: the namespace's pods call it, others "
                problem += "come by its door with a token, and the team's people see it by their group"
                yield spec.fault(f"{path}.{field}[{index}]", problem, "Remove it.", name)
            elif field == "features.write" and name in has[KEPT_ON_CLUSTER]:
                continue
            elif field.startswith("features.") and name in has[VIEWS_ON_CLUSTER]:
                problem = "lies on Kubernetes, where no such grant is needed or opens anything: the namespace's pods "
                problem += "ask the store's server"
                yield spec.fault(f"{path}.{field}[{index}]", problem, "Remove it.", name)
            elif name not in known:
                problem = f"is none of the team's{_said(kind)}; it has: {', '.join(known) or 'none'}"
                yield spec.fault(f"{path}.{field}[{index}]", problem, "Name one of them.", name)
    if access.query and not access.read:
        yield spec.fault(f"{path}.query", "queries nothing", "Name the datasets under `read`.", access.query)
    if access.train and not has["training"]:
        yield spec.fault(f"{path}.train", "but the team trains nothing", 'Add "training: {…}", or remove it.')
    if access.track and not has["tracking"]:
        yield spec.fault(
            f"{path}.track", "but the team tracks nothing", 'Add "tracking: {…}", or remove it.', access.track
        )
    elif access.track and has[TRACKED_ON_CLUSTER]:
        if path != "jobs":
            problem = "is on Kubernetes, where pods of the namespace sign in to MLflow, and no role of AWS does"
            yield spec.fault(f"{path}.track", problem, 'Remove it; jobs have theirs by "jobs.track".', access.track)
        elif access.track == "manage":
            problem = "would give every job the administrator's password"
            yield spec.fault(f"{path}.track", problem, "Use log or read.", access.track)
    if access.evidence and access.evidence.report and not has["models with evidence"]:
        problem = "but the team keeps no evidence"
        yield spec.fault(f"{path}.evidence.report", problem, 'Add "governance: {}", or remove it.', True)
    models = access.models
    for index, name in enumerate(models.approve if models else ()):
        if models and name in (*models.submit, *models.evaluate):
            problem = "is approved by the same who submits or evaluates it"
            yield spec.fault(f"{path}.models.approve[{index}]", problem, "Leave one of the two to others.", name)


def _said(kind: str) -> str:
    return "" if kind in ("datasets", "secrets") else f" {kind}"


def _names(access: AccessSpec, field: str) -> tuple[str, ...]:
    part, _, last = field.rpartition(".")
    holder = getattr(access, part) if part else access
    return () if holder is None else getattr(holder, last)
