"""The permissions boundary of a team's roles: what they can do at most, whatever their policies say.

An allow-list of services that the code of a team needs, and denials of everything there that isn't below the team's
names. The denials are explicit because a boundary's silence doesn't stop what a resource's own policy gives to a
session (IAM/latest/UserGuide/access_policies_boundaries). The team's things are listed there alone: IAM's limit is low.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from modelyard.core.access import Statement
from modelyard.foundation.tenancy.reach import IAM_WRITES, SHARED_WRITES, Reach

_ON_OWN_THINGS: Final = (
    "athena:*",
    "dynamodb:*",
    "glue:*",
    "kinesis:*",
    "s3:*",
    "sagemaker:*",
    "secretsmanager:*",
    "sns:*",
    "sqs:*",
    "ssm:GetParameter*",
    "states:*",
)
_NOT_EVEN_ON_OWN_THINGS: Final = (
    "dynamodb:*ResourcePolicy",
    "kinesis:*ResourcePolicy",
    "s3:DeleteBucket*",
    "s3:PutBucket*",
    "s3:PutObjectAcl",
    "s3:PutReplicationConfiguration",
    "sagemaker:PutModelPackageGroupPolicy",
    "secretsmanager:*ResourcePolicy",
    "sns:AddPermission",
    "sns:SetTopicAttributes",
    "sqs:AddPermission",
    "sqs:SetQueueAttributes",
    "sts:TagSession",
)
"""What opens the team's things to others: the deployment does that, where checks see it, and code never."""

_USE_KEYS: Final = (
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey*",
    "kms:ReEncrypt*",
)
_PULL: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_WRITE_LOGS: Final = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
_READ_LOGS: Final = ("logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery")
_ON_NO_THING: Final = (
    "cloudwatch:PutMetricData",
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecr:GetAuthorizationToken",
    "lakeformation:GetDataAccess",
    "logs:DescribeLogGroups",
    "sts:GetCallerIdentity",
)
"""Actions that take no resource, or (network interfaces) one that SageMaker names by itself when a job is in a VPC."""

_ASSUME: Final = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")


def boundary(reach: Reach) -> list[Statement]:
    """The boundary of the team's roles, as statements; at most `core.access.MANAGED_LENGTH` characters."""
    context = reach.context
    sagemaker_logs = context.arn("logs", "log-group:/aws/sagemaker/*")
    base_images = context.arn("ecr", f"repository/{Reach(replace(context, team=None)).prefix}*")
    return [
        Statement((*_ON_OWN_THINGS, *_PULL, *_ON_NO_THING), ("*",), sid="WhatCodeDoes"),
        Statement(_USE_KEYS, (reach.keys,), sid="KeysThatLetThem"),
        Statement(_WRITE_LOGS, (reach.log_groups, sagemaker_logs), sid="WriteLogs"),
        Statement(_READ_LOGS, (reach.log_groups,), sid="ReadOwnLogs"),
        Statement(("iam:GetRole", "sts:AssumeRole"), (reach.roles,), sid="OwnRoles"),
        reach.pass_roles(),
        Statement(_ON_OWN_THINGS, reach.things, effect="Deny", except_resources=True, sid="NobodyElsesThings"),
        Statement(
            _PULL,
            (reach.repositories, base_images),
            {"StringEquals": {"aws:ResourceAccount": context.account}},
            "Deny",
            except_resources=True,
            sid="NobodyElsesImages",
        ),
        Statement(_READ_LOGS, (reach.log_groups,), effect="Deny", except_resources=True, sid="NobodyElsesLogs"),
        Statement(_ASSUME, (reach.roles,), effect="Deny", except_resources=True, sid="NobodyElsesRoles"),
        Statement(("iam:PassRole", *_ASSUME), (reach.deployment_role,), effect="Deny", sid="NeverTheDeploymentRole"),
        Statement(
            (*IAM_WRITES, *SHARED_WRITES, *_NOT_EVEN_ON_OWN_THINGS), ("*",), effect="Deny", sid="NoAdministration"
        ),
        reach.no_grants_by_hand(),
        *reach.fenced_tags(),
    ]
