"""S3: which events a bucket tells whom. Source: the S3 API reference, "PutBucketNotificationConfiguration"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Step, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_KINDS: Final = {
    "lambdaFunctions": ("LambdaFunctionConfigurations", "LambdaFunctionArn", "lambdaFunctionArn"),
    "queues": ("QueueConfigurations", "QueueArn", "queueArn"),
    "topics": ("TopicConfigurations", "TopicArn", "topicArn"),
}


def _listener(entry: Mapping[str, Any], member: str, prop: str) -> dict[str, Any]:
    sides = {"prefix": entry.get("filterPrefix"), "suffix": entry.get("filterSuffix")}
    rules = [{"Name": side, "Value": value} for side, value in sides.items() if value]
    return (
        {member: entry[prop], "Events": list(entry["events"])}
        | ({"Id": entry["id"]} if entry.get("id") else {})
        | ({"Filter": {"Key": {"FilterRules": rules}}} if rules else {})
    )


def _put(live: Live) -> None:
    wanted: dict[str, Any] = {"EventBridgeConfiguration": {}} if live.inputs.get("eventbridge") else {}
    for name, (configurations, member, prop) in _KINDS.items():
        entries = live.inputs.get(name) or []
        if entries:
            wanted[configurations] = [_listener(entry, member, prop) for entry in entries]
    live.call("put_bucket_notification_configuration", Bucket=live.get("bucket"), NotificationConfiguration=wanted)


def _read(live: Live) -> dict[str, Any] | None:
    found = live.call("get_bucket_notification_configuration", Bucket=live.id)
    shown: dict[str, Any] = {"bucket": live.id, "eventbridge": "EventBridgeConfiguration" in found}
    for name, (configurations, member, prop) in _KINDS.items():
        shown[name] = [_shown(entry, member, prop) for entry in found.get(configurations, [])]
    return shown if shown["eventbridge"] or any(shown[name] for name in _KINDS) else None


def _shown(entry: Mapping[str, Any], member: str, prop: str) -> dict[str, Any]:
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    sides = {f"filter{rule['Name'].capitalize()}": rule["Value"] for rule in rules}
    return {"id": entry["Id"], prop: entry[member], "events": sorted(entry["Events"]), **sides}


def _silence(live: Live) -> None:
    live.call("put_bucket_notification_configuration", Bucket=live.id, NotificationConfiguration={})


NOTIFICATION: Final = Type(
    "aws:s3/bucketNotification:BucketNotification",
    "s3",
    id="bucket",
    defaults={"eventbridge": False},
    create=_put,
    read=_read,
    update=Step(_put, on=("eventbridge", *_KINDS)),
    delete=_silence,
)

TYPES = (NOTIFICATION,)
