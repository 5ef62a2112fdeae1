"""Monitors executed: the machine by an interpreter, its function, and the container's program on what S3 holds.

From captured calls to a metric in CloudWatch, with the baseline that is made on the way.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.sagemaker.models import SageMakerModelBackend
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from tests.unit.monitored import COLUMNS, ENDPOINT, line, rows

from modelyard import Context
from modelyard.core.component import Component
from modelyard.run.monitoring import METRICS, MonitorKind, MonitorsSpec, dimensions, monitors_function
from modelyard.run.monitoring.conducted import definition_of, described
from modelyard_jobs.monitors import main
from modelyard_sandbox import moto_extensions

REGION, ACCOUNT = "eu-west-1", "123456789012"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/works"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/ml-dev-fraud-jobs@sha256:{'0' * 64}"
CAPTURE, CURATED = "capture", "curated"
AT = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
SPEC = MonitorsSpec.model_validate(
    {
        "owner": "ada@acme.example",
        "image": IMAGE,
        "vpc": False,
        "columns": COLUMNS,
        "probability": "1",
        "reference": {
            "prefix": "payments/v3",
            "format": "csv",
            "prediction": "prediction",
            "probability": "probability",
            "label": "label",
        },
        "labels": {"prefix": "labels/score", "wait_hours": 3},
        "data_drift": {"every_hours": 3},
        "model_quality": {"every_hours": 3, "limits": {"accuracy": 0.8}},
    }
)
SETTINGS = {
    "BUCKET": CAPTURE,
    "CALLS": "calls/score",
    "ENDPOINT": ENDPOINT,
    "JOB": "ml-dev-fraud-watch",
    "LABELS": CAPTURE,
    "PREFIX": "monitors/watch",
    "REFERENCE": CURATED,
    "VARIANTS": "main",
}


class Named:
    """As much of a component as naming asks for."""

    context = Context(
        organization="acme", platform="ml", environment="dev", region=REGION, account=ACCOUNT, team="fraud"
    )
    component = "watch"
    physical = Component.physical


class World:
    """Buckets, a machine, and jobs that run here: each gets folders for its inputs and leaves its output in S3."""

    def __init__(self, root: Path) -> None:
        self.root, self.jobs = root, 0
        self.environment: dict[str, str] = {}
        self.ran: list[str] = []
        self.s3 = boto3.client("s3", region_name=REGION)
        for bucket in (CAPTURE, CURATED):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        text = io.StringIO()
        writer = csv.DictWriter(text, ["amount", "age", "country", "sex", "probability", "prediction", "label"])
        writer.writeheader()
        writer.writerows(rows(1_000, seed=7))
        self.s3.put_object(Bucket=CURATED, Key="payments/v3/part.csv", Body=text.getvalue().encode())
        machine = definition_of(
            SPEC, about="watch", function="planner", role=ROLE, disk_key=KEY, results_key=KEY, vpc=None
        )
        machine["States"]["Wait"]["Seconds"] = 0
        self.machines = boto3.client("stepfunctions", region_name=REGION)
        made = self.machines.create_state_machine(name="m", roleArn=ROLE, definition=json.dumps(machine))
        self.machine = made["stateMachineArn"]

    def captured(self, table: list[dict[str, Any]], *, hour: int = 10) -> None:
        at = AT.replace(hour=hour, minute=0)
        calls = [line(row, n, at + n * timedelta(seconds=3), label=False) for n, row in enumerate(table)]
        key = f"calls/score/{ENDPOINT}/main/2026/11/21/{hour:02}/a.jsonl"
        self.s3.put_object(Bucket=CAPTURE, Key=key, Body="\n".join(calls).encode())

    def labelled(self, table: list[dict[str, Any]], *, hour: int) -> None:
        known = [
            {
                "groundTruthData": {"data": str(row["label"]), "encoding": "CSV"},
                "eventMetadata": {"eventId": f"call-{n}"},
                "eventVersion": "0",
            }
            for n, row in enumerate(table)
        ]
        key = f"labels/score/2026/11/21/{hour:02}/l.jsonl"
        self.s3.put_object(Bucket=CAPTURE, Key=key, Body="\n".join(map(json.dumps, known)).encode())

    def run(self, monitor: str, *, judge: bool = True) -> str:
        told = {"monitor": monitor, "judge": judge, "at": AT.isoformat().replace("+00:00", "Z")}
        started = self.machines.start_execution(stateMachineArn=self.machine, input=json.dumps(told))
        end = self.machines.describe_execution(executionArn=started["executionArn"])
        return end["status"]

    def job(self, arguments: list[str], inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> bool:
        """What SageMaker and the container do."""
        self.jobs += 1
        self.ran += arguments
        root = self.root / str(self.jobs)
        for each in inputs:
            given = each["S3Input"]
            bucket, _, key = given["S3Uri"].removeprefix("s3://").partition("/")
            folder = root / given["LocalPath"].lstrip("/")
            if given["S3DataType"] == "ManifestFile":
                first, *keys = json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
                bucket, prefix = first["prefix"].removeprefix("s3://").rstrip("/"), ""
            else:
                listed = self.s3.list_objects_v2(Bucket=bucket, Prefix=key)
                keys, prefix = [one["Key"] for one in listed.get("Contents", ())], key.rpartition("/")[0]
            if not keys:
                return False
            for one in keys:
                file = folder / one.removeprefix(prefix).lstrip("/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(self.s3.get_object(Bucket=bucket, Key=one)["Body"].read())
        code = main(arguments, self.environment, root=root)
        for each in outputs:
            made = root / each["S3Output"]["LocalPath"].lstrip("/")
            bucket, _, key = each["S3Output"]["S3Uri"].removeprefix("s3://").partition("/")
            for file in sorted(made.rglob("*")):
                self.s3.put_object(Bucket=bucket, Key=f"{key}/{file.name}", Body=file.read_bytes())
        return code == 0

    def figures(self, kind: MonitorKind) -> dict[str, float]:
        """The newest value of each metric of a monitor, as an alarm of the table sees it."""
        schedule = f"ml-dev-fraud-watch-{kind.replace('_', '-')}-schedule"
        about = dimensions(kind, ENDPOINT, schedule=schedule)
        clouds, now = boto3.client("cloudwatch", region_name=REGION), datetime.now(UTC)
        found: dict[str, float] = {}
        for metric in METRICS[kind].metrics:
            points = clouds.get_metric_statistics(
                Namespace=METRICS[kind].namespace,
                MetricName=metric.name,
                Dimensions=[{"Name": name, "Value": value} for name, value in about.items()],
                StartTime=now - timedelta(minutes=5),
                EndTime=now + timedelta(minutes=5),
                Period=600,
                Statistics=["Maximum"],
            )["Datapoints"]
            if points:
                found[metric.name] = points[0]["Maximum"]
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    named: Any = Named()
    told = described(named, SPEC, ENDPOINT, {"model_quality": "labels/score"})
    (tmp_path / "monitors.json").write_text(json.dumps(told))
    monkeypatch.setattr(monitors_function, "__file__", str(tmp_path / "function.py"))
    monkeypatch.setattr(ExecutionWorker, "start", ExecutionWorker._execution_logic)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    moto_extensions.install()
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        world = World(tmp_path)

        def invoked(env: Any, parameters: Any, region: str, state_credentials: Any) -> None:
            answer = monitors_function.handler(json.loads(parameters["Payload"]), None)
            world.environment = answer.get("environment", {})
            env.stack.append({"StatusCode": 200, "Payload": answer})

        create = SageMakerModelBackend.create_processing_job

        def created(self: Any, **asked: Any) -> Any:
            made = create(self, **asked)
            arguments = asked["app_specification"]["ContainerArguments"]
            outputs = asked["processing_output_config"]["Outputs"]
            if not world.job(arguments, asked["processing_inputs"], outputs):
                made.processing_job_status = "Failed"
            return made

        monkeypatch.setattr(lambda_eval_utils, "execute_lambda_function_integration", invoked)
        monkeypatch.setattr(SageMakerModelBackend, "create_processing_job", created)
        yield world


def test_the_first_run_makes_its_baseline_and_the_second_finds_it(world: World):
    world.captured(rows(300))
    assert world.run("data_drift") == "SUCCEEDED"
    assert world.ran == ["baseline", "run"]
    assert world.figures("data_drift")["data_drift_worst"] < 0.2
    assert world.run("data_drift") == "SUCCEEDED"
    assert world.ran == ["baseline", "run", "run"]


def test_drift_reaches_the_metric_that_its_alarm_looks_at(world: World):
    world.captured(rows(300, amount=2.0))
    assert world.run("data_drift") == "SUCCEEDED"
    figures = world.figures("data_drift")
    assert figures["data_drift_worst"] > 0.2
    assert figures["records"] == 300
    key = "monitors/watch/results/data_drift/2026/11/21/12/constraint_violations.json"
    told = json.loads(world.s3.get_object(Bucket=CAPTURE, Key=key)["Body"].read())
    assert [each["feature_name"] for each in told["violations"]] == ["amount"]


def test_quality_waits_for_its_labels_and_joins_them(world: World):
    table = rows(300, wrong=0.4)
    world.captured(table, hour=7)
    world.labelled(table, hour=11)
    assert world.run("model_quality") == "SUCCEEDED"
    figures = world.figures("model_quality")
    assert figures["labelled_share"] == 1
    assert figures["accuracy"] < 0.7


def test_quality_without_a_label_says_that_none_came(world: World):
    world.captured(rows(300), hour=7)
    assert world.run("model_quality") == "SUCCEEDED"
    figures = world.figures("model_quality")
    assert figures["labelled_share"] == 0
    assert "accuracy" not in figures


def test_quiet_hours_are_told_as_such_and_start_no_job_but_the_baseline(world: World):
    assert world.run("data_drift") == "SUCCEEDED"
    assert world.ran == ["baseline"]
    assert world.figures("data_drift") == {"records": 0}


def test_a_reference_that_isnt_there_fails_the_run_so_that_the_owner_hears(world: World):
    world.s3.delete_object(Bucket=CURATED, Key="payments/v3/part.csv")
    world.captured(rows(300))
    assert world.run("data_drift") == "FAILED"


def test_where_model_monitor_judges_the_machine_makes_baselines_alone(world: World):
    world.captured(rows(300))
    assert world.run("data_drift", judge=False) == "SUCCEEDED"
    assert world.ran == ["baseline"]
    assert world.figures("data_drift") == {}
