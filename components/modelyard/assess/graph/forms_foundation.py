"""The forms of what an account is built of: networks, roles, keys, buckets, logs, alarms, people, budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_EC2: Final = "arn:{partition}:ec2:{region}:{account}"
_OWNER: Final = {"ownerId": "{account}"}


def _ec2(prefix: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"id": prefix + "-{hex17}", "arn": f"{_EC2}:{kind}/{{id}}", **more}


FOUNDATION_FORMS: Final[Mapping[str, Mapping[str, Any]]] = {
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
}
