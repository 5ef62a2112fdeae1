"""The permissions boundary of a team's roles: what they can do at most, whatever their policies say.

One statement allows; every limit is an explicit denial, because a boundary's silence doesn't stop what a resource's
own policy gives to a session (IAM/latest/UserGuide/access_policies_boundaries). The denial of every resource but the
team's leaves out the actions that know no resource: they would fall too. It says region and account with a wildcard,
since IAM counts characters; the denial of other accounts is by `aws:ResourceAccount`, which every service tells but for
EventBridge (IAM/latest/UserGuide/reference_policies_condition-keys), whose buses are therefore spelled out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from modelyard.core.access import Statement
from modelyard.core.context import Context
from modelyard.foundation.tenancy.reach import NAMED_INSIDE_ANOTHERS, Reach

_READ_LOGS: Final = ("logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery")
_PULL_IMAGES: Final = ("ecr:BatchCheck*", "ecr:BatchGetImage", "ecr:GetDownload*")
_LOGS: Final = ("logs:*LogEvents", "logs:CreateLog*", "logs:DescribeLog*", "logs:StartQuery")
_PASSED_TO: Final = ("glue.amazonaws.com", "sagemaker.amazonaws.com", "states.amazonaws.com")
"""Services that code hands a role to; the others get theirs from the deployment."""

_USE_ROLES: Final = ("iam:GetRole", "iam:PassRole", "sts:AssumeRole")
_BY_OTHERS: Final = ("cloudwatch:*", "ec2:*", "ecr:*", "lakeformation:*")
"""Services of which the team owns nothing that code touches: the denial of the others' things names their actions."""


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
    written_by_services = [context.arn("logs", f"log-group:/{group}/*") for group in ("aws/sagemaker", "aws-glue")]
    rules_of_glue = f"arn:{context.partition}:s3:::aws-glue-ml-data-quality-assets-{context.region}/*"
    admitted = reach.admitted
    elsewhere = (*admitted.nowhere, *_PULL_IMAGES)
    listed = {*admitted.code, *admitted.keys, *_LOGS, *_USE_ROLES, *_BY_OTHERS}
    whole = tuple(action.removesuffix("*") for action in listed if action.endswith(":*"))
    listed |= {action for action in elsewhere if not action.startswith((*whole, "logs:"))}
    here = f":{context.region}:{context.account}:"
    named = (*reach.things, *reach.shared, shared.buses, reach.keys, reach.log_groups, *written_by_services)
    own = (
        *(arn if ":events:" in arn else arn.replace(here, ":*:*:") for arn in named),
        reach.roles,
        rules_of_glue,
    )
    streams = context.arn("logs", f"log-group:/aws/sagemaker/*:log-stream:{reach.prefix}*")
    denials = [
        Statement(tuple(sorted(listed)), ("*",), effect="Deny", except_actions=True, sid="Listed"),
        Statement(
            elsewhere,
            own,
            effect="Deny",
            except_actions=True,
            except_resources=True,
            sid="OwnThings",
        ),
        Statement(
            ("ecr:*",),
            (rules_of_glue,),
            {
                "Null": {"aws:ResourceAccount": "false"},
                "StringNotEquals": {"aws:ResourceAccount": sorted({context.account, shared.context.account})},
            },
            "Deny",
            except_actions=True,
            except_resources=True,
            sid="OwnAccount",
        ),
        Statement(_READ_LOGS, (reach.log_groups, streams), effect="Deny", except_resources=True, sid="ReadOwnLogs"),
        Statement(
            _PULL_IMAGES,
            (reach.repositories, shared.repositories),
            {"StringEquals": {"aws:ResourceAccount": context.account}},
            "Deny",
            except_resources=True,
            sid="OwnImages",
        ),
        Statement((*admitted.never, *NAMED_INSIDE_ANOTHERS), ("*",), effect="Deny", sid="NoOpening"),
        *reach.own_numbers(),
        reach.own_apps(),
        Statement(
            ("s3:PutObjectAcl",),
            ("*",),
            {"StringNotEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
            "Deny",
            sid="NoAclForOthers",
        ),
        reach.no_grants_by_hand(),
        reach.own_models(),
        reach.only_the_promotion_decides(),
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
