"""The functions that watch an endpoint, in this process: what they ask, and what they publish."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from modelyard.core.captured import PROBE
from modelyard.run.monitoring import cost_function, patterns_function, probe_function
from modelyard.run.monitoring.cost_function import HOURS, Unpriced, cost
from modelyard.run.monitoring.metrics import OURS
from modelyard.run.monitoring.publishing import publish

REGION, BUCKET, ENDPOINT = "eu-west-1", "capture", "ml-dev-fraud-score"


class Cloud:
    """Clients of services; those given answer by themselves, the others are moto's."""

    def __init__(self, **given: Any) -> None:
        self.given, self.published = given, []

    def client(self, service: str, **_: Any) -> Any:
        if service == "cloudwatch":
            return self
        return self.given.get(service) or boto3.client(service)

    def put_metric_data(self, **said: Any) -> None:
        self.published.append(said)

    def values(self) -> dict[str, float]:
        return {one["MetricName"]: one["Value"] for said in self.published for one in said["MetricData"]}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("ENDPOINT", ENDPOINT)
    with mock_aws():
        yield


def lead(monkeypatch: pytest.MonkeyPatch, function: ModuleType, cloud: Cloud) -> Cloud:
    monkeypatch.setattr(function, "boto3", cloud)
    return cloud


class Answers:
    """An endpoint that answers, or doesn't."""

    def __init__(self, answer: str | Exception) -> None:
        self.answer, self.asked = answer, []

    def invoke_endpoint(self, **said: Any) -> dict[str, Any]:
        self.asked.append(said)
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"Body": io.BytesIO(self.answer.encode())}


@pytest.fixture
def probing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    payload = tmp_path / "payload.txt"
    payload.write_text("1,2,3")
    monkeypatch.setattr(probe_function, "PAYLOAD", payload)
    settings = {"SECONDS": "5", "CONTENT_TYPE": "text/csv", "ACCEPT": "text/csv", "EXPECTS": "", "TARGET_MODEL": ""}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_a_probe_that_is_answered_says_so_and_how_soon(probing: pytest.MonkeyPatch):
    endpoint = Answers("0.7")
    cloud = lead(probing, probe_function, Cloud(**{"sagemaker-runtime": endpoint}))
    assert probe_function.handler({}, None)["answered"] is True
    assert cloud.values()["uptime_answered"] == 1.0
    assert cloud.values()["uptime_latency"] >= 0
    (said,) = cloud.published
    assert said["Namespace"] == OURS
    assert said["MetricData"][0]["Dimensions"] == [{"Name": "Endpoint", "Value": ENDPOINT}]
    (asked,) = endpoint.asked
    assert (asked["EndpointName"], asked["Body"], asked["ContentType"]) == (ENDPOINT, b"1,2,3", "text/csv")
    assert asked["InferenceId"].startswith(PROBE), "readers of captured calls leave it out"
    assert "TargetModel" not in asked


def test_a_probe_of_many_models_asks_the_released_one(probing: pytest.MonkeyPatch):
    probing.setenv("TARGET_MODEL", "scores/a/model.tar.gz")
    endpoint = Answers("0.7")
    lead(probing, probe_function, Cloud(**{"sagemaker-runtime": endpoint}))
    probe_function.handler({}, None)
    assert endpoint.asked[0]["TargetModel"] == "scores/a/model.tar.gz"


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ModelError", "Message": "500 from the container"}}, "InvokeEndpoint"),
        ClientError({"Error": {"Code": "ValidationError", "Message": "Endpoint not found"}}, "InvokeEndpoint"),
        ReadTimeoutError(endpoint_url="https://runtime"),
    ],
)
def test_a_probe_that_is_not_answered_is_a_zero_without_a_latency(
    probing: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
):
    cloud = lead(probing, probe_function, Cloud(**{"sagemaker-runtime": Answers(error)}))
    assert probe_function.handler({}, None)["answered"] is False
    assert cloud.values() == {"uptime_answered": 0.0}
    assert str(error) in capsys.readouterr().out


