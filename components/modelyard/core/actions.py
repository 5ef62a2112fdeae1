"""Actions that several capabilities grant together, and that the fence around a team lists."""

from __future__ import annotations

from typing import Final

PULL_IMAGES: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
WRITE_LOGS: Final = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
JOB_IN_A_VPC: Final = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
"""What a job of SageMaker's in a VPC needs (sagemaker/latest/dg/sagemaker-roles)."""

READ_CATALOG: Final = (
    "glue:BatchGetPartition",
    "glue:GetDatabase",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:GetTable",
)
WRITE_CATALOG: Final = ("glue:BatchCreatePartition", "glue:CreatePartition", "glue:UpdatePartition")
QUERY: Final = (
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:GetWorkGroup",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
)

FOR_SERVICES: Final = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
"""The condition of `kms:CreateGrant`: a service asks for itself (kms/latest/developerguide/conditions-kms)."""
