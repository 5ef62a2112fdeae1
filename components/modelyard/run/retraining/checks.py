"""What only shows where a loop stands: what it names and isn't there, or doesn't fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from modelyard.build.pipelines import OnData, OnFeatures, TrainingPipeline
from modelyard.core.context import Context
from modelyard.core.errors import Fault
from modelyard.run.monitoring import AlarmFacts
from modelyard.run.retraining.alarms import known_to_monitors, never_fires
from modelyard.run.retraining.spec import CanarySpec, OnThreshold, RetrainingSpec
from modelyard.run.serving import EndpointSpec, InferenceEndpoint

_ALARM: Final = "alarm of the endpoint's monitors"
MOST_ALARMS: Final = 10
"""Alarms of a rollback (sagemaker/latest/APIReference/API_AutoRollbackConfig)."""


def unfit(
    name: str,
    spec: RetrainingSpec,
    *,
    context: Context,
    endpoints: Mapping[str, InferenceEndpoint],
    pipelines: Mapping[str, TrainingPipeline],
    datasets: Collection[str],
    views: Collection[str],
    alarms: Mapping[str, AlarmFacts],
) -> Iterator[Fault]:
    """Every fault of the loop called `name`; `alarms` are those of the endpoint's monitors.

    Before the first release the monitors have none yet: then it is looked at what they can have.
    """
    if name in endpoints or name in pipelines:
        yield spec.fault(
            "",
            "is called like an endpoint or a pipeline, and names of roles would be the same",
            f'Call it otherwise, such as "{name}-loop".',
            name,
        )
    endpoint, pipeline = endpoints.get(spec.endpoint), pipelines.get(spec.pipeline or "")
    has = alarms.__contains__ if endpoint is None or endpoint.exists else known_to_monitors
    if endpoint is None:
        yield _unknown(spec, "endpoint", "endpoint of the team", spec.endpoint, endpoints)
    elif endpoint.spec.release.kind != "loop":
        yield spec.fault(
            "endpoint",
            "serves the version that its file names, and no loop may exchange it",
            'Say "release: {kind: loop}" there.',
            spec.endpoint,
        )
    if pipeline is None and spec.pipeline is not None:
        yield _unknown(spec, "pipeline", "pipeline of the team", spec.pipeline, pipelines)
    elif pipeline is not None and endpoint is not None:
        yield from _registers(spec, pipeline, endpoint.spec.model)
    for trigger, each in spec.triggers.items():
        if isinstance(each, OnData) and each.dataset not in datasets:
            yield _unknown(spec, f"triggers.{trigger}.dataset", "dataset of the lake", each.dataset, datasets)
        if isinstance(each, OnFeatures) and each.view not in views:
            yield _unknown(spec, f"triggers.{trigger}.view", "view of the feature store", each.view, views)
        if isinstance(each, OnThreshold):
            if not has(each.alarm):
                yield _unknown(spec, f"triggers.{trigger}.alarm", _ALARM, each.alarm, alarms)
            elif each.alarm in alarms:
                fault = never_fires(spec, f"triggers.{trigger}", each, alarms[each.alarm])
                yield from [fault] if fault is not None else []
    if spec.canary is not None:
        for index, alarm in enumerate(spec.canary.alarms):
            if not has(alarm):
                yield _unknown(spec, f"canary.alarms[{index}]", _ALARM, alarm, alarms)
        if endpoint is not None:
            yield from _canary(spec, spec.canary, endpoint.spec)
    if context.production:
        yield from spec.unfit_for_production()


def registering_step(pipeline: TrainingPipeline, model: str) -> str:
    """The step of a pipeline that registers versions of a model."""
    return next(name for name, step in pipeline.spec.registers.items() if step.model == model)


def _registers(spec: RetrainingSpec, pipeline: TrainingPipeline, model: str) -> Iterator[Fault]:
    steps = [name for name, step in pipeline.spec.registers.items() if step.model == model]
    if len(steps) == 1:
        return
    problem = (
        f"registers {model} in several steps: {', '.join(steps)}"
        if steps
        else f"registers no version of {model}, which the endpoint serves"
    )
    yield spec.fault("pipeline", problem, 'Give it one step of kind "register" for the model.', spec.pipeline)


def _canary(spec: RetrainingSpec, canary: CanarySpec, endpoint: EndpointSpec) -> Iterator[Fault]:
    rollout = endpoint.guarded
    if rollout is None:
        yield spec.fault(
            "canary",
            f"adds to a rollout, and an endpoint of kind {endpoint.served_by.kind} has none",
            "Remove it, or take an endpoint of another kind.",
        )
        return
    own = rollout.rollback
    of_each = (own.error_percent is not None) + (own.latency_ms is not None)
    known = len(own.alarms) + of_each * len(endpoint.variants)
    if known + len(canary.alarms) > MOST_ALARMS:
        yield spec.fault(
            "canary.alarms",
            f"are {len(canary.alarms)} beside the rollout's {known}, and a rollback has at most {MOST_ALARMS}",
            "Name fewer.",
            len(canary.alarms),
        )


def _unknown(spec: RetrainingSpec, path: str, what: str, value: str, known: Collection[str]) -> Fault:
    return spec.fault(path, f"is no {what}", f"It has {', '.join(sorted(known)) or 'none'}.", value)
