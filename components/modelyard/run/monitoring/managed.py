"""Monitors that SageMaker Model Monitor runs: a definition for each, and its schedule.

The service is closed to new customers since 30 July 2026 (sagemaker/latest/dg/model-monitor, the note).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import pulumi

from modelyard.core.monitored import JobKind
from modelyard.core.monitors import Problem
from modelyard.run.monitoring.conducted import dashed, environment
from modelyard.run.monitoring.definitions import (
    Definition,
    data_quality,
    model_bias,
    model_explainability,
    model_quality,
)
from modelyard.run.monitoring.jobs import (
    Analysis,
    Baseline,
    EndpointInput,
    JobNetwork,
    JobOutput,
    JobResources,
    MonitoringJob,
    MonitoringType,
    ProblemType,
)
from modelyard.run.monitoring.schedules import most_seconds, schedule

if TYPE_CHECKING:
    from modelyard.run.monitoring.aws import EndpointMonitors

_TYPES: Final[Mapping[JobKind, MonitoringType]] = {
    "data_quality": "DataQuality",
    "data_drift": "DataQuality",
    "prediction_drift": "DataQuality",
    "concept_proxy": "DataQuality",
    "concept_drift": "ModelQuality",
    "model_quality": "ModelQuality",
    "bias_drift": "ModelBias",
    "explanation_drift": "ModelExplainability",
}
"""Under which type a monitor runs: it decides whether labels are merged, and under which namespace figures go."""
_PROBLEMS: Final[Mapping[Problem, ProblemType]] = {
    "binary": "BinaryClassification",
    "multiclass": "MulticlassClassification",
    "regression": "Regression",
}
_EMIT: Final = {"publish_cloudwatch_metrics": "Enabled"}


def scheduled(monitors: EndpointMonitors, *, after: pulumi.Resource) -> None:
    """Make the definitions of a component's monitors, each with its schedule.

    SageMaker refuses a definition of an endpoint that isn't there: `after` is the endpoint, its children made.
    """
    for kind, monitor in monitors.spec.jobs.items():
        role = dashed(kind)
        definition = _defined(monitors, kind, role, after)
        schedule(monitors, f"{role}-schedule", definition, every_hours=monitor.every_hours)


def _defined(monitors: EndpointMonitors, kind: JobKind, role: str, after: pulumi.Resource) -> Definition:
    spec, job = monitors.spec, _job(monitors, kind)
    options: dict[str, Any] = {"depends_on": [monitors.may_work, after]}
    match _TYPES[kind]:
        case "DataQuality":
            return data_quality(monitors, role, job, **options)
        case "ModelQuality":
            labels = monitors.labels_uri()
            return model_quality(monitors, role, job, problem=_PROBLEMS[spec.problem], labels=labels, **options)
        case "ModelBias":
            return model_bias(monitors, role, job, labels=monitors.labels_uri(), **options)
        case _:
            return model_explainability(monitors, role, job, **options)


def _job(monitors: EndpointMonitors, kind: JobKind) -> MonitoringJob:
    spec, of = monitors.spec, _TYPES[kind]
    plan = f"{kind}/{spec.plan(kind, monitors.endpoint_name).hash}"
    base = monitors.uri(f"baselines/{plan}")
    labelled = of in ("ModelQuality", "ModelBias")
    told: dict[str, Any] = {}
    if labelled:
        told = {
            "inference": spec.prediction,
            "probability": spec.probability,
            "threshold": spec.threshold if spec.probability else None,
            "start": f"-PT{spec.looks_back(kind) + spec.waits(kind)}H",
            "end": f"-PT{spec.waits(kind)}H",
        }
    configured = of in ("ModelBias", "ModelExplainability")
    every = spec.jobs[kind].every_hours
    vpc = monitors.vpc
    return MonitoringJob(
        role_arn=monitors.identity.arn,
        source=EndpointInput(endpoint=monitors.endpoint_name, **told),
        analysis=Analysis(
            image=spec.image or "",
            environment={**environment(spec, kind), **_EMIT},
            config=monitors.uri(f"plans/{plan}.json") if configured else None,
        ),
        output=JobOutput(to=monitors.uri(f"results/{kind}"), key=monitors.data_key_arn),
        resources=JobResources(
            instance_type=spec.instance_type, volume_key=monitors.key_arn, volume_gb=spec.volume_gib
        ),
        network=JobNetwork(
            subnets=vpc["subnets"] if vpc else (), security_groups=vpc["security_groups"] if vpc else ()
        ),
        baseline=Baseline(
            constraints=pulumi.Output.concat(base, "/constraints.json"),
            statistics=pulumi.Output.concat(base, "/statistics.json") if of == "DataQuality" else None,
        ),
        most_seconds=min(spec.most_minutes * 60, most_seconds(of, every)),
    )
