"""S3: a bucket that tells EventBridge says so, one that holds objects can be locked otherwise, delete markers go."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.s3.exceptions import InvalidBucketState
from moto.s3.models import FakeDeleteMarker, S3Backend
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


def put_object_lock_configuration(
    self: Any,
    bucket_name: str,
    lock_enabled: bool,
    mode: str | None = None,
    days: int | None = None,
    years: int | None = None,
) -> None:
    """PutObjectLockConfiguration: the default retention of new objects changes, whatever lies in the bucket already."""
    bucket = self.get_bucket(bucket_name)
    if not bucket.is_versioned:
        problem = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        raise InvalidBucketState(problem)
    bucket.object_lock_enabled = lock_enabled or bucket.object_lock_enabled
    bucket.default_lock_mode = mode
    bucket.default_lock_days = days
    bucket.default_lock_years = years


def dispose(self: Any) -> None:
    """Nothing: a delete marker has no content that would have to be freed when its bucket is emptied."""


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    S3Response.get_bucket_notification = get_bucket_notification  # type: ignore[method-assign]
    FakeDeleteMarker.dispose = dispose  # type: ignore[attr-defined]
    S3Backend.put_object_lock_configuration = put_object_lock_configuration  # type: ignore[method-assign]
