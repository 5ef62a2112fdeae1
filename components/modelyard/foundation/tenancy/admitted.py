"""What of AWS a team's fence admits: always, and for each capability that the team's file declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from modelyard.foundation.tenancy.spec import CAPABILITIES, Capability

T = TypeVar("T", str, tuple[str, str])
Place = tuple[str, str]
"""A service, and what follows the account in the ARNs of its things; `{own}` stands for the team's prefix with a
wildcard, `{tables}` for the same with underscores, `{path}` for the team's path."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Actions and things that a fence lets in."""

    code: tuple[str, ...] = ()
    """Actions of the team's code, on the team's things."""
    never: tuple[str, ...] = ()
    """Those among them that open the team's things to others: the deployment does that, where checks see it."""
    keys: tuple[str, ...] = ()
    """What code does with the team's keys."""
    stack: tuple[str, ...] = ()
    """Actions of the team's deployment, on the team's things."""
    things: tuple[Place, ...] = ()
    """What code works with and the deployment makes."""
    made: tuple[Place, ...] = ()
    """What the deployment makes and code doesn't touch."""


ALWAYS: Final = Admitted(
    code=(
        "athena:*",
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
        "sns:Publish",
        "ssm:GetParameter*",
        "states:*",
    ),
    never=(
        "s3:BypassGovernanceRetention",
        "s3:DeleteBucket*",
        "s3:PutBucket*",
        "s3:PutReplicationConfiguration",
        "sagemaker:PutModelPackageGroupPolicy",
    ),
    keys=(
        "kms:*crypt*",
        "kms:CreateGrant",
        "kms:DescribeKey",
        "kms:GenerateDataKey*",
    ),
    stack=(
        "athena:*",
        "cloudwatch:*",
        "events:*",
        "firehose:*",
        "glue:*DataQuality*",
        "glue:*Database*",
        "glue:*Partition*",
        "glue:*Table*",
        "glue:*Tag*",
        "kinesis:*",
        "lambda:*",
        "logs:*",
        "s3:*",
        "sagemaker:*",
        "scheduler:*",
        "sns:*",
        "ssm:*Parameter*",
        "ssm:*TagsFromResource",
        "ssm:*TagsToResource",
        "ssm:ListTagsForResource",
        "states:*",
    ),
    things=(
        ("athena", "workgroup/{own}"),
        ("events", "event-bus/{own}"),
        ("firehose", "deliverystream/{own}"),
        ("glue", "catalog"),
        ("glue", "database/{tables}"),
        ("glue", "dataQualityRuleset/{own}"),
        ("glue", "table/{tables}"),
        ("kinesis", "stream/{own}"),
        ("lambda", "function:{own}"),
        ("s3", "{own}"),
        ("sagemaker", "*/{own}"),
        ("sns", "{own}"),
        ("ssm", "parameter{path}*"),
        ("states", "execution:{own}"),
        ("states", "stateMachine:{own}"),
    ),
    made=(
        ("cloudwatch", "alarm:{own}"),
        ("events", "rule/{own}"),
        ("glue", "userDefinedFunction/{tables}"),
        ("scheduler", "schedule/{own}"),
        ("scheduler", "schedule-group/{own}"),
    ),
)
"""A rule lies on the team's own bus, or on the account's default one, which alone hears AWS's own events.

No wildcard stands for a type, which IAM doesn't promise to match (IAM/latest/UserGuide/reference-arns), but for
SageMaker's: it has seventy, and AWS does so itself (`arn:aws:sagemaker:*:*:*model-compilation-*` in the managed policy
AmazonSageMakerCanvasFullAccess)."""

BY_CAPABILITY: Final[Mapping[Capability, Admitted]] = {
    "features": Admitted(
        code=("dynamodb:*", "elasticache:Connect"),
        never=("dynamodb:*ResourcePolicy",),
        stack=("dynamodb:*", "elasticache:*"),
        things=(
            ("dynamodb", "table/{own}"),
            ("elasticache", "serverlesscache:{own}"),
            ("elasticache", "user:{own}"),
        ),
        made=(("elasticache", "usergroup:{own}"),),
    ),
    "images": Admitted(stack=("ecr:*",), made=(("ecr", "repository/{own}"),)),
    "registry": Admitted(keys=("kms:GetPublicKey", "kms:Sign", "kms:Verify")),
    "secrets": Admitted(
        code=("secretsmanager:*Secret*",),
        never=("secretsmanager:RotateSecret",),
        stack=("secretsmanager:*",),
        things=(("secretsmanager", "secret:{own}"),),
    ),
}


def admitted(capabilities: Iterable[Capability] = CAPABILITIES) -> Admitted:
    """What a fence with these capabilities admits, each part sorted and without repetition."""
    wanted = set(capabilities)
    parts = [ALWAYS, *(part for name, part in BY_CAPABILITY.items() if name in wanted)]
    return Admitted(
        code=_joined(part.code for part in parts),
        never=_joined(part.never for part in parts),
        keys=_joined(part.keys for part in parts),
        stack=_joined(part.stack for part in parts),
        things=_joined(part.things for part in parts),
        made=_joined(part.made for part in parts),
    )


def _joined(parts: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(sorted({one for part in parts for one in part}))
