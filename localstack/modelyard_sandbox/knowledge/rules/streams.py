"""Data streams, delivery streams and data quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import Rule, between, choice, known, matches

_STREAM = "aws:kinesis/stream:Stream"
_DELIVERY = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
_RULESET = "aws:glue/dataQualityRuleset:DataQualityRuleset"

_CREATE_STREAM = "https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html"
_RETENTION = "https://docs.aws.amazon.com/kinesis/latest/APIReference/API_IncreaseStreamRetentionPeriod.html"
_ENCRYPTION = "https://docs.aws.amazon.com/kinesis/latest/APIReference/API_StartStreamEncryption.html"
_CREATE_DELIVERY = "https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html"
_FORMATS = "https://docs.aws.amazon.com/firehose/latest/dev/enable-record-format-conversion.html"
_PREFIXES = "https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html"
_PARTITIONING = "https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-enable.html"
_HINTS = "https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html"
_DQDL = "https://docs.aws.amazon.com/glue/latest/dg/dqdl.html"

_S3 = "extendedS3Configuration"
_LEAST_MIB = 64
_MOST_HOURS = 8760


def _shards(stream: Mapping[str, Any]) -> str | None:
    details = known(stream, "streamModeDetails") if "streamModeDetails" in stream else {"streamMode": "PROVISIONED"}
    mode = known(details, "streamMode") if isinstance(details, Mapping) else None
    if mode == "PROVISIONED" and "shardCount" not in stream:
        return "a provisioned stream needs shardCount"
    return "a stream on demand takes no shardCount" if mode == "ON_DEMAND" and known(stream, "shardCount") else None


def _stream_key(stream: Mapping[str, Any]) -> str | None:
    if known(stream, "encryptionType") == "KMS" and "kmsKeyId" not in stream:
        return "encryption by KMS needs kmsKeyId"
    return None


def _converts(destination: Mapping[str, Any]) -> bool:
    conversion = known(destination, "dataFormatConversionConfiguration")
    return isinstance(conversion, Mapping) and conversion.get("enabled", True) is True


def _partitions(destination: Mapping[str, Any]) -> bool:
    partitioning = known(destination, "dynamicPartitioningConfiguration")
    return isinstance(partitioning, Mapping) and known(partitioning, "enabled") is True


def _compression(destination: Mapping[str, Any]) -> str | None:
    compression = known(destination, "compressionFormat")
    if _converts(destination) and compression not in (None, "UNCOMPRESSED"):
        return f"a converted format compresses by itself; compressionFormat is {compression}, and must be UNCOMPRESSED"
    return None


def _buffer(destination: Mapping[str, Any]) -> str | None:
    size = destination.get("bufferingSize", 5)
    large = _converts(destination) or _partitions(destination)
    if large and isinstance(size, int | float) and size < _LEAST_MIB:
        return f"bufferingSize is {size:g}; conversion and dynamic partitioning need {_LEAST_MIB} MiB or more"
    return None


def _prefix(destination: Mapping[str, Any]) -> str | None:
    prefix, errors = known(destination, "prefix"), known(destination, "errorOutputPrefix")
    if not isinstance(prefix, str):
        return None
    if "!{" in prefix and "errorOutputPrefix" not in destination:
        return "a prefix with expressions needs an errorOutputPrefix"
    if isinstance(errors, str) and "!{partitionKey" in errors:
        return "errorOutputPrefix takes no partition keys"
    keyed = "!{partitionKey" in prefix
    if keyed and not _partitions(destination):
        return "a prefix with partition keys needs dynamicPartitioningConfiguration"
    if _partitions(destination) and not keyed:
        return "dynamic partitioning needs a partition key in the prefix"
    return None


def _no_second_lock(stream: Mapping[str, Any]) -> str | None:
    encryption = known(stream, "serverSideEncryption")
    if "kinesisSourceConfiguration" in stream and isinstance(encryption, Mapping) and known(encryption, "enabled"):
        return "a delivery stream that reads a data stream is encrypted by it, and takes no serverSideEncryption"
    return None


RULES: Sequence[Rule] = (
    Rule(_STREAM, "name", matches(r"[A-Za-z0-9_.-]{1,128}", "streams take 128 letters, digits, _.-"), _CREATE_STREAM),
    Rule(_STREAM, "", _shards, _CREATE_STREAM),
    Rule(_STREAM, "", _stream_key, _ENCRYPTION),
    Rule(_STREAM, "retentionPeriod", between(24, _MOST_HOURS), _RETENTION),
    Rule(_DELIVERY, "name", matches(r"[A-Za-z0-9_.-]{1,64}", "64 letters, digits, _.- at most"), _CREATE_DELIVERY),
    Rule(_DELIVERY, "destination", choice("extended_s3"), _CREATE_DELIVERY),
    Rule(_DELIVERY, "", _no_second_lock, _CREATE_DELIVERY),
    Rule(_DELIVERY, f"{_S3}.bufferingInterval", between(0, 900), _HINTS),
    Rule(_DELIVERY, f"{_S3}.bufferingSize", between(1, 128), _HINTS),
    Rule(_DELIVERY, _S3, _compression, _FORMATS),
    Rule(_DELIVERY, _S3, _buffer, _PARTITIONING),
    Rule(_DELIVERY, _S3, _prefix, _PREFIXES),
    Rule(_RULESET, "ruleset", matches(r"(?s)\s*Rules\s*=\s*\[.*\S.*\]\s*", "write Rules = [ … ]"), _DQDL),
)
