"""What teams in one account share, so that no policy separates them; docs/isolation.md says each, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from tests.isolation.judge import Question


@dataclass(frozen=True, slots=True)
class Shared:
    """Calls that a team's roles may make on what isn't theirs alone. `on`: patterns of the last part of ARNs."""

    actions: tuple[str, ...]
    why: str
    on: tuple[str, ...] = ("*",)


SHARED: Final[tuple[Shared, ...]] = (
    Shared(
        ("batch:DescribeJobs", "batch:DescribeServiceJob"),
        "a job's state is read by its id, which nobody guesses; listing ids takes a queue",
    ),
    Shared(
        (
            "batch:DescribeComputeEnvironments",
            "batch:DescribeJobDefinitions",
            "batch:DescribeJobQueues",
            "batch:DescribeSchedulingPolicies",
            "batch:DescribeServiceEnvironments",
            "ec2:DescribeLaunchTemplateVersions",
            "ec2:DescribeLaunchTemplates",
            "ec2:DescribePlacementGroups",
            "ec2:DescribeSecurityGroupRules",
            "ec2:DescribeTags",
            "ecs:DeregisterTaskDefinition",
            "ecs:DescribeTaskDefinition",
            "elasticloadbalancing:Describe*",
            "fsx:DescribeDataRepositoryAssociations",
            "fsx:DescribeFileSystems",
        ),
        "whoever deploys machines and servers looks them up; AWS takes no resource there",
    ),
    Shared(("cloudwatch:PutMetricData",), "a metric has no ARN, and its namespace no owner"),
    Shared(
        (
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaceAttribute",
            "ec2:DescribeNetworkInterfacePermissions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ),
        "the network is the platform's, and reading it takes no resource",
    ),
    Shared(
        (
            "ec2:CreateNetworkInterface",
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
        ),
        "SageMaker makes a job's network interfaces by the job's role, under names of its own",
    ),
    Shared(("ecr:GetAuthorizationToken",), "the token says who one is, and opens nothing by itself"),
    Shared(
        ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
        "the platform's base images are for every team",
        ("repository/*-platform-*",),
    ),
    Shared(
        ("events:PutEvents",),
        "every team announces on the platform's bus, in its own name alone",
        ("event-bus/*-platform-audit",),
    ),
    Shared(
        (
            "glue:CreateConnection",
            "glue:GetCatalog",
            "glue:GetCatalogImportStatus",
            "glue:GetCatalogs",
            "glue:GetDataCatalogEncryptionSettings",
        ),
        "an account has one catalog; its databases and tables are judged one by one",
        ("catalog",),
    ),
    Shared(("kms:ListAliases",), "names of keys; listing takes no resource"),
    Shared(("lakeformation:GetDataAccess",), "what it gives is what Lake Formation granted, and that is nothing here"),
    Shared(("logs:DescribeLogGroups",), "names of log groups; listing takes no resource"),
    Shared(("secretsmanager:GetRandomPassword",), "a random string is nobody's"),
    Shared(("ssm:DescribeParameters",), "names of parameters; listing takes no resource"),
    Shared(("states:ValidateStateMachineDefinition",), "checks a text that the caller brings"),
    Shared(("sts:GetCallerIdentity",), "whoever asks may know who they are"),
)
UNSEEN: Final = (
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    "service quotas",
    "sagemaker:Search",
)
"""What no team's role may do today, and what no policy could separate if one did; the page says it too."""


def shared_by_all(question: Question) -> bool:
    """Whether what was asked is among what all teams share; events in another's name are not."""
    if "events:source" in question.context:
        return False
    last = question.resource.split(":", 5)[-1]
    return any(
        any(fnmatchcase(question.action, action) for action in each.actions)
        and any(fnmatchcase(last, pattern) for pattern in each.on)
        for each in SHARED
    )
