"""The shape of an endpoint: all that the loop needs in order to bring a version by itself, as a deployment would."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi
import pulumi_aws as aws

from modelyard.core.access import PARAMETER_ADVANCED, PARAMETER_STANDARD, Statement, size
from modelyard.core.actions import FOR_SERVICES
from modelyard.core.champions import Shape, champion_parameter, promoted_prefix, shape_parameter
from modelyard.core.component import Component
from modelyard.core.errors import InputError
from modelyard.run.serving.requests import answered, content, not_retained, own_versions
from modelyard.run.serving.spec import EndpointSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A shape before it is deployed: `models` by part and `configuration` are requests, as `Shape` has them."""

    endpoint: str
    role: pulumi.Input[str]
    packages: str
    models: Mapping[str, Mapping[str, Any]]
    configuration: Mapping[str, Any]
    deployment: Mapping[str, Any] | None
    tags: Mapping[str, str]


def hash_of(spec: EndpointSpec, drawn: Drawn) -> str:
    """Changes with whatever would make a deployment update the endpoint, its versions of the release aside."""
    parts = (drawn.models, drawn.configuration, drawn.deployment, drawn.tags)
    text = content(*parts, own_versions(spec), not_retained(spec), answered(spec))
    return hashlib.sha256(text.encode()).hexdigest()


def may_promote(owner: Component, endpoint: str, role: pulumi.Input[str], key: pulumi.Input[str]) -> list[Statement]:
    """What the loop does to an endpoint: models and configurations below its prefix, updates, and its own record.

    `endpoint` and `role` are ARNs; `key` is that of the disks. Source: the service authorization reference of
    SageMaker; sagemaker/latest/dg/sagemaker-roles, "CreateEndpointConfig API".
    """
    context, prefix = owner.context, promoted_prefix(owner.context.names, owner.component)
    models = context.arn("sagemaker", f"model/{prefix}*")
    configurations = context.arn("sagemaker", f"endpoint-config/{prefix}*")
    serving = context.arn("sagemaker", f"endpoint-config/{endpoint.rpartition('/')[2]}*")
    champion, shape = (
        context.arn("ssm", f"parameter{place(context.names, owner.component)}")
        for place in (champion_parameter, shape_parameter)
    )
    return [
        Statement(
            ("sagemaker:AddTags", "sagemaker:CreateModel", "sagemaker:DeleteModel", "sagemaker:DescribeModel"),
            (models,),
        ),
        Statement(
            ("sagemaker:AddTags", "sagemaker:CreateEndpointConfig", "sagemaker:DeleteEndpointConfig"),
            (configurations,),
        ),
        Statement(("sagemaker:DescribeEndpointConfig",), (configurations, serving)),
        Statement(("sagemaker:DescribeEndpoint",), (endpoint,)),
        Statement(("sagemaker:UpdateEndpoint",), (endpoint, configurations)),
        Statement(("iam:PassRole",), (role,), {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}),
        Statement(("kms:CreateGrant",), (key,), FOR_SERVICES),
        Statement(("kms:DescribeKey",), (key,)),
        Statement(("ssm:GetParameter",), (champion, shape)),
        Statement(("ssm:PutParameter",), (champion,)),
    ]


def keep(owner: Component, spec: EndpointSpec, drawn: Drawn, *, base: int, after: pulumi.Resource) -> aws.ssm.Parameter:
    """The record of a shape, written when it stands (`after`).

    Raises `InputError` for one that no parameter holds, which takes a hundred long variables of the container.
    """
    policy = drawn.deployment or {}
    alarms = policy.get("AutoRollbackConfiguration", {}).get("Alarms", ())
    fields: dict[str, Any] = {
        "hash": hash_of(spec, drawn),
        "base_version": base,
        "endpoint": drawn.endpoint,
        "prefix": promoted_prefix(owner.context.names, owner.component),
        "role": drawn.role,
        "packages": drawn.packages,
        "models": drawn.models,
        "versions": own_versions(spec),
        "configuration": drawn.configuration,
        "deployment": drawn.deployment,
        "not_retained": not_retained(spec),
        "alarms": [alarm["AlarmName"] for alarm in alarms],
        "tags": drawn.tags,
    }
    length = size(fields)
    if length > PARAMETER_ADVANCED:
        problem = f"makes a record of {length} bytes for the loop, and a parameter holds {PARAMETER_ADVANCED}"
        raise InputError(spec.fault("environment", problem, "Give the container fewer or shorter variables."))
    return aws.ssm.Parameter(
        owner.named("shape"),
        name=shape_parameter(owner.context.names, owner.component),
        description=f"What a version needs in order to serve behind {drawn.endpoint}",
        type="String",
        tier="Standard" if length <= PARAMETER_STANDARD else "Advanced",
        insecure_value=pulumi.Output.from_input(cast("Any", fields)).apply(_text),
        opts=owner.options(depends_on=[after]),
    )


def _text(fields: Mapping[str, Any]) -> str:
    return Shape.model_validate(fields).text
