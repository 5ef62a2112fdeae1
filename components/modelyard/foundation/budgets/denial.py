"""The policy that denies new spending, and the rights of who attaches it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pulumi

from modelyard.core.access import Principal, Statement
from modelyard.core.context import Context

NEW_SPENDING: Final = (
    "batch:CreateComputeEnvironment",
    "batch:SubmitJob",
    "bedrock:CreateModelCustomizationJob",
    "bedrock:CreateProvisionedModelThroughput",
    "dynamodb:CreateTable",
    "ec2:AllocateHosts",
    "ec2:CreateCapacityReservation",
    "ec2:CreateFleet",
    "ec2:CreateNatGateway",
    "ec2:CreateVolume",
    "ec2:PurchaseHostReservation",
    "ec2:PurchaseReservedInstancesOffering",
    "ec2:RequestSpotFleet",
    "ec2:RequestSpotInstances",
    "ec2:RunInstances",
    "ec2:StartInstances",
    "ecs:CreateService",
    "ecs:RunTask",
    "eks:CreateCluster",
    "eks:CreateNodegroup",
    "elasticache:CreateCacheCluster",
    "elasticache:CreateReplicationGroup",
    "elasticmapreduce:RunJobFlow",
    "es:CreateDomain",
    "fsx:CreateFileSystem",
    "glue:CreateDevEndpoint",
    "glue:CreateSession",
    "kinesis:CreateStream",
    "rds:CreateDBCluster",
    "rds:CreateDBInstance",
    "redshift:CreateCluster",
    "sagemaker:CreateApp",
    "sagemaker:CreateAutoMLJob",
    "sagemaker:CreateAutoMLJobV2",
    "sagemaker:CreateCluster",
    "sagemaker:CreateCompilationJob",
    "sagemaker:CreateEndpoint",
    "sagemaker:CreateEndpointConfig",
    "sagemaker:CreateFeatureGroup",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateInferenceComponent",
    "sagemaker:CreateInferenceRecommendationsJob",
    "sagemaker:CreateLabelingJob",
    "sagemaker:CreateMlflowTrackingServer",
    "sagemaker:CreateNotebookInstance",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateTrainingPlan",
    "sagemaker:CreateTransformJob",
    "sagemaker:StartMlflowTrackingServer",
    "sagemaker:StartNotebookInstance",
    "sagemaker:StartPipelineExecution",
    "sagemaker:UpdateCluster",
)
"""What starts a meter. Endpoints are invoked, scaled and rolled back to a known configuration as before: neither
InvokeEndpoint nor UpdateEndpoint is here, nor what stops or deletes; nor the runs of Glue jobs, which feed features."""

NEW_ROLES: Final = ("iam:CreateRole",)
"""A new role would be without the denial."""


def denial(policy_arn: str) -> list[Statement]:
    """The policy whose ARN is `policy_arn`: no new spending, no new role, and no way to take the policy off."""
    return [
        Statement((*NEW_SPENDING, *NEW_ROLES), ("*",), effect="Deny", sid="NoNewSpending"),
        Statement(
            ("iam:DetachRolePolicy",),
            ("*",),
            {"ArnEquals": {"iam:PolicyARN": policy_arn}},
            "Deny",
            sid="TheDenialStays",
        ),
    ]


def attaching(policy_arn: str, roles: Sequence[pulumi.Input[str]]) -> list[Statement]:
    """Attach this one policy to these roles, and take it off again; nothing else.

    Source: cost-management/latest/userguide/budgets-action-role.
    """
    only_this = {"ArnEquals": {"iam:PolicyARN": policy_arn}}
    return [Statement(("iam:AttachRolePolicy", "iam:DetachRolePolicy"), tuple(roles), only_this)]


def trust_budget(context: Context, budget: str) -> Statement:
    """Lets AWS Budgets assume a role on behalf of one budget of this account, and of its actions.

    Source: cost-management/latest/userguide/cross-service-confused-deputy-prevention.
    """
    arn = context.arn("budgets", f"budget/{budget}", regional=False)
    conditions = {
        "ArnLike": {"aws:SourceArn": [arn, f"{arn}/action/*"]},
        "StringEquals": {"aws:SourceAccount": context.account},
    }
    return Statement(("sts:AssumeRole",), (), conditions, principal=Principal.service("budgets.amazonaws.com"))
