"""Private ways from a VPC to AWS services, open to principals of the own account only."""

from __future__ import annotations

from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Principal, Statement
from modelyard.core.component import Component
from modelyard.core.context import Context

_TAKE_POLICIES: Final = frozenset(
    (
        "athena",
        "dynamodb",
        "ecr.api",
        "ecr.dkr",
        "events",
        "glue",
        "kinesis-streams",
        "kms",
        "lakeformation",
        "logs",
        "monitoring",
        "s3",
        "sagemaker.api",
        "sagemaker.featurestore-runtime",
        "sagemaker.runtime",
        "secretsmanager",
        "sns",
        "sqs",
        "ssm",
        "states",
        "sts",
    )
)
"""Services whose endpoints take a policy (vpc/latest/privatelink/aws-services-privatelink-support)."""


def endpoint_policy(service: str, context: Context) -> list[Statement] | None:
    """What passes the endpoint of `service`; None where the service takes no policy.

    Callers of the own account pass. So does what has no caller in it: the layers of images, which ECR signs itself, and
    the exchange of a service account's token for a role of this account.
    """
    if service not in _TAKE_POLICIES:
        return None
    own = {"StringEquals": {"aws:PrincipalAccount": context.account}}
    statements = [Statement(("*",), ("*",), own, principal=Principal.whoever_passes(), sid="CallersOfThisAccount")]
    if service == "s3":
        layers = f"arn:{context.partition}:s3:::prod-{context.region}-starport-layer-bucket/*"
        statements.append(
            Statement(("s3:GetObject",), (layers,), principal=Principal.whoever_passes(), sid="LayersOfImages")
        )
    if service == "sts":
        roles = context.arn("iam", "role/*", regional=False)
        exchange = ("sts:AssumeRoleWithWebIdentity",)
        statements.append(
            Statement(exchange, (roles,), principal=Principal.whoever_passes(), sid="TokensOfServiceAccounts")
        )
    return statements


def gateway_endpoint(
    network: Component, service: str, vpc_id: pulumi.Input[str], route_tables: list[pulumi.Output[str]]
) -> aws.ec2.VpcEndpoint:
    """A gateway endpoint for S3 or DynamoDB, in these route tables."""
    return aws.ec2.VpcEndpoint(
        network.named(f"{service}-endpoint"),
        vpc_id=vpc_id,
        service_name=f"com.amazonaws.{network.context.region}.{service}",
        vpc_endpoint_type="Gateway",
        route_table_ids=route_tables,
        policy=_policy(service, network.context),
        tags={"Name": network.physical("tag-name", service)},
        opts=network.options(),
    )


def interface_endpoint(
    network: Component,
    service: str,
    vpc_id: pulumi.Input[str],
    subnets: list[pulumi.Output[str]],
    group: pulumi.Output[str],
) -> aws.ec2.VpcEndpoint:
    """An interface endpoint with an address in each of `subnets`, under the service's usual name."""
    role = f"{service.replace('.', '-')}-endpoint"
    return aws.ec2.VpcEndpoint(
        network.named(role),
        vpc_id=vpc_id,
        service_name=f"com.amazonaws.{network.context.region}.{service}",
        vpc_endpoint_type="Interface",
        subnet_ids=subnets,
        security_group_ids=[group],
        private_dns_enabled=True,
        policy=_policy(service, network.context),
        tags={"Name": network.physical("tag-name", role)},
        opts=network.options(),
    )


def _policy(service: str, context: Context) -> pulumi.Output[str] | None:
    statements = endpoint_policy(service, context)
    return access.policy_json(statements) if statements is not None else None
