"""The forms of computed outputs: what is special about each resource type, one entry each.

In a form, `{name}` is the given or automatic name, `{hex8}` (6, 12, 17, 32), `{id17}`, `{id20}` and `{uuid}` are digits
drawn from the URN, `{account}`, `{region}`, `{partition}` and `{suffix}` the place, and any other word is an input or
another entry of the form. Formats are those of the service authorization reference (ARNs) and of each API's responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_EC2: Final = "arn:{partition}:ec2:{region}:{account}"
_SAGEMAKER: Final = "arn:{partition}:sagemaker:{region}:{account}"
_GLUE: Final = "arn:{partition}:glue:{region}:{account}"
_OWNER: Final = {"ownerId": "{account}"}


def _ec2(prefix: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"id": prefix + "-{hex17}", "arn": f"{_EC2}:{kind}/{{id}}", **more}


def _sagemaker(kind: str, **more: Any) -> dict[str, Any]:
    return {"id": "{name}", "arn": f"{_SAGEMAKER}:{kind}/{{name}}", **more}


FORMS: Final[Mapping[str, Mapping[str, Any]]] = {
    "aws:ec2/vpc:Vpc": _ec2(
        "vpc",
        "vpc",
        **_OWNER,
        mainRouteTableId="rtb-{hex17}",
        defaultRouteTableId="rtb-{hex17}",
        defaultNetworkAclId="acl-{hex17}",
        defaultSecurityGroupId="sg-{hex17}",
        dhcpOptionsId="dopt-{hex17}",
        instanceTenancy="default",
        enableDnsSupport=True,
    ),
    "aws:ec2/subnet:Subnet": _ec2(
        "subnet", "subnet", **_OWNER, availabilityZone="{region}a", availabilityZoneId="{zone_id}"
    ),
    "aws:ec2/internetGateway:InternetGateway": _ec2("igw", "internet-gateway", **_OWNER),
    "aws:ec2/natGateway:NatGateway": _ec2(
        "nat", "natgateway", networkInterfaceId="eni-{hex17}", privateIp="10.255.0.10", publicIp="{public_ip}"
    ),
    "aws:ec2/routeTable:RouteTable": _ec2("rtb", "route-table", **_OWNER),
    "aws:ec2/route:Route": {"id": "r-{routeTableId}{number}", "origin": "CreateRoute", "state": "active"},
    "aws:ec2/routeTableAssociation:RouteTableAssociation": {"id": "rtbassoc-{hex17}"},
    "aws:ec2/eip:Eip": _ec2(
        "eipalloc",
        "elastic-ip",
        allocationId="{id}",
        publicIp="{public_ip}",
        publicDns="ec2-{public_ip_dashed}.compute-1.{suffix}",
        domain="vpc",
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _ec2(
        "vpce",
        "vpc-endpoint",
        **_OWNER,
        state="available",
        prefixListId="pl-{hex8}",
        cidrBlocks=["52.218.0.0/17"],
        dnsEntries=[{"dnsName": "{id}-{hex8}.{region}.vpce.{suffix}", "hostedZoneId": "Z{id20}"}],
        networkInterfaceIds=["eni-{hex17}"],
    ),
    "aws:ec2/securityGroup:SecurityGroup": _ec2("sg", "security-group", **_OWNER),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _ec2("sg", "security-group", **_OWNER, name="default"),
    "aws:ec2/networkInterface:NetworkInterface": _ec2("eni", "network-interface", **_OWNER),
    "aws:ec2/instance:Instance": _ec2("i", "instance", privateIp="10.255.0.11"),
    "aws:ec2/placementGroup:PlacementGroup": {
        "id": "{name}",
        "arn": f"{_EC2}:placement-group/{{name}}",
        "placementGroupId": "pg-{hex17}",
    },
    "aws:ec2/launchTemplate:LaunchTemplate": _ec2("lt", "launch-template", latestVersion=1, defaultVersion=1),
    "aws:ec2/flowLog:FlowLog": _ec2("fl", "vpc-flow-log"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _ec2(
        "sgr", "security-group-rule", securityGroupRuleId="{id}"
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _ec2(
        "sgr", "security-group-rule", securityGroupRuleId="{id}"
    ),
    "aws:cloudwatch/logGroup:LogGroup": {
        "id": "{name}",
        "arn": "arn:{partition}:logs:{region}:{account}:log-group:{name}",
    },
    "aws:cloudwatch/metricAlarm:MetricAlarm": {
        "id": "{name}",
        "arn": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}",
    },
    "aws:cloudwatch/eventRule:EventRule": {
        "id": "{name}",
        "arn": "arn:{partition}:events:{region}:{account}:rule/{name}",
    },
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": {
        "id": "{alarmName}",
        "arn": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{alarmName}",
    },
    "aws:cloudwatch/dashboard:Dashboard": {
        "id": "{dashboardName}",
        "dashboardArn": "arn:{partition}:cloudwatch::{account}:dashboard/{dashboardName}",
    },
    "aws:cloudwatch/eventBus:EventBus": {
        "id": "{name}",
        "arn": "arn:{partition}:events:{region}:{account}:event-bus/{name}",
    },
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": {"id": "{eventBusName}"},
    "aws:cloudwatch/eventTarget:EventTarget": {"id": "{rule}-{targetId}"},
    "aws:cloudwatch/eventArchive:EventArchive": {
        "id": "{name}",
        "arn": "arn:{partition}:events:{region}:{account}:archive/{name}",
    },
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": {"id": "{name}"},
    "aws:iam/role:Role": {
        "id": "{name}",
        "arn": "arn:{partition}:iam::{account}:role{path}{name}",
        "uniqueId": "AROA{id17}",
    },
    "aws:iam/policy:Policy": {
        "id": "{arn}",
        "arn": "arn:{partition}:iam::{account}:policy{path}{name}",
        "policyId": "ANPA{id17}",
    },
    "aws:iam/user:User": {
        "id": "{name}",
        "arn": "arn:{partition}:iam::{account}:user{path}{name}",
        "uniqueId": "AIDA{id17}",
    },
    "aws:iam/instanceProfile:InstanceProfile": {
        "id": "{name}",
        "arn": "arn:{partition}:iam::{account}:instance-profile{path}{name}",
        "uniqueId": "AIPA{id17}",
    },
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
        "id": "{arn}",
        "arn": "arn:{partition}:iam::{account}:oidc-provider/{url}",
    },
    "aws:iam/rolePolicy:RolePolicy": {"id": "{role}:{name}"},
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {"id": "{role}/{policyArn}"},
    "aws:kms/key:Key": {
        "id": "{uuid}",
        "keyId": "{uuid}",
        "arn": "arn:{partition}:kms:{region}:{account}:key/{uuid}",
    },
    "aws:kms/alias:Alias": {
        "id": "{name}",
        "arn": "arn:{partition}:kms:{region}:{account}:{name}",
        "targetKeyArn": "arn:{partition}:kms:{region}:{account}:key/{targetKeyId}",
    },
    "aws:s3/bucket:Bucket": {
        "id": "{bucket}",
        "arn": "arn:{partition}:s3:::{bucket}",
        "bucketDomainName": "{bucket}.s3.{suffix}",
        "bucketRegionalDomainName": "{bucket}.s3.{region}.{suffix}",
        "bucketRegion": "{region}",
        "hostedZoneId": "Z3AQBSTGFYJSTF",
    },
    "aws:s3/bucketObjectv2:BucketObjectv2": {
        "id": "{bucket}/{key}",
        "arn": "arn:{partition}:s3:::{bucket}/{key}",
        "etag": "{hex32}",
        "versionId": "{hex32}",
    },
    **{
        f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}": {"id": "{bucket}"}
        for kind in (
            "BucketVersioning",
            "BucketServerSideEncryptionConfiguration",
            "BucketPublicAccessBlock",
            "BucketOwnershipControls",
            "BucketPolicy",
            "BucketLogging",
            "BucketLifecycleConfiguration",
            "BucketObjectLockConfiguration",
            "BucketNotification",
        )
    },
    "aws:glue/catalogDatabase:CatalogDatabase": {
        "id": "{account}:{name}",
        "arn": f"{_GLUE}:database/{{name}}",
        "catalogId": "{account}",
    },
    "aws:glue/catalogTable:CatalogTable": {
        "id": "{account}:{databaseName}:{name}",
        "arn": f"{_GLUE}:table/{{databaseName}}/{{name}}",
        "catalogId": "{account}",
    },
    "aws:glue/dataCatalogEncryptionSettings:DataCatalogEncryptionSettings": {
        "id": "{account}",
        "catalogId": "{account}",
    },
    "aws:athena/workgroup:Workgroup": {
        "id": "{name}",
        "arn": "arn:{partition}:athena:{region}:{account}:workgroup/{name}",
    },
    "aws:ssm/parameter:Parameter": {
        "id": "{name}",
        "arn": "arn:{partition}:ssm:{region}:{account}:parameter/{bare_name}",
        "version": 1,
        "tier": "Standard",
        "dataType": "text",
    },
    "aws:budgets/budget:Budget": {
        "id": "{account}:{name}",
        "arn": "arn:{partition}:budgets::{account}:budget/{name}",
        "accountId": "{account}",
    },
    "aws:budgets/budgetAction:BudgetAction": {
        "id": "{account}:{actionId}:{budgetName}",
        "actionId": "{uuid}",
        "arn": "arn:{partition}:budgets::{account}:budget/{budgetName}/action/{actionId}",
        "accountId": "{account}",
        "status": "STANDBY",
    },
    "aws:costexplorer/anomalyMonitor:AnomalyMonitor": {
        "id": "{arn}",
        "arn": "arn:{partition}:ce::{account}:anomalymonitor/{uuid}",
    },
    "aws:costexplorer/anomalySubscription:AnomalySubscription": {
        "id": "{arn}",
        "arn": "arn:{partition}:ce::{account}:anomalysubscription/{uuid}",
        "accountId": "{account}",
    },
    "aws:identitystore/group:Group": {"id": "{identityStoreId}/{groupId}", "groupId": "{uuid}"},
    "aws:identitystore/groupMembership:GroupMembership": {
        "id": "{identityStoreId}/{membershipId}",
        "membershipId": "{uuid}",
    },
    "aws:ssoadmin/permissionSet:PermissionSet": {
        "id": "{arn},{instanceArn}",
        "arn": "arn:{partition}:sso:::permissionSet/ssoins-{hex8}{hex8}/ps-{hex8}{hex8}",
    },
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": {"id": "{permissionSetArn},{instanceArn}"},
    "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment": {
        "id": "{permissionSetArn},{instanceArn}"
    },
    "aws:ssoadmin/accountAssignment:AccountAssignment": {
        "id": "{principalId},{principalType},{targetId},{targetType},{permissionSetArn},{instanceArn}"
    },
    "aws:cloudwatch/logStream:LogStream": {
        "id": "{name}",
        "arn": "arn:{partition}:logs:{region}:{account}:log-group:{logGroupName}:log-stream:{name}",
    },
    "aws:glue/dataQualityRuleset:DataQualityRuleset": {"id": "{name}", "arn": f"{_GLUE}:dataQualityRuleset/{{name}}"},
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": {
        "id": "{arn}",
        "arn": "arn:{partition}:firehose:{region}:{account}:deliverystream/{name}",
        "destinationId": "destinationId-000000000001",
        "versionId": "1",
    },
    "aws:kinesis/stream:Stream": {
        "id": "{arn}",
        "arn": "arn:{partition}:kinesis:{region}:{account}:stream/{name}",
    },
    "aws:scheduler/schedule:Schedule": {
        "id": "{groupName}/{name}",
        "arn": "arn:{partition}:scheduler:{region}:{account}:schedule/{groupName}/{name}",
    },
    "aws:scheduler/scheduleGroup:ScheduleGroup": {
        "id": "{name}",
        "arn": "arn:{partition}:scheduler:{region}:{account}:schedule-group/{name}",
    },
    "aws:cloudcontrol/resource:Resource": {"id": "{name}-{hex8}", "properties": "{desiredState}"},
    "aws:cloudformation/stack:Stack": {
        "id": "arn:{partition}:cloudformation:{region}:{account}:stack/{name}/{hex8}",
        "outputs": {},
        "parameters": {},
        "policyBody": "",
    },
    "aws:cloudtrail/trail:Trail": {
        "id": "{arn}",
        "arn": "arn:{partition}:cloudtrail:{region}:{account}:trail/{name}",
        "homeRegion": "{region}",
    },
    "aws:dynamodb/table:Table": {
        "id": "{name}",
        "arn": "arn:{partition}:dynamodb:{region}:{account}:table/{name}",
    },
    "aws:elasticache/serverlessCache:ServerlessCache": {
        "id": "{name}",
        "arn": "arn:{partition}:elasticache:{region}:{account}:serverlesscache:{name}",
        "endpoints": [
            {"address": "{name}-{hex6}.serverless.{region}.cache.amazonaws.com", "port": 6379},
        ],
        "status": "available",
    },
    "aws:elasticache/user:User": {
        "id": "{userId}",
        "userId": "{name}",
        "arn": "arn:{partition}:elasticache:{region}:{account}:user:{userId}",
    },
    "aws:elasticache/userGroup:UserGroup": {
        "id": "{userGroupId}",
        "userGroupId": "{name}",
        "arn": "arn:{partition}:elasticache:{region}:{account}:usergroup:{userGroupId}",
    },
    "aws:secretsmanager/secret:Secret": {
        "id": "{arn}",
        "arn": "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-{hex6}",
    },
    "aws:secretsmanager/secretRotation:SecretRotation": {"rotationEnabled": True},
    "aws:secretsmanager/secretVersion:SecretVersion": {
        "id": "{secretId}|{uuid}",
        "arn": "{secretId}",
        "secretArn": "{secretId}",
        "versionId": "{uuid}",
        "hasSecretStringWo": True,
    },
    "aws:sfn/stateMachine:StateMachine": {
        "id": "{arn}",
        "arn": "arn:{partition}:states:{region}:{account}:stateMachine:{name}",
    },
    "aws:sns/topic:Topic": {
        "id": "{arn}",
        "arn": "arn:{partition}:sns:{region}:{account}:{name}",
        "owner": "{account}",
    },
    "aws:sns/topicSubscription:TopicSubscription": {
        "id": "{arn}",
        "arn": "arn:{partition}:sns:{region}:{account}:{name}:{uuid}",
        "ownerId": "{account}",
        "pendingConfirmation": True,
    },
    "aws:sqs/queue:Queue": {
        "id": "{url}",
        "arn": "arn:{partition}:sqs:{region}:{account}:{name}",
        "url": "https://sqs.{region}.{suffix}/{account}/{name}",
    },
    "aws:apigateway/account:Account": {"id": "api-gateway-account", "apiKeyVersion": "1"},
    "aws:apigateway/deployment:Deployment": {"id": "{hex6}"},
    "aws:apigateway/methodSettings:MethodSettings": {"id": "{restApi}-{stageName}-{methodPath}"},
    "aws:apigateway/restApi:RestApi": {
        "id": "{hex12}",
        "arn": "arn:{partition}:apigateway:{region}::/restapis/{id}",
        "executionArn": "arn:{partition}:execute-api:{region}:{account}:{id}",
        "rootResourceId": "{hex12}",
    },
    "aws:apigateway/stage:Stage": {
        "id": "ags-{restApi}-{stageName}",
        "arn": "arn:{partition}:apigateway:{region}::/restapis/{restApi}/stages/{stageName}",
        "executionArn": "arn:{partition}:execute-api:{region}:{account}:{restApi}/{stageName}",
        "invokeUrl": "https://{restApi}.execute-api.{region}.{suffix}/{stageName}",
        "webAclArn": "",
    },
    "aws:wafv2/webAcl:WebAcl": {
        "id": "{uuid}",
        "arn": "arn:{partition}:wafv2:{region}:{account}:regional/webacl/{name}/{id}",
        "applicationIntegrationUrl": "",
        "capacity": 0,
    },
    "aws:wafv2/webAclAssociation:WebAclAssociation": {"id": "{webAclArn},{resourceArn}"},
    "aws:lambda/function:Function": {
        "id": "{name}",
        "arn": "arn:{partition}:lambda:{region}:{account}:function:{name}",
        "version": "$LATEST",
    },
    "aws:ecr/repository:Repository": {
        "id": "{name}",
        "arn": "arn:{partition}:ecr:{region}:{account}:repository/{name}",
        "registryId": "{account}",
        "repositoryUrl": "{account}.dkr.ecr.{region}.{suffix}/{name}",
    },
    "aws:rds/instance:Instance": {
        "id": "db-{id20}",
        "arn": "arn:{partition}:rds:{region}:{account}:db:{identifier}",
        "address": "{identifier}.{hex8}.{region}.rds.{suffix}",
        "endpoint": "{identifier}.{hex8}.{region}.rds.{suffix}:{port}",
        "resourceId": "db-{id20}",
        "masterUserSecrets": [
            {
                "secretArn": "arn:{partition}:secretsmanager:{region}:{account}:secret:rds!db-{uuid}-{hex6}",
                "secretStatus": "active",
            }
        ],
    },
    "aws:rds/subnetGroup:SubnetGroup": {
        "id": "{name}",
        "arn": "arn:{partition}:rds:{region}:{account}:subgrp:{name}",
    },
    "aws:rds/parameterGroup:ParameterGroup": {
        "id": "{name}",
        "arn": "arn:{partition}:rds:{region}:{account}:pg:{name}",
    },
    "aws:ecs/cluster:Cluster": {
        "id": "{arn}",
        "arn": "arn:{partition}:ecs:{region}:{account}:cluster/{name}",
    },
    "aws:ecs/taskDefinition:TaskDefinition": {
        "id": "{family}",
        "family": "{name}",
        "arn": "arn:{partition}:ecs:{region}:{account}:task-definition/{family}:1",
        "arnWithoutRevision": "arn:{partition}:ecs:{region}:{account}:task-definition/{family}",
        "revision": 1,
    },
    "aws:lb/loadBalancer:LoadBalancer": {
        "id": "{arn}",
        "arn": "arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{hex17}",
        "dnsName": "internal-{name}-{number}.{region}.elb.{suffix}",
    },
    "aws:lb/targetGroup:TargetGroup": {
        "id": "{arn}",
        "arn": "arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{hex17}",
    },
    "aws:eks/cluster:Cluster": {
        "id": "{name}",
        "arn": "arn:{partition}:eks:{region}:{account}:cluster/{name}",
        "endpoint": "https://{id20}.gr7.{region}.eks.{suffix}",
        "status": "ACTIVE",
        "certificateAuthority": {"data": "{hex32}"},
        "vpcConfig": {"clusterSecurityGroupId": "sg-{hex17}", "vpcId": "vpc-{hex17}"},
        "identities": [{"oidcs": [{"issuer": "https://oidc.eks.{region}.{suffix}/id/{id20}"}]}],
    },
    "aws:batch/computeEnvironment:ComputeEnvironment": {
        "id": "{name}",
        "arn": "arn:{partition}:batch:{region}:{account}:compute-environment/{name}",
        "ecsClusterArn": "arn:{partition}:ecs:{region}:{account}:cluster/AWSBatch-{name}-{uuid}",
        "status": "VALID",
    },
    "aws:batch/jobDefinition:JobDefinition": {
        "id": "{name}",
        "arn": "arn:{partition}:batch:{region}:{account}:job-definition/{name}:1",
        "arnPrefix": "arn:{partition}:batch:{region}:{account}:job-definition/{name}",
        "revision": 1,
    },
    "aws:batch/jobQueue:JobQueue": {
        "id": "{arn}",
        "arn": "arn:{partition}:batch:{region}:{account}:job-queue/{name}",
    },
    "aws:batch/schedulingPolicy:SchedulingPolicy": {
        "id": "{arn}",
        "arn": "arn:{partition}:batch:{region}:{account}:scheduling-policy/{name}",
    },
    "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation": {
        "id": "dra-{hex17}",
        "arn": "arn:{partition}:fsx:{region}:{account}:association/{fileSystemId}/{id}",
        "associationId": "{id}",
    },
    "aws:fsx/lustreFileSystem:LustreFileSystem": {
        "id": "fs-{hex17}",
        "arn": "arn:{partition}:fsx:{region}:{account}:file-system/{id}",
        "dnsName": "{id}.fsx.{region}.{suffix}",
        "mountName": "{hex8}",
        "ownerId": "{account}",
    },
    "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition": _sagemaker("data-quality-job-definition"),
    "aws:sagemaker/monitoringSchedule:MonitoringSchedule": _sagemaker("monitoring-schedule"),
    "aws:appautoscaling/policy:Policy": {
        "id": "{name}",
        "arn": (
            "arn:{partition}:autoscaling:{region}:{account}:scalingPolicy:{uuid}:"
            "resource/{serviceNamespace}/{resourceId}:policyName/{name}"
        ),
        "alarmArns": [],
    },
    "aws:appautoscaling/scheduledAction:ScheduledAction": {
        "id": "{name}-{serviceNamespace}-{resourceId}",
        "arn": (
            "arn:{partition}:autoscaling:{region}:{account}:scheduledAction:{uuid}:"
            "resource/{serviceNamespace}/{resourceId}:scheduledActionName/{name}"
        ),
    },
    "aws:appautoscaling/target:Target": {
        "arn": "arn:{partition}:application-autoscaling:{region}:{account}:scalable-target/{hex32}",
        "roleArn": (
            "arn:{partition}:iam::{account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        ),
    },
    "aws:sagemaker/model:Model": _sagemaker("model"),
    "aws:sagemaker/endpoint:Endpoint": _sagemaker("endpoint"),
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": _sagemaker("endpoint-config"),
    "aws:sagemaker/featureGroup:FeatureGroup": {
        "id": "{featureGroupName}",
        "arn": f"{_SAGEMAKER}:feature-group/{{featureGroupName}}",
    },
    "aws:sagemaker/mlflowTrackingServer:MlflowTrackingServer": {
        "id": "{trackingServerName}",
        "arn": f"{_SAGEMAKER}:mlflow-tracking-server/{{trackingServerName}}",
        "trackingServerUrl": "https://t-{hex12}.{region}.experiments.sagemaker.aws",
    },
    "aws:sagemaker/modelCard:ModelCard": {
        "id": "{modelCardName}",
        "modelCardArn": f"{_SAGEMAKER}:model-card/{{modelCardName}}",
    },
    "aws:sagemaker/modelPackageGroup:ModelPackageGroup": {
        "id": "{modelPackageGroupName}",
        "arn": f"{_SAGEMAKER}:model-package-group/{{modelPackageGroupName}}",
    },
    "aws:sagemaker/domain:Domain": {
        "id": "d-{hex12}",
        "arn": f"{_SAGEMAKER}:domain/{{id}}",
        "url": "https://{id}.studio.{region}.sagemaker.aws",
        "homeEfsFileSystemId": "fs-{hex17}",
    },
    "aws:sagemaker/space:Space": {
        "id": "{arn}",
        "arn": f"{_SAGEMAKER}:space/{{domainId}}/{{spaceName}}",
    },
    "aws:sagemaker/studioLifecycleConfig:StudioLifecycleConfig": {
        "id": "{studioLifecycleConfigName}",
        "arn": f"{_SAGEMAKER}:studio-lifecycle-config/{{studioLifecycleConfigName}}",
    },
    "aws:sagemaker/userProfile:UserProfile": {
        "id": "{arn}",
        "arn": f"{_SAGEMAKER}:user-profile/{{domainId}}/{{userProfileName}}",
    },
    "aws:sagemaker/pipeline:Pipeline": {
        "id": "{pipelineName}",
        "arn": f"{_SAGEMAKER}:pipeline/{{pipelineName}}",
    },
}
