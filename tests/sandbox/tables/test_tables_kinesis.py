"""Data streams and delivery streams through their whole life."""

from __future__ import annotations

import gzip
from typing import Any

STREAM = "aws:kinesis/stream:Stream"
DELIVERY = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
ON_DEMAND = {"streamMode": "ON_DEMAND"}
PROVISIONED = {"streamMode": "PROVISIONED"}
ROLE = "arn:aws:iam::123456789012:role/delivers"
ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/events"


def parquet(table: str = "events") -> dict[str, Any]:
    return {
        "enabled": True,
        "inputFormatConfiguration": {"deserializer": {"openXJsonSerDe": {"caseInsensitive": True}}},
        "outputFormatConfiguration": {"serializer": {"parquetSerDe": {"compression": "SNAPPY"}}},
        "schemaConfiguration": {"databaseName": "lake", "tableName": table, "roleArn": ROLE, "region": "eu-west-1"},
    }


def destination(**changes: Any) -> dict[str, Any]:
    return {
        "bucketArn": "arn:aws:s3:::acme-raw",
        "roleArn": ROLE,
        "prefix": "events/day=!{timestamp:yyyy-MM-dd}/",
        "errorOutputPrefix": "errors/events/",
        "bufferingSize": 128,
        "bufferingInterval": 300,
        "kmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1",
        "cloudwatchLoggingOptions": {"enabled": True, "logGroupName": "/modelyard/events", "logStreamName": "s3"},
        "dataFormatConversionConfiguration": parquet(),
        **changes,
    }


def test_a_stream_on_demand_lives_and_dies(cloud: Any) -> None:
    key = cloud.make("aws:kms/key:Key", description="streams")["arn"]
    stream = cloud.make(STREAM, name="events", streamModeDetails=ON_DEMAND, tags={"team": "fraud"})
    assert stream.id == stream["arn"] == ARN
    stream.update(retentionPeriod=72)
    stream.update(retentionPeriod=None)
    stream.update(encryptionType="KMS", kmsKeyId=key)
    assert cloud.client("kinesis").describe_stream_summary(StreamName="events")["StreamDescriptionSummary"]["KeyId"]
    stream.update(tags={"team": "churn"})
    assert stream.forecast(name="others").replaces == {"name"}
    assert stream.imported("events").inputs["kmsKeyId"] == key
    stream.delete()


def test_a_provisioned_stream_grows_and_becomes_one_on_demand(cloud: Any) -> None:
    stream = cloud.make(STREAM, name="events", shardCount=1, streamModeDetails=PROVISIONED)
    stream.update(shardCount=2)
    stream.update(shardLevelMetrics=["IncomingBytes", "OutgoingBytes"])
    stream.update(shardLevelMetrics=["IncomingBytes"])
    stream.update(streamModeDetails=ON_DEMAND, shardCount=None)
    assert "shardCount" not in stream.read().state


def test_a_stream_of_the_same_name_is_refused(cloud: Any) -> None:
    cloud.make(STREAM, name="events", streamModeDetails=ON_DEMAND)
    assert "ResourceInUseException" in cloud.refused(STREAM, name="events", streamModeDetails=ON_DEMAND)


def test_what_drifted_on_a_stream_is_found(cloud: Any) -> None:
    stream = cloud.make(STREAM, name="events", streamModeDetails=ON_DEMAND)
    cloud.client("kinesis").increase_stream_retention_period(StreamName="events", RetentionPeriodHours=48)
    assert stream.read().state["retentionPeriod"] == 48


def test_a_delivery_stream_of_a_data_stream_lives_and_dies(cloud: Any) -> None:
    cloud.make(STREAM, name="events", streamModeDetails=ON_DEMAND)
    source = {"kinesisStreamArn": ARN, "roleArn": ROLE}
    delivery = cloud.make(
        DELIVERY,
        name="events",
        destination="extended_s3",
        kinesisSourceConfiguration=source,
        extendedS3Configuration=destination(),
        tags={"team": "fraud"},
    )
    assert delivery.id == delivery["arn"] == "arn:aws:firehose:eu-west-1:123456789012:deliverystream/events"
    described = cloud.client("firehose").describe_delivery_stream(DeliveryStreamName="events")
    kept = described["DeliveryStreamDescription"]["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert kept["BufferingHints"] == {"SizeInMBs": 128, "IntervalInSeconds": 300}
    assert kept["DataFormatConversionConfiguration"]["SchemaConfiguration"]["TableName"] == "events"
    before = delivery["versionId"]
    delivery.update(extendedS3Configuration=destination(bufferingInterval=60))
    assert delivery["versionId"] != before
    delivery.update(tags={"team": "churn"})
    assert delivery.forecast(kinesisSourceConfiguration=None).replaces == {"kinesisSourceConfiguration"}
    assert delivery.forecast(name="others").replaces == {"name"}
    assert delivery.imported(delivery.id).inputs["extendedS3Configuration"]["bufferingInterval"] == 60
    delivery.delete()


def test_a_delivery_stream_that_is_put_to_is_encrypted_by_itself(cloud: Any) -> None:
    key = cloud.make("aws:kms/key:Key", description="streams")["arn"]
    given = {"name": "events", "destination": "extended_s3", "extendedS3Configuration": destination()}
    locked = {"enabled": True, "keyType": "CUSTOMER_MANAGED_CMK", "keyArn": key}
    delivery = cloud.make(DELIVERY, **given, serverSideEncryption=locked)
    assert delivery["serverSideEncryption"] == locked
    delivery.update(serverSideEncryption=None)
    delivery.update(serverSideEncryption=locked)


def test_a_delivery_stream_partitions_by_what_records_say(cloud: Any) -> None:
    extraction = {
        "type": "MetadataExtraction",
        "parameters": [
            {"parameterName": "MetadataExtractionQuery", "parameterValue": "{country:.country}"},
            {"parameterName": "JsonParsingEngine", "parameterValue": "JQ-1.6"},
        ],
    }
    delivery = cloud.make(
        DELIVERY,
        name="events",
        destination="extended_s3",
        extendedS3Configuration=destination(
            prefix="events/country=!{partitionKeyFromQuery:country}/",
            dynamicPartitioningConfiguration={"enabled": True, "retryDuration": 60},
            processingConfiguration={"enabled": True, "processors": [extraction]},
        ),
    )
    assert delivery.read().state["extendedS3Configuration"]["dynamicPartitioningConfiguration"]["retryDuration"] == 60


def test_what_is_put_to_a_delivery_stream_arrives(cloud: Any) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="acme-raw", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    plain = destination(dataFormatConversionConfiguration=None, compressionFormat="GZIP", prefix="events/")
    given = {prop: value for prop, value in plain.items() if value is not None}
    cloud.make(DELIVERY, name="events", destination="extended_s3", extendedS3Configuration=given)
    cloud.client("firehose").put_record(DeliveryStreamName="events", Record={"Data": b'{"id": "1"}\n'})
    (found,) = s3.list_objects_v2(Bucket="acme-raw")["Contents"]
    body = s3.get_object(Bucket="acme-raw", Key=found["Key"])["Body"].read()
    assert b'"id"' in (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
