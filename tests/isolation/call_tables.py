"""Where IAM calls a call, its resources or its context otherwise than the API does: tables by service and operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Value = str | tuple[str, ...]

PREFIXES: Final = {"elbv2": "elasticloadbalancing", "stepfunctions": "states", "s3control": "s3"}
"""IAM's name of a service, where botocore has another."""

ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "s3:DeleteBucketCors": ("s3:PutBucketCORS",),
    "s3:DeleteBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:DeleteBucketLifecycle": ("s3:PutLifecycleConfiguration",),
    "s3:DeleteBucketOwnershipControls": ("s3:PutBucketOwnershipControls",),
    "s3:DeleteBucketReplication": ("s3:PutReplicationConfiguration",),
    "s3:DeleteBucketTagging": ("s3:PutBucketTagging",),
    "s3:DeletePublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "s3:GetBucketEncryption": ("s3:GetEncryptionConfiguration",),
    "s3:GetBucketLifecycleConfiguration": ("s3:GetLifecycleConfiguration",),
    "s3:GetBucketNotificationConfiguration": ("s3:GetBucketNotification",),
    "s3:GetObjectLockConfiguration": ("s3:GetBucketObjectLockConfiguration",),
    "s3:GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:HeadObject": ("s3:GetObject",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:PutBucketCors": ("s3:PutBucketCORS",),
    "s3:PutBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:PutBucketLifecycleConfiguration": ("s3:PutLifecycleConfiguration",),
    "s3:PutBucketNotificationConfiguration": ("s3:PutBucketNotification",),
    "s3:PutBucketReplication": ("s3:PutReplicationConfiguration",),
    "s3:PutObjectLockConfiguration": ("s3:PutBucketObjectLockConfiguration",),
    "s3:PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
}
"""Operations whose action is called otherwise (AmazonS3/latest/userguide/using-with-s3-policy-actions)."""

TAGGING: Final[Mapping[str, str]] = {
    "application-autoscaling:RegisterScalableTarget": "application-autoscaling:TagResource",
    "batch:CreateComputeEnvironment": "batch:TagResource",
    "batch:CreateJobQueue": "batch:TagResource",
    "batch:CreateSchedulingPolicy": "batch:TagResource",
    "batch:RegisterJobDefinition": "batch:TagResource",
    "cloudformation:CreateStack": "cloudformation:TagResource",
    "cloudwatch:PutCompositeAlarm": "cloudwatch:TagResource",
    "cloudwatch:PutMetricAlarm": "cloudwatch:TagResource",
    "dynamodb:CreateTable": "dynamodb:TagResource",
    "ecr:CreateRepository": "ecr:TagResource",
    "ec2:CreateLaunchTemplate": "ec2:CreateTags",
    "ec2:CreatePlacementGroup": "ec2:CreateTags",
    "ec2:CreateSecurityGroup": "ec2:CreateTags",
    "ecs:CreateCluster": "ecs:TagResource",
    "ecs:CreateService": "ecs:TagResource",
    "ecs:RegisterTaskDefinition": "ecs:TagResource",
    "events:PutRule": "events:TagResource",
    "firehose:CreateDeliveryStream": "firehose:TagDeliveryStream",
    "fsx:CreateDataRepositoryAssociation": "fsx:TagResource",
    "fsx:CreateFileSystem": "fsx:TagResource",
    "glue:CreateDataQualityRuleset": "glue:TagResource",
    "glue:CreateDatabase": "glue:TagResource",
    "iam:CreateInstanceProfile": "iam:TagInstanceProfile",
    "iam:CreatePolicy": "iam:TagPolicy",
    "iam:CreateRole": "iam:TagRole",
    "kinesis:CreateStream": "kinesis:AddTagsToStream",
    "lambda:CreateFunction": "lambda:TagResource",
    "logs:CreateLogGroup": "logs:TagResource",
    "rds:CreateDBInstance": "rds:AddTagsToResource",
    "rds:CreateDBParameterGroup": "rds:AddTagsToResource",
    "rds:CreateDBSubnetGroup": "rds:AddTagsToResource",
    "s3:CreateBucket": "s3:TagResource",
    "sagemaker:CreateDataQualityJobDefinition": "sagemaker:AddTags",
    "sagemaker:CreateEndpoint": "sagemaker:AddTags",
    "sagemaker:CreateEndpointConfig": "sagemaker:AddTags",
    "sagemaker:CreateInferenceComponent": "sagemaker:AddTags",
    "sagemaker:CreateModel": "sagemaker:AddTags",
    "sagemaker:CreateModelBiasJobDefinition": "sagemaker:AddTags",
    "sagemaker:CreateModelExplainabilityJobDefinition": "sagemaker:AddTags",
    "sagemaker:CreateModelQualityJobDefinition": "sagemaker:AddTags",
    "sagemaker:CreateMonitoringSchedule": "sagemaker:AddTags",
    "scheduler:CreateScheduleGroup": "scheduler:TagResource",
    "secretsmanager:CreateSecret": "secretsmanager:TagResource",
    "sns:CreateTopic": "sns:TagResource",
    "sqs:CreateQueue": "sqs:TagQueue",
    "ssm:PutParameter": "ssm:AddTagsToResource",
    "states:CreateStateMachine": "states:TagResource",
    "wafv2:CreateWebACL": "wafv2:TagResource",
}
"""What is asked besides where the call that makes a thing carries its tags; the native provider's calls do."""

