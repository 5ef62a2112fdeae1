"""What registers models for a pipeline: a function of its own role, so that no job of the pool can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data import SNAPSHOTS, DataLake
from modelyard.build.pipelines.requests import reference
from modelyard.build.pipelines.spec import PipelineSpec
from modelyard.build.pipelines.steps import RegisterStep
from modelyard.build.registry import ModelRegistry
from modelyard.build.training import TrainingPool
from modelyard.core import releasing
from modelyard.core.access import Statement, trust_service
from modelyard.core.bundles import archive, bundle
from modelyard.core.component import Component
from modelyard.core.identity import Role

_SECONDS: Final = 600
"""As long as a pipeline of SageMaker waits for a function (sagemaker/latest/dg/build-and-manage-steps)."""
_MEMORY_MIB: Final = 1024
_LOG_DAYS: Final = 365


def registrar_arn(pipeline: Component) -> str:
    """The function's ARN, known before it exists."""
    return pipeline.context.arn("lambda", f"function:{pipeline.physical('function', 'registrar')}")


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
    pool: TrainingPool,
    lake: DataLake,
    registry: ModelRegistry,
    repositories: dict[str, str],
    key_arn: pulumi.Output[str],
) -> Role:
    """Make the function; its role registers the models that the steps name, and reads what the pool's jobs leave."""
    context, steps = pipeline.context, spec.registers
    role = Role(
        pipeline.named("registrar"),
        context=context,
        trusted=[trust_service("lambda.amazonaws.com", context=context)],
        description=f"Registers what {pipeline.component} trained",
        opts=pulumi.ResourceOptions(parent=pipeline),
        written=spec.source(),
    )
    group = aws.cloudwatch.LogGroup(
        pipeline.named("registrar-logs"),
        name=pipeline.physical("log-group", "registrar"),
        retention_in_days=_LOG_DAYS,
        kms_key_id=key_arn,
        opts=pipeline.options(),
    )
    output, artifacts = pool.spec.output, lake.zone("artifacts")
    manifests = {f"{SNAPSHOTS}{dataset_of(spec, name, step)}" for name, step in steps.items()}
    role.allow(
        pipeline,
        "register",
        [
            *lake.zone(output.zone).may_read(f"{output.prefix}/{pool.component}/{pipeline.component}"),
            *artifacts.may_read(*sorted(manifests)),
            Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (pulumi.Output.concat(group.arn, ":*"),)),
        ],
    )
    registry.grant_submit(role, models=sorted({step.model for step in steps.values()}))
    groups = {name: registry.groups[step.model].model_package_group_name for name, step in steps.items()}
    texts = sources(declared(spec, repositories))
    aws.lambda_.Function(
        pipeline.named("registrar"),
        name=pipeline.physical("function", "registrar"),
        description=f"Registers what {pipeline.component} trained",
        role=role.arn,
        runtime="python3.13",
        handler="register.handler",
        timeout=_SECONDS,
        memory_size=_MEMORY_MIB,
        code=archive(texts),
        environment={
            "variables": {
                "ARTIFACTS": artifacts.bucket.bucket,
                "GROUPS": pulumi.Output.json_dumps(groups),
                "PIPELINE": pipeline.component,
                "REGISTRY": registry.bucket.bucket,
                "SNAPSHOTS": SNAPSHOTS,
            }
        },
        kms_key_arn=key_arn,
        logging_config={"log_format": "JSON", "log_group": group.name},
        opts=pipeline.options(),
    )
    return role