def test_an_answer_that_says_something_else_is_none(probing: pytest.MonkeyPatch):
    probing.setenv("EXPECTS", "score")
    cloud = lead(probing, probe_function, Cloud(**{"sagemaker-runtime": Answers("oops")}))
    assert "score" in probe_function.handler({}, None)["why"]
    assert cloud.values() == {"uptime_answered": 0.0}


class Described:
    """What SageMaker says of an endpoint."""

    def __init__(self, endpoint: dict[str, Any] | None, config: dict[str, Any]) -> None:
        self.endpoint, self.config = endpoint, config

    def describe_endpoint(self, **_: Any) -> dict[str, Any]:
        if self.endpoint is None:
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "Could not find endpoint"}}, "D")
        return {"EndpointConfigName": "c", **self.endpoint}

    def describe_endpoint_config(self, **_: Any) -> dict[str, Any]:
        return self.config


TWO = Described(
    {
        "ProductionVariants": [{"VariantName": "main", "CurrentInstanceCount": 3}],
        "ShadowProductionVariants": [{"VariantName": "shadow", "CurrentInstanceCount": 1}],
    },
    {
        "ProductionVariants": [{"VariantName": "main", "InstanceType": "ml.m5.large"}],
        "ShadowProductionVariants": [{"VariantName": "shadow", "InstanceType": "ml.g5.xlarge"}],
    },
)


def test_a_month_costs_what_the_machines_that_run_now_cost_shadows_too():
    told = cost(ENDPOINT, {"ml.m5.large": 0.1, "ml.g5.xlarge": 1.4}, TWO)
    assert told["machines"] == {"ml.m5.large": 3, "ml.g5.xlarge": 1}
    assert told["month"] == pytest.approx(HOURS * (3 * 0.1 + 1.4))


def test_an_endpoint_that_there_is_not_or_that_scaled_to_nothing_costs_nothing():
    assert cost(ENDPOINT, {}, Described(None, {}))["month"] == 0
    none = Described(
        {"ProductionVariants": [{"VariantName": "main", "CurrentInstanceCount": 0}]},
        {"ProductionVariants": [{"VariantName": "main", "InstanceType": "ml.m5.large"}]},
    )
    assert cost(ENDPOINT, {"ml.m5.large": 0.1}, none)["month"] == 0


def test_a_type_without_a_price_is_an_error_that_says_where_to_put_it():
    with pytest.raises(Unpriced, match=r"ml\.g5\.xlarge, ml\.m5\.large: say the price .* watch\.cost\.prices"):
        cost(ENDPOINT, {}, TWO)


def test_what_another_endpoint_may_not_see_is_not_taken_for_nothing():
    refused = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeEndpoint")

    class Refusing(Described):
        def describe_endpoint(self, **_: Any) -> dict[str, Any]:
            raise refused

    with pytest.raises(ClientError):
        cost(ENDPOINT, {}, Refusing(None, {}))


