"""What a deployment role needs for what runs models: Cloud Control, variants that scale, and public doors.

Their targets, APIs and stages get numbers for names, so that tags say whose they are.
"""

from __future__ import annotations

from typing import Final

from modelyard.core.access import Statement
from modelyard.foundation.tenancy.reach import Reach

_BY_CLOUD_CONTROL: Final = (
    "cloudformation:CreateResource",
    "cloudformation:DeleteResource",
    "cloudformation:GetResource",
    "cloudformation:GetResourceRequestStatus",
    "cloudformation:UpdateResource",
)
_SCALING_LOOK_UP: Final = (
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
)
_CHANGE_SCALING: Final = (
    "application-autoscaling:DeleteScalingPolicy",
    "application-autoscaling:DeregisterScalableTarget",
    "application-autoscaling:PutScalingPolicy",
    "application-autoscaling:RegisterScalableTarget",
    "application-autoscaling:TagResource",
    "application-autoscaling:UntagResource",
)
_SCALER: Final = "sagemaker.application-autoscaling.amazonaws.com"
_CHANGE_DOORS: Final = (
    "apigateway:DELETE",
    "apigateway:GET",
    "apigateway:PATCH",
    "apigateway:POST",
    "apigateway:PUT",
    "apigateway:SetWebACL",
    "apigateway:UpdateRestApiPolicy",
)
_BEFORE_DOORS: Final = ("wafv2:AssociateWebACL", "wafv2:DisassociateWebACL", "wafv2:GetWebACLForResource")


def by_cloud_control() -> Statement:
    """Cloud Control acts with the caller's own rights (cloudcontrolapi/latest/userguide/security)."""
    return Statement(_BY_CLOUD_CONTROL, ("*",), sid="ByCloudControl")


def scaling(reach: Reach) -> list[Statement]:
    """What scaled variants need: targets by tag, and once in an account the role with which SageMaker's are scaled.

    Sources: the service authorization reference of Application Auto Scaling;
    autoscaling/application/userguide/application-auto-scaling-service-linked-roles.
    """
    targets = reach.context.arn("application-autoscaling", "scalable-target/*")
    linked = reach.context.arn("iam", f"role/aws-service-role/{_SCALER}/*", regional=False)
    for_scaling = {"StringEquals": {"iam:AWSServiceName": _SCALER}}
    return [
        Statement(_SCALING_LOOK_UP, ("*",), sid="ScalingLookUp"),
        Statement(
            ("application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource"),
            (targets,),
            reach.asked,
            sid="OwnTargets",
        ),
        Statement(("application-autoscaling:ListTagsForResource",), (targets,), sid="TagsOfTargets"),
        Statement(_CHANGE_SCALING, (targets,), reach.owned, sid="ChangeOwnTargets"),
        Statement(("iam:CreateServiceLinkedRole",), (linked,), for_scaling, sid="TheScalersRole"),
    ]


def doors(reach: Reach) -> list[Statement]:
    """What doors need: APIs by tag, and firewalls by name.

    Tags lie on a path of their own, of which IAM isn't told whose they are, so that the one that says it stays.

    Sources: the service authorization references of API Gateway Management and WAF V2.
    """
    context = reach.context
    apis = f"arn:{context.partition}:apigateway:{context.region}::/restapis"
    own = context.arn("wafv2", f"regional/webacl/{reach.prefix}*")
    return [
        Statement(("apigateway:POST",), (apis,), reach.asked, sid="OwnApis"),
        Statement(_CHANGE_DOORS, (f"{apis}/*",), reach.owned, sid="ChangeOwnApis"),
        Statement(
            ("apigateway:DELETE", "apigateway:GET", "apigateway:PUT"),
            (f"arn:{context.partition}:apigateway:{context.region}::/tags/*",),
            {"ForAllValues:StringNotEquals": {"aws:TagKeys": ["team"]}},
            sid="OtherTags",
        ),
        Statement(("wafv2:*",), (own,), sid="OwnFirewalls"),
        Statement(
            ("wafv2:CreateWebACL", "wafv2:UpdateWebACL"),
            (context.arn("wafv2", "regional/managedruleset/*"),),
            sid="RulesOfAws",
        ),
        Statement(_BEFORE_DOORS, (f"{apis}/*/stages/*",), sid="FirewallsBeforeDoors"),
    ]
