"""A bucket's notifications through their whole life."""

from __future__ import annotations

from typing import Any

NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"


def test_a_bucket_tells_eventbridge_until_it_no_longer_does(cloud: Any) -> None:
    cloud.make("aws:s3/bucket:Bucket", bucket="acme-raw")
    notification = cloud.make(NOTIFICATION, bucket="acme-raw", eventbridge=True)
    assert notification.id == "acme-raw"
    kept = cloud.client("s3").get_bucket_notification_configuration(Bucket="acme-raw")
    assert "EventBridgeConfiguration" in kept
    assert notification.imported("acme-raw").inputs["eventbridge"] is True
    assert notification.forecast(bucket="other").replaces == {"bucket"}
    notification.delete()


def test_a_queue_hears_of_what_arrives_below_a_prefix(cloud: Any) -> None:
    cloud.make("aws:s3/bucket:Bucket", bucket="acme-raw")
    queue = cloud.make("aws:sqs/queue:Queue", name="arrivals")["arn"]
    heard = {"id": "arrivals", "queueArn": queue, "events": ["s3:ObjectCreated:*"], "filterPrefix": "events/"}
    notification = cloud.make(NOTIFICATION, bucket="acme-raw", queues=[heard])
    notification.update(eventbridge=True)
    notification.update(queues=[{**heard, "filterSuffix": ".parquet"}])
    cloud.client("s3").put_bucket_notification_configuration(Bucket="acme-raw", NotificationConfiguration={})
    assert notification.read() is None, "what somebody else silenced is gone"