def test_a_month_is_published_in_dollars(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    prices = tmp_path / "prices.json"
    prices.write_text('{"ml.m5.large": 0.1, "ml.g5.xlarge": 1.4}')
    monkeypatch.setattr(cost_function, "PRICES", prices)
    monkeypatch.setenv("CHAMPION", "")
    monkeypatch.setenv("VERSION", "3")
    cloud = lead(monkeypatch, cost_function, Cloud(sagemaker=TWO))
    cost_function.handler({}, None)
    assert cloud.values() == {"champion_version": 3.0, "cost_month": pytest.approx(1241.0)}


def test_the_version_is_the_loops_and_there_is_none_before_its_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    prices = tmp_path / "prices.json"
    prices.write_text("null")
    monkeypatch.setattr(cost_function, "PRICES", prices)
    monkeypatch.setenv("CHAMPION", "/champions/score")
    cloud = lead(monkeypatch, cost_function, Cloud())
    assert cost_function.handler({}, None) == {"version": None}
    assert cloud.values() == {}
    boto3.client("ssm").put_parameter(Name="/champions/score", Value='{"version": 7}', Type="String")
    cost_function.handler({}, None)
    assert cloud.values() == {"champion_version": 7.0}, "what has no price costs nothing that is told"


def captured(rows: list[list[float]], inference: str = "") -> str:
    def part(text: str) -> dict[str, str]:
        return {"observedContentType": "text/csv", "encoding": "CSV", "data": text}

    return "\n".join(
        json.dumps(
            {
                "captureData": {"endpointInput": part(",".join(map(str, row))), "endpointOutput": part("0.5")},
                "eventMetadata": {"eventId": str(at), "inferenceId": inference},
            }
        )
        for at, row in enumerate(rows)
    )


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Any:
    settings = {
        "BUCKET": BUCKET,
        "PREFIX": "calls/score",
        "VARIANTS": "main,other",
        "HOURS": "1",
        "LOOK": '{"least": 50, "most": 1000, "ranges": {"0": [-9, 9]}, "threshold": 0.5, "margin": 0.01, "answer": 0}',
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return s3


def rows(count: int, seed: int = 1) -> list[list[float]]:
    chance = random.Random(seed)
    return [[chance.gauss(0, 1) for _ in range(6)] for _ in range(count)]


def read(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    cloud = lead(monkeypatch, patterns_function, Cloud())
    patterns_function.handler({"at": "2026-11-21T18:20:00+00:00"}, None)
    return cloud.values()


def test_the_last_full_hour_is_read_of_every_variant(reading: Any, monkeypatch: pytest.MonkeyPatch):
    place = f"calls/score/{ENDPOINT}"
    reading.put_object(Bucket=BUCKET, Key=f"{place}/main/2026/11/21/17/a.jsonl", Body=captured(rows(60)))
    reading.put_object(Bucket=BUCKET, Key=f"{place}/other/2026/11/21/17/b.jsonl", Body=captured(rows(40, 2)))
    reading.put_object(Bucket=BUCKET, Key=f"{place}/main/2026/11/21/16/old.jsonl", Body=captured(rows(500, 3)))
    reading.put_object(Bucket=BUCKET, Key=f"{place}/main/2026/11/21/18/new.jsonl", Body=captured(rows(500, 4)))
    told = read(monkeypatch)
    assert told["patterns_inputs"] == 100
    assert told["patterns_boundary"] == 1.0
    assert (told["patterns_outside"], told["patterns_sweeps"]) == (0.0, 0.0)


def test_a_quiet_hour_is_told_as_one(reading: Any, monkeypatch: pytest.MonkeyPatch):
    assert read(monkeypatch) == {"patterns_inputs": 0.0}


def test_what_nobody_can_read_is_counted_and_the_rest_is_looked_at(reading: Any, monkeypatch: pytest.MonkeyPatch):
    body = captured(rows(60)) + "\nnonsense\n"
    reading.put_object(Bucket=BUCKET, Key=f"calls/score/{ENDPOINT}/main/2026/11/21/17/a.jsonl", Body=body)
    lead(monkeypatch, patterns_function, Cloud())
    told = patterns_function.handler({"at": "2026-11-21T18:20:00+00:00"}, None)
    assert (told["patterns_inputs"], told["unreadable"]) == (60, 1)


def test_more_than_there_is_room_for_is_left_and_the_newest_is_read(reading: Any, monkeypatch: pytest.MonkeyPatch):
    for minute, seed in ((10, 1), (50, 2)):
        key = f"calls/score/{ENDPOINT}/main/2026/11/21/17/{minute}-00-0.jsonl"
        reading.put_object(Bucket=BUCKET, Key=key, Body=captured(rows(60 + minute, seed)))
    monkeypatch.setattr(patterns_function, "MOST_BYTES", len(captured(rows(110, 2))))
    assert read(monkeypatch)["patterns_inputs"] == 110


def test_a_metric_that_the_table_has_not_is_an_error():
    with pytest.raises(KeyError, match="patterns_nothing"):
        publish(Cloud(), "patterns", ENDPOINT, {"patterns_nothing": 1.0}, datetime.now(UTC))
