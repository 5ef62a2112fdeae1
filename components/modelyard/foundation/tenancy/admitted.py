"""What of AWS a team's fence admits: always, and for each capability that the team's file declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from modelyard.foundation.tenancy.spec import ORDINARY, Capability

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
    nowhere: tuple[str, ...] = ()
    """Actions of code that take no resource, one that a service names by itself when work is in a VPC (network
    interfaces), or one beside what is judged (a catalog, where Glue judges the table)."""
    stack: tuple[str, ...] = ()
    """Actions of the team's deployment, on the team's things."""
    things: tuple[Place, ...] = ()
    """What code works with and the deployment makes."""
    made: tuple[Place, ...] = ()
    """What the deployment makes and code doesn't touch."""
    shared: tuple[Place, ...] = ()
    """What a service makes once for the whole account, in the name of the team's code."""
    serves: bool = False
    """Whether the stack runs servers, with security groups of their own."""
    computes: bool = False
    """Whether the stack runs machines of its own, with launch templates, profiles and file systems."""
    controls: bool = False
    """Whether the stack makes things through Cloud Control."""
    scales: bool = False
    """Whether the stack has things that scale by themselves."""
    opens: bool = False
    """Whether the stack has public doors."""
    joins: bool = False
    """Whether the stack joins accounts of a cluster with roles, and lets its people into it."""
    numbers: tuple[Place, ...] = ()
    """Things that code reaches and to which AWS gives a number for a name."""
    numbered: tuple[str, ...] = ()
    """Actions of code on things to which AWS gives a number for a name: their tag must say that they are the team's."""


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
    nowhere=(
        "athena:GetTableMetadata",
        "cloudwatch:PutMetricData",
        "ecr:GetAuth*",
        "lakeformation:GetDataAccess",
        "logs:DescribeLogGroups",
        "sts:GetCallerIdentity",
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
AmazonSageMakerCanvasFullAccess).

