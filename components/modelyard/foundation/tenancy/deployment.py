"""The policy of a team's deployment role: it manages the team's stack, and can't leave the fence or move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pulumi

from modelyard.core.access import Statement
from modelyard.core.events import SOURCE
from modelyard.foundation.tenancy.reach import IAM_WRITES, NAMED_INSIDE_ANOTHERS, SHARED_WRITES, Reach

DEPLOYMENT: Final = "deployment"
MACHINES: Final = "machines"
"""The managed policies of the deployment role."""

_OPEN_WORKBENCHES: Final = (
    "sagemaker:*App",
    "sagemaker:*PresignedDomainUrl",
    "sagemaker:*Space",
    "sagemaker:*UserProfile",
    "sagemaker:StartSession",
)
"""The platform makes workbenches, and their people open them; whoever deploys would come in as somebody else."""

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

_MACHINES_LOOK_UP: Final = (
    "batch:Describe*",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribePlacementGroups",
    "ec2:DescribeTags",
    "fsx:DescribeDataRepositoryAssociations",
    "fsx:DescribeFileSystems",
)
_CHANGE_TEMPLATES: Final = (
    "ec2:CreateLaunchTemplateVersion",
    "ec2:DeleteLaunchTemplate",
    "ec2:DeleteLaunchTemplateVersions",
    "ec2:ModifyLaunchTemplate",
)
_CHANGE_STORAGE: Final = (
    "fsx:CreateDataRepositoryAssociation",
    "fsx:Delete*",
    "fsx:ListTagsForResource",
    "fsx:TagResource",
    "fsx:UntagResource",
    "fsx:UpdateDataRepositoryAssociation",
    "fsx:UpdateFileSystem",
)
_BY_CLOUD_CONTROL: Final = (
    "cloudformation:CreateResource",
    "cloudformation:DeleteResource",
    "cloudformation:GetResource",
    "cloudformation:GetResourceRequestStatus",
    "cloudformation:UpdateResource",
)

_SERVERS_LOOK_UP: Final = (
    "ec2:DescribeSecurityGroupRules",
    "ecs:DeregisterTaskDefinition",
    "ecs:DescribeTaskDefinition",
    "elasticloadbalancing:Describe*",
)
_CHANGE_GROUPS: Final = (
    "ec2:AuthorizeSecurityGroup*",
    "ec2:DeleteSecurityGroup",
    "ec2:ModifySecurityGroupRules",
    "ec2:RevokeSecurityGroup*",
)

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


def deployment(reach: Reach, keys: Sequence[pulumi.Input[str]]) -> list[Statement]:
    """What the deployment role may do; `keys` are the ARNs of the team's keys."""
    return [*(one for policy in manages(reach).values() for one in policy), *within(reach, keys)]


def manages(reach: Reach) -> dict[str, list[Statement]]:
    """What the deployment role makes of the team's own things, in managed policies by role: it is too long for one."""
    own = (*reach.things, *reach.made_by_the_stack, reach.log_groups)
    found = {DEPLOYMENT: [Statement(reach.admitted.stack, own, sid="OwnThings")]}
    machines = [
        *(_servers(reach) if reach.admitted.serves else ()),
        *(_machines(reach) if reach.admitted.computes else ()),
    ]
    return {**found, MACHINES: machines} if machines else found


