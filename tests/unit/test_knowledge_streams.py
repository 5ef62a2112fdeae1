"""What the sandbox refuses of streams and rulesets: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.rule_cases import rules_without_a_case

from modelyard_sandbox.knowledge import UNKNOWN, check
from modelyard_sandbox.knowledge.rules import streams

STREAM = "aws:kinesis/stream:Stream"
DELIVERY = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
RULESET = "aws:glue/dataQualityRuleset:DataQualityRuleset"

ROLE = "arn:aws:iam::123456789012:role/delivers"
BUCKET = "arn:aws:s3:::acme-raw"
ON_DEMAND = {"streamMode": "ON_DEMAND"}
PARQUET = {
    "inputFormatConfiguration": {"deserializer": {"openXJsonSerDe": {}}},
    "outputFormatConfiguration": {"serializer": {"parquetSerDe": {}}},
    "schemaConfiguration": {"databaseName": "lake", "tableName": "events", "roleArn": ROLE},
}
KEYED = {"prefix": "events/c=!{partitionKeyFromQuery:c}/", "errorOutputPrefix": "errors/", "bufferingSize": 64}
DYNAMIC = {"dynamicPartitioningConfiguration": {"enabled": True}}


def s3(**changes: Any) -> dict[str, Any]:
    return {"extendedS3Configuration": {"bucketArn": BUCKET, "roleArn": ROLE, **changes}}


ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    STREAM: {"name": "events", "streamModeDetails": ON_DEMAND},
    DELIVERY: {"name": "events", "destination": "extended_s3", **s3()},
    RULESET: {"name": "events", "ruleset": 'Rules = [\n  IsComplete "id"\n]'},
}
CASES = [
    ("a stream's name has an alphabet", STREAM, {"name": "my events"}, {"name": "my_events.1-2"}),
    ("a provisioned stream says how many shards", STREAM, {"streamModeDetails": {"streamMode": "PROVISIONED"}},
     {"streamModeDetails": {"streamMode": "PROVISIONED"}, "shardCount": 2}),
    ("a stream on demand says none", STREAM, {"shardCount": 2}, {}),
    ("a stream under a key names it", STREAM, {"encryptionType": "KMS"}, {"encryptionType": "KMS", "kmsKeyId": "k"}),
    ("a stream keeps a day at least", STREAM, {"retentionPeriod": 23}, {"retentionPeriod": 24}),
    ("a stream keeps a year at most", STREAM, {"retentionPeriod": 8761}, {"retentionPeriod": 8760}),
    ("a delivery stream's name has an alphabet", DELIVERY, {"name": "my events"}, {"name": "my_events"}),
    ("a delivery stream goes to S3 in the sandbox", DELIVERY, {"destination": "splunk"}, {}),
    ("what reads a data stream has no lock of its own", DELIVERY,
     {"kinesisSourceConfiguration": {"kinesisStreamArn": "arn:aws:kinesis:eu-west-1:123456789012:stream/e",
                                     "roleArn": ROLE}, "serverSideEncryption": {"enabled": True}},
     {"kinesisSourceConfiguration": {"kinesisStreamArn": "arn:aws:kinesis:eu-west-1:123456789012:stream/e",
                                     "roleArn": ROLE}}),
    ("a buffer waits 15 minutes at most", DELIVERY, s3(bufferingInterval=901), s3(bufferingInterval=900)),
    ("a buffer holds 128 MiB at most", DELIVERY, s3(bufferingSize=129), s3(bufferingSize=128)),
    ("what is converted isn't compressed again", DELIVERY,
     s3(dataFormatConversionConfiguration=PARQUET, bufferingSize=64, compressionFormat="GZIP"),
     s3(dataFormatConversionConfiguration=PARQUET, bufferingSize=64, compressionFormat="UNCOMPRESSED")),
    ("what is converted is buffered for long", DELIVERY, s3(dataFormatConversionConfiguration=PARQUET),
     s3(dataFormatConversionConfiguration=PARQUET, bufferingSize=64)),
    ("what is partitioned is buffered for long", DELIVERY, s3(**KEYED | {"bufferingSize": 63}, **DYNAMIC),
     s3(**KEYED, **DYNAMIC)),
    ("a computed prefix has a place for errors", DELIVERY, s3(prefix="e/!{timestamp:yyyy}/"),
     s3(prefix="e/!{timestamp:yyyy}/", errorOutputPrefix="errors/")),
    ("errors know no partition", DELIVERY, s3(**KEYED | {"errorOutputPrefix": "e/!{partitionKeyFromQuery:c}/"},
                                              **DYNAMIC), s3(**KEYED, **DYNAMIC)),
    ("partition keys need partitioning", DELIVERY, s3(**KEYED), s3(**KEYED, **DYNAMIC)),
    ("partitioning needs partition keys", DELIVERY, s3(prefix="e/", bufferingSize=64, **DYNAMIC),
     s3(prefix="e/", bufferingSize=64)),
    ("a ruleset is a list of rules", RULESET, {"ruleset": 'IsComplete "id"'}, {}),
    ("a ruleset is not empty", RULESET, {"ruleset": "Rules = [ ]"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("token", "refused", "accepted"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_what_a_rule_refuses_is_refused_and_its_neighbour_accepted(
    token: str, refused: Mapping[str, Any], accepted: Mapping[str, Any]
):
    assert check(token, {**ACCEPTED[token], **refused})
    assert check(token, {**ACCEPTED[token], **accepted}) == []


@pytest.mark.parametrize("token", ACCEPTED)
def test_ordinary_inputs_are_accepted_known_or_not(token: str):
    assert check(token, ACCEPTED[token]) == []
    assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases():
    assert rules_without_a_case(streams.RULES, ACCEPTED, CASES) == []
