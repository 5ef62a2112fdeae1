"""What Karpenter may do in AWS: start and end machines of its own cluster, and nothing of others.

Source: karpenter.sh/docs/reference/cloudformation. What it would need to make instance profiles and to ask for prices
is left out: the profile is ours, and prices of its release serve it (`isolatedVPC`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi

from modelyard.core.access import Statement
from modelyard.core.actions import FOR_SERVICES
from modelyard.core.context import Context

_LAUNCH: Final = ("ec2:RunInstances", "ec2:CreateFleet")
_READ: Final = (
    "ec2:DescribeCapacityReservations",
    "ec2:DescribeImages",
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribePlacementGroups",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSpotPriceHistory",
    "ec2:DescribeSubnets",
)
_NODE_POOL: Final = "karpenter.sh/nodepool"
_CLUSTER: Final = "eks:eks-cluster-name"
_USE_KEY: Final = ("kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo")


def _ec2(context: Context, *kinds: str) -> tuple[str, ...]:
    return tuple(f"arn:{context.partition}:ec2:{context.region}:*:{kind}/*" for kind in kinds)


def on_machines(context: Context, cluster: str, places: Sequence[pulumi.Input[str]]) -> list[Statement]:
    """Starting, tagging and ending machines of this cluster alone, in these subnets and security groups (ARNs)."""
    owned = f"kubernetes.io/cluster/{cluster}"
    is_ours: dict[str, dict[str, Any]] = {
        "StringEquals": {f"aws:ResourceTag/{owned}": "owned"},
        "StringLike": {f"aws:ResourceTag/{_NODE_POOL}": "*"},
    }
    becomes_ours: dict[str, dict[str, Any]] = {
        "StringEquals": {f"aws:RequestTag/{owned}": "owned", f"aws:RequestTag/{_CLUSTER}": cluster},
        "StringLike": {f"aws:RequestTag/{_NODE_POOL}": "*"},
    }
    when_made = {"ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]}
    only_names: dict[str, dict[str, Any]] = {
        **is_ours,
        "StringEqualsIfExists": {f"aws:RequestTag/{_CLUSTER}": cluster},
        "ForAllValues:StringEquals": {"aws:TagKeys": [_CLUSTER, "karpenter.sh/nodeclaim", "Name"]},
    }
    made = ("fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume")
    public = tuple(f"arn:{context.partition}:ec2:{context.region}::{kind}/*" for kind in ("image", "snapshot"))
    return [
        Statement(
            _LAUNCH,
            (*public, *_ec2(context, "capacity-reservation", "placement-group"), *places),
            sid="LaunchFromWhatIsThere",
        ),
        Statement(_LAUNCH, _ec2(context, "launch-template"), is_ours, sid="LaunchFromItsTemplates"),
        Statement(
            (*_LAUNCH, "ec2:CreateLaunchTemplate"), _ec2(context, *made), becomes_ours, sid="LaunchWhatIsTaggedOurs"
        ),
        Statement(
            ("ec2:CreateTags",),
            _ec2(context, *made),
            {**becomes_ours, "StringEquals": {**becomes_ours["StringEquals"], **when_made}},
            sid="TagWhatItMakes",
        ),
        Statement(("ec2:CreateTags",), _ec2(context, "instance"), only_names, sid="NameItsMachines"),
        Statement(
            ("ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"),
            _ec2(context, "instance", "launch-template"),
            is_ours,
            sid="EndItsMachines",
        ),
    ]


def on_the_rest(
    context: Context,
    cluster: str,
    *,
    node_role: pulumi.Input[str],
    queue: pulumi.Input[str],
    key: pulumi.Input[str],
) -> list[Statement]:
    """Looking around, giving machines their role and disks, and hearing of interruptions; all are ARNs."""
    images = f"arn:{context.partition}:ssm:{context.region}::parameter/aws/service/*"
    by_ec2 = {"StringEquals": {"kms:ViaService": f"ec2.{context.region}.amazonaws.com"}}
    return [
        Statement(_READ, ("*",), {"StringEquals": {"aws:RequestedRegion": context.region}}, sid="SeeWhatIsThere"),
        Statement(("ssm:GetParameter",), (images,), sid="FindImages"),
        Statement(("eks:DescribeCluster",), (context.arn("eks", f"cluster/{cluster}"),), sid="FindTheCluster"),
        Statement(
            ("iam:PassRole",),
            (node_role,),
            {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
            sid="GiveMachinesTheirRole",
        ),
        Statement(
            ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"),
            (queue,),
            sid="HearOfInterruptions",
        ),
        Statement(_USE_KEY, (key,), by_ec2, sid="EncryptDisks"),
        Statement(("kms:CreateGrant",), (key,), {**by_ec2, **FOR_SERVICES}, sid="LetDisksBeEncrypted"),
    ]
