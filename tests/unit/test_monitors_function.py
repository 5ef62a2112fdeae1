"""The function that prepares monitors' jobs: what it asks for, hour by hour, over a bucket in memory."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session
from botocore.validate import ParamValidator

from modelyard.run.monitoring import monitors_function as planner

SETTINGS = {
    "BUCKET": "capture",
    "CALLS": "calls/score",
    "ENDPOINT": "ml-dev-fraud-score",
    "JOB": "ml-dev-fraud-watch",
    "LABELS": "labelled",
    "PREFIX": "monitors/watch",
    "REFERENCE": "curated",
    "VARIANTS": "main,other",
}
KNOWN: dict[str, Any] = {
    "baseline": "data_drift/0123456789ab",
    "environment": {"MODELYARD_LIMITS": "data_drift_worst=0.2"},
    "hours": 3,
    "labels": "",
    "namespace": "aws/sagemaker/Endpoints/data-metrics",
    "plan": '{"version":1}',
    "reference": "payments/v3",
    "schedule": "ml-dev-fraud-watch-data-drift-schedule",
    "waits": 0,
}
BASE = "monitors/watch/baselines/data_drift/0123456789ab/constraints.json"
NOON = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


class Bucket:
    """As much of S3 as the function asks for, every bucket in one."""

    def __init__(self, *keys: str) -> None:
        self.objects = dict.fromkeys(keys, b"{}")

    def head_object(self, Bucket: str, Key: str) -> None:
        if Key not in self.objects:
            raise ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 404}}, "HeadObject")

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        self.objects[Key] = Body

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        found = [{"Key": key, "Size": len(body)} for key, body in self.objects.items() if key.startswith(Prefix)]
        yield {"Contents": found} if found else {}


class Clouds:
    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []

    def put_metric_data(self, **given: Any) -> None:
        self.put.append(given)


def call(hour: int, variant: str = "main") -> str:
    return f"calls/score/ml-dev-fraud-score/{variant}/2026/11/21/{hour:02}/a.jsonl"


def prepared(bucket: Bucket, *, judge: bool = True, **changes: Any) -> dict[str, Any]:
    return planner.prepare(bucket, SETTINGS, "data_drift", {**KNOWN, **changes}, NOON, judge=judge)


def inputs(job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["InputName"]: each["S3Input"] for each in job["inputs"]}


def test_a_monitor_without_a_baseline_gets_one_first():
    bucket = Bucket(call(10))
    job = prepared(bucket)
    assert (job["do"], job["arguments"]) == ("baseline", ["baseline"])
    assert inputs(job)["reference"]["S3Uri"] == "s3://curated/payments/v3/"
    plan = inputs(job)["plan"]["S3Uri"].removeprefix("s3://capture/")
    assert bucket.objects[plan] == b'{"version":1}'
    assert job["outputs"][0]["S3Output"]["S3Uri"] == f"s3://capture/{BASE.removesuffix('/constraints.json')}"


def test_a_run_gets_the_calls_of_its_hours_and_of_every_variant_and_no_others():
    bucket = Bucket(BASE, call(8), call(9), call(10), call(11, "other"), call(12))
    job = prepared(bucket)
    assert (job["do"], job["arguments"]) == ("run", ["run"])
    assert inputs(job)["input"]["S3DataType"] == "ManifestFile"
    manifest = json.loads(bucket.objects[inputs(job)["input"]["S3Uri"].removeprefix("s3://capture/")])
    assert manifest == [{"prefix": "s3://capture/"}, call(9), call(10), call(11, "other")]
    told = job["environment"]
    assert (told["start_time"], told["end_time"]) == ("2026-11-21T09:00:00Z", "2026-11-21T12:00:00Z")
    assert told["sagemaker_monitoring_schedule_name"] == KNOWN["schedule"]
    assert told["MODELYARD_LIMITS"] == "data_drift_worst=0.2"
    assert "groundtruth" not in inputs(job)


def test_a_run_that_needs_labels_waits_for_them_and_gets_all_that_came_since():
    labels = [f"labels/score/2026/11/21/{hour:02}/l.jsonl" for hour in (3, 4, 12, 14)]
    bucket = Bucket(BASE, call(5), call(11), *labels)
    job = prepared(bucket, labels="labels/score", waits=5)
    manifest = json.loads(bucket.objects[inputs(job)["input"]["S3Uri"].removeprefix("s3://capture/")])
    assert manifest[1:] == [call(5)]
    truth = json.loads(bucket.objects[inputs(job)["groundtruth"]["S3Uri"].removeprefix("s3://capture/")])
    assert truth == [{"prefix": "s3://labelled/"}, labels[1], labels[2]]


def test_labels_that_didnt_come_are_no_input_that_fails():
    job = prepared(Bucket(BASE, call(10)), labels="labels/score")
    assert "groundtruth" not in inputs(job)


def test_quiet_hours_start_no_job():
    assert prepared(Bucket(BASE)) == {"do": "nothing", "quiet": True}


def test_where_model_monitor_judges_only_baselines_are_made():
    assert prepared(Bucket(BASE, call(10)), judge=False) == {"do": "nothing"}
    assert prepared(Bucket(call(10)), judge=False)["do"] == "baseline"


def test_the_service_takes_the_inputs_and_outputs_of_both_jobs():
    model = Session().get_service_model("sagemaker")
    for bucket in (Bucket(), Bucket(BASE, call(10), "labels/score/2026/11/21/11/l.jsonl")):
        job = prepared(bucket, labels="labels/score")
        for shape, value in (
            ("ProcessingInputs", job["inputs"]),
            ("ProcessingOutputs", job["outputs"]),
            ("ProcessingEnvironmentMap", job["environment"]),
            ("ContainerArguments", job["arguments"]),
        ):
            assert not ParamValidator().validate(value, model.shape_for(shape)).generate_report()
        assert len(job["name"]) <= 63


def test_figures_go_to_cloudwatch_as_the_job_left_them():
    line = {"MetricName": "data_drift_worst", "Timestamp": "2026-11-21T12:30:00Z", "Dimensions": [], "Value": 0.3}
    bucket, clouds = Bucket(), Clouds()
    bucket.objects["monitors/watch/results/x/cloudwatch_metrics.jsonl"] = f"{json.dumps(line)}\n".encode() * 1_500
    results = "s3://capture/monitors/watch/results/x"
    assert planner.publish(bucket, clouds, SETTINGS, KNOWN, results) == {"figures": 1_500}
    assert [len(put["MetricData"]) for put in clouds.put] == [1_000, 500]
    assert clouds.put[0]["Namespace"] == KNOWN["namespace"]
    assert clouds.put[0]["MetricData"][0]["Timestamp"] == NOON


def test_a_refusal_of_the_bucket_that_is_no_absence_is_told():
    class Broken(Bucket):
        def head_object(self, Bucket: str, Key: str) -> None:
            raise ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 503}}, "HeadObject")

    with pytest.raises(ClientError):
        prepared(Broken())


def test_what_a_quiet_hour_puts_and_an_unknown_monitor(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    clouds, bucket = Clouds(), Bucket(BASE)
    (tmp_path / "monitors.json").write_text(json.dumps({"data_drift": KNOWN}))
    monkeypatch.setattr(planner, "__file__", str(tmp_path / "function.py"))
    monkeypatch.setattr(planner.boto3, "client", lambda name: bucket if name == "s3" else clouds)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    asked = {"action": "prepare", "monitor": "data_drift", "at": "2026-11-21T12:30:00Z", "judge": True}
    assert planner.handler(asked, None)["do"] == "nothing"
    (put,) = clouds.put
    assert (put["MetricData"][0]["MetricName"], put["MetricData"][0]["Value"]) == ("records", 0.0)
    with pytest.raises(KeyError, match="data_quality"):
        planner.handler({**asked, "monitor": "data_quality"}, None)
