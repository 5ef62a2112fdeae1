"""Every resource type that the sandbox knows: one module per AWS service, listed here and nowhere else."""

from __future__ import annotations

from functools import cache

from modelyard_sandbox.aws.declare import Type
from modelyard_sandbox.aws.tables import (
    athena,
    budgets,
    cloudcontrol,
    cloudtrail,
    cloudwatch,
    costexplorer,
    dynamodb,
    ec2,
    ec2_endpoints,
    ec2_groups,
    ec2_routes,
    ecr,
    elasticache,
    events,
    firehose,
    functions,
    glue,
    glue_quality,
    iam,
    identitystore,
    kinesis,
    kms,
    logs,
    s3,
    s3_events,
    sagemaker_cards,
    sagemaker_features,
    sagemaker_pipelines,
    sagemaker_registry,
    sagemaker_studio,
    scheduler,
    secretsmanager,
    sfn,
    sns,
    sqs,
    ssm,
    ssoadmin,
    vpc,
)

SERVICES = (
    athena,
    budgets,
    cloudcontrol,
    cloudtrail,
    cloudwatch,
    costexplorer,
    dynamodb,
    ec2,
    ec2_endpoints,
    ec2_groups,
    ec2_routes,
    ecr,
    elasticache,
    events,
    firehose,
    functions,
    glue,
    glue_quality,
    iam,
    identitystore,
    kinesis,
    kms,
    logs,
    s3,
    s3_events,
    sagemaker_cards,
    sagemaker_features,
    sagemaker_pipelines,
    sagemaker_registry,
    sagemaker_studio,
    secretsmanager,
    scheduler,
    sfn,
    sns,
    sqs,
    ssm,
    ssoadmin,
    vpc,
)


@cache
def types() -> dict[str, Type]:
    """Declarations by type token."""
    return {declared.token: declared for service in SERVICES for declared in service.TYPES}