PASSED_TO: Final = {
    "apigateway:PutRestApi": "apigateway.amazonaws.com",
    "apigateway:UpdateAccount": "apigateway.amazonaws.com",
    "batch:RegisterJobDefinition": "ecs-tasks.amazonaws.com",
    "ecs:RegisterTaskDefinition": "ecs-tasks.amazonaws.com",
    "events:PutTargets": "events.amazonaws.com",
    "firehose:CreateDeliveryStream": "firehose.amazonaws.com",
    "firehose:UpdateDestination": "firehose.amazonaws.com",
    "lambda:CreateFunction": "lambda.amazonaws.com",
    "lambda:UpdateFunctionConfiguration": "lambda.amazonaws.com",
    "scheduler:CreateSchedule": "scheduler.amazonaws.com",
    "scheduler:UpdateSchedule": "scheduler.amazonaws.com",
    "states:CreateStateMachine": "states.amazonaws.com",
    "states:UpdateStateMachine": "states.amazonaws.com",
}
"""Calls that hand a role to a service (IAM/latest/UserGuide/id_roles_use_passrole); sagemaker's all do."""

CREATE_GRANT: Final = ("kms:CreateGrant", "kms:DescribeKey")
USE: Final = ("kms:Decrypt", "kms:GenerateDataKey")
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "ecr:CreateRepository": (*CREATE_GRANT, "kms:RetireGrant"),
    "firehose:CreateDeliveryStream": CREATE_GRANT,
    "firehose:StartDeliveryStreamEncryption": CREATE_GRANT,
    "fsx:CreateFileSystem": CREATE_GRANT,
    "lambda:CreateFunction": (*CREATE_GRANT, "kms:Encrypt", "kms:Decrypt"),
    "rds:CreateDBInstance": (*CREATE_GRANT, *USE),
    "sagemaker:CreateEndpoint": CREATE_GRANT,
    "sagemaker:UpdateEndpoint": CREATE_GRANT,
    "scheduler:CreateSchedule": ("kms:DescribeKey", *USE),
    "scheduler:UpdateSchedule": ("kms:DescribeKey", *USE),
    "secretsmanager:CreateSecret": USE,
    "secretsmanager:GetSecretValue": ("kms:Decrypt",),
    "secretsmanager:PutSecretValue": USE,
    "secretsmanager:UpdateSecret": USE,
    "states:CreateStateMachine": ("kms:DescribeKey", *USE),
    "states:DescribeStateMachine": ("kms:Decrypt",),
    "states:UpdateStateMachine": ("kms:DescribeKey", *USE),
}
"""What a service does with a key in the caller's name (the encryption page of each: firehose/latest/dev/encryption,
AmazonECR/latest/userguide/encryption-at-rest, sagemaker/latest/dg/api-permissions-reference,
secretsmanager/latest/userguide/security-encryption, step-functions/latest/dg/encryption-at-rest, scheduler's alike).
Others (S3, SNS, SQS, Logs, Athena, Glue) use it only when they work."""

