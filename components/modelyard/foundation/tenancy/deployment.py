"""The policy of a team's deployment role: it manages the team's stack, and can't leave the fence or move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pulumi

from modelyard.core.access import Statement
from modelyard.core.actions import FOR_SERVICES
from modelyard.core.events import SOURCE
from modelyard.foundation.tenancy.hosts import machines, servers
from modelyard.foundation.tenancy.kubernetes_joining import joining
from modelyard.foundation.tenancy.reach import IAM_WRITES, NAMED_INSIDE_ANOTHERS, SHARED_WRITES, Reach
from modelyard.foundation.tenancy.running import by_cloud_control, doors, scaling

DEPLOYMENT: Final = "deployment"
MACHINES: Final = "machines"
MODELS: Final = "models"
CLUSTERS: Final = "clusters"
"""The managed policies of the deployment role."""

_OPEN_WORKBENCHES: Final = (
    "sagemaker:*App",
    "sagemaker:*PresignedDomainUrl",
    "sagemaker:*Space",
    "sagemaker:*UserProfile",
    "sagemaker:StartSession",
)
"""The platform makes workbenches, and their people open them; whoever deploys would come in as somebody else."""

_START_JOBS: Final = ("sagemaker:Create*Job", "sagemaker:CreateAutoML*")
"""No resource of a stack is a job: who deploys would start them outside of the pool's network, types and keys."""

_LOOK_UP: Final = (
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecr:GetAuthorizationToken",
    "kms:ListAliases",
    "logs:DescribeLogGroups",
    "secretsmanager:GetRandomPassword",
    "ssm:DescribeParameters",
    "states:ValidateStateMachineDefinition",
    "sts:GetCallerIdentity",
)
"""Reads that take no resource."""


_FEED_FUNCTIONS: Final = (
    "lambda:CreateEventSourceMapping",
    "lambda:DeleteEventSourceMapping",
    "lambda:GetEventSourceMapping",
    "lambda:UpdateEventSourceMapping",
)

_KEEP_RULES: Final = (
    "events:DeleteRule",
    "events:DescribeRule",
    "events:DisableRule",
    "events:EnableRule",
    "events:ListTagsForResource",
    "events:ListTargetsByRule",
    "events:PutTargets",
    "events:RemoveTargets",
    "events:TagResource",
    "events:UntagResource",
)
_WITH_BOUNDARY: Final = (
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
)
"""What changes a role: only one that carries the boundary, or is about to."""

_OTHER_ON_ROLES: Final = (
    "iam:DeleteRole",
    "iam:GetRole*",
    "iam:ListAttachedRolePolicies",
    "iam:ListInstanceProfilesForRole",
    "iam:ListRolePolicies",
    "iam:ListRoleTags",
    "iam:TagRole",
    "iam:UntagRole",
)
_ON_POLICIES: Final = (
    "iam:CreatePolicy",
    "iam:CreatePolicyVersion",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:GetPolicy*",
    "iam:ListPolicy*",
    "iam:TagPolicy",
    "iam:UntagPolicy",
)
_USE_KEYS: Final = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey*",
    "kms:ReEncrypt*",
    "kms:RetireGrant",
)


def manages(reach: Reach) -> dict[str, list[Statement]]:
    """What the deployment role makes of the team's own things, in managed policies by role: it is too long for one."""
    own = (*reach.things, *reach.made_by_the_stack, reach.log_groups)
    hosts = [
        *(servers(reach) if reach.admitted.serves else ()),
        *(machines(reach) if reach.admitted.computes else ()),
    ]
    models = [
        *([by_cloud_control()] if reach.admitted.controls else []),
        *(scaling(reach) if reach.admitted.scales else ()),
        *(doors(reach) if reach.admitted.opens else ()),
    ]
    found = {
        DEPLOYMENT: [Statement(reach.admitted.stack, own, sid="OwnThings")],
        MACHINES: hosts,
        MODELS: models,
        CLUSTERS: joining(reach) if reach.admitted.joins else [],
    }
    return {part: statements for part, statements in found.items() if statements}


def within(reach: Reach, keys: Sequence[pulumi.Input[str]]) -> list[Statement]:
    """What else the deployment role needs, and every denial."""
    with_boundary = {"StringEquals": {"iam:PermissionsBoundary": reach.boundary}}
    without_boundary = {"StringNotEquals": {"iam:PermissionsBoundary": reach.boundary}}
    policies = (reach.fence_policy(role) for role in (DEPLOYMENT, MACHINES, MODELS, CLUSTERS))
    fence = (reach.boundary, reach.deployment_role, *policies)
    heard = reach.context.arn("events", f"rule/{Reach(replace(reach.context, team=None)).prefix}*/{reach.prefix}*")
    only_own_events = {
        "ForAllValues:StringEquals": {"events:source": f"{SOURCE}.{reach.context.owner}"},
        "Null": {"events:source": "false"},
    }
    return [
        Statement(_LOOK_UP, ("*",), sid="LookUp"),
        Statement(
            _FEED_FUNCTIONS, ("*",), {"ArnLike": {"lambda:FunctionArn": reach.functions}}, sid="FeedOwnFunctions"
        ),
        Statement(("events:PutRule",), (heard,), only_own_events, sid="HearOwnEvents"),
        Statement(_KEEP_RULES, (heard,), sid="KeepRulesOnThePlatformsBus"),
        Statement(
            ("glue:CreateDataQualityRuleset",),
            ("*",),
            reach.asked,
            sid="OwnRulesets",
        ),
        Statement(_USE_KEYS, tuple(keys), sid="OwnKeys"),
        Statement(
            ("kms:CreateGrant",),
            tuple(keys),
            FOR_SERVICES,
            sid="OwnKeysForServices",
        ),
        Statement(_WITH_BOUNDARY, (reach.roles,), with_boundary, sid="OwnRolesInsideTheBoundary"),
        Statement(_OTHER_ON_ROLES, (reach.roles,), sid="OwnRoles"),
        Statement(_ON_POLICIES, (reach.policies,), sid="OwnPolicies"),
        reach.pass_roles(),
        Statement(_WITH_BOUNDARY, ("*",), without_boundary, "Deny", sid="NoRoleOutsideTheBoundary"),
        Statement(("iam:DeleteRolePermissionsBoundary",), ("*",), effect="Deny", sid="TheBoundaryStays"),
        Statement((*IAM_WRITES, "iam:PassRole"), fence, effect="Deny", sid="TheFenceIsThePlatforms"),
        Statement(
            (*SHARED_WRITES, *NAMED_INSIDE_ANOTHERS, *_OPEN_WORKBENCHES, *_START_JOBS),
            ("*",),
            effect="Deny",
            sid="NothingShared",
        ),
        Statement(
            ("events:PutTargets",),
            ("*",),
            {"ForAnyValue:ArnNotLike": {"events:TargetArn": reach.anything}},
            "Deny",
            sid="RulesWakeOwnThings",
        ),
        reach.no_grants_by_hand(),
        reach.own_models(),
        reach.only_the_promotion_decides(),
        reach.fenced_tag(),
        reach.nothing_of_others(),
    ]
