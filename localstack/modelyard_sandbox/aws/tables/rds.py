"""RDS: instances, subnet groups and parameter groups. Source: the RDS API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_TAGS = Tags(
    "list_tags_for_resource",
    "add_tags_to_resource",
    "remove_tags_from_resource",
    {"ResourceName": "arn"},
    at="TagList",
    sent_at="Tags",
    on_create="Tags",
)

_MEMBERS: Final = {
    "allocatedStorage": "AllocatedStorage",
    "autoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "backupRetentionPeriod": "BackupRetentionPeriod",
    "backupWindow": "PreferredBackupWindow",
    "caCertIdentifier": "CACertificateIdentifier",
    "copyTagsToSnapshot": "CopyTagsToSnapshot",
    "deletionProtection": "DeletionProtection",
    "engineVersion": "EngineVersion",
    "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    "instanceClass": "DBInstanceClass",
    "iops": "Iops",
    "maintenanceWindow": "PreferredMaintenanceWindow",
    "manageMasterUserPassword": "ManageMasterUserPassword",
    "masterUserSecretKmsKeyId": "MasterUserSecretKmsKeyId",
    "maxAllocatedStorage": "MaxAllocatedStorage",
    "monitoringInterval": "MonitoringInterval",
    "monitoringRoleArn": "MonitoringRoleArn",
    "multiAz": "MultiAZ",
    "networkType": "NetworkType",
    "parameterGroupName": "DBParameterGroupName",
    "performanceInsightsEnabled": "EnablePerformanceInsights",
    "publiclyAccessible": "PubliclyAccessible",
    "storageThroughput": "StorageThroughput",
    "storageType": "StorageType",
    "vpcSecurityGroupIds": "VpcSecurityGroupIds",
}
"""What an instance may change, and what ModifyDBInstance and CreateDBInstance call it."""

_FIXED: Final = {
    "availabilityZone": "AvailabilityZone",
    "dbName": "DBName",
    "dbSubnetGroupName": "DBSubnetGroupName",
    "engine": "Engine",
    "identifier": "DBInstanceIdentifier",
    "kmsKeyId": "KmsKeyId",
    "storageEncrypted": "StorageEncrypted",
    "timezone": "Timezone",
    "username": "MasterUsername",
}
_INERT: Final = ("allowMajorVersionUpgrade", "applyImmediately", "deleteAutomatedBackups", "finalSnapshotIdentifier")


def _sent(live: Live, operation: str, members: dict[str, str]) -> dict[str, Any]:
    shapes = live.client().meta.service_model.operation_model(operation).input_shape.members
    return {
        member: convert.to_aws(live.inputs[prop], shapes[member])
        for prop, member in members.items()
        if live.inputs.get(prop) is not None
    }


def _create(live: Live) -> dict[str, Any]:
    sent = _sent(live, "CreateDBInstance", {**_MEMBERS, **_FIXED, "port": "Port"})
    for prop in ("password", "passwordWo"):
        if live.inputs.get(prop) is not None:
            sent["MasterUserPassword"] = live.inputs[prop]
    tags = [{"Key": key, "Value": value} for key, value in live.tags.items()]
    return live.call("create_db_instance", Tags=tags or None, **sent)["DBInstance"]


def _found(live: Live) -> dict[str, Any] | None:
    name = live.get("identifier")
    asked = {"DBInstanceIdentifier": name} if name else {"Filters": [{"Name": "dbi-resource-id", "Values": [live.id]}]}
    found = live.call("describe_db_instances", **asked)["DBInstances"]
    return found[0] if found else None


def _version(live: Live, actual: str) -> str:
    """As it was asked for, where that is what AWS chose the rest of: 17 for 17.4."""
    wanted = str(live.get("engineVersion") or "")
    return wanted if wanted and (actual == wanted or actual.startswith(f"{wanted}.")) else actual


def _read(live: Live) -> dict[str, Any] | None:
    found = _found(live)
    if found is None:
        return None
    renamed = {"iamDatabaseAuthenticationEnabled": "IAMDatabaseAuthenticationEnabled"}
    simple = {**_MEMBERS, **_FIXED, **renamed}
    shown: dict[str, Any] = {prop: found.get(member) for prop, member in simple.items()}
    endpoint = found.get("Endpoint") or {}
    group = (found.get("DBParameterGroups") or [{}])[0]
    secret = found.get("MasterUserSecret")
    most = found.get("MaxAllocatedStorage")
    return shown | {
        "arn": found["DBInstanceArn"],
        "address": endpoint.get("Address"),
        "endpoint": f"{endpoint.get('Address')}:{endpoint.get('Port')}",
        "hostedZoneId": endpoint.get("HostedZoneId"),
        "port": endpoint.get("Port"),
        "resourceId": found["DbiResourceId"],
        "status": found["DBInstanceStatus"],
        "engineVersion": _version(live, found["EngineVersion"]),
        "engineVersionActual": found["EngineVersion"],
        "dbSubnetGroupName": (found.get("DBSubnetGroup") or {}).get("DBSubnetGroupName"),
        "parameterGroupName": group.get("DBParameterGroupName"),
        "vpcSecurityGroupIds": [each["VpcSecurityGroupId"] for each in found.get("VpcSecurityGroups") or []],
        "maxAllocatedStorage": None if most == found.get("AllocatedStorage") else most,
        "performanceInsightsEnabled": found.get("PerformanceInsightsEnabled") or False,
        "manageMasterUserPassword": True if secret else None,
        "masterUserSecretKmsKeyId": live.get("masterUserSecretKmsKeyId") if secret else None,
        "masterUserSecrets": [
            {
                "kmsKeyId": secret.get("KmsKeyId"),
                "secretArn": secret["SecretArn"],
                "secretStatus": "active",
            }
        ]
        if secret
        else [],
    }


def _modify(live: Live) -> None:
    changed = {prop: member for prop, member in _MEMBERS.items() if prop in live.changed}
    sent = _sent(live, "ModifyDBInstance", changed)
    live.call("modify_db_instance", DBInstanceIdentifier=live.get("identifier"), ApplyImmediately=True, **sent)


def _delete(live: Live) -> None:
    skip = bool(live.state.get("skipFinalSnapshot"))
    live.call(
        "delete_db_instance",
        DBInstanceIdentifier=live.state["identifier"],
        SkipFinalSnapshot=skip,
        FinalDBSnapshotIdentifier=None if skip else live.state.get("finalSnapshotIdentifier"),
        DeleteAutomatedBackups=bool(live.state.get("deleteAutomatedBackups", True)),
    )


INSTANCE = Type(
    "aws:rds/instance:Instance",
    "rds",
    id=lambda live: live.answer["DbiResourceId"],
    name=Name("identifier", limit=63, prefix="identifierPrefix", lower=True),
    defaults={
        "autoMinorVersionUpgrade": True,
        "copyTagsToSnapshot": False,
        "deleteAutomatedBackups": True,
        "monitoringInterval": 0,
        "publiclyAccessible": False,
        "skipFinalSnapshot": False,
        "storageEncrypted": False,
        "performanceInsightsEnabled": False,
    },
    computed=(
        "address",
        "arn",
        "endpoint",
        "engineVersionActual",
        "hostedZoneId",
        "masterUserSecrets",
        "resourceId",
        "status",
    ),
    volatile=("engineVersionActual", "masterUserSecrets", "status"),
    create=_create,
    read=_read,
    update=Step(_modify, on=tuple(_MEMBERS)),
    delete=_delete,
    inert=(*_INERT, "skipFinalSnapshot"),
    sets=("vpcSecurityGroupIds",),
    hidden=("password", "passwordWo"),
    write_only=("passwordWo",),
    kept=("status",),
    tags=_TAGS,
)

SUBNET_GROUP = Type(
    "aws:rds/subnetGroup:SubnetGroup",
    "rds",
    fields={"name": "DBSubnetGroupName", "description": "DBSubnetGroupDescription", "subnetIds": "SubnetIds"},
    id="name",
    name=Name("name", limit=255, prefix="namePrefix", lower=True),
    defaults={"description": "Managed by Pulumi"},
    computed=("arn", "vpcId"),
    create=Call("create_db_subnet_group"),
    read=lambda live: _read_subnets(live),
    update=Call("modify_db_subnet_group", on=("description", "subnetIds")),
    delete=Call("delete_db_subnet_group", {"DBSubnetGroupName": "id"}, fill=False),
    sets=("subnetIds",),
    tags=_TAGS,
)


def _read_subnets(live: Live) -> dict[str, Any]:
    found = live.call("describe_db_subnet_groups", DBSubnetGroupName=live.id)["DBSubnetGroups"][0]
    return {
        "arn": found["DBSubnetGroupArn"],
        "name": found["DBSubnetGroupName"],
        "description": found["DBSubnetGroupDescription"],
        "subnetIds": [subnet["SubnetIdentifier"] for subnet in found["Subnets"]],
        "vpcId": found.get("VpcId"),
    }


def _parameters(live: Live) -> None:
    """Set what is wanted; what isn't any more goes back to the engine's own value."""
    wanted = {each["name"]: each for each in live.inputs.get("parameters") or []}
    gone = [each["name"] for each in live.old.get("parameters") or [] if each["name"] not in wanted]
    sent = [
        {
            "ParameterName": name,
            "ParameterValue": str(each["value"]),
            "ApplyMethod": each.get("applyMethod") or "immediate",
        }
        for name, each in sorted(wanted.items())
    ]
    if sent:
        live.call("modify_db_parameter_group", DBParameterGroupName=live.get("name"), Parameters=sent)
    if gone:
        reset = [{"ParameterName": name, "ApplyMethod": "pending-reboot"} for name in gone]
        live.call("reset_db_parameter_group", DBParameterGroupName=live.get("name"), Parameters=reset)


def _read_parameters(live: Live) -> dict[str, Any] | None:
    groups = live.call("describe_db_parameter_groups", DBParameterGroupName=live.id)["DBParameterGroups"]
    if not groups:
        return None
    found = groups[0]
    said = live.call("describe_db_parameters", DBParameterGroupName=live.id, Source="user")["Parameters"]
    return {
        "arn": found["DBParameterGroupArn"],
        "name": found["DBParameterGroupName"],
        "family": found["DBParameterGroupFamily"],
        "description": found["Description"],
        "parameters": [
            {
                "name": each["ParameterName"],
                "value": each["ParameterValue"],
                "applyMethod": each.get("ApplyMethod") or "immediate",
            }
            for each in said
            if each.get("ParameterValue") is not None
        ],
    }


PARAMETER_GROUP = Type(
    "aws:rds/parameterGroup:ParameterGroup",
    "rds",
    fields={"name": "DBParameterGroupName", "family": "DBParameterGroupFamily", "description": "Description"},
    id="name",
    name=Name("name", limit=255, prefix="namePrefix", lower=True),
    defaults={"description": "Managed by Pulumi", "skipDestroy": False},
    computed=("arn",),
    create=(Call("create_db_parameter_group"), Step(_parameters, on=("parameters",))),
    read=_read_parameters,
    update=Step(_parameters, on=("parameters",)),
    delete=Call("delete_db_parameter_group", {"DBParameterGroupName": "id"}, fill=False),
    inert=("skipDestroy",),
    sets=("parameters",),
    tags=_TAGS,
)

TYPES = (INSTANCE, SUBNET_GROUP, PARAMETER_GROUP)
