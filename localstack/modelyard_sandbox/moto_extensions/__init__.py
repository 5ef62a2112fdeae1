"""What moto lacks and a component needs: one small module a service, each with an `install`, listed here."""

from __future__ import annotations

from collections.abc import Callable

from modelyard_sandbox.moto_extensions import (
    athena,
    athena_queries,
    awslambda,
    batch,
    budget_actions,
    budgets,
    ce,
    cloudtrail,
    cloudwatch,
    conditions,
    ec2,
    ec2_placement,
    ecr,
    ecs,
    elasticache,
    elbv2,
    events,
    fsx,
    glue,
    glue_quality,
    identity_center,
    kms,
    logs,
    rds,
    s3,
    sagemaker_features,
    sagemaker_records,
    sagemaker_monitoring,
    sagemaker_registry,
    sagemaker_studio,
    sagemaker_tracking,
    scheduler,
    secretsmanager,
    sns,
    stepfunctions,
)

EXTENSIONS: tuple[Callable[[], None], ...] = (
    athena.install,
    athena_queries.install,
    batch.install,
    awslambda.install,
    budget_actions.install,
    budgets.install,
    ce.install,
    cloudtrail.install,
    cloudwatch.install,
    conditions.install,
    ec2.install,
    ec2_placement.install,
    ecs.install,
    ecr.install,
    elasticache.install,
    elbv2.install,
    events.install,
    fsx.install,
    glue.install,
    glue_quality.install,
    identity_center.install,
    kms.install,
    logs.install,
    rds.install,
    s3.install,
    sagemaker_features.install,
    sagemaker_records.install,
    sagemaker_registry.install,
    sagemaker_studio.install,
    sagemaker_monitoring.install,
    sagemaker_tracking.install,
    scheduler.install,
    secretsmanager.install,
    sns.install,
    stepfunctions.install,
)


def install() -> None:
    """Add all of them to the moto of this process."""
    for extend in EXTENSIONS:
        extend()
