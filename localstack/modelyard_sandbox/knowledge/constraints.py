"""Which operation of AWS creates a resource type: the table that joins Pulumi's properties to botocore's models.

A property meets the member of the same name, letter case aside, at any depth; only what is called otherwise needs an
entry. Member paths start at the operation's input (`LifecycleConfiguration.Rules`), or name another operation of the
service (`EnableKeyRotation:RotationPeriodInDays`). `None` keeps a property from being matched: the provider takes
other values than the operation does. `root` is the member that holds the rest, such as Glue's `DatabaseInput`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Operation:
    """The operation behind a resource type: service, name, and the members of properties that are called otherwise."""

    service: str
    name: str
    members: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    root: str = ""


CONSTRAINTS: Mapping[str, Operation] = {
    "aws:apigateway/restApi:RestApi": Operation(
        "apigateway",
        "CreateRestApi",
        {"minimumCompressionSize": None, "putRestApiMode": "PutRestApi:mode"},
    ),
    "aws:apigateway/stage:Stage": Operation(
        "apigateway",
        "CreateStage",
        {"deployment": "deploymentId", "restApi": "restApiId"},
    ),
    "aws:appautoscaling/policy:Policy": Operation(
        "application-autoscaling", "PutScalingPolicy", {"name": "PolicyName"}
    ),
    "aws:appautoscaling/scheduledAction:ScheduledAction": Operation(
        "application-autoscaling",
        "PutScheduledAction",
        {"name": "ScheduledActionName", "startTime": None, "endTime": None},
    ),
    "aws:appautoscaling/target:Target": Operation("application-autoscaling", "RegisterScalableTarget"),
    "aws:athena/workgroup:Workgroup": Operation("athena", "CreateWorkGroup", {"state": "UpdateWorkGroup:State"}),
    "aws:batch/computeEnvironment:ComputeEnvironment": Operation(
        "batch",
        "CreateComputeEnvironment",
        {"name": "computeEnvironmentName", "computeResources.ec2Configurations": "computeResources.ec2Configuration"},
    ),
    "aws:batch/jobDefinition:JobDefinition": Operation(
        "batch",
        "RegisterJobDefinition",
        {
            "name": "jobDefinitionName",
            "containerProperties": None,
            "ecsProperties": None,
            "nodeProperties": None,
            "retryStrategy.evaluateOnExits": "retryStrategy.evaluateOnExit",
            "retryStrategy.evaluateOnExits.action": None,
        },
    ),
    "aws:batch/jobQueue:JobQueue": Operation(
        "batch",
        "CreateJobQueue",
        {"name": "jobQueueName", "computeEnvironmentOrders": "computeEnvironmentOrder"},
    ),
    "aws:budgets/budget:Budget": Operation(
        "budgets", "CreateBudget", {"name": "Budget.BudgetName", "costFilters": None}, root="Budget"
    ),
    "aws:budgets/budgetAction:BudgetAction": Operation("budgets", "CreateBudgetAction"),
    "aws:cloudcontrol/resource:Resource": Operation("cloudcontrol", "CreateResource"),
    "aws:cloudformation/stack:Stack": Operation("cloudformation", "CreateStack", {"name": "StackName"}),
    "aws:cloudtrail/trail:Trail": Operation(
        "cloudtrail",
        "CreateTrail",
        {
            "advancedEventSelectors": "PutEventSelectors:AdvancedEventSelectors",
            "eventSelectors": "PutEventSelectors:EventSelectors",
            "insightSelectors": "PutInsightSelectors:InsightSelectors",
        },
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": Operation("cloudwatch", "PutCompositeAlarm"),
    "aws:cloudwatch/eventArchive:EventArchive": Operation("events", "CreateArchive", {"name": "ArchiveName"}),
    "aws:cloudwatch/eventBus:EventBus": Operation("events", "CreateEventBus"),
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": Operation("events", "PutPermission"),
    "aws:cloudwatch/eventRule:EventRule": Operation("events", "PutRule"),
    "aws:cloudwatch/eventTarget:EventTarget": Operation(
        "events",
        "PutTargets",
        {
            "rule": "Rule",
            "eventBusName": "EventBusName",
            "targetId": "Targets.Id",
            "inputTransformer.inputPaths": "Targets.InputTransformer.InputPathsMap",
        },
        root="Targets",
    ),
    "aws:cloudwatch/logGroup:LogGroup": Operation("logs", "CreateLogGroup", {"name": "logGroupName"}),
    "aws:cloudwatch/logStream:LogStream": Operation("logs", "CreateLogStream", {"name": "logStreamName"}),
    "aws:costexplorer/anomalyMonitor:AnomalyMonitor": Operation(
        "ce",
        "CreateAnomalyMonitor",
        {"name": "AnomalyMonitor.MonitorName", "monitorSpecification": None},
        root="AnomalyMonitor",
    ),
    "aws:costexplorer/anomalySubscription:AnomalySubscription": Operation(
        "ce",
        "CreateAnomalySubscription",
        {
            "monitorArnLists": "AnomalySubscription.MonitorArnList",
            "name": "AnomalySubscription.SubscriptionName",
            "thresholdExpression": None,
        },
        root="AnomalySubscription",
    ),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": Operation(
        "logs",
        "PutMetricFilter",
        {
            "name": "filterName",
            "pattern": "filterPattern",
            "metricTransformation.name": "metricTransformations.metricName",
            "metricTransformation.namespace": "metricTransformations.metricNamespace",
            "metricTransformation.value": "metricTransformations.metricValue",
            "metricTransformation.defaultValue": None,
            "metricTransformation.unit": "metricTransformations.unit",
        },
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Operation("cloudwatch", "PutMetricAlarm", {"name": "AlarmName"}),
    "aws:dynamodb/resourcePolicy:ResourcePolicy": Operation("dynamodb", "PutResourcePolicy"),
    "aws:dynamodb/table:Table": Operation(
        "dynamodb",
        "CreateTable",
        {
            "attributes": "AttributeDefinitions",
            "attributes.name": "AttributeDefinitions.AttributeName",
            "attributes.type": "AttributeDefinitions.AttributeType",
            "hashKey": "KeySchema.AttributeName",
            "name": "TableName",
            "rangeKey": "KeySchema.AttributeName",
            "readCapacity": None,
            "serverSideEncryption": "SSESpecification",
            "streamViewType": "StreamSpecification.StreamViewType",
            "ttl": "UpdateTimeToLive:TimeToLiveSpecification",
            "writeCapacity": None,
        },
    ),
    "aws:ec2/eip:Eip": Operation("ec2", "AllocateAddress"),
    "aws:ec2/flowLog:FlowLog": Operation("ec2", "CreateFlowLogs"),
    "aws:ec2/launchTemplate:LaunchTemplate": Operation(
        "ec2",
        "CreateLaunchTemplate",
        {"name": "LaunchTemplateName", "description": "VersionDescription", "tagSpecifications.tags": None},
        root="LaunchTemplateData",
    ),
    "aws:ec2/natGateway:NatGateway": Operation("ec2", "CreateNatGateway"),
    "aws:ec2/placementGroup:PlacementGroup": Operation("ec2", "CreatePlacementGroup", {"name": "GroupName"}),
    "aws:ec2/subnet:Subnet": Operation(
        "ec2",
        "CreateSubnet",
        {"privateDnsHostnameTypeOnLaunch": "ModifySubnetAttribute:PrivateDnsHostnameTypeOnLaunch"},
    ),
    "aws:ec2/vpc:Vpc": Operation("ec2", "CreateVpc"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Operation("ec2", "CreateVpcEndpoint"),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Operation(
        "ecr", "PutLifecyclePolicy", {"policy": "lifecyclePolicyText"}
    ),
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule": Operation("ecr", "CreatePullThroughCacheRule"),
    "aws:ecr/repository:Repository": Operation(
        "ecr", "CreateRepository", {"name": "repositoryName", "encryptionConfigurations": "encryptionConfiguration"}
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": Operation("ecr", "SetRepositoryPolicy", {"policy": "policyText"}),
    "aws:ecs/cluster:Cluster": Operation("ecs", "CreateCluster", {"name": "clusterName"}),
    "aws:ecs/service:Service": Operation(
        "ecs",
        "CreateService",
        {
            "name": "serviceName",
            "networkConfiguration.assignPublicIp": None,
            "iamRole": "role",
        },
    ),
    "aws:ecs/taskDefinition:TaskDefinition": Operation(
        "ecs", "RegisterTaskDefinition", {"containerDefinitions": None, "volumes.hostPath": None}
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Operation("eks", "AssociateAccessPolicy"),
    "aws:eks/addon:Addon": Operation(
        "eks",
        "CreateAddon",
        {"resolveConflictsOnCreate": "resolveConflicts", "resolveConflictsOnUpdate": "UpdateAddon:resolveConflicts"},
    ),
    "aws:eks/cluster:Cluster": Operation(
        "eks",
        "CreateCluster",
        {"vpcConfig": "resourcesVpcConfig", "enabledClusterLogTypes": "logging.clusterLogging.types"},
    ),
    "aws:eks/identityProviderConfig:IdentityProviderConfig": Operation("eks", "AssociateIdentityProviderConfig"),
    "aws:eks/nodeGroup:NodeGroup": Operation(
        "eks",
        "CreateNodegroup",
        {"nodeRoleArn": "nodeRole", "subnetIds": "subnets"},
    ),
    "aws:elasticache/serverlessCache:ServerlessCache": Operation(
        "elasticache",
        "CreateServerlessCache",
        {
            "name": "ServerlessCacheName",
            "cacheUsageLimits.ecpuPerSeconds": "CacheUsageLimits.ECPUPerSecond",
            "snapshotArnsToRestores": "SnapshotArnsToRestore",
        },
    ),
    "aws:elasticache/user:User": Operation(
        "elasticache", "CreateUser", {"authenticationMode.passwordCount": None, "passwordsWo": None}
    ),
    "aws:elasticache/userGroup:UserGroup": Operation("elasticache", "CreateUserGroup"),
    "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation": Operation("fsx", "CreateDataRepositoryAssociation"),
    "aws:fsx/lustreFileSystem:LustreFileSystem": Operation("fsx", "CreateFileSystem"),
    "aws:glue/catalogDatabase:CatalogDatabase": Operation(
        "glue", "CreateDatabase", {"catalogId": "CatalogId"}, root="DatabaseInput"
    ),
    "aws:glue/catalogTable:CatalogTable": Operation(
        "glue",
        "CreateTable",
        {
            "catalogId": "CatalogId",
            "databaseName": "DatabaseName",
            "openTableFormatInput": "OpenTableFormatInput",
            "partitionIndices": "PartitionIndexes",
        },
        root="TableInput",
    ),
    "aws:glue/dataCatalogEncryptionSettings:DataCatalogEncryptionSettings": Operation(
        "glue", "PutDataCatalogEncryptionSettings"
    ),
    "aws:glue/dataQualityRuleset:DataQualityRuleset": Operation("glue", "CreateDataQualityRuleset"),
    "aws:iam/instanceProfile:InstanceProfile": Operation("iam", "CreateInstanceProfile", {"role": None}),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Operation(
        "iam", "CreateOpenIDConnectProvider", {"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"}
    ),
    "aws:iam/policy:Policy": Operation("iam", "CreatePolicy", {"name": "PolicyName", "policy": "PolicyDocument"}),
    "aws:iam/role:Role": Operation(
        "iam",
        "CreateRole",
        {
            "name": "RoleName",
            "assumeRolePolicy": "AssumeRolePolicyDocument",
            "inlinePolicies.name": "PutRolePolicy:PolicyName",
            "inlinePolicies.policy": "PutRolePolicy:PolicyDocument",
            "managedPolicyArns[]": "AttachRolePolicy:PolicyArn",
        },
    ),
    "aws:iam/rolePolicy:RolePolicy": Operation(
        "iam", "PutRolePolicy", {"name": "PolicyName", "policy": "PolicyDocument", "role": "RoleName"}
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Operation("iam", "AttachRolePolicy", {"role": "RoleName"}),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": Operation(
        "firehose",
        "CreateDeliveryStream",
        {
            "name": "DeliveryStreamName",
            "extendedS3Configuration": "ExtendedS3DestinationConfiguration",
            "kinesisSourceConfiguration": "KinesisStreamSourceConfiguration",
            "kinesisSourceConfiguration.kinesisStreamArn": "KinesisStreamSourceConfiguration.KinesisStreamARN",
            "serverSideEncryption": "DeliveryStreamEncryptionConfigurationInput",
        },
    ),
    "aws:kinesis/stream:Stream": Operation(
        "kinesis",
        "CreateStream",
        {
            "name": "StreamName",
            "encryptionType": "StartStreamEncryption:EncryptionType",
            "kmsKeyId": "StartStreamEncryption:KeyId",
            "retentionPeriod": "IncreaseStreamRetentionPeriod:RetentionPeriodHours",
        },
    ),
    "aws:identitystore/group:Group": Operation("identitystore", "CreateGroup"),
    "aws:identitystore/groupMembership:GroupMembership": Operation(
        "identitystore", "CreateGroupMembership", {"memberId": "MemberId.UserId"}
    ),
    "aws:kms/alias:Alias": Operation("kms", "CreateAlias", {"name": "AliasName"}),
    "aws:kms/key:Key": Operation(
        "kms",
        "CreateKey",
        {"customerMasterKeySpec": "KeySpec", "rotationPeriodInDays": "EnableKeyRotation:RotationPeriodInDays"},
    ),
    "aws:lambda/function:Function": Operation("lambda", "CreateFunction", {"name": "FunctionName", "code": None}),
    "aws:lambda/permission:Permission": Operation("lambda", "AddPermission", {"function": "FunctionName"}),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Operation(
        "s3", "PutBucketLifecycleConfiguration", {"rules": "LifecycleConfiguration.Rules"}
    ),
    "aws:s3/bucketLogging:BucketLogging": Operation(
        "s3", "PutBucketLogging", root="BucketLoggingStatus.LoggingEnabled"
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": Operation(
        "s3", "PutObjectLockConfiguration", root="ObjectLockConfiguration"
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": Operation("s3", "PutObject"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Operation(
        "s3", "PutBucketOwnershipControls", {"rule": "OwnershipControls.Rules"}
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Operation(
        "s3", "PutBucketEncryption", {"rules": "ServerSideEncryptionConfiguration.Rules"}
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Operation(
        "s3", "PutBucketVersioning", {"versioningConfiguration.status": None}
    ),
    "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition": Operation(
        "sagemaker", "CreateDataQualityJobDefinition", {"name": "JobDefinitionName"}
    ),
    "aws:sagemaker/domain:Domain": Operation(
        "sagemaker", "CreateDomain", {"retentionPolicy": "DeleteDomain:RetentionPolicy"}
    ),
    "aws:lb/listener:Listener": Operation("elbv2", "CreateListener"),
    "aws:lb/loadBalancer:LoadBalancer": Operation("elbv2", "CreateLoadBalancer"),
    "aws:lb/targetGroup:TargetGroup": Operation("elbv2", "CreateTargetGroup"),
    "aws:rds/instance:Instance": Operation(
        "rds",
        "CreateDBInstance",
        {
            "identifier": "DBInstanceIdentifier",
            "parameterGroupName": "DBParameterGroupName",
            "passwordWo": "MasterUserPassword",
        },
    ),
    "aws:sagemaker/endpoint:Endpoint": Operation("sagemaker", "CreateEndpoint", {"name": "EndpointName"}),
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": Operation(
        "sagemaker",
        "CreateEndpointConfig",
        {
            "name": "EndpointConfigName",
            "kmsKeyArn": "KmsKeyId",
            "asyncInferenceConfig.outputConfig.notificationConfig.includeInferenceResponseIns": (
                "AsyncInferenceConfig.OutputConfig.NotificationConfig.IncludeInferenceResponseIn"
            ),
            "productionVariants.routingConfigs[]": "ProductionVariants.RoutingConfig",
            "shadowProductionVariants.routingConfigs[]": "ShadowProductionVariants.RoutingConfig",
        },
    ),
    "aws:sagemaker/featureGroup:FeatureGroup": Operation("sagemaker", "CreateFeatureGroup"),
    "aws:sagemaker/model:Model": Operation(
        "sagemaker",
        "CreateModel",
        {
            "name": "ModelName",
            **{
                f"{place}.{data}.s3DataSources[]": f"{member}.{data[0].upper()}{data[1:]}.S3DataSource"
                for place, member in (("containers", "Containers"), ("primaryContainer", "PrimaryContainer"))
                for data in ("modelDataSource", "additionalModelDataSources")
            },
        },
    ),
    "aws:sagemaker/modelCard:ModelCard": Operation("sagemaker", "CreateModelCard"),
    "aws:sagemaker/modelPackageGroup:ModelPackageGroup": Operation("sagemaker", "CreateModelPackageGroup"),
    "aws:sagemaker/modelPackageGroupPolicy:ModelPackageGroupPolicy": Operation(
        "sagemaker", "PutModelPackageGroupPolicy"
    ),
    "aws:sagemaker/monitoringSchedule:MonitoringSchedule": Operation(
        "sagemaker",
        "CreateMonitoringSchedule",
        {
            "name": "MonitoringScheduleName",
            "monitoringScheduleConfig.monitoringJobDefinition.baseline": (
                "MonitoringScheduleConfig.MonitoringJobDefinition.BaselineConfig"
            ),
            "monitoringScheduleConfig.monitoringJobDefinition.stoppingConditions": (
                "MonitoringScheduleConfig.MonitoringJobDefinition.StoppingCondition"
            ),
        },
    ),
    "aws:sagemaker/pipeline:Pipeline": Operation("sagemaker", "CreatePipeline"),
    "aws:sagemaker/space:Space": Operation("sagemaker", "CreateSpace"),
    "aws:sagemaker/studioLifecycleConfig:StudioLifecycleConfig": Operation("sagemaker", "CreateStudioLifecycleConfig"),
    "aws:sagemaker/userProfile:UserProfile": Operation("sagemaker", "CreateUserProfile"),
    "aws:sagemaker/mlflowTrackingServer:MlflowTrackingServer": Operation("sagemaker", "CreateMlflowTrackingServer"),
    "aws:scheduler/schedule:Schedule": Operation("scheduler", "CreateSchedule", {"startDate": None, "endDate": None}),
    "aws:scheduler/scheduleGroup:ScheduleGroup": Operation("scheduler", "CreateScheduleGroup"),
    "aws:sfn/stateMachine:StateMachine": Operation("stepfunctions", "CreateStateMachine"),
    "aws:secretsmanager/secret:Secret": Operation(
        "secretsmanager",
        "CreateSecret",
        {
            "policy": "PutResourcePolicy:ResourcePolicy",
            "recoveryWindowInDays": None,
            "replicas": "AddReplicaRegions",
        },
    ),
    "aws:secretsmanager/secretPolicy:SecretPolicy": Operation(
        "secretsmanager", "PutResourcePolicy", {"secretArn": "SecretId", "policy": "ResourcePolicy"}
    ),
    "aws:secretsmanager/secretRotation:SecretRotation": Operation("secretsmanager", "RotateSecret"),
    "aws:secretsmanager/secretVersion:SecretVersion": Operation(
        "secretsmanager", "PutSecretValue", {"secretBinary": None, "secretStringWo": "SecretString"}
    ),
    "aws:ssm/parameter:Parameter": Operation("ssm", "PutParameter", {"insecureValue": "Value"}),
    "aws:ssoadmin/accountAssignment:AccountAssignment": Operation("sso-admin", "CreateAccountAssignment"),
    "aws:ssoadmin/permissionSet:PermissionSet": Operation("sso-admin", "CreatePermissionSet"),
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": Operation(
        "sso-admin", "PutInlinePolicyToPermissionSet"
    ),
    "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment": Operation(
        "sso-admin", "PutPermissionsBoundaryToPermissionSet"
    ),
    "aws:wafv2/webAcl:WebAcl": Operation(
        "wafv2",
        "CreateWebACL",
        {"associationConfig": None, "customResponseBodies": None},
    ),
    "aws:wafv2/webAclAssociation:WebAclAssociation": Operation("wafv2", "AssociateWebACL"),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": Operation(
        "wafv2", "PutLoggingConfiguration", root="LoggingConfiguration"
    ),
}