Batch calls its clusters `AWSBatch-<environment>-…`, and `<environment>_Batch_…` before."""

_IN_A_VPC: Final = (
    "ec2:*eNetworkInterface*",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
"""The first: create, delete, describe. Source: sagemaker/latest/dg/sagemaker-roles, "CreateTrainingJob API"."""

BY_CAPABILITY: Final[Mapping[Capability, Admitted]] = {
    "batch": Admitted(
        code=(
            "batch:*",
            "ecs:*ContainerInstance*",
            "ecs:Poll",
            "ecs:StartTelemetrySession",
            "ecs:Submit*",
        ),
        nowhere=("batch:DescribeJobs", "batch:DescribeServiceJob", "ecs:DiscoverPollEndpoint"),
        stack=("batch:*",),
        things=(
            ("batch", "job-definition/{own}"),
            ("batch", "job-queue/{own}"),
            ("ecs", "cluster/*{own}"),
            ("ecs", "container-instance/*{own}"),
            ("sagemaker", "training-job/AWSBatch{own}"),
        ),
        made=(
            ("batch", "compute-environment/{own}"),
            ("batch", "scheduling-policy/{own}"),
            ("batch", "service-environment/{own}"),
            ("ec2", "placement-group/{own}"),
        ),
        computes=True,
        controls=True,
        numbered=("batch:CancelJob", "batch:Terminate*"),
        numbers=(("batch", "job/*"), ("batch", "service-job/*")),
    ),
    "doors": Admitted(opens=True),
    "features": Admitted(
        code=("dynamodb:*", "elasticache:Connect"),
        nowhere=_IN_A_VPC,
        never=("dynamodb:*ResourcePolicy",),
        stack=("dynamodb:*", "elasticache:*"),
        things=(
            ("dynamodb", "table/{own}"),
            ("elasticache", "serverlesscache:{own}"),
            ("elasticache", "user:{own}"),
        ),
        made=(("elasticache", "usergroup:{own}"),),
    ),
    "images": Admitted(
        never=("ecr:SetRepositoryPolicy",),
        stack=("ecr:*",),
        things=(("ecr", "repository/{own}"),),
    ),
    "kubernetes": Admitted(joins=True),
    "lustre": Admitted(
        code=("fsx:DeleteFileSystem",),
        computes=True,
        numbered=("fsx:*",),
        numbers=(("fsx", "file-system/*"),),
    ),
    "monitoring": Admitted(
        nowhere=_IN_A_VPC,
        made=(("cloudwatch", "dashboard/{own}"),),
        controls=True,
    ),
    "pipelines": Admitted(
        code=("events:DescribeRule", "events:PutRule", "events:PutTargets"),
        shared=(("events", "rule/StepFunctionsGetEventsForSageMaker*"),),
    ),
    "registry": Admitted(keys=("kms:GetPublicKey", "kms:Sign", "kms:Verify")),
    "retraining": Admitted(code=("ssm:PutParameter",)),
    "secrets": Admitted(
        code=("secretsmanager:*Secret*",),
        nowhere=("secretsmanager:GetRandomPassword",),
        never=("secretsmanager:RotateSecret",),
        stack=("secretsmanager:*",),
        things=(("secretsmanager", "secret:{own}"),),
    ),
    "serving": Admitted(
        code=("cloudwatch:DescribeAlarms",),
        things=(("cloudwatch", "alarm:{own}"),),
        nowhere=_IN_A_VPC,
        stack=("cloudformation:*Resource", "cloudformation:*Stack*", "cloudformation:GetTemplate*"),
        made=(
            ("cloudformation", "stack/{own}"),
            ("cloudwatch", "alarm:TargetTracking-endpoint/{own}"),
            ("cloudwatch", "alarm:TargetTracking-inference-component/{own}"),
        ),
        controls=True,
        scales=True,
    ),
    "tracking": Admitted(
        serves=True,
        code=(
            "ecs:UpdateService",
            "rds-db:connect",
            "rds:StartDBInstance",
            "rds:StopDBInstance",
            "sagemaker-mlflow:*",
            "secretsmanager:*Secret*",
        ),
        nowhere=("sagemaker-mlflow:AccessUI",),
        never=("secretsmanager:RotateSecret",),
        stack=("ecs:*", "elasticloadbalancing:*", "rds:*", "secretsmanager:*"),
        things=(
            ("ecs", "service/{own}"),
            ("rds", "db:{own}"),
            ("rds-db", "dbuser:*/{own}"),
            ("secretsmanager", "secret:{own}"),
        ),
        made=(
            ("ecs", "cluster/{own}"),
            ("ecs", "task-definition/{own}"),
            ("elasticloadbalancing", "listener/app/{own}"),
            ("elasticloadbalancing", "loadbalancer/app/{own}"),
            ("elasticloadbalancing", "targetgroup/{own}"),
            ("rds", "pg:{own}"),
            ("rds", "snapshot:{own}"),
            ("rds", "subgrp:{own}"),
        ),
    ),
    "training": Admitted(nowhere=_IN_A_VPC),
    "workbench": Admitted(
        nowhere=(*_IN_A_VPC, "sagemaker:DescribeDomain", "sagemaker:ListApps", "sagemaker:ListSpaces")
    ),
}


def admitted(capabilities: Iterable[Capability] = ORDINARY) -> Admitted:
    """What a fence with these capabilities admits, each part sorted and without repetition."""
    wanted = set(capabilities)
    parts = [ALWAYS, *(part for name, part in BY_CAPABILITY.items() if name in wanted)]
    return Admitted(
        code=_joined(part.code for part in parts),
        never=_joined(part.never for part in parts),
        keys=_joined(part.keys for part in parts),
        nowhere=_joined(part.nowhere for part in parts),
        stack=_joined(part.stack for part in parts),
        things=_joined(part.things for part in parts),
        made=_joined(part.made for part in parts),
        shared=_joined(part.shared for part in parts),
        serves=any(part.serves for part in parts),
        computes=any(part.computes for part in parts),
        controls=any(part.controls for part in parts),
        scales=any(part.scales for part in parts),
        opens=any(part.opens for part in parts),
        joins=any(part.joins for part in parts),
        numbers=_joined(part.numbers for part in parts),
        numbered=_joined(part.numbered for part in parts),
    )


def _joined(parts: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(sorted({one for part in parts for one in part}))
