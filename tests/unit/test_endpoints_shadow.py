"""`yard endpoint shadow`: captured calls of both sides, read where SageMaker leaves them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from modelyard import Context, LakeSpec
from modelyard.blueprints.project import Project
from modelyard.cli.app import app
from modelyard.core.errors import EnvironmentFault, InputError
from modelyard.operate import endpoints
from modelyard.operate.data.place import Lake
from modelyard.operate.deployments import Place
from modelyard.operate.endpoints import Endpoint, endpoint_of, shadow_report, told
from modelyard.run.serving import EndpointSpec

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="us-east-1", account="123456789012", team="fraud"
)
MACHINE = {"instance_type": "ml.m5.large"}
SERVED = {
    "kind": "instances",
    "variants": {"main": MACHINE},
    "shadow": {**MACHINE, "version": 4, "tolerances": {"least_pairs": 5}},
}


def spec(**changes: Any) -> EndpointSpec:
    given = {
        "model": "scores",
        "owner": "ada@acme.example",
        "release": {"kind": "declared", "version": 3},
        "served_by": SERVED,
        **changes,
    }
    return EndpointSpec.model_validate(given)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield an_endpoint(spec())


def an_endpoint(given: EndpointSpec) -> Endpoint:
    def client(service: str, region: str = "us-east-1") -> Any:
        return boto3.client(service, region_name=region)

    lake = Lake(CONTEXT, LakeSpec.model_validate({}), client("s3"), lambda: "me")
    found = Endpoint(CONTEXT, "score", given, lake, client)
    client("s3").create_bucket(Bucket=lake.bucket("capture"))
    return found


def captured(endpoint: Endpoint, variant: str, answers: list[str], *, hour: int = 12) -> None:
    def line(number: int, answer: str) -> str:
        part = {"observedContentType": "text/csv", "data": answer, "encoding": "CSV"}
        about = {"eventId": str(number), "inferenceTime": f"2026-11-21T{hour}:00:00Z"}
        return json.dumps({"captureData": {"endpointOutput": part}, "eventMetadata": about})

    place = f"calls/score/ml-dev-fraud-score/{variant}/2026/11/21/{hour:02}/00-00-1.jsonl"
    body = "\n".join(line(number, answer) for number, answer in enumerate(answers))
    bucket = endpoint.lake.bucket("capture")
    boto3.client("s3").put_object(Bucket=bucket, Key=place, Body=body.encode())


def test_both_sides_are_read_where_sagemaker_leaves_them(endpoint: Endpoint):
    captured(endpoint, "main", ["yes"] * 20)
    captured(endpoint, "shadow", ["yes"] * 19 + ["no"])
    report = shadow_report(endpoint, hours=24, now=NOW)
    assert (report.pairs, report.agreement, report.verdict) == (20, 0.95, "holds")
    assert "shadow of ml-dev-fraud-score: holds" in told(report)[0]
    assert "p99 latency: not known" in told(report)


def test_hours_that_are_not_asked_about_are_not_read(endpoint: Endpoint):
    captured(endpoint, "main", ["yes"] * 20, hour=1)
    captured(endpoint, "shadow", ["no"] * 20, hour=1)
    with pytest.raises(EnvironmentFault, match="no call of the last 2 hours was captured of both"):
        shadow_report(endpoint, hours=2, now=NOW)


def test_calls_of_one_side_alone_are_no_pair_and_said_so(endpoint: Endpoint):
    captured(endpoint, "main", ["yes"] * 3)
    with pytest.raises(EnvironmentFault, match="3 of production's alone, 0 of the shadow's"):
        shadow_report(endpoint, hours=24, now=NOW)


def test_what_is_known_of_latency_is_compared(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch):
    captured(endpoint, "main", ["yes"] * 20)
    captured(endpoint, "shadow", ["yes"] * 20)
    times = {"main": 10.0, "shadow": 20.0}
    monkeypatch.setattr(Endpoint, "latency_ms", lambda self, variant, *_: times[variant])
    report = shadow_report(endpoint, hours=24, now=NOW)
    assert report.verdict == "fails" and "2.00 times as long" in report.reasons[0]


def test_only_so_much_is_read_the_newest_first(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch):
    for variant in ("main", "shadow"):
        captured(endpoint, variant, ["yes"] * 6, hour=12)
        captured(endpoint, variant, ["no"] * 6, hour=11)
    monkeypatch.setattr(endpoints, "MOST_BYTES", 1500)
    report = shadow_report(endpoint, hours=24, now=NOW)
    assert report.pairs == 6 and report.agreement == 1.0


def test_an_endpoint_without_a_shadow_or_without_capture_is_refused(endpoint: Endpoint):
    plain = spec(served_by={"kind": "instances", "variants": {"main": MACHINE}})
    with pytest.raises(InputError, match="has no shadow"):
        shadow_report(Endpoint(CONTEXT, "score", plain, endpoint.lake, endpoint.client), hours=1)
    silent = spec(capture={"percent": 0})
    with pytest.raises(InputError, match="keeps no call"):
        shadow_report(Endpoint(CONTEXT, "score", silent, endpoint.lake, endpoint.client), hours=1)


def test_the_command_prints_writes_the_page_and_ends_with_the_verdict(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    captured(endpoint, "main", ["yes"] * 20)
    captured(endpoint, "shadow", ["no"] * 20)
    monkeypatch.setattr(endpoints, "endpoint_of", lambda *_: endpoint)
    monkeypatch.setattr("modelyard.operate.deployments.place", lambda *_, **__: None)
    monkeypatch.setattr(Project, "find", lambda: None)
    report = shadow_report(endpoint, hours=24, now=NOW)
    monkeypatch.setattr(endpoints, "shadow_report", lambda *_, **__: report)
    file = tmp_path / "shadow.html"
    ended = CliRunner().invoke(app, ["endpoint", "shadow", "score", "--html", str(file)])
    assert ended.exit_code == 1 and "0.0% of the answers are the same" in ended.stdout
    assert "<strong>fails</strong>" in file.read_text()
    assert json.loads(CliRunner().invoke(app, ["endpoint", "shadow", "score", "--json"]).stdout)["pairs"] == 20


def test_an_endpoint_that_no_team_has_is_refused_with_those_that_there_are():
    place = Place(Project(Path(__file__).parents[2]), "local", True, ("fraud", "demand"), {})
    with pytest.raises(InputError, match="is no endpoint of any team in local; there are: "):
        endpoint_of(place, "nothing")
