"""The functions of a pipeline that register versions and put down what judges measured: the same in every flavour."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from modelyard.build.pipelines.checks import Ground
from modelyard.build.pipelines.judging import reporter
from modelyard.build.pipelines.registrar import REGISTRAR, REPORTER, registrar
from modelyard.build.pipelines.spec import PipelineSpec
from modelyard.build.pipelines.steps import RegisterStep
from modelyard.core.component import Component
from modelyard.core.functions import function_arn


def registering(
    pipeline: Component,
    spec: PipelineSpec,
    gated: Mapping[str, RegisterStep],
    ground: Ground,
    *,
    key_arn: pulumi.Output[str],
) -> tuple[str, ...]:
    """Make those functions that the steps need; their ARNs. `gated`: the register steps that come with a report."""
    pool, lake, registry = ground.pool, ground.lake, ground.registry
    made: list[str] = []
    if registry is not None and spec.registers:
        names = ground.repositories
        registrar(pipeline, spec, pool=pool, lake=lake, registry=registry, repositories=names, key_arn=key_arn)
        made.append(REGISTRAR)
    if registry is not None and gated:
        reporter(pipeline, gated, pool=pool, lake=lake, registry=registry, key_arn=key_arn)
        made.append(REPORTER)
    return tuple(function_arn(pipeline, role) for role in made)
