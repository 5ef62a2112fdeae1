"""Whose word counts for a gate: a role that no training job has, and the function that puts down what it measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pulumi

from modelyard.build.data import DataLake
from modelyard.build.pipelines.registrar import REPORTER
from modelyard.build.pipelines.spec import PipelineSpec
from modelyard.build.pipelines.steps import RegisterStep
from modelyard.build.registry import ModelRegistry, stored
from modelyard.core import releasing
from modelyard.core.bundles import bundle
from modelyard.core.component import Component
from modelyard.core.functions import function, worker
from modelyard.core.identity import Role

if TYPE_CHECKING:
    from modelyard.build.training import ClusterTrainingPool, TrainingPool

_SECONDS: Final = 60
_MEMORY_MIB: Final = 256


def gated(spec: PipelineSpec, registry: ModelRegistry | None) -> dict[str, RegisterStep]:
    """The register steps whose model has gates, and whose version comes with a report that speaks of them."""
    models = registry.spec.models if registry is not None else {}
    found = spec.registers.items()
    return {name: step for name, step in found if step.report and step.model in models and models[step.model].gates}


def judges(steps: Mapping[str, RegisterStep]) -> frozenset[str]:
    """The evaluate steps whose word counts for a gate."""
    return frozenset((step.report or "").partition(".")[0] for step in steps.values())


def judged_prefix(pipeline: Component, pool: TrainingPool | ClusterTrainingPool) -> str:
    """Below it lies what judges leave: beside the place that the pool's jobs write to, not in it."""
    return f"{pool.spec.output.prefix}-judged/{pipeline.component}"


def judge(pipeline: Component, *, pool: TrainingPool, lake: DataLake) -> Role:
    """The role of the steps that measure for gates: it reads what the pool's jobs left for them, and alone writes its
    report."""
    says = f"Measures for {pipeline.component} what gates ask"
    made = pool.role_beside(pipeline, "judge", says=says)
    let_judge(made, pipeline, pool=pool, lake=lake)
    return made


def let_judge(role: Role, pipeline: Component, *, pool: TrainingPool | ClusterTrainingPool, lake: DataLake) -> None:
    """Let a role read what the pool's jobs left for the steps that measure, and write their report."""
    output = pool.spec.output
    zone = lake.zone(output.zone)
    statements = [
        *zone.may_read(f"{output.prefix}/{pool.component}/{pipeline.component}"),
        *zone.may_write(judged_prefix(pipeline, pool)),
    ]
    role.allow(pipeline, "judge", statements)


def sources(steps: dict[str, Any]) -> dict[str, str]:
    """The function's files by path: its own text, the rules' text, and the steps."""
    text = Path(__file__).with_name("report_function.py").read_text("utf-8")
    return bundle({"report.py": text, "steps.json": json.dumps(steps, sort_keys=True)}, releasing, stored)


def declared(steps: Mapping[str, RegisterStep], registry: ModelRegistry) -> dict[str, Any]:
    """What the function must know of each step: the model, its group, and its gates."""
    found: dict[str, Any] = {}
    for name, step in steps.items():
        facts = registry.facts(step.model)
        found[name] = {"model": step.model, "group": facts["group"], "gates": facts["gates"]}
    return found


def reporter(
    pipeline: Component,
    steps: Mapping[str, RegisterStep],
    *,
    pool: TrainingPool | ClusterTrainingPool,
    lake: DataLake,
    registry: ModelRegistry,
    key_arn: pulumi.Output[str],
) -> Role:
    """Make the function; its role reads what judges left, and puts down results for the models that steps register."""
    says = f"Puts down what {pipeline.component} measured"
    made = worker(pipeline, REPORTER, says=says, key_arn=key_arn)
    output = lake.zone(pool.spec.output.zone)
    made.role.allow(pipeline, "report", [*output.may_read(judged_prefix(pipeline, pool)), made.logs])
    registry.grant_evaluate(made.role, models=sorted({step.model for step in steps.values()}))
    function(
        pipeline,
        REPORTER,
        worker=made,
        says=says,
        files=sources(declared(steps, registry)),
        handler="report.handler",
        seconds=_SECONDS,
        memory_mib=_MEMORY_MIB,
        settings={"REGISTRY": registry.bucket.bucket},
        key_arn=key_arn,
    )
    return made.role
