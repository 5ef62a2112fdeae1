"""The permissions boundary of a team's roles: what they can do at most, whatever their policies say.

One statement allows; every limit is an explicit denial, because a boundary's silence doesn't stop what a resource's
own policy gives to a session (IAM/latest/UserGuide/access_policies_boundaries). The denial of every resource but the
team's leaves out the actions that know no resource: they would fall too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from modelyard.core.access import Statement
from modelyard.core.actions import PULL_IMAGES, WRITE_LOGS
from modelyard.core.context import Context
from modelyard.foundation.tenancy.reach import NAMED_INSIDE_ANOTHERS, Reach

_ON_OWN_THINGS: Final = (
    "athena:*",
    "dynamodb:*",
    "events:PutEvents",
    "firehose:PutRecord*",
    "glue:*DataQuality*",
    "glue:*Database*",
    "glue:*Partition*",
    "glue:*Table*",
    "kinesis:*Record*",
    "kinesis:*Shard*",
    "kinesis:Describe*",
    "lambda:InvokeFunction",
    "s3:*",
    "sagemaker:*",
    "secretsmanager:*Secret*",
    "sns:Publish",
    "sqs:*Message*",
    "sqs:GetQueue*",
    "ssm:GetParameter*",
    "states:*",
)
_NOT_EVEN_ON_OWN_THINGS: Final = (
    "dynamodb:*ResourcePolicy",
    "s3:DeleteBucket*",
    "s3:PutBucket*",
    "s3:PutObjectAcl",
    "s3:PutReplicationConfiguration",
    *NAMED_INSIDE_ANOTHERS,
    "sagemaker:PutModelPackageGroupPolicy",
    "secretsmanager:RotateSecret",
)
"""What opens the team's things to others: the deployment does that, where checks see it, and code never.

What takes no resource isn't here: the denial of every resource but the team's meets it already.
"""

_USE_KEYS: Final = (
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey*",
    "kms:ReEncrypt*",
)
_READ_LOGS: Final = ("logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery")
_PASSED_TO: Final = ("glue.amazonaws.com", "sagemaker.amazonaws.com", "states.amazonaws.com")
"""Services that code hands a role to; the others get theirs from the deployment."""

_USE_ROLES: Final = ("iam:GetRole", "iam:PassRole", "sts:AssumeRole")
_ON_NO_THING: Final = (
    "cloudwatch:PutMetricData",
    "ec2:CreateNetworkInterface*",
    "ec2:DeleteNetworkInterface*",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecr:GetAuthorizationToken",
    "lakeformation:GetDataAccess",
    "logs:DescribeLogGroups",
    "secretsmanager:GetRandomPassword",
    "sts:GetCallerIdentity",
)
"""Actions that take no resource, or (network interfaces) one that a service names by itself when work is in a VPC."""

_NOT_BY_OWN_THINGS: Final = (
    "cloudwatch:*",
    "ec2:*",
    "ecr:*",
    "lakeformation:*",
    "logs:Create*",
    "logs:Describe*",
    "logs:Put*",
    "secretsmanager:GetRandomPassword",
    "sts:GetCallerIdentity",
)
"""What of the listed actions is judged by other things than the team's own, or by none; in fewer words than the list,
which is a limit already."""


def leaver_pattern(person: str) -> str:
    """What `aws:userid` is in every session of a person's: the role's id, a colon, and the session's name."""
    return f"*:{person}"


def boundary(reach: Reach, leavers: Iterable[str] = (), platform: Context | None = None) -> list[Statement]:
    """The boundary of the team's roles, as statements; at most `core.access.MANAGED_LENGTH` characters.

    `leavers`: people who can do nothing any more, in no session of any role, begun before or after they left.
    `platform`: the platform's context, where the team has an account of its own. Absent: they share one.
    """
    context = reach.context
    shared = Reach(platform or replace(context, team=None))
    written_by_services = (context.arn("logs", f"log-group:/{group}/*") for group in ("aws/sagemaker", "aws-glue"))
    rules_of_glue = f"arn:{context.partition}:s3:::aws-glue-ml-data-quality-assets-{context.region}/*"
    listed = (*_ON_OWN_THINGS, *_USE_KEYS, *PULL_IMAGES, *WRITE_LOGS, *_READ_LOGS, *_USE_ROLES, *_ON_NO_THING)
    denials = [
        Statement(listed, ("*",), effect="Deny", except_actions=True, sid="Listed"),
        Statement(
            _NOT_BY_OWN_THINGS,
            (*reach.things, rules_of_glue, shared.buses, reach.keys, reach.log_groups, reach.roles),
            effect="Deny",
            except_actions=True,
            except_resources=True,
            sid="OwnThings",
        ),
        Statement(
            WRITE_LOGS,
            (reach.log_groups, *written_by_services),
            effect="Deny",
            except_resources=True,
            sid="WriteLogs",
        ),
        Statement(
            PULL_IMAGES,
            (reach.repositories, shared.repositories),
            {"StringEquals": {"aws:ResourceAccount": context.account}},
            "Deny",
            except_resources=True,
            sid="OwnImages",
        ),
        Statement(_NOT_EVEN_ON_OWN_THINGS, ("*",), effect="Deny", sid="NoOpening"),
        reach.no_grants_by_hand(),
        reach.own_models(),
        Statement(("iam:PassRole", "sts:AssumeRole"), (reach.deployment_role,), effect="Deny", sid="NotToDeploy"),
        Statement(
            ("iam:PassRole",),
            ("*",),
            {"StringNotEquals": {"iam:PassedToService": list(_PASSED_TO)}},
            "Deny",
            sid="ToServices",
        ),
        reach.fenced_tag(),
        reach.nothing_of_others(),
    ]
    gone = sorted(leaver_pattern(person) for person in leavers)
    if gone:
        out = {"StringLike": {"aws:userid": gone}}
        denials.append(Statement(("*",), ("*",), out, "Deny", sid="WhoLeftIsOut"))
    return [Statement(("*",), ("*",), sid="Except"), *denials]
