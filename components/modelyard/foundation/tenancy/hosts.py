"""What a deployment role needs for hosts: servers with databases, and pools of machines.

Their security groups, launch templates and file systems get numbers for names, so that tags say whose they are.
"""

from __future__ import annotations

from typing import Final

from modelyard.core.access import Statement
from modelyard.foundation.tenancy.reach import Reach

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
_CHANGE_RULES: Final = ("ec2:ModifySecurityGroupRules", "ec2:RevokeSecurityGroup*")


def servers(reach: Reach) -> list[Statement]:
    """What a server and its database need: security groups of the team's own, by tag, and what takes no name.

    Sources: the service authorization references of EC2, ECS and ELB; AmazonRDS/latest/UserGuide/rds-secrets-manager.
    """
    groups, rules = (reach.context.arn("ec2", f"{kind}/*") for kind in ("security-group", "security-group-rule"))
    made_by = {"StringLike": {"ec2:CreateAction": ["CreateSecurityGroup", "AuthorizeSecurityGroup*"]}}
    return [
        Statement(_SERVERS_LOOK_UP, ("*",), sid="ServersLookUp"),
        Statement(("ec2:CreateSecurityGroup",), (reach.context.arn("ec2", "vpc/*"),), sid="GroupsInTheNetwork"),
        Statement(("ec2:CreateSecurityGroup",), (groups,), reach.asked, sid="OwnGroups"),
        Statement(("ec2:AuthorizeSecurityGroup*",), (rules,), reach.asked, sid="OwnRules"),
        Statement(_CHANGE_GROUPS, (groups,), reach.owned, sid="ChangeOwnGroups"),
        Statement(
            ("ec2:ModifySecurityGroupRules", "ec2:RevokeSecurityGroup*"), (rules,), reach.owned, sid="ChangeOwnRules"
        ),
        Statement(("ec2:CreateTags",), (groups, rules), made_by, sid="TagNewGroups"),
        Statement(("ec2:CreateTags", "ec2:DeleteTags"), (groups, rules), reach.owned, sid="TagOwnGroups"),
        Statement(
            ("secretsmanager:CreateSecret", "secretsmanager:TagResource"),
            (reach.context.arn("secretsmanager", "secret:rds!db-*"),),
            sid="PasswordsOfDatabases",
        ),
    ]


def machines(reach: Reach) -> list[Statement]:
    """What a pool of machines needs: launch templates and file systems by tag, and profiles by path.

    Sources: the service authorization references of EC2, FSx and IAM.
    """
    context = reach.context
    templates = context.arn("ec2", "launch-template/*")
    placements = context.arn("ec2", f"placement-group/{reach.prefix}*")
    storage = (context.arn("fsx", "association/*"), context.arn("fsx", "file-system/*"))
    profiles = context.arn("iam", f"instance-profile{context.names.path}*", regional=False)
    made_by = {"StringEquals": {"ec2:CreateAction": ["CreateLaunchTemplate", "CreatePlacementGroup"]}}
    return [
        Statement(_MACHINES_LOOK_UP, ("*",), sid="MachinesLookUp"),
        Statement(("ec2:CreateLaunchTemplate",), (templates,), reach.asked, sid="OwnTemplates"),
        Statement(_CHANGE_TEMPLATES, (templates,), reach.owned, sid="ChangeOwnTemplates"),
        Statement(("ec2:*PlacementGroup",), (placements,), sid="OwnPlacements"),
        Statement(("ec2:CreateTags",), (templates, placements), made_by, sid="TagNewMachines"),
        Statement(("ec2:CreateTags", "ec2:DeleteTags"), (templates, placements), reach.owned, sid="TagOwnMachines"),
        Statement(("fsx:Create*", "fsx:TagResource"), storage, reach.asked, sid="OwnStorage"),
        Statement(_CHANGE_STORAGE, storage, reach.owned, sid="ChangeOwnStorage"),
        Statement(("iam:*InstanceProfile*",), (profiles,), sid="OwnProfiles"),
    ]
