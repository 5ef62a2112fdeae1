"""An object of a bucket, when what it holds changes."""

from __future__ import annotations

from typing import Any

OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
TAGS = {"team": "fraud", "managed-by": "modelyard: 1+1=2"}


def test_an_object_whose_content_changes_keeps_its_tags(cloud: Any) -> None:
    cloud.make("aws:s3/bucket:Bucket", bucket="acme-raw")
    made = cloud.make(OBJECT, bucket="acme-raw", key="said.json", content="{}", tags=TAGS)
    made.update(content='{"said": true}')
    kept = cloud.client("s3").get_object_tagging(Bucket="acme-raw", Key="said.json")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in kept} == TAGS
    made.settled()
    made.update(tags={"team": "fraud"})
    kept = cloud.client("s3").get_object_tagging(Bucket="acme-raw", Key="said.json")["TagSet"]
    assert kept == [{"Key": "team", "Value": "fraud"}]
    made.delete()
