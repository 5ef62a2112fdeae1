"""Amazon Data Firehose: delivery streams to S3. Source: the Firehose API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_EXTENDED: Final = "extended_s3"
_ASSUMED: Final = {
    "bufferingInterval": 300,
    "bufferingSize": 5,
    "compressionFormat": "UNCOMPRESSED",
    "s3BackupMode": "Disabled",
    "customTimeZone": "UTC",
}
_OPEN: Final = {"enabled": False, "keyType": "AWS_OWNED_CMK"}


def _sent(live: Live, operation: str, member: str) -> dict[str, Any]:
    """The destination as the service takes it: buffering, key and retries lie one level deeper there."""
    wanted: Mapping[str, Any] = live.inputs["extendedS3Configuration"]
    shape = live.client().meta.service_model.operation_model(operation).input_shape.members[member]
    given = convert.to_aws({**wanted, "dynamicPartitioningConfiguration": None}, shape)
    given |= _buffers(wanted)
    partitioning = wanted.get("dynamicPartitioningConfiguration")
    if partitioning:
        given["DynamicPartitioningConfiguration"] = {
            "Enabled": bool(partitioning.get("enabled")),
            "RetryOptions": {"DurationInSeconds": int(partitioning.get("retryDuration", 300))},
        }
    backup = wanted.get("s3BackupConfiguration")
    if backup:
        name = "S3BackupConfiguration" if operation == "CreateDeliveryStream" else "S3BackupUpdate"
        given[name] = convert.to_aws(backup, shape.members[name]) | _buffers(backup)
    return given


def _buffers(wanted: Mapping[str, Any]) -> dict[str, Any]:
    key = wanted.get("kmsKeyArn")
    return {
        "BufferingHints": {
            "SizeInMBs": int(wanted.get("bufferingSize", _ASSUMED["bufferingSize"])),
            "IntervalInSeconds": int(wanted.get("bufferingInterval", _ASSUMED["bufferingInterval"])),
        },
        "EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}}
        if key
        else {"NoEncryptionConfig": "NoEncryption"},
    }


def _encryption(live: Live) -> dict[str, Any] | None:
    wanted = live.inputs.get("serverSideEncryption") or _OPEN
    if not wanted.get("enabled"):
        return None
    sent = {"KeyType": wanted.get("keyType", "AWS_OWNED_CMK")}
    return sent | ({"KeyARN": wanted["keyArn"]} if wanted.get("keyArn") else {})


def _create(live: Live) -> None:
    source = live.inputs.get("kinesisSourceConfiguration")
    live.call(
        "create_delivery_stream",
        DeliveryStreamName=live.inputs["name"],
        DeliveryStreamType="KinesisStreamAsSource" if source else "DirectPut",
        KinesisStreamSourceConfiguration={
            "KinesisStreamARN": source["kinesisStreamArn"],
            "RoleARN": source["roleArn"],
        }
        if source
        else None,
        DeliveryStreamEncryptionConfigurationInput=_encryption(live),
        ExtendedS3DestinationConfiguration=_sent(live, "CreateDeliveryStream", "ExtendedS3DestinationConfiguration"),
        Tags=[{"Key": key, "Value": value} for key, value in live.tags.items()] or None,
    )


def _redirect(live: Live) -> None:
    now = _described(live)
    live.call(
        "update_destination",
        DeliveryStreamName=_name(live),
        CurrentDeliveryStreamVersionId=now["VersionId"],
        DestinationId=now["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate=_sent(live, "UpdateDestination", "ExtendedS3DestinationUpdate"),
    )


def _encrypt(live: Live) -> None:
    wanted = _encryption(live)
    if wanted:
        live.call(
            "start_delivery_stream_encryption",
            DeliveryStreamName=_name(live),
            DeliveryStreamEncryptionConfigurationInput=wanted,
        )
    else:
        live.call("stop_delivery_stream_encryption", DeliveryStreamName=_name(live))


def _name(live: Live) -> str:
    return live.get("name") or live.id.rpartition("/")[2]


def _arn(live: Live) -> str:
    return f"arn:{live.partition}:firehose:{live.region}:{live.account}:deliverystream/{_name(live)}"


def _described(live: Live) -> dict[str, Any]:
    return live.call("describe_delivery_stream", DeliveryStreamName=_name(live))["DeliveryStreamDescription"]


def _read(live: Live) -> dict[str, Any]:
    found = _described(live)
    destination = found["Destinations"][0]
    shown: dict[str, Any] = {
        "arn": found["DeliveryStreamARN"],
        "name": found["DeliveryStreamName"],
        "versionId": found["VersionId"],
        "destination": _EXTENDED,
        "destinationId": destination["DestinationId"],
        "extendedS3Configuration": _read_destination(destination["ExtendedS3DestinationDescription"]),
        "serverSideEncryption": _read_encryption(found.get("DeliveryStreamEncryptionConfiguration") or {}),
    }
    source = found.get("Source", {}).get("KinesisStreamSourceDescription")
    if source:
        wanted = live.get("kinesisSourceConfiguration") or {}
        shown["kinesisSourceConfiguration"] = {
            "kinesisStreamArn": source["KinesisStreamARN"],
            "roleArn": source.get("RoleARN") or wanted.get("roleArn"),
        }
    return shown


def _read_destination(found: dict[str, Any]) -> dict[str, Any]:
    given = dict(found)
    hints = given.pop("BufferingHints", {})
    key = given.pop("EncryptionConfiguration", {}).get("KMSEncryptionConfig", {}).get("AWSKMSKeyARN")
    partitioning = given.pop("DynamicPartitioningConfiguration", None)
    shown = {**_ASSUMED, **convert.from_aws(given, None, {"cloudwatchLoggingOptions": "CloudWatchLoggingOptions"})}
    shown["bufferingInterval"] = hints.get("IntervalInSeconds", _ASSUMED["bufferingInterval"])
    shown["bufferingSize"] = hints.get("SizeInMBs", _ASSUMED["bufferingSize"])
    if key:
        shown["kmsKeyArn"] = key
    if partitioning:
        retry = partitioning.get("RetryOptions", {}).get("DurationInSeconds", 300)
        shown["dynamicPartitioningConfiguration"] = {"enabled": partitioning["Enabled"], "retryDuration": retry}
    backup = found.get("S3BackupDescription")
    shown.pop("s3BackupDescription", None)
    if backup:
        shown["s3BackupConfiguration"] = _read_destination(backup)
    return shown


def _read_encryption(found: Mapping[str, Any]) -> dict[str, Any]:
    enabled = found.get("Status", "ENABLED" if found.get("KeyType") else "DISABLED") == "ENABLED"
    if not enabled:
        return dict(_OPEN)
    return {"enabled": True, "keyType": found["KeyType"]} | ({"keyArn": found["KeyARN"]} if "KeyARN" in found else {})


DELIVERY_STREAM = Type(
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
    "firehose",
    id=_arn,
    from_id=lambda id: {"name": id.rpartition("/")[2]},
    name=Name("name", limit=64),
    defaults={"serverSideEncryption": _OPEN},
    assumed={f"extendedS3Configuration.{prop}": value for prop, value in _ASSUMED.items()},
    computed=("arn", "destinationId", "versionId"),
    volatile=("versionId",),
    create=_create,
    read=_read,
    update=(Step(_redirect, on=("extendedS3Configuration",)), Step(_encrypt, on=("serverSideEncryption",))),
    delete=Call("delete_delivery_stream", {"DeliveryStreamName": "name"}, fill=False),
    tags=Tags(
        "list_tags_for_delivery_stream",
        "tag_delivery_stream",
        "untag_delivery_stream",
        {"DeliveryStreamName": _name},
        on_create="Tags",
    ),
)

TYPES = (DELIVERY_STREAM,)
