"""The forms of what computes, serves and keeps data: SageMaker, Glue, Batch, clusters, databases, functions, APIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SAGEMAKER: Final = "arn:{partition}:sagemaker:{region}:{account}"
_GLUE: Final = "arn:{partition}:glue:{region}:{account}"


def _sagemaker(kind: str, **more: Any) -> dict[str, Any]:
    return {"id": "{name}", "arn": f"{_SAGEMAKER}:{kind}/{{name}}", **more}


SERVICE_FORMS: Final[Mapping[str, Mapping[str, Any]]] = {
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
    "aws:sfn/stateMachine:StateMachine": {
        "id": "{arn}",
        "arn": "arn:{partition}:states:{region}:{account}:stateMachine:{name}",
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