def within(reach: Reach, keys: Sequence[pulumi.Input[str]]) -> list[Statement]:
    """What else the deployment role needs, and every denial."""
    with_boundary = {"StringEquals": {"iam:PermissionsBoundary": reach.boundary}}
    without_boundary = {"StringNotEquals": {"iam:PermissionsBoundary": reach.boundary}}
    policies = (reach.fence_policy(role) for role in (DEPLOYMENT, MACHINES))
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
            {"StringEquals": {"aws:RequestTag/team": reach.context.owner}},
            sid="OwnRulesets",
        ),
        Statement(_USE_KEYS, tuple(keys), sid="OwnKeys"),
        Statement(
            ("kms:CreateGrant",),
            tuple(keys),
            {"Bool": {"kms:GrantIsForAWSResource": "true"}},
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
            (*SHARED_WRITES, *NAMED_INSIDE_ANOTHERS, *_OPEN_WORKBENCHES), ("*",), effect="Deny", sid="NothingShared"
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


def _servers(reach: Reach) -> list[Statement]:
    """What a server and its database need: security groups of the team's own, by tag, and what takes no name.

    Sources: the service authorization references of EC2, ECS and ELB; AmazonRDS/latest/UserGuide/rds-secrets-manager.
    """
    groups, rules = (reach.context.arn("ec2", f"{kind}/*") for kind in ("security-group", "security-group-rule"))
    asked = {"StringEquals": {"aws:RequestTag/team": reach.context.owner}}
    owned = {"StringEquals": {"aws:ResourceTag/team": reach.context.owner}}
    made_by = {"StringLike": {"ec2:CreateAction": ["CreateSecurityGroup", "AuthorizeSecurityGroup*"]}}
    return [
        Statement(_SERVERS_LOOK_UP, ("*",), sid="ServersLookUp"),
        Statement(("ec2:CreateSecurityGroup",), (reach.context.arn("ec2", "vpc/*"),), sid="GroupsInTheNetwork"),
        Statement(("ec2:CreateSecurityGroup",), (groups,), asked, sid="OwnGroups"),
        Statement(("ec2:AuthorizeSecurityGroup*",), (rules,), asked, sid="OwnRules"),
        Statement(_CHANGE_GROUPS, (groups,), owned, sid="ChangeOwnGroups"),
        Statement(("ec2:ModifySecurityGroupRules", "ec2:RevokeSecurityGroup*"), (rules,), owned, sid="ChangeOwnRules"),
        Statement(("ec2:CreateTags",), (groups, rules), made_by, sid="TagNewGroups"),
        Statement(("ec2:CreateTags", "ec2:DeleteTags"), (groups, rules), owned, sid="TagOwnGroups"),
        Statement(
            ("secretsmanager:CreateSecret", "secretsmanager:TagResource"),
            (reach.context.arn("secretsmanager", "secret:rds!db-*"),),
            sid="PasswordsOfDatabases",
        ),
    ]


def _machines(reach: Reach) -> list[Statement]:
    """What a pool of machines needs: launch templates and file systems by tag, profiles by path, and Cloud Control.

    Sources: the service authorization references of EC2, FSx, IAM and CloudFormation. Cloud Control acts with the
    caller's own rights (cloudcontrolapi/latest/userguide/security).
    """
    context = reach.context
    templates = context.arn("ec2", "launch-template/*")
    placements = context.arn("ec2", f"placement-group/{reach.prefix}*")
    storage = (context.arn("fsx", "association/*"), context.arn("fsx", "file-system/*"))
    profiles = context.arn("iam", f"instance-profile{context.names.path}*", regional=False)
    asked = {"StringEquals": {"aws:RequestTag/team": context.owner}}
    owned = {"StringEquals": {"aws:ResourceTag/team": context.owner}}
    made_by = {"StringEquals": {"ec2:CreateAction": ["CreateLaunchTemplate", "CreatePlacementGroup"]}}
    return [
        Statement(_MACHINES_LOOK_UP, ("*",), sid="MachinesLookUp"),
        Statement(("ec2:CreateLaunchTemplate",), (templates,), asked, sid="OwnTemplates"),
        Statement(_CHANGE_TEMPLATES, (templates,), owned, sid="ChangeOwnTemplates"),
        Statement(("ec2:*PlacementGroup",), (placements,), sid="OwnPlacements"),
        Statement(("ec2:CreateTags",), (templates, placements), made_by, sid="TagNewMachines"),
        Statement(("ec2:CreateTags", "ec2:DeleteTags"), (templates, placements), owned, sid="TagOwnMachines"),
        Statement(("fsx:Create*", "fsx:TagResource"), storage, asked, sid="OwnStorage"),
        Statement(_CHANGE_STORAGE, storage, owned, sid="ChangeOwnStorage"),
        Statement(("iam:*InstanceProfile*",), (profiles,), sid="OwnProfiles"),
        Statement(_BY_CLOUD_CONTROL, ("*",), sid="ByCloudControl"),
    ]
