"""SageMaker: feature groups. Source: the SageMaker API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Step, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_FIXED: Final = ("enableOnlineStore", "securityConfig", "storageType")
"""Of an online store; only its time to live may be changed (sagemaker/latest/APIReference/API_UpdateFeatureGroup)."""


def _tune(live: Live) -> None:
    sent: dict[str, Any] = {}
    if "onlineStoreConfig" in live.changed:
        lives = (live.inputs.get("onlineStoreConfig") or {}).get("ttlDuration")
        sent["onlineStoreConfig"] = {"ttlDuration": lives} if lives else {}
    if "throughputConfig" in live.changed:
        sent["throughputConfig"] = live.inputs["throughputConfig"]
    shape = live.client().meta.service_model.operation_model("UpdateFeatureGroup").input_shape
    live.call("update_feature_group", FeatureGroupName=live.id, **convert.to_aws(sent, shape))


def _as_given(live: Live) -> dict[str, Any]:
    """An import finds no place that AWS chose: a program that names it would move the store."""
    found = live.state.get("offlineStoreConfig")
    if live.inputs or "region" in live.state or not found:
        return {}
    storage = {key: value for key, value in found["s3StorageConfig"].items() if key != "resolvedOutputS3Uri"}
    return {"offlineStoreConfig": {**found, "s3StorageConfig": storage}}


FEATURE_GROUP = Type(
    "aws:sagemaker/featureGroup:FeatureGroup",
    "sagemaker",
    fields=fields("description", "eventTimeFeatureName", "featureDefinitions", "featureGroupName")
    | fields("offlineStoreConfig", "onlineStoreConfig", "recordIdentifierFeatureName", "roleArn", "throughputConfig")
    | {"arn": "FeatureGroupArn"},
    id="featureGroupName",
    computed=("arn",),
    create=Call("create_feature_group"),
    read=(Call("describe_feature_group", {"FeatureGroupName": "id"}, fill=False), _as_given),
    update=Step(_tune, on=("onlineStoreConfig", "throughputConfig")),
    delete=Call("delete_feature_group", {"FeatureGroupName": "id"}, fill=False),
    replace=tuple(f"onlineStoreConfig.{part}" for part in _FIXED),
    kept=("throughputConfig",),
    tags=Tags("list_tags", "add_tags", "delete_tags", {"ResourceArn": "arn"}, on_create="Tags"),
)

TYPES = (FEATURE_GROUP,)
