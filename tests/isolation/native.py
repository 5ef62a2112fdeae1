"""What the native AWS provider asks beyond the stand-in's calls, by resource type: what it reads, and how it empties.

Sources: the read and delete functions of hashicorp/terraform-provider-aws 6 (internal/service), which pulumi-aws 7
wraps, and the permissions that CloudFormation's registry names for the handlers of the same types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

START: Final = ("sts:GetCallerIdentity",)
"""What a provider asks when it starts: `allowedAccountIds` is compared with the answer."""

_BUCKET: Final = (
    "s3:DeleteBucketPolicy",
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLocation",
    "s3:GetBucketLogging",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketPolicy",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:ListTagsForResource",
    "s3:PutBucketTagging",
    "s3:TagResource",
    "s3:UntagResource",
)

ON_THE_RESOURCE: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:athena/workgroup:Workgroup": (
        "athena:GetWorkGroup",
        "athena:ListTagsForResource",
        "athena:UntagResource",
        "athena:UpdateWorkGroup",
    ),
    "aws:batch/computeEnvironment:ComputeEnvironment": (
        "batch:TagResource",
        "batch:UntagResource",
        "batch:UpdateComputeEnvironment",
    ),
    "aws:batch/jobDefinition:JobDefinition": ("batch:TagResource", "batch:UntagResource"),
    "aws:batch/jobQueue:JobQueue": ("batch:TagResource", "batch:UntagResource", "batch:UpdateJobQueue"),
    "aws:batch/schedulingPolicy:SchedulingPolicy": (
        "batch:TagResource",
        "batch:UntagResource",
        "batch:UpdateSchedulingPolicy",
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": (
        "cloudwatch:DescribeAlarms",
        "cloudwatch:ListTagsForResource",
        "cloudwatch:UntagResource",
    ),
    "aws:cloudwatch/dashboard:Dashboard": ("cloudwatch:GetDashboard",),
    "aws:cloudwatch/eventRule:EventRule": (
        "events:DescribeRule",
        "events:DisableRule",
        "events:EnableRule",
        "events:ListTagsForResource",
        "events:ListTargetsByRule",
        "events:UntagResource",
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        "logs:AssociateKmsKey",
        "logs:DeleteRetentionPolicy",
        "logs:DisassociateKmsKey",
        "logs:ListTagsForResource",
        "logs:PutRetentionPolicy",
        "logs:UntagResource",
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        "cloudwatch:DescribeAlarms",
        "cloudwatch:ListTagsForResource",
        "cloudwatch:UntagResource",
    ),
    "aws:dynamodb/table:Table": (
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
        "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateTimeToLive",
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": ("ecr:GetLifecyclePolicy",),
    "aws:ecr/repository:Repository": (
        "ecr:DescribeRepositories",
        "ecr:ListTagsForResource",
        "ecr:PutImageScanningConfiguration",
        "ecr:PutImageTagMutability",
        "ecr:UntagResource",
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": ("ecr:GetRepositoryPolicy",),
    "aws:ecs/cluster:Cluster": ("ecs:DescribeClusters", "ecs:ListTagsForResource", "ecs:UntagResource"),
    "aws:ecs/service:Service": (
        "ecs:DescribeServices",
        "ecs:ListTagsForResource",
        "ecs:UntagResource",
        "ecs:UpdateService",
    ),
    "aws:ecs/taskDefinition:TaskDefinition": ("ecs:ListTagsForResource", "ecs:UntagResource"),
    "aws:ec2/launchTemplate:LaunchTemplate": (
        "ec2:CreateLaunchTemplateVersion",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:ModifyLaunchTemplate",
    ),
    "aws:ec2/placementGroup:PlacementGroup": ("ec2:CreateTags", "ec2:DeleteTags"),
    "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation": (
        "fsx:TagResource",
        "fsx:UntagResource",
        "fsx:UpdateDataRepositoryAssociation",
    ),
    "aws:fsx/lustreFileSystem:LustreFileSystem": ("fsx:TagResource", "fsx:UntagResource", "fsx:UpdateFileSystem"),
    "aws:glue/catalogTable:CatalogTable": ("glue:GetPartitionIndexes", "glue:GetTable", "glue:UpdateTable"),
    "aws:glue/catalogDatabase:CatalogDatabase": ("glue:GetDatabase", "glue:UpdateDatabase"),
    "aws:glue/dataQualityRuleset:DataQualityRuleset": (
        "glue:GetDataQualityRuleset",
        "glue:TagResource",
        "glue:UntagResource",
        "glue:UpdateDataQualityRuleset",
    ),
    "aws:iam/instanceProfile:InstanceProfile": (
        "iam:AddRoleToInstanceProfile",
        "iam:GetInstanceProfile",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:UntagInstanceProfile",
    ),
    "aws:iam/policy:Policy": (
        "iam:CreatePolicyVersion",
        "iam:DeletePolicyVersion",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:ListPolicyTags",
        "iam:ListPolicyVersions",
        "iam:UntagPolicy",
    ),
    "aws:iam/role:Role": (
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole",
        "iam:ListRolePolicies",
        "iam:ListRoleTags",
        "iam:PutRolePermissionsBoundary",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
    ),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": (
        "firehose:DescribeDeliveryStream",
        "firehose:ListTagsForDeliveryStream",
        "firehose:StartDeliveryStreamEncryption",
        "firehose:StopDeliveryStreamEncryption",
        "firehose:UntagDeliveryStream",
        "firehose:UpdateDestination",
    ),
    "aws:lambda/function:Function": (
        "lambda:AddPermission",
        "lambda:GetFunction",
        "lambda:GetFunctionCodeSigningConfig",
        "lambda:GetFunctionConfiguration",
        "lambda:GetPolicy",
        "lambda:ListTags",
        "lambda:ListVersionsByFunction",
        "lambda:PutFunctionConcurrency",
        "lambda:RemovePermission",
        "lambda:UntagResource",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
    ),
    "aws:s3/bucket:Bucket": _BUCKET,
    "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition": (
        "sagemaker:DeleteTags",
        "sagemaker:DescribeDataQualityJobDefinition",
        "sagemaker:ListTags",
    ),
    "aws:sagemaker/featureGroup:FeatureGroup": (
        "sagemaker:DeleteTags",
        "sagemaker:DescribeFeatureGroup",
        "sagemaker:ListTags",
        "sagemaker:UpdateFeatureGroup",
    ),
    "aws:sagemaker/modelCard:ModelCard": (
        "sagemaker:DeleteTags",
        "sagemaker:DescribeModelCard",
        "sagemaker:ListTags",
        "sagemaker:UpdateModelCard",
    ),
    "aws:sagemaker/monitoringSchedule:MonitoringSchedule": (
        "sagemaker:DeleteTags",
        "sagemaker:DescribeMonitoringSchedule",
        "sagemaker:ListTags",
        "sagemaker:UpdateMonitoringSchedule",
    ),
    "aws:sagemaker/pipeline:Pipeline": (
        "sagemaker:DeleteTags",
        "sagemaker:DescribePipeline",
        "sagemaker:ListTags",
        "sagemaker:UpdatePipeline",
    ),
    "aws:sagemaker/modelPackageGroup:ModelPackageGroup": (
        "sagemaker:DeleteTags",
        "sagemaker:DescribeModelPackageGroup",
        "sagemaker:ListTags",
    ),
    "aws:lb/listener:Listener": (
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:RemoveTags",
    ),
    "aws:lb/loadBalancer:LoadBalancer": (
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:RemoveTags",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
    ),
    "aws:lb/targetGroup:TargetGroup": (
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
        "elasticloadbalancing:RemoveTags",
    ),
    "aws:rds/instance:Instance": (
        "rds:DescribeDBInstances",
        "rds:ListTagsForResource",
        "rds:ModifyDBInstance",
        "rds:RemoveTagsFromResource",
    ),
    "aws:rds/parameterGroup:ParameterGroup": (
        "rds:DescribeDBParameterGroups",
        "rds:DescribeDBParameters",
        "rds:ListTagsForResource",
        "rds:ModifyDBParameterGroup",
        "rds:RemoveTagsFromResource",
        "rds:ResetDBParameterGroup",
    ),
    "aws:rds/subnetGroup:SubnetGroup": (
        "rds:DescribeDBSubnetGroups",
        "rds:ListTagsForResource",
        "rds:ModifyDBSubnetGroup",
        "rds:RemoveTagsFromResource",
    ),
    "aws:sagemaker/mlflowTrackingServer:MlflowTrackingServer": (
        "sagemaker:DeleteTags",
        "sagemaker:DescribeMlflowTrackingServer",
        "sagemaker:ListTags",
        "sagemaker:UpdateMlflowTrackingServer",
    ),
    "aws:scheduler/schedule:Schedule": ("scheduler:GetSchedule", "scheduler:UpdateSchedule"),
    "aws:scheduler/scheduleGroup:ScheduleGroup": (
        "scheduler:GetScheduleGroup",
        "scheduler:ListTagsForResource",
        "scheduler:UntagResource",
    ),
    "aws:secretsmanager/secret:Secret": (
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetResourcePolicy",
        "secretsmanager:GetSecretValue",
        "secretsmanager:ListSecretVersionIds",
        "secretsmanager:RestoreSecret",
        "secretsmanager:TagResource",
        "secretsmanager:UntagResource",
        "secretsmanager:UpdateSecret",
        "secretsmanager:UpdateSecretVersionStage",
        "secretsmanager:ValidateResourcePolicy",
    ),
    "aws:sfn/stateMachine:StateMachine": (
        "states:DescribeStateMachine",
        "states:ListStateMachineVersions",
        "states:ListTagsForResource",
        "states:UntagResource",
        "states:UpdateStateMachine",
    ),
    "aws:sns/topic:Topic": (
        "sns:GetDataProtectionPolicy",
        "sns:GetTopicAttributes",
        "sns:ListSubscriptionsByTopic",
        "sns:ListTagsForResource",
        "sns:UntagResource",
    ),
    "aws:ssm/parameter:Parameter": (
        "ssm:GetParameter",
        "ssm:GetParameters",
        "ssm:ListTagsForResource",
        "ssm:RemoveTagsFromResource",
    ),
}
"""By type: actions on the ARN of the resource itself."""

ON_NOTHING: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:batch/computeEnvironment:ComputeEnvironment": ("batch:DescribeComputeEnvironments",),
    "aws:batch/jobDefinition:JobDefinition": ("batch:DescribeJobDefinitions",),
    "aws:batch/jobQueue:JobQueue": ("batch:DescribeJobQueues",),
    "aws:batch/schedulingPolicy:SchedulingPolicy": ("batch:DescribeSchedulingPolicies",),
    "aws:cloudcontrol/resource:Resource": (
        "cloudformation:CreateResource",
        "cloudformation:DeleteResource",
        "cloudformation:GetResource",
        "cloudformation:GetResourceRequestStatus",
        "cloudformation:UpdateResource",
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": ("ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions"),
    "aws:ec2/placementGroup:PlacementGroup": ("ec2:DescribePlacementGroups",),
    "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation": ("fsx:DescribeDataRepositoryAssociations",),
    "aws:fsx/lustreFileSystem:LustreFileSystem": ("fsx:DescribeFileSystems",),
    "aws:cloudwatch/logGroup:LogGroup": ("logs:DescribeLogGroups",),
    "aws:sfn/stateMachine:StateMachine": ("states:ValidateStateMachineDefinition",),
    "aws:ssm/parameter:Parameter": ("ssm:DescribeParameters",),
}
"""By type: actions that take no resource. The definition of a state machine is checked while it is planned."""

EMPTIED: Final = ("s3:DeleteObject", "s3:DeleteObjectVersion")
"""What emptying a bucket that may be (`forceDestroy`) is asked about."""

KEPT: Final = ("s3:DeleteObject", "s3:GetObject", "s3:GetObjectTagging", "s3:PutObject", "s3:PutObjectTagging")
"""What keeping an object in a bucket is asked about."""

SILENT: Final = (
    "aws:cloudcontrol/resource:Resource",
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:cloudwatch/logStream:LogStream",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:lambda/permission:Permission",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketLogging:BucketLogging",
    "aws:s3/bucketNotification:BucketNotification",
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    "aws:secretsmanager/secretVersion:SecretVersion",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sns/topicSubscription:TopicSubscription",
)
"""Types of which the native provider asks nothing but what the stand-in calls, or what is asked of their owner."""
