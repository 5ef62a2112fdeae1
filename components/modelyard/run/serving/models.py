"""Who a model works as, and the model itself: a version of the registry, named by what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.build.registry import ModelRegistry
from modelyard.core.access import Statement, trust_service
from modelyard.core.actions import FOR_SERVICES, JOB_IN_A_VPC, PULL_IMAGES, WRITE_LOGS
from modelyard.core.component import Component
from modelyard.core.errors import Source
from modelyard.core.identity import Role
from modelyard.foundation.network import NetworkLike
from modelyard.run.serving.requests import arguments, content

Placed = Mapping[str, Sequence[pulumi.Output[str]]]
"""`subnets` and `security_groups` of what stands in a network."""


def placed_in(network: NetworkLike) -> Placed:
    """Where containers stand in a network."""
    return {"subnets": network.subnet_ids("private"), "security_groups": [network.security_group("workload")]}


def model_role(
    owner: Component,
    *,
    logs: str,
    in_network: bool,
    key_arn: pulumi.Input[str],
    written: Source,
    statements: Sequence[Statement] = (),
) -> Role:
    """The role of a model's containers: it pulls images of the team's own, and writes its log.

    SageMaker assumes it for the team's own models, endpoints and jobs alone. `logs`: what its log groups below
    `/aws/sagemaker/` begin with. `statements`: what else the kind needs. Source: sagemaker/latest/dg/sagemaker-roles,
    "CreateModel API".
    """
    context = owner.context
    prefix = "-".join((*context.names.owner, ""))
    own = context.arn("sagemaker", f"*/{prefix}*")
    role = Role(
        owner.named("model"),
        context=context,
        trusted=[trust_service("sagemaker.amazonaws.com", context=context, source_arn=own)],
        description=f"Containers of {owner.component} run as it",
        opts=owner.options(),
        written=written,
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
        Statement(WRITE_LOGS, (context.arn("logs", f"log-group:/aws/sagemaker/{logs}*"),)),
        Statement(("kms:CreateGrant",), (key_arn,), FOR_SERVICES),
        Statement(("kms:DescribeKey",), (key_arn,)),
        *statements,
    ]
    if in_network:
        allowed.append(Statement(JOB_IN_A_VPC, ("*",)))
    role.allow(owner, "serve", allowed)
    return role


def package_arn(registry: ModelRegistry, model: str, version: int) -> str:
    """The ARN of a version, known before it exists."""
    return f"{registry.facts(model)['packages']}/{version}"


def model_request(
    role: Role,
    *,
    environment: Mapping[str, pulumi.Input[str]],
    isolated: bool,
    network: Placed | None,
    container: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The request of CreateModel, less its name and the package of its container.

    `container`: what else the container says, where it serves no package.
    """
    asked: dict[str, Any] = {
        "ExecutionRoleArn": role.arn,
        "Containers": [{**(container or {}), "Environment": dict(environment)}],
        "EnableNetworkIsolation": isolated,
    }
    if network is not None:
        asked["VpcConfig"] = {
            "Subnets": list(network["subnets"]),
            "SecurityGroupIds": list(network["security_groups"]),
        }
    return asked


def model_from(
    owner: Component,
    part: str,
    package: str | None,
    request: Mapping[str, Any],
    *,
    after: pulumi.Input[Sequence[pulumi.Resource]],
) -> tuple[aws.sagemaker.Model, str]:
    """The model that serves a version, and its name: another version or request is another model beside the old.

    `request` is of `model_request`; `after`: what must be there before. No package: the container says what it serves.
    """
    (container,) = request["Containers"]
    served = {"ModelPackageName": package} if package is not None else {}
    whole = {**request, "Containers": [{**container, **served}]}
    name = owner.physical("model", part, content=content(whole))
    options = owner.options(depends_on=after)
    return aws.sagemaker.Model(owner.named(f"{part}-model"), name=name, **arguments(whole), opts=options), name


def model(
    owner: Component,
    part: str,
    package: str,
    *,
    environment: Mapping[str, str],
    isolated: bool,
    role: Role,
    network: Placed | None,
    after: pulumi.Input[Sequence[pulumi.Resource]] | None,
) -> tuple[aws.sagemaker.Model, str]:
    """The model that serves a version, and its name, after `after`. Absent: after the role with its policies."""
    request = model_request(role, environment=environment, isolated=isolated, network=network)
    return model_from(owner, part, package, request, after=after or [role])
