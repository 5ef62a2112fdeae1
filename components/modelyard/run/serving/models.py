"""Who a model works as, and the model itself: a version of the registry, named by what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from modelyard.build.registry import ModelRegistry
from modelyard.core.access import Statement, trust_service
from modelyard.core.actions import FOR_SERVICES, JOB_IN_A_VPC, PULL_IMAGES, WRITE_LOGS
from modelyard.core.component import Component
from modelyard.core.identity import Role
from modelyard.core.releasing import canonical
from modelyard.run.serving.spec import EndpointSpec


def model_role(
    endpoint: Component, spec: EndpointSpec, *, key_arn: pulumi.Input[str], statements: Sequence[Statement] = ()
) -> Role:
    """The role of an endpoint's containers: it pulls images of the team's own, and writes its log.

    SageMaker assumes it for the team's own models and endpoints alone. `statements`: what else the kind needs.
    Source: sagemaker/latest/dg/sagemaker-roles, "CreateModel API".
    """
    context = endpoint.context
    prefix = "-".join((*context.names.owner, ""))
    own = context.arn("sagemaker", f"*/{prefix}*")
    role = Role(
        endpoint.named("model"),
        context=context,
        trusted=[trust_service("sagemaker.amazonaws.com", context=context, source_arn=own)],
        description=f"Containers of {endpoint.component} run as it",
        opts=endpoint.options(),
        written=spec.source(),
    )
    images = context.arn("ecr", f"repository/{prefix}*")
    allowed = [
        Statement(
            ("cloudwatch:PutMetricData",),
            ("*",),
            {"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}},
        ),
        Statement(("ecr:GetAuthorizationToken",), ("*",)),
        Statement(PULL_IMAGES, (images,)),
        Statement(
            WRITE_LOGS, (context.arn("logs", f"log-group:/aws/sagemaker/Endpoints/{endpoint.physical('endpoint')}*"),)
        ),
        Statement(("kms:CreateGrant",), (key_arn,), FOR_SERVICES),
        Statement(("kms:DescribeKey",), (key_arn,)),
        *statements,
    ]
    if spec.in_network:
        allowed.append(Statement(JOB_IN_A_VPC, ("*",)))
    role.allow(endpoint, "serve", allowed)
    return role


def package_arn(registry: ModelRegistry, model: str, version: int) -> str:
    """The ARN of a version, known before it exists."""
    return f"{registry.facts(model)['packages']}/{version}"


def model(
    endpoint: Component,
    part: str,
    spec: EndpointSpec,
    *,
    version: int,
    registry: ModelRegistry,
    role: Role,
    network: Mapping[str, Sequence[pulumi.Output[str]]] | None,
    after: pulumi.Input[Sequence[pulumi.Resource]] | None,
) -> tuple[aws.sagemaker.Model, str]:
    """The model that serves a version, and its name: another version or environment is another model beside the old.

    `network`: `subnets` and `security_groups`, where it stands in one.
    """
    package = package_arn(registry, spec.model, version)
    content = canonical(
        {"package": package, "environment": dict(spec.environment), "isolated": spec.isolated, "network": bool(network)}
    )
    name = endpoint.physical("model", part, content=content)
    made = aws.sagemaker.Model(
        endpoint.named(f"{part}-model"),
        name=name,
        execution_role_arn=role.arn,
        containers=[{"model_package_name": package, "environment": dict(spec.environment)}],
        enable_network_isolation=spec.isolated,
        vpc_config={
            "subnets": list(network["subnets"]),
            "security_group_ids": list(network["security_groups"]),
        }
        if network
        else None,
        opts=endpoint.options(depends_on=after or [role]),
    )
    return made, name
