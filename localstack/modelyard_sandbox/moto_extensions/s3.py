"""S3: a bucket that tells EventBridge says so."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.s3.responses import S3Response


def _listener(item: Any, member: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"Id": item.id, member: item.arn, "Events": item.events}
    if item.filters:
        shown["Filter"] = {"Key": {"FilterRules": item.filters["S3Key"]["FilterRule"]}}
    return shown


def get_bucket_notification(self: Any) -> Any:
    """GetBucketNotificationConfiguration, EventBridge included."""
    kept = self.backend.get_bucket_notification_configuration(self.bucket_name)
    if not kept:
        return self.serialized(EmptyResult())
    found: dict[str, Any] = {
        "TopicConfigurations": [_listener(item, "TopicArn") for item in kept.topic],
        "QueueConfigurations": [_listener(item, "QueueArn") for item in kept.queue],
        "LambdaFunctionConfigurations": [_listener(item, "LambdaFunctionArn") for item in kept.cloud_function],
    }
    if kept.event_bridge is not None:
        found["EventBridgeConfiguration"] = {}
    self.data["Action"] = "GetBucketNotificationConfiguration"
    return self.serialized(ActionResult(found))


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    S3Response.get_bucket_notification = get_bucket_notification  # type: ignore[method-assign]
