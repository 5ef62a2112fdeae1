"""What registers models for a pipeline: a function of its own role, so that no job of the pool can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pulumi

from modelyard.build.data import SNAPSHOTS, DataLake
from modelyard.build.pipelines.requests import reference
from modelyard.build.pipelines.spec import PipelineSpec
from modelyard.build.pipelines.steps import RegisterStep
from modelyard.build.registry import ModelRegistry
from modelyard.core import releasing
from modelyard.core.bundles import bundle
from modelyard.core.component import Component
from modelyard.core.functions import function, worker
from modelyard.core.identity import Role

if TYPE_CHECKING:
    from modelyard.build.training import ClusterTrainingPool, TrainingPool

REGISTRAR: Final = "registrar"
REPORTER: Final = "reporter"
"""Parts of a pipeline: the functions that register, and that put down what gates measured."""

_SECONDS: Final = 600
"""As long as a pipeline of SageMaker waits for a function (sagemaker/latest/dg/build-and-manage-steps)."""
_MEMORY_MIB: Final = 1024


def sources(declared: dict[str, Any]) -> dict[str, str]:
    """The function's files by path: its own text, the rules' text, and the steps."""
    files = {
        "register.py": Path(__file__).with_name("function.py").read_text("utf-8"),
        "steps.json": json.dumps(declared, sort_keys=True),
    }
    return bundle(files, releasing)


def declared(spec: PipelineSpec, repositories: dict[str, str]) -> dict[str, Any]:
    """What the function must know of each step."""
    return {
        name: {
            "model": step.model,
            "image": reference(step.image, repositories),
            "training_image": reference(spec.steps[step.artifact.partition(".")[0]].image, repositories),
            "dataset": dataset_of(spec, name, step),
            "views": list(spec.views_of(name)),
            "content_types": list(step.content_types),
            "response_types": list(step.response_types),
        }
        for name, step in spec.registers.items()
    }


def dataset_of(spec: PipelineSpec, name: str, step: RegisterStep) -> str:
    """The dataset whose snapshot a step's version names."""
    return step.dataset or min(spec.datasets_of(name))


def registrar(
    pipeline: Component,
    spec: PipelineSpec,
    *,
    pool: TrainingPool | ClusterTrainingPool,
    lake: DataLake,
    registry: ModelRegistry,
    repositories: dict[str, str],
    key_arn: pulumi.Output[str],
) -> Role:
    """Make the function; its role registers the models that the steps name, and reads what the pool's jobs leave."""
    steps, says = spec.registers, f"Registers what {pipeline.component} trained"
    made = worker(pipeline, REGISTRAR, says=says, key_arn=key_arn, written=spec.source())
    role = made.role
    output, artifacts = pool.spec.output, lake.zone("artifacts")
    manifests = {f"{SNAPSHOTS}{dataset_of(spec, name, step)}" for name, step in steps.items()}
    role.allow(
        pipeline,
        "register",
        [
            *lake.zone(output.zone).may_read(f"{output.prefix}/{pool.component}/{pipeline.component}"),
            *artifacts.may_read(*sorted(manifests)),
            made.logs,
        ],
    )
    registry.grant_submit(role, models=sorted({step.model for step in steps.values()}))
    groups = {name: registry.groups[step.model].model_package_group_name for name, step in steps.items()}
    function(
        pipeline,
        REGISTRAR,
        worker=made,
        says=says,
        files=sources(declared(spec, repositories)),
        handler="register.handler",
        seconds=_SECONDS,
        memory_mib=_MEMORY_MIB,
        settings={
            "ARTIFACTS": artifacts.bucket.bucket,
            "GROUPS": pulumi.Output.json_dumps(groups),
            "PIPELINE": pipeline.component,
            "REGISTRY": registry.bucket.bucket,
            "SNAPSHOTS": SNAPSHOTS,
        },
        key_arn=key_arn,
    )
    return role
