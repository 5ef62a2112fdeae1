"""DynamoDB: tables, with their expiry and recovery, and the policies of tables. Source: the DynamoDB API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_NO_EXPIRY: Final = {"attributeName": "", "enabled": False}
_NO_RECOVERY: Final = {"enabled": False}


def _on_demand(live: Live) -> bool:
    return live.inputs.get("billingMode") == "PAY_PER_REQUEST"


def _capacity(live: Live) -> dict[str, Any] | None:
    if _on_demand(live):
        return None
    return {
        "ReadCapacityUnits": live.inputs.get("readCapacity"),
        "WriteCapacityUnits": live.inputs.get("writeCapacity"),
    }


def _encryption(live: Live) -> dict[str, Any] | None:
    wanted = live.inputs.get("serverSideEncryption")
    if not wanted:
        return None
    if not wanted.get("enabled"):
        return {"Enabled": False}
    return {
        "Enabled": True,
        "SSEType": "KMS",
        **({"KMSMasterKeyId": wanted["kmsKeyArn"]} if "kmsKeyArn" in wanted else {}),
    }


def _stream(live: Live) -> dict[str, Any] | None:
    if not live.inputs.get("streamEnabled"):
        return {"StreamEnabled": False} if live.id else None
    return {"StreamEnabled": True, "StreamViewType": live.inputs["streamViewType"]}


def _keys(live: Live) -> list[dict[str, str]]:
    keys = [{"AttributeName": live.inputs["hashKey"], "KeyType": "HASH"}]
    if live.inputs.get("rangeKey"):
        keys.append({"AttributeName": live.inputs["rangeKey"], "KeyType": "RANGE"})
    return keys


def _create(live: Live) -> None:
    live.call(
        "create_table",
        TableName=live.inputs["name"],
        KeySchema=_keys(live),
        AttributeDefinitions=[
            {"AttributeName": each["name"], "AttributeType": each["type"]} for each in live.inputs["attributes"]
        ],
        BillingMode=live.inputs.get("billingMode") or "PROVISIONED",
        ProvisionedThroughput=_capacity(live),
        SSESpecification=_encryption(live),
        StreamSpecification=_stream(live),
        TableClass=live.inputs.get("tableClass"),
        DeletionProtectionEnabled=live.inputs.get("deletionProtectionEnabled"),
        Tags=[{"Key": key, "Value": value} for key, value in live.tags.items()] or None,
    )


def _pay(live: Live) -> None:
    mode = live.inputs.get("billingMode") or "PROVISIONED"
    live.call("update_table", TableName=live.id, BillingMode=mode, ProvisionedThroughput=_capacity(live))


def _encrypt(live: Live) -> None:
    live.call("update_table", TableName=live.id, SSESpecification=_encryption(live) or {"Enabled": False})


def _send(live: Live) -> None:
    live.call("update_table", TableName=live.id, StreamSpecification=_stream(live))


def _protect(live: Live) -> None:
    wanted = bool(live.inputs.get("deletionProtectionEnabled"))
    live.call("update_table", TableName=live.id, DeletionProtectionEnabled=wanted)


def _expire(live: Live) -> None:
    wanted = live.inputs.get("ttl") or {}
    known = live.state.get("ttl") or {}
    attribute = wanted.get("attributeName") or known.get("attributeName")
    enabled = bool(wanted.get("enabled"))
    if enabled == bool(known.get("enabled")) and attribute == known.get("attributeName"):
        return
    if attribute:
        sent = {"Enabled": enabled, "AttributeName": attribute}
        live.call("update_time_to_live", TableName=live.inputs["name"], TimeToLiveSpecification=sent)


def _recover(live: Live) -> None:
    wanted = live.inputs.get("pointInTimeRecovery") or _NO_RECOVERY
    sent: dict[str, Any] = {"PointInTimeRecoveryEnabled": wanted["enabled"]}
    if wanted.get("recoveryPeriodInDays") and wanted["enabled"]:
        sent["RecoveryPeriodInDays"] = int(wanted["recoveryPeriodInDays"])
    live.call("update_continuous_backups", TableName=live.inputs["name"], PointInTimeRecoverySpecification=sent)


def _read(live: Live) -> dict[str, Any]:
    found = live.call("describe_table", TableName=live.id)["Table"]
    roles = {key["KeyType"]: key["AttributeName"] for key in found["KeySchema"]}
    mode = (found.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED")
    capacity = found.get("ProvisionedThroughput") or {}
    stream = found.get("StreamSpecification") or {}
    encryption = found.get("SSEDescription") or {}
    encrypted = encryption.get("Status") == "ENABLED"
    return {
        "arn": found["TableArn"],
        "name": found["TableName"],
        "hashKey": roles["HASH"],
        "rangeKey": roles.get("RANGE"),
        "attributes": [
            {"name": each["AttributeName"], "type": each["AttributeType"]} for each in found["AttributeDefinitions"]
        ],
        "billingMode": mode,
        "readCapacity": 0 if mode == "PAY_PER_REQUEST" else capacity.get("ReadCapacityUnits"),
        "writeCapacity": 0 if mode == "PAY_PER_REQUEST" else capacity.get("WriteCapacityUnits"),
        "deletionProtectionEnabled": found.get("DeletionProtectionEnabled", False),
        "serverSideEncryption": {"enabled": encrypted, "kmsKeyArn": encryption.get("KMSMasterKeyArn", "")},
        "streamEnabled": stream.get("StreamEnabled", False),
        "streamViewType": stream.get("StreamViewType", ""),
        "streamArn": found.get("LatestStreamArn", ""),
        "streamLabel": found.get("LatestStreamLabel", ""),
        "tableClass": (found.get("TableClassSummary") or {}).get("TableClass", "STANDARD"),
        "ttl": _read_expiry(live),
        "pointInTimeRecovery": _read_recovery(live),
    }


def _read_expiry(live: Live) -> dict[str, Any]:
    found = live.call("describe_time_to_live", TableName=live.id)["TimeToLiveDescription"]
    if found.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        return _NO_EXPIRY
    return {"attributeName": found["AttributeName"], "enabled": True}


def _read_recovery(live: Live) -> dict[str, Any]:
    found = live.call("describe_continuous_backups", TableName=live.id)["ContinuousBackupsDescription"]
    recovery = found["PointInTimeRecoveryDescription"]
    if recovery["PointInTimeRecoveryStatus"] != "ENABLED":
        return {"enabled": False, "recoveryPeriodInDays": 0}
    return {"enabled": True, "recoveryPeriodInDays": recovery.get("RecoveryPeriodInDays", 35)}


_EXPIRY = Step(_expire, on=("ttl",))
_RECOVERY = Step(_recover, on=("pointInTimeRecovery",))
TABLE = Type(
    "aws:dynamodb/table:Table",
    "dynamodb",
    id="name",
    name=Name("name", limit=255),
    defaults={
        "billingMode": "PROVISIONED",
        "deletionProtectionEnabled": False,
        "streamEnabled": False,
        "tableClass": "STANDARD",
    },
    computed=("arn", "streamArn", "streamLabel"),
    volatile=("streamArn", "streamLabel"),
    create=(_create, _EXPIRY, _RECOVERY),
    read=_read,
    update=(
        Step(_pay, on=("billingMode", "readCapacity", "writeCapacity")),
        Step(_encrypt, on=("serverSideEncryption",)),
        Step(_send, on=("streamEnabled", "streamViewType")),
        Step(_protect, on=("deletionProtectionEnabled",)),
        _EXPIRY,
        _RECOVERY,
    ),
    delete=Call("delete_table", {"TableName": "id"}, fill=False),
    sets=("attributes",),
    tags=Tags("list_tags_of_resource", "tag_resource", "untag_resource", {"ResourceArn": "arn"}, on_create="Tags"),
)


def _read_policy(live: Live) -> dict[str, Any]:
    found = live.call("get_resource_policy", ResourceArn=live.id)
    return {"resourceArn": live.id, "policy": found["Policy"], "revisionId": found["RevisionId"]}


_PUT_POLICY = Call("put_resource_policy", {"ResourceArn": "resourceArn", "Policy": "policy"}, fill=False)
POLICY = Type(
    "aws:dynamodb/resourcePolicy:ResourcePolicy",
    "dynamodb",
    fields={"policy": "Policy", "resourceArn": "ResourceArn"},
    id="resourceArn",
    computed=("revisionId",),
    volatile=("revisionId",),
    create=_PUT_POLICY,
    read=_read_policy,
    update=Call("put_resource_policy", {"ResourceArn": "resourceArn", "Policy": "policy"}, fill=False, on=("policy",)),
    delete=Call("delete_resource_policy", {"ResourceArn": "id"}, fill=False),
    json=("policy",),
    gone=("PolicyNotFoundException",),
)

TYPES = (TABLE, POLICY)
