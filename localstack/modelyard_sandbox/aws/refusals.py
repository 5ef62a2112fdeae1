"""What AWS refuses because of what else exists, and moto forgets: one list, one refusing test each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from modelyard_sandbox.aws import dependencies, trails
from modelyard_sandbox.aws.session import judging

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live


class RefusedByService(Exception):
    """The service's refusal, in the form of its own errors."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        self.operation = operation
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Before `when`, `test` may say why the service refuses; `operation` and `code` are those that AWS would name."""

    token: str
    when: Literal["create", "update", "delete"]
    operation: str
    code: str
    test: Callable[[Live], str | None]


def _bucket_has_objects(live: Live) -> str | None:
    if live.get("forceDestroy"):
        return None
    answer = live.call("list_object_versions", Bucket=live.id, MaxKeys=1)
    if answer.get("Versions") or answer.get("DeleteMarkers"):
        return "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
    return None


def _role_has_policies(live: Live) -> str | None:
    name = live.id
    if live.call("list_instance_profiles_for_role", RoleName=name)["InstanceProfiles"]:
        return "Cannot delete entity, must remove roles from instance profile first."
    if live.get("forceDetachPolicies"):
        return None
    attached = live.call("list_attached_role_policies", RoleName=name)["AttachedPolicies"]
    if attached and not live.get("managedPolicyArns"):
        return "Cannot delete entity, must detach all policies first."
    if live.call("list_role_policies", RoleName=name)["PolicyNames"] and not live.get("inlinePolicies"):
        return "Cannot delete entity, must delete policies first."
    return None


def _policy_is_attached(live: Live) -> str | None:
    attached = live.call("list_entities_for_policy", PolicyArn=live.id)
    if any(attached[kind] for kind in ("PolicyRoles", "PolicyUsers", "PolicyGroups")):
        return "Cannot delete a policy attached to entities."
    return None


def _key_is_pending_deletion(prop: str) -> Callable[[Live], str | None]:
    def test(live: Live) -> str | None:
        key = live.inputs.get(prop)
        if not key:
            return None
        try:
            found = live.call("describe_key", "kms", KeyId=key)["KeyMetadata"]
        except live.error as error:
            if live.is_gone(error):
                return None
            raise
        return f"{found['Arn']} is pending deletion." if found["KeyState"] == "PendingDeletion" else None

    return test


def _secret_is_being_deleted(live: Live) -> str | None:
    try:
        found = live.call("describe_secret", SecretId=live.inputs["name"])
    except live.error as error:
        if live.is_gone(error):
            return None
        raise
    if not found.get("DeletedDate"):
        return None
    return "You can't create this secret because a secret with this name is already scheduled for deletion."


def _vpc_has_dependents(live: Live) -> str | None:
    of_vpc = [{"Name": "vpc-id", "Values": [live.id]}]
    attached = [{"Name": "attachment.vpc-id", "Values": [live.id]}]
    groups = live.call("describe_security_groups", Filters=of_vpc)["SecurityGroups"]
    tables = live.call("describe_route_tables", Filters=of_vpc)["RouteTables"]
    endpoints = live.call("describe_vpc_endpoints", Filters=of_vpc)["VpcEndpoints"]
    dependents = (
        live.call("describe_subnets", Filters=of_vpc)["Subnets"],
        live.call("describe_internet_gateways", Filters=attached)["InternetGateways"],
        [group for group in groups if group["GroupName"] != "default"],
        [table for table in tables if not any(link.get("Main") for link in table.get("Associations", []))],
        [endpoint for endpoint in endpoints if endpoint.get("State", "").lower() not in ("deleted", "deleting")],
    )
    return f"The vpc '{live.id}' has dependencies and cannot be deleted." if any(dependents) else None


def _subnet_is_used(live: Live) -> str | None:
    of_subnet = [{"Name": "subnet-id", "Values": [live.id]}]
    interfaces = live.call("describe_network_interfaces", Filters=of_subnet)["NetworkInterfaces"]
    gateways = live.call("describe_nat_gateways", Filters=of_subnet)["NatGateways"]
    if interfaces or any(gateway["State"] not in ("deleted", "deleting") for gateway in gateways):
        return f"The subnet '{live.id}' has dependencies and cannot be deleted."
    return None


def _group_is_used(live: Live) -> str | None:
    holds = [{"Name": "group-id", "Values": [live.id]}]
    others = [
        group
        for side in ("ip-permission", "egress.ip-permission")
        for group in live.call("describe_security_groups", Filters=[{"Name": f"{side}.group-id", "Values": [live.id]}])[
            "SecurityGroups"
        ]
    ]
    if any(group["GroupId"] != live.id for group in others) or live.call(
        "describe_network_interfaces", Filters=holds
    ).get("NetworkInterfaces"):
        return f"resource {live.id} has a dependent object"
    return None


_TRAIL_IS_WRITTEN: Final[tuple[tuple[Literal["create", "update"], str], ...]] = (
    ("create", "CreateTrail"),
    ("update", "UpdateTrail"),
)
REFUSALS: Final = (
    Refusal("aws:s3/bucket:Bucket", "delete", "DeleteBucket", "BucketNotEmpty", _bucket_has_objects),
    Refusal("aws:iam/role:Role", "delete", "DeleteRole", "DeleteConflict", _role_has_policies),
    Refusal("aws:iam/policy:Policy", "delete", "DeletePolicy", "DeleteConflict", _policy_is_attached),
    Refusal(
        "aws:kms/alias:Alias",
        "create",
        "CreateAlias",
        "KMSInvalidStateException",
        _key_is_pending_deletion("targetKeyId"),
    ),
    Refusal("aws:ssm/parameter:Parameter", "create", "PutParameter", "InvalidKeyId", _key_is_pending_deletion("keyId")),
    Refusal(
        "aws:secretsmanager/secret:Secret",
        "create",
        "CreateSecret",
        "InvalidRequestException",
        _secret_is_being_deleted,
    ),
    Refusal("aws:ec2/vpc:Vpc", "delete", "DeleteVpc", "DependencyViolation", _vpc_has_dependents),
    Refusal("aws:ec2/subnet:Subnet", "delete", "DeleteSubnet", "DependencyViolation", _subnet_is_used),
    Refusal(
        "aws:ec2/securityGroup:SecurityGroup",
        "delete",
        "DeleteSecurityGroup",
        "DependencyViolation",
        _group_is_used,
    ),
    Refusal(
        "aws:ec2/subnet:Subnet", "create", "CreateSubnet", "InvalidParameterValue", dependencies.zone_of_another_region
    ),
    Refusal(
        "aws:ec2/internetGateway:InternetGateway",
        "create",
        "AttachInternetGateway",
        "InvalidParameterValue",
        dependencies.vpc_has_a_gateway,
    ),
    Refusal(
        "aws:ec2/internetGateway:InternetGateway",
        "update",
        "AttachInternetGateway",
        "InvalidParameterValue",
        dependencies.vpc_has_a_gateway,
    ),
    Refusal(
        "aws:ec2/internetGateway:InternetGateway",
        "delete",
        "DetachInternetGateway",
        "DependencyViolation",
        dependencies.gateway_carries_addresses,
    ),
    Refusal("aws:ec2/eip:Eip", "delete", "ReleaseAddress", "InvalidIPAddress.InUse", dependencies.address_is_in_use),
    Refusal(
        "aws:ec2/natGateway:NatGateway",
        "create",
        "CreateNatGateway",
        "Gateway.NotAttached",
        dependencies.nat_has_no_way_out,
    ),
    Refusal("aws:ec2/route:Route", "create", "CreateRoute", "InvalidParameterValue", dependencies.route_leaves_its_vpc),
    Refusal(
        "aws:ec2/route:Route", "update", "ReplaceRoute", "InvalidParameterValue", dependencies.route_leaves_its_vpc
    ),
    Refusal(
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "create",
        "AssociateRouteTable",
        "Resource.AlreadyAssociated",
        dependencies.subnet_has_a_table,
    ),
    Refusal(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "create",
        "CreateVpcEndpoint",
        "InvalidServiceName",
        dependencies.service_is_unknown,
    ),
    Refusal(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "create",
        "CreateVpcEndpoint",
        "InvalidParameter",
        dependencies.private_name_is_taken,
    ),
    Refusal(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "update",
        "ModifyVpcEndpoint",
        "InvalidParameter",
        dependencies.private_name_is_taken,
    ),
    Refusal(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "create",
        "CreateVpcEndpoint",
        "DuplicateSubnetsInSameZone",
        dependencies.subnets_share_a_zone,
    ),
    Refusal(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "update",
        "ModifyVpcEndpoint",
        "DuplicateSubnetsInSameZone",
        dependencies.subnets_share_a_zone,
    ),
    Refusal(
        "aws:ec2/flowLog:FlowLog",
        "create",
        "CreateFlowLogs",
        "InvalidParameter",
        dependencies.flow_logs_are_not_trusted,
    ),
    Refusal(
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "create",
        "AuthorizeSecurityGroupIngress",
        "InvalidPrefixListID.NotFound",
        dependencies.prefix_list_is_missing,
    ),
    Refusal(
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "create",
        "AuthorizeSecurityGroupEgress",
        "InvalidPrefixListID.NotFound",
        dependencies.prefix_list_is_missing,
    ),
    Refusal(
        "aws:cloudwatch/logGroup:LogGroup",
        "create",
        "CreateLogGroup",
        "InvalidParameterException",
        dependencies.logs_may_not_use_the_key,
    ),
    Refusal(
        "aws:cloudwatch/logGroup:LogGroup",
        "update",
        "AssociateKmsKey",
        "InvalidParameterException",
        dependencies.logs_may_not_use_the_key,
    ),
    Refusal(
        "aws:athena/workgroup:Workgroup",
        "delete",
        "DeleteWorkGroup",
        "InvalidRequestException",
        dependencies.workgroup_is_not_empty,
    ),
    *(
        Refusal("aws:cloudtrail/trail:Trail", when, operation, code, test)
        for when, operation in _TRAIL_IS_WRITTEN
        for code, test in (
            ("InsufficientS3BucketPolicyException", trails.bucket_lets_nobody_write),
            ("InsufficientEncryptionPolicyException", trails.key_lets_nobody_encrypt),
            ("InvalidCloudWatchLogsRoleArnException", trails.role_writes_no_logs),
        )
    ),
)


def judge(when: Literal["create", "update", "delete"], live: Live) -> None:
    """Raise what the service would answer where one of the refusals applies."""
    for refusal in REFUSALS:
        if refusal.token != live.type.token or refusal.when != when:
            continue
        asking = judging.set(True)
        try:
            message = refusal.test(live)
        except live.error as error:
            if live.is_gone(error):
                continue
            raise
        finally:
            judging.reset(asking)
        if message:
            raise RefusedByService(refusal.operation, refusal.code, message)
