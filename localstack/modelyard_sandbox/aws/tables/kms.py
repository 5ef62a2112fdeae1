"""KMS: keys and aliases. Source: the KMS API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard_sandbox.aws.declare import Answer, Call, Name, Step, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live


def _read_key(live: Live) -> dict[str, Any] | None:
    key = live.call("describe_key", KeyId=live.id)["KeyMetadata"]
    if key["KeyState"] == "PendingDeletion":
        return None
    found = {
        "arn": key["Arn"],
        "keyId": key["KeyId"],
        "description": key.get("Description", ""),
        "keyUsage": key["KeyUsage"],
        "customerMasterKeySpec": key.get("KeySpec") or key["CustomerMasterKeySpec"],
        "isEnabled": key["Enabled"],
        "multiRegion": key.get("MultiRegion", False),
        "policy": live.call("get_key_policy", KeyId=live.id, PolicyName="default")["Policy"],
        "enableKeyRotation": False,
    }
    if found["customerMasterKeySpec"] == "SYMMETRIC_DEFAULT" and key["Enabled"]:
        rotation = live.call("get_key_rotation_status", KeyId=live.id)
        found["enableKeyRotation"] = rotation["KeyRotationEnabled"]
        if rotation["KeyRotationEnabled"] and rotation.get("RotationPeriodInDays"):
            found["rotationPeriodInDays"] = rotation["RotationPeriodInDays"]
    return found


def _rotate(live: Live) -> None:
    if live.inputs.get("enableKeyRotation"):
        days = live.inputs.get("rotationPeriodInDays")
        live.call("enable_key_rotation", KeyId=live.id, RotationPeriodInDays=days)
    elif live.changed:
        live.call("disable_key_rotation", KeyId=live.id)


def _switch(live: Live) -> None:
    if live.inputs.get("isEnabled") is False:
        live.call("disable_key", KeyId=live.id)
    elif live.changed:
        live.call("enable_key", KeyId=live.id)


_ROTATION = Step(_rotate, on=("enableKeyRotation", "rotationPeriodInDays"))
_SWITCH = Step(_switch, on=("isEnabled",))
KEY = Type(
    "aws:kms/key:Key",
    "kms",
    fields=fields("description", "policy", "keyUsage", "multiRegion", "customKeyStoreId", "xksKeyId")
    | {"customerMasterKeySpec": "KeySpec", "bypassPolicyLockoutSafetyCheck": "BypassPolicyLockoutSafetyCheck"},
    id=Answer("KeyId"),
    defaults={
        "keyUsage": "ENCRYPT_DECRYPT",
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "isEnabled": True,
        "enableKeyRotation": False,
        "multiRegion": False,
        "bypassPolicyLockoutSafetyCheck": False,
    },
    computed=("arn", "keyId"),
    create=(Call("create_key", take="KeyMetadata"), _ROTATION, _SWITCH),
    read=_read_key,
    update=(
        Call("update_key_description", {"KeyId": "id"}, on=("description",)),
        Call("put_key_policy", {"KeyId": "id", "PolicyName": lambda _: "default"}, on=("policy",)),
        _ROTATION,
        _SWITCH,
    ),
    delete=Call("schedule_key_deletion", {"KeyId": "id", "PendingWindowInDays": "deletionWindowInDays"}),
    inert=("deletionWindowInDays", "bypassPolicyLockoutSafetyCheck"),
    json=("policy",),
    kept=("policy", "description", "rotationPeriodInDays"),
    tags=Tags("list_resource_tags", "tag_resource", "untag_resource", {"KeyId": "id"}, names=("TagKey", "TagValue")),
)


def _read_alias(live: Live) -> dict[str, Any] | None:
    for page in live.client().get_paginator("list_aliases").paginate():
        for alias in page["Aliases"]:
            if alias["AliasName"] == live.id and alias.get("TargetKeyId"):
                arn: str = alias["AliasArn"]
                key = f"{arn.rpartition(':')[0]}:key/{alias['TargetKeyId']}"
                wanted = live.get("targetKeyId")
                same_key = wanted in (key, alias["TargetKeyId"])
                return {
                    "name": live.id,
                    "arn": arn,
                    "targetKeyArn": key,
                    "targetKeyId": wanted if same_key else alias["TargetKeyId"],
                }
    return None


ALIAS = Type(
    "aws:kms/alias:Alias",
    "kms",
    fields={"name": "AliasName", "targetKeyId": "TargetKeyId"},
    id="name",
    name=Name("name", limit=256, prefix="namePrefix", start="alias/"),
    computed=("arn", "targetKeyArn"),
    volatile=("targetKeyArn",),
    create=Call("create_alias"),
    read=_read_alias,
    update=Call("update_alias", on=("targetKeyId",)),
    delete=Call("delete_alias"),
)

TYPES = (KEY, ALIAS)
