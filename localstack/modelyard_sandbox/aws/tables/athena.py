"""Athena: workgroups. Source: the Athena API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_SPELLED: Final = {
    "configuration.enforceWorkgroupConfiguration": "EnforceWorkGroupConfiguration",
    "configuration.publishCloudwatchMetricsEnabled": "PublishCloudWatchMetricsEnabled",
    "configuration.resultConfiguration.encryptionConfiguration.kmsKeyArn": "KmsKey",
}
_REMOVABLE: Final = ("OutputLocation", "EncryptionConfiguration", "ExpectedBucketOwner", "AclConfiguration")


def _shape(live: Live, operation: str, member: str) -> Any:
    return live.client().meta.service_model.operation_model(operation).input_shape.members[member]


def _sent(live: Live) -> dict[str, Any]:
    """The wanted configuration, with what the real provider assumes: settings of the workgroup are enforced."""
    shape = _shape(live, "CreateWorkGroup", "Configuration")
    given = convert.to_aws(live.inputs.get("configuration") or {}, shape, _SPELLED, "configuration")
    given.get("EngineVersion", {}).pop("EffectiveEngineVersion", None)
    return {"EnforceWorkGroupConfiguration": True, "PublishCloudWatchMetricsEnabled": True, **given}


def _create(live: Live) -> None:
    live.call(
        "create_work_group",
        Name=live.inputs["name"],
        Description=live.inputs.get("description"),
        Configuration=_sent(live),
    )


def _update(live: Live) -> None:
    updates = _sent(live)
    results = updates.pop("ResultConfiguration", {})
    for member in _REMOVABLE:
        if member not in results:
            results[f"Remove{member}"] = True
    if "BytesScannedCutoffPerQuery" not in updates:
        updates["RemoveBytesScannedCutoffPerQuery"] = True
    live.call(
        "update_work_group",
        WorkGroup=live.id,
        Description=live.inputs.get("description", ""),
        State=live.inputs["state"],
        ConfigurationUpdates={**updates, "ResultConfigurationUpdates": results},
    )


def _disable(live: Live) -> None:
    if live.inputs["state"] == "DISABLED":
        live.call("update_work_group", WorkGroup=live.id, State="DISABLED")


def _arn(live: Live) -> str:
    return f"arn:{live.partition}:athena:{live.region}:{live.account}:workgroup/{live.id}"


def _delete(live: Live) -> None:
    live.call("delete_work_group", WorkGroup=live.id, RecursiveDeleteOption=bool(live.get("forceDestroy")))


WORKGROUP = Type(
    "aws:athena/workgroup:Workgroup",
    "athena",
    fields=fields("name", "description", "state", "configuration") | _SPELLED,
    id="name",
    name=Name("name", limit=128),
    defaults={"forceDestroy": False, "state": "ENABLED"},
    assumed={
        "configuration.enableMinimumEncryptionConfiguration": False,
        "configuration.engineVersion": {"effectiveEngineVersion": "Athena engine version 3"}
        | {"selectedEngineVersion": "AUTO"},
        "configuration.requesterPaysEnabled": False,
    },
    computed=("arn",),
    create=(_create, Step(_disable, on=("state",))),
    read=(
        Call("get_work_group", {"WorkGroup": "id"}, take="WorkGroup", fill=False),
        lambda live: {"arn": _arn(live)},
    ),
    update=Step(_update, on=("configuration", "description", "state")),
    delete=_delete,
    inert=("forceDestroy",),
    tags=Tags("list_tags_for_resource", "tag_resource", "untag_resource", {"ResourceARN": _arn}),
)

TYPES = (WORKGROUP,)
