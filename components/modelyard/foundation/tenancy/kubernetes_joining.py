"""What a deployment role needs on the platform's cluster of EKS: roles for its pods, and its people's way in.

Associations and entries get numbers for names, so that tags and principals say whose they are.

Sources: the service authorization reference of EKS; eks/latest/userguide/pod-id-association, …/access-entries.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from modelyard.core.access import Statement
from modelyard.foundation.tenancy.kubernetes_roles import PEOPLE, group_of
from modelyard.foundation.tenancy.reach import Reach

_CHANGE_ASSOCIATIONS: Final = (
    "eks:DeletePodIdentityAssociation",
    "eks:DescribePodIdentityAssociation",
    "eks:UntagResource",
    "eks:UpdatePodIdentityAssociation",
)
_KEEP_ENTRIES: Final = (
    "eks:DeleteAccessEntry",
    "eks:DescribeAccessEntry",
    "eks:TagResource",
    "eks:UntagResource",
)


def joining(reach: Reach) -> list[Statement]:
    """Associations of the team's own roles, and entries of its personas with the groups of its own namespace.

    An entry is never changed: EKS tells IAM what it was, and not what it becomes. Nothing that bears another's tag, or
    the platform's, can be tagged as the team's.
    """
    context = reach.context
    platforms = Reach(replace(context, team=None)).prefix
    cluster = context.arn("eks", f"cluster/{platforms}*")
    associations = context.arn("eks", f"podidentityassociation/{platforms}*")
    entries = context.arn("eks", f"access-entry/{platforms}*")
    personas = context.arn("iam", f"role{context.names.path}{reach.prefix}persona-*", regional=False)
    sessions = f"arn:{context.partition}:sts::{context.account}:assumed-role/{reach.prefix}persona-*"
    own_people = {"ArnLike": {"eks:principalArn": personas}}
    admitted = {
        "ArnLike": {"eks:principalArn": personas},
        "ForAllValues:StringEquals": {"eks:kubernetesGroups": [group_of(context, member) for member in PEOPLE]},
        "Null": {"eks:kubernetesGroups": "false"},
        "StringEqualsIfExists": {"eks:accessEntryType": "STANDARD"},
        "StringLikeIfExists": {"eks:username": sessions},
    }
    fresh_or_own = {**reach.asked, "StringEqualsIfExists": {"aws:ResourceTag/team": context.owner}}
    return [
        Statement(("eks:CreatePodIdentityAssociation",), (cluster,), reach.asked, sid="RolesOfPods"),
        Statement(_CHANGE_ASSOCIATIONS, (associations,), reach.owned, sid="ChangeRolesOfPods"),
        Statement(("eks:TagResource",), (associations,), fresh_or_own, sid="TagRolesOfPods"),
        Statement(("eks:CreateAccessEntry",), (cluster,), admitted, sid="OwnPeople"),
        Statement(_KEEP_ENTRIES, (entries,), own_people, sid="KeepOwnPeople"),
    ]
