"""The function that prepares a monitor's jobs and publishes what they found; it uses boto3 and the standard library.

A monitor without a baseline gets one first. Then its job gets the captured calls of its hours, by a manifest of the
objects that are there: a job whose input is empty would fail, and a quiet night is no failure.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

INPUT: Final = "/opt/ml/processing"
FIGURES: Final = "cloudwatch_metrics.jsonl"
MOST_FIGURES: Final = 1_000
"""Metrics of one request (AmazonCloudWatch/latest/APIReference/API_PutMetricData)."""


def handler(event: Mapping[str, Any], _: object) -> dict[str, Any]:
    """Prepare a job of the event's monitor, or publish what one found. Raises `KeyError` for an unknown monitor."""
    settings, told = os.environ, json.loads(Path(__file__).with_name("monitors.json").read_text("utf-8"))
    monitor, s3 = event["monitor"], boto3.client("s3")
    known = told[monitor]
    if event["action"] == "publish":
        return publish(s3, boto3.client("cloudwatch"), settings, known, event["results"])
    at = datetime.fromisoformat(event["at"].replace("Z", "+00:00")) if event.get("at") else datetime.now(UTC)
    job = prepare(s3, settings, monitor, known, at, judge=event.get("judge", True))
    if job["do"] == "nothing" and job.get("quiet"):
        _put(boto3.client("cloudwatch"), known["namespace"], [_nothing(settings, known, datetime.now(UTC))])
    return job


def prepare(
    s3: Any, settings: Mapping[str, str], monitor: str, known: Mapping[str, Any], at: datetime, *, judge: bool
) -> dict[str, Any]:
    """The next job of a monitor: its baseline where there is none, else a run, else nothing."""
    bucket, place = settings["BUCKET"], settings["PREFIX"]
    base = f"{place}/baselines/{known['baseline']}"
    if not _is_there(s3, bucket, f"{base}/constraints.json"):
        plan = f"{place}/plans/{known['baseline']}.json"
        s3.put_object(Bucket=bucket, Key=plan, Body=known["plan"].encode(), ContentType="application/json")
        reference = f"s3://{settings['REFERENCE']}/{known['reference']}/"
        return _job(
            settings,
            "baseline",
            inputs=[_input("plan", f"s3://{bucket}/{plan}"), _input("reference", reference)],
            results=f"s3://{bucket}/{base}",
            environment={},
        )
    if not judge:
        return {"do": "nothing"}
    end = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=known["waits"])
    start = end - timedelta(hours=known["hours"])
    calls = [
        key
        for variant in settings["VARIANTS"].split(",")
        for key in _keys(s3, bucket, f"{settings['CALLS']}/{settings['ENDPOINT']}/{variant}", _hours(start, end))
    ]
    if not calls:
        return {"do": "nothing", "quiet": True}
    run = f"{place}/runs/{monitor}/{end:%Y/%m/%d/%H}"
    inputs = [
        _input("constraints", f"s3://{bucket}/{base}/constraints.json", path="baseline/constraints"),
        _listed(s3, bucket, f"{run}/calls.manifest", bucket, calls, "input"),
    ]
    if known["labels"]:
        last = at.astimezone(UTC) + timedelta(hours=1)
        labels = _keys(s3, settings["LABELS"], known["labels"], _hours(start, last))
        if labels:
            inputs.append(_listed(s3, bucket, f"{run}/labels.manifest", settings["LABELS"], labels, "groundtruth"))
    return _job(
        settings,
        "run",
        inputs=inputs,
        results=f"s3://{bucket}/{place}/results/{monitor}/{end:%Y/%m/%d/%H}",
        environment={
            **known["environment"],
            "baseline_constraints": f"{INPUT}/baseline/constraints",
            "dataset_source": f"{INPUT}/input",
            "end_time": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "ground_truth_source": f"{INPUT}/groundtruth",
            "output_path": f"{INPUT}/output",
            "sagemaker_endpoint_name": settings["ENDPOINT"],
            "sagemaker_monitoring_schedule_name": known["schedule"],
            "start_time": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        },
    )


def publish(
    s3: Any, cloudwatch: Any, settings: Mapping[str, str], known: Mapping[str, Any], results: str
) -> dict[str, Any]:
    """Bring a run's figures, which its job left among the results, to CloudWatch."""
    bucket, _, prefix = results.removeprefix("s3://").partition("/")
    text = s3.get_object(Bucket=bucket, Key=f"{prefix}/{FIGURES}")["Body"].read().decode()
    figures = [json.loads(line) for line in text.splitlines() if line]
    for figure in figures:
        figure["Timestamp"] = datetime.fromisoformat(figure["Timestamp"].replace("Z", "+00:00"))
    _put(cloudwatch, known["namespace"], figures)
    return {"figures": len(figures)}


def _put(cloudwatch: Any, namespace: str, figures: Sequence[Mapping[str, Any]]) -> None:
    for first in range(0, len(figures), MOST_FIGURES):
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=figures[first : first + MOST_FIGURES])


def _nothing(settings: Mapping[str, str], known: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """What is told of hours without a call, so that silence is known from a monitor that doesn't run."""
    about = {"Endpoint": settings["ENDPOINT"], "MonitoringSchedule": known["schedule"]}
    dimensions = [{"Name": name, "Value": value} for name, value in about.items()]
    return {"MetricName": "records", "Dimensions": dimensions, "Timestamp": at, "Value": 0.0}


def _job(
    settings: Mapping[str, str], do: str, *, inputs: Sequence[Any], results: str, environment: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "do": do,
        "name": f"{settings['JOB']}-{uuid.uuid4().hex[:8]}",
        "arguments": [do],
        "inputs": list(inputs),
        "outputs": [
            {
                "OutputName": "results",
                "S3Output": {"S3Uri": results, "LocalPath": f"{INPUT}/output", "S3UploadMode": "EndOfJob"},
            }
        ],
        "environment": dict(environment),
        "results": results,
    }


def _input(name: str, uri: str, *, path: str = "", kind: str = "S3Prefix") -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{INPUT}/{path or name}",
            "S3DataType": kind,
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def _listed(s3: Any, bucket: str, key: str, of: str, keys: Sequence[str], name: str) -> dict[str, Any]:
    """An input of exactly these objects (sagemaker/latest/APIReference/API_ProcessingS3Input, S3DataType)."""
    manifest = [{"prefix": f"s3://{of}/"}, *keys]
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(manifest).encode(), ContentType="application/json")
    return _input(name, f"s3://{bucket}/{key}", kind="ManifestFile")


def _hours(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += timedelta(hours=1)


def _keys(s3: Any, bucket: str, prefix: str, hours: Iterator[datetime]) -> list[str]:
    found: list[str] = []
    for hour in hours:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/{hour:%Y/%m/%d/%H}/")
        found += [one["Key"] for page in pages for one in page.get("Contents", ()) if one["Size"]]
    return found


def _is_there(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
            return False
        raise
    return True
