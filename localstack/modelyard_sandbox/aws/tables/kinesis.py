"""Kinesis: data streams. Source: the Kinesis Data Streams API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard_sandbox.aws.declare import Name, Step, TagFunctions, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_PROVISIONED = {"streamMode": "PROVISIONED"}


def _name(live: Live) -> str:
    return live.get("name") or live.id.rpartition("/")[2]


def _mode(live: Live) -> str:
    return (live.inputs.get("streamModeDetails") or _PROVISIONED)["streamMode"]


def _arn(live: Live) -> str:
    return f"arn:{live.partition}:kinesis:{live.region}:{live.account}:stream/{_name(live)}"


def _create(live: Live) -> None:
    live.call(
        "create_stream",
        StreamName=live.inputs["name"],
        ShardCount=live.inputs.get("shardCount"),
        StreamModeDetails={"StreamMode": _mode(live)},
    )


def _retain(live: Live) -> None:
    wanted = int(live.inputs.get("retentionPeriod") or 24)
    now = live.call("describe_stream_summary", StreamName=_name(live))["StreamDescriptionSummary"]
    hours = now["RetentionPeriodHours"]
    if wanted != hours:
        operation = "increase_stream_retention_period" if wanted > hours else "decrease_stream_retention_period"
        live.call(operation, StreamName=_name(live), RetentionPeriodHours=wanted)


def _encrypt(live: Live) -> None:
    if live.inputs.get("encryptionType") == "KMS":
        live.call(
            "start_stream_encryption", StreamName=_name(live), EncryptionType="KMS", KeyId=live.inputs["kmsKeyId"]
        )
    elif live.changed:
        key = live.state.get("kmsKeyId")
        live.call("stop_stream_encryption", StreamName=_name(live), EncryptionType="KMS", KeyId=key)


def _watch(live: Live) -> None:
    wanted = set(live.inputs.get("shardLevelMetrics") or ())
    known = set(live.state.get("shardLevelMetrics") or ())
    if wanted - known:
        live.call("enable_enhanced_monitoring", StreamName=_name(live), ShardLevelMetrics=sorted(wanted - known))
    if known - wanted:
        live.call("disable_enhanced_monitoring", StreamName=_name(live), ShardLevelMetrics=sorted(known - wanted))


def _resize(live: Live) -> None:
    if "streamModeDetails" in live.changed:
        live.call("update_stream_mode", StreamARN=_arn(live), StreamModeDetails={"StreamMode": _mode(live)})
    if _mode(live) == "PROVISIONED" and "shardCount" in live.changed:
        count = live.inputs["shardCount"]
        live.call("update_shard_count", StreamName=_name(live), TargetShardCount=count, ScalingType="UNIFORM_SCALING")


def _read(live: Live) -> dict[str, Any]:
    found = live.call("describe_stream_summary", StreamName=_name(live))["StreamDescriptionSummary"]
    live.id = found["StreamARN"]
    metrics = [name for group in found["EnhancedMonitoring"] for name in group["ShardLevelMetrics"]]
    mode = found["StreamModeDetails"]["StreamMode"]
    return {
        "arn": found["StreamARN"],
        "name": found["StreamName"],
        "retentionPeriod": found["RetentionPeriodHours"],
        "encryptionType": found.get("EncryptionType") or "NONE",
        "kmsKeyId": found.get("KeyId"),
        "shardCount": found["OpenShardCount"] if mode == "PROVISIONED" else None,
        "shardLevelMetrics": metrics,
        "streamModeDetails": {"streamMode": mode},
    }


def _read_tags(live: Live) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in live.call("list_tags_for_stream", StreamName=_name(live))["Tags"]}


def _write_tags(live: Live, old: dict[str, str], new: dict[str, str]) -> None:
    removed = sorted(set(old) - set(new))
    written = {key: value for key, value in new.items() if old.get(key) != value}
    if removed:
        live.call("remove_tags_from_stream", StreamName=_name(live), TagKeys=removed)
    if written:
        live.call("add_tags_to_stream", StreamName=_name(live), Tags=written)


_RETENTION = Step(_retain, on=("retentionPeriod",))
_ENCRYPTION = Step(_encrypt, on=("encryptionType", "kmsKeyId"))
_METRICS = Step(_watch, on=("shardLevelMetrics",))
STREAM = Type(
    "aws:kinesis/stream:Stream",
    "kinesis",
    id=_arn,
    from_id=lambda id: {"name": id.rpartition("/")[2]},
    name=Name("name", limit=128),
    defaults={"encryptionType": "NONE", "retentionPeriod": 24, "streamModeDetails": _PROVISIONED}
    | {"enforceConsumerDeletion": False},
    computed=("arn",),
    create=(_create, _RETENTION, _ENCRYPTION, _METRICS),
    read=_read,
    update=(_RETENTION, _ENCRYPTION, _METRICS, Step(_resize, on=("shardCount", "streamModeDetails"))),
    delete=lambda live: live.call(
        "delete_stream", StreamName=_name(live), EnforceConsumerDeletion=live.get("enforceConsumerDeletion")
    ),
    inert=("enforceConsumerDeletion",),
    sets=("shardLevelMetrics",),
    kept=("streamModeDetails",),
    tags=TagFunctions(_read_tags, _write_tags),
)

TYPES = (STREAM,)