PLACES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "application-autoscaling": (("ResourceARN", "{}"),),
    "athena": (("WorkGroup", "workgroup/{}"), ("Name", "workgroup/{}"), ("ResourceARN", "{}")),
    "batch": (
        ("computeEnvironment", "compute-environment/{}"),
        ("computeEnvironmentName", "compute-environment/{}"),
        ("jobDefinition", "job-definition/{}"),
        ("jobDefinitionName", "job-definition/{}"),
        ("jobQueue", "job-queue/{}"),
        ("jobQueueName", "job-queue/{}"),
        ("name", "scheduling-policy/{}"),
        ("arn", "{}"),
        ("resourceArn", "{}"),
    ),
    "cloudformation": (("StackName", "stack/{}/00000000-0000-0000-0000-000000000000"),),
    "cloudwatch": (("AlarmName", "alarm:{}"), ("AlarmNames", "alarm:{}"), ("ResourceARN", "{}")),
    "ecr": (("repositoryName", "repository/{}"), ("repositoryNames", "repository/{}"), ("resourceArn", "{}")),
    "firehose": (("DeliveryStreamName", "deliverystream/{}"),),
    "fsx": (("FileSystemId", "file-system/{}"), ("ResourceARN", "{}")),
    "iam": (
        ("InstanceProfileName", "instance-profile{path}{}"),
        ("RoleName", "role{path}{}"),
        ("PolicyName", "policy{path}{}"),
        ("PolicyArn", "{}"),
    ),
    "lambda": (("FunctionName", "function:{}"),),
    "logs": (
        ("logGroupName", "log-group:{}"),
        ("logGroupNamePrefix", "log-group:{}"),
        ("resourceArn", "{}"),
    ),
    "rds": (
        ("ResourceName", "{}"),
        ("DBInstanceIdentifier", "db:{}"),
        ("DBParameterGroupName", "pg:{}"),
        ("DBSubnetGroupName", "subgrp:{}"),
    ),
    "s3": (("Bucket", "{}"),),
    "scheduler": (("ResourceArn", "{}"), ("Name", "schedule-group/{}")),
    "secretsmanager": (("Name", "secret:{}-AbCdEf"), ("SecretId", "{}")),
    "sns": (("TopicArn", "{}"), ("ResourceArn", "{}"), ("Name", "{}")),
    "ssm": (("Name", "parameter{}"), ("Path", "parameter{}"), ("ResourceId", "parameter{}")),
    "states": (("stateMachineArn", "{}"), ("resourceArn", "{}"), ("name", "stateMachine:{}")),
}
"""By service: parameters, and the ARN's last part that each stands for; the first that a call has names its resource.
What is missing here is on the ARN of the resource that the call was made for. A subscription is on its topic."""

ON_EVERYTHING: Final = ("cloudwatch:DescribeAlarms", "cloudwatch:PutCompositeAlarm")
"""Actions that a composite alarm needs on `*`, though the reference names alarms for them; nothing narrower will do.
They are asked about an alarm of nobody's: the judge takes `*` for whatever is allowed.
Source: AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm, API_DescribeAlarms."""

NOBODYS_ALARM: Final = "alarm:of-nobody"

UNLISTED: Final = (
    ("apigateway:POST", "/deployments"),
    ("apigateway:POST", "/stages"),
    ("apigateway:SetWebACL", "/stages/"),
    ("glue:GetTags", ":dataQualityRuleset/"),
)
"""Actions and things that go together, and of which the reference doesn't know it: nobody can be asked about them.

API Gateway's have two forms of ARN, which the simulator's copy of the reference writes as one.
"""

CREATE_ACTIONS: Final = {
    "aws:ec2/launchTemplate:LaunchTemplate": "CreateLaunchTemplate",
    "aws:ec2/placementGroup:PlacementGroup": "CreatePlacementGroup",
    "aws:ec2/securityGroup:SecurityGroup": "CreateSecurityGroup",
}
"""What EC2 says a new thing's tags came with; the native provider's calls carry them, the stand-in's follow."""

ARN_OF: Final = {
    "aws:cloudwatch/dashboard:Dashboard": "dashboardArn",
    "aws:sagemaker/modelCard:ModelCard": "modelCardArn",
}
"""Types whose own ARN is called otherwise than `arn`."""

TARGET: Final = "aws:appautoscaling/target:Target"
ALARMED: Final[Mapping[str, tuple[str, ...]]] = {
    "application-autoscaling:DeleteScalingPolicy": ("cloudwatch:DeleteAlarms",),
    "application-autoscaling:DeregisterScalableTarget": ("cloudwatch:DeleteAlarms",),
    "application-autoscaling:PutScalingPolicy": ("cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"),
}
"""What is done in the caller's name with the alarms of what tracks a target
(sagemaker/latest/dg/endpoint-auto-scaling-prerequisites)."""

INSIDE: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("AWS::SageMaker::Endpoint", "CreateStack"): (
        "sagemaker:AddTags",
        "sagemaker:CreateEndpoint",
        "sagemaker:DescribeEndpoint",
    ),
    ("AWS::SageMaker::Endpoint", "UpdateStack"): (
        "sagemaker:AddTags",
        "sagemaker:DeleteTags",
        "sagemaker:DescribeEndpoint",
        "sagemaker:ListTags",
        "sagemaker:UpdateEndpoint",
    ),
    ("AWS::SageMaker::Endpoint", "DeleteStack"): ("sagemaker:DeleteEndpoint", "sagemaker:DescribeEndpoint"),
}
"""What CloudFormation asks in the caller's name for what is in a stack: by type and operation, the permissions that
the type's published schema names for its handlers (cloudformation-cli/latest/userguide/resource-type-schema)."""

NAMED_BY_ID: Final = ("aws:cloudcontrol/resource:Resource", "aws:cloudformation/stack:Stack")
"""Types whose ids are ARNs."""
