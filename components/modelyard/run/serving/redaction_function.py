"""The function that brings captured calls from where SageMaker leaves them to where they are kept, redacted.

It ships as text with `core.redaction`, so it uses nothing beyond boto3 and the standard library. What it brought over
is deleted by version, so that the bucket keeps no older one; what it can't read of a call is not kept.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3

from modelyard.core.redaction import Redaction

NAMESPACE: Final = "modelyard/endpoints"
LARGEST: Final = 64 * 2**20
"""Bytes of an object that is read; captured calls come in far smaller ones."""
_SPARE_SECONDS: Final = 30.0


def handler(_: Mapping[str, Any], __: object) -> dict[str, int]:
    """Sweep once; what is left when time is short, the next run takes. Raises where any object couldn't be brought."""
    settings = os.environ
    until = time.monotonic() + float(settings["SECONDS"]) - _SPARE_SECONDS
    s3 = boto3.client("s3")
    counts = sweep(s3, rules(settings), settings, lambda: time.monotonic() < until)
    print(json.dumps(told(counts, settings["ENDPOINT"], int(time.time() * 1000))))
    if counts["failed"]:
        raise RuntimeError(f"{counts['failed']} objects could not be redacted; they wait, and expire")
    return counts


def rules(settings: Mapping[str, str]) -> Redaction:
    """The redaction that the settings declare; the key is read from its secret."""
    key = b""
    if settings["SECRET"]:
        said = boto3.client("secretsmanager").get_secret_value(SecretId=settings["SECRET"])
        key = said["SecretBinary"] if "SecretBinary" in said else said["SecretString"].encode()
    return Redaction(json.loads(settings["FIELDS"]), json.loads(settings["COLUMNS"]), key)


def sweep(s3: Any, redaction: Redaction, settings: Mapping[str, str], go_on: Callable[[], bool]) -> dict[str, int]:
    """Bring every captured object over: how many objects and calls, and what could not be kept."""
    bucket, raw, kept = settings["BUCKET"], settings["RAW"], settings["KEPT"]
    counts: dict[str, int] = {"objects": 0, "calls": 0, "unreadable": 0, "failed": 0}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=raw):
        for found in page.get("Contents", ()):
            if not go_on():
                return counts
            try:
                _bring(s3, redaction, bucket, found, f"{kept}{found['Key'].removeprefix(raw)}", counts)
            except Exception as error:
                counts["failed"] += 1
                print(json.dumps({"failed": found["Key"], "error": type(error).__name__}))
    return counts


def told(counts: Mapping[str, int], endpoint: str, at_ms: int) -> dict[str, Any]:
    """The counts as a line that CloudWatch takes metrics from; `at_ms` are milliseconds since 1970.

    Source: AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.
    """
    names = {"calls": "redacted_calls", "unreadable": "unreadable_calls", "failed": "unredacted_objects"}
    metrics = [{"Name": name, "Unit": "Count"} for name in names.values()]
    described = {"Namespace": NAMESPACE, "Dimensions": [["Endpoint"]], "Metrics": metrics}
    about = {"Timestamp": at_ms, "CloudWatchMetrics": [described]}
    return {"_aws": about, "Endpoint": endpoint, **{name: counts[key] for key, name in names.items()}}


def _bring(
    s3: Any, redaction: Redaction, bucket: str, found: Mapping[str, Any], to: str, counts: dict[str, int]
) -> None:
    if found["Size"] > LARGEST:
        raise ValueError("too large")
    got = s3.get_object(Bucket=bucket, Key=found["Key"])
    lines = [line for line in got["Body"].read().decode("utf-8", "replace").splitlines() if line.strip()]
    safe = [redaction.line(line) for line in lines]
    text = "".join(f"{line}\n" for line in safe if line is not None)
    if text:
        s3.put_object(Bucket=bucket, Key=to, Body=text.encode(), ContentType="application/jsonlines")
    counts["objects"] += 1
    counts["calls"] += len(lines)
    counts["unreadable"] += sum(line is None or '"redacted":"unreadable"' in line for line in safe)
    s3.delete_object(Bucket=bucket, Key=found["Key"], VersionId=got.get("VersionId", "null"))
