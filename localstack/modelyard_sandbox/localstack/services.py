"""Which services LocalStack answers itself, and which moto answers behind the same gateway: one table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

How = Literal["native", "bridged"]

RESET: Final = "/_modelyard/reset"
"""What is posted there empties a LocalStack that yard has started."""

NATIVE: Final = (
    "cloudformation",
    "cloudwatch",
    "events",
    "firehose",
    "iam",
    "kms",
    "s3",
    "s3control",
    "sns",
    "sqs",
    "stepfunctions",
    "sts",
)
"""LocalStack's own, in the free edition."""

_OLDER: Final = "its own is an older moto with patches"
_DOWNLOAD: Final = "its own downloads a program when it is first used"
REPLACED: Final = {
    "acm": _OLDER,
    "apigateway": "its own knows nothing of a firewall, nor of the account that must let it log",
    "config": _OLDER,
    "dynamodb": _DOWNLOAD,
    "dynamodbstreams": _DOWNLOAD,
    "ec2": _OLDER,
    "es": _DOWNLOAD,
    "kinesis": _DOWNLOAD,
    "lambda": "its own runs each function in a container",
    "logs": _OLDER,
    "opensearch": _DOWNLOAD,
    "redshift": _OLDER,
    "resource-groups": _OLDER,
    "resourcegroupstaggingapi": _OLDER,
    "route53": _OLDER,
    "route53resolver": _OLDER,
    "scheduler": _OLDER,
    "secretsmanager": _OLDER,
    "ses": _OLDER,
    "ssm": _OLDER,
    "support": _OLDER,
    "swf": _OLDER,
    "transcribe": _DOWNLOAD,
}
"""LocalStack has them, and moto answers all the same; why."""

LACKING: Final = (
    "appconfig",
    "application-autoscaling",
    "athena",
    "autoscaling",
    "backup",
    "batch",
    "bedrock",
    "budgets",
    "ce",
    "cloudfront",
    "cloudtrail",
    "codebuild",
    "codecommit",
    "codepipeline",
    "cognito-identity",
    "cognito-idp",
    "databrew",
    "ebs",
    "ecr",
    "ecs",
    "efs",
    "eks",
    "elasticache",
    "elb",
    "elbv2",
    "emr",
    "emr-containers",
    "emr-serverless",
    "fsx",
    "glue",
    "guardduty",
    "identitystore",
    "inspector2",
    "kafka",
    "lakeformation",
    "macie2",
    "memorydb",
    "mq",
    "network-firewall",
    "opensearchserverless",
    "organizations",
    "pipes",
    "quicksight",
    "ram",
    "rds",
    "rds-data",
    "redshift-data",
    "s3tables",
    "sagemaker",
    "sagemaker-metrics",
    "sagemaker-runtime",
    "securityhub",
    "service-quotas",
    "servicecatalog",
    "servicediscovery",
    "sesv2",
    "signer",
    "sso-admin",
    "synthetics",
    "timestream-query",
    "timestream-write",
    "vpc-lattice",
    "wafv2",
    "xray",
)
"""The free edition has none of them: moto answers. Any other of moto's joins by `--bridge`."""

BRIDGED: Final = tuple(sorted((*REPLACED, *LACKING)))


def table(extra: Iterable[str] = ()) -> dict[str, How]:
    """Every service that the host mode answers, by name, with `extra` ones bridged too."""
    found: dict[str, How] = dict.fromkeys(NATIVE, "native")
    found.update(dict.fromkeys((*BRIDGED, *extra), "bridged"))
    return dict(sorted(found.items()))
