"""What watches an endpoint in the emulator: made, unchanged, changed, gone; and its functions, run."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.sandbox.lives import changed, registered
from tests.sandbox.test_incidents_run import program

from modelyard.core.captured import PROBE
from modelyard.run.monitoring.metrics import OURS
from modelyard_sandbox.accounting import counted
from modelyard_sandbox.inprocess.deployment import Deployment, deploy

REGION, ENDPOINT = "eu-west-1", "ml-dev-fraud-score"
PROBED = {"probe": {"payload": "1,2,3"}, "cost": {"monthly_ceiling_usd": 200}}


def watched(stack: Deployment, **watch: Any) -> None:
    stack.update(program(served=True, evidence=True, **watch))


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return program(served=False, evidence=True)


def test_a_watch_is_made_stays_as_it_is_changes_in_place_and_leaves_nothing(before: Callable[[], None]):
    with deploy(lambda: None, region=REGION) as stack:
        stack.client("events").create_event_bus(Name="ml-dev-platform-audit")
        stack.update(before)
        registered(stack.client("sagemaker"), 1)
        there = counted(stack.client, REGION)
        watched(stack, **PROBED)
        assert set(changed(stack).values()) == {"create"}
        watched(stack, **PROBED)
        assert changed(stack) == {}
        watched(stack, probe={"payload": "1,2,4", "every_minutes": 10}, cost={"monthly_ceiling_usd": 300})
        assert changed(stack) == {
            "score-watch-probe": "update",
            "score-watch-probe-clock": "update",
            "score-watch-up": "update",
            "score-watch-ceiling": "update",
            "score-watch-dashboard": "update",
        }
        stack.update(before)
        assert counted(stack.client, REGION) == there


def invoked(stack: Deployment, part: str, event: dict[str, Any] | None = None) -> dict[str, Any]:
    functions = [one["FunctionName"] for one in stack.client("lambda").list_functions()["Functions"]]
    (name,) = [name for name in functions if name.startswith(f"ml-dev-fraud-score-watch-{part}")]
    said = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}).encode())
    told = json.loads(said["Payload"].read())
    assert "FunctionError" not in said, told
    return told


def published(stack: Deployment, metric: str) -> list[float]:
    """Every value of a metric of the endpoint, as CloudWatch has it."""
    found = stack.client("cloudwatch").get_metric_statistics(
        Namespace=OURS,
        MetricName=metric,
        Dimensions=[{"Name": "Endpoint", "Value": ENDPOINT}],
        StartTime=datetime(2020, 1, 1, tzinfo=UTC),
        EndTime=datetime(2100, 1, 1, tzinfo=UTC),
        Period=86_400,
        Statistics=["Maximum"],
    )
    return [point["Maximum"] for point in found["Datapoints"]]


def test_what_watches_really_runs_and_measures(before: Callable[[], None]):
    with deploy(lambda: None, region=REGION) as stack:
        stack.client("events").create_event_bus(Name="ml-dev-platform-audit")
        stack.update(before)
        registered(stack.client("sagemaker"), 1)
        watched(stack, **PROBED)
        assert invoked(stack, "probe")["answered"] is True
        assert published(stack, "uptime_answered") == [1.0]

        told = invoked(stack, "cost")
        assert told["machines"] == {"ml.m5.large": 1} and told["version"] == 1
        assert published(stack, "cost_month") == [pytest.approx(told["month"])]
        assert published(stack, "champion_version") == [1.0]

        part = {"observedContentType": "text/csv", "encoding": "CSV", "data": "1,2,3"}
        lines = [
            {"captureData": {"endpointInput": part}, "eventMetadata": {"eventId": "a"}},
            {"captureData": {"endpointInput": part}, "eventMetadata": {"eventId": "b", "inferenceId": f"{PROBE}-1"}},
        ]
        (zone,) = [
            one["Name"]
            for one in stack.client("s3").list_buckets()["Buckets"]
            if one["Name"].startswith("ml-dev-fraud-lake-capture-")
        ]
        stack.client("s3").put_object(
            Bucket=zone,
            Key=f"calls/score/{ENDPOINT}/main/2026/11/21/17/a.jsonl",
            Body="\n".join(map(json.dumps, lines)).encode(),
        )
        told = invoked(stack, "patterns", {"at": "2026-11-21T18:15:00+00:00"})
        assert told == {"patterns_inputs": 1.0, "unreadable": 0}
        assert published(stack, "patterns_inputs") == [1.0]
