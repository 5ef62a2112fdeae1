"""The serving container: SageMaker's contract, and calls that are kept without ever being in the way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from modelyard.core.captured import calls
from modelyard.core.redaction import Redaction
from modelyard.core.serving import IN_PROGRESS, REQUESTS, SECONDS
from modelyard_jobs import capturing as module
from modelyard_jobs.capturing import Capturing, Settings
from modelyard_jobs.serve import Unanswerable, application, loaded


class Bucket:
    """A stand-in for S3 that keeps what is put, or refuses."""

    def __init__(self, *, broken: bool = False) -> None:
        self.objects: dict[str, str] = {}
        self.broken = broken

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        if self.broken:
            raise ConnectionError("nobody answers")
        self.objects[f"{Bucket}/{Key}"] = Body.decode()

    def lines(self) -> Iterator[str]:
        for text in self.objects.values():
            yield from text.splitlines()


class Chance:
    def __init__(self, *numbers: float) -> None:
        self._numbers = list(numbers)

    def __call__(self) -> float:
        return self._numbers.pop(0) if self._numbers else 0.0


def double(payload: bytes, content_type: str) -> tuple[str, str]:
    if content_type != "text/csv":
        raise Unanswerable(f"{content_type} isn't read here")
    if payload == b"boom":
        raise RuntimeError("ada@acme.example broke it")
    return "\n".join(str(2 * float(line.split(",")[0])) for line in payload.decode().splitlines()), "text/csv"


def served(
    *payloads: str, bucket: Bucket | None = None, percent: float = 100, redaction: Redaction | None = None, **how: Any
) -> tuple[list[Any], Bucket, list[dict[str, Any]]]:
    """The answers to calls, what was kept, and the metric lines."""
    kept, told = bucket or Bucket(), list[str]()
    settings = Settings(uri="s3://lake/calls/score", name="score/main", percent=percent, redaction=redaction)
    chance = how.pop("chance", Chance())
    capturing = Capturing(settings, s3=kept, chance=chance, tell=told.append)
    headers = {"content-type": "text/csv", **how.pop("headers", {})}
    with TestClient(application(double, capturing), raise_server_exceptions=False) as client:
        answers = [client.post("/invocations", content=payload, headers=headers) for payload in payloads]
    return answers, kept, [json.loads(line) for line in told]


def test_a_container_says_that_it_is_well_and_answers():
    with TestClient(application(double)) as client:
        assert client.get("/ping").status_code == 200
        answer = client.post("/invocations", content="1\n2", headers={"content-type": "text/csv"})
        assert (answer.status_code, answer.text) == (200, "2.0\n4.0")
        assert answer.headers["content-type"].startswith("text/csv")
        assert client.get("/invocations").status_code == 405


def test_what_the_model_cannot_read_is_the_callers_fault_and_a_failure_gives_nothing_away():
    with TestClient(application(double), raise_server_exceptions=False) as client:
        refused = client.post("/invocations", content="{}", headers={"content-type": "application/json"})
        failed = client.post("/invocations", content="boom", headers={"content-type": "text/csv"})
    assert (refused.status_code, refused.text) == (400, "application/json isn't read here")
    assert failed.status_code == 500 and "ada" not in failed.text


def test_calls_are_measured_by_what_was_answered():
    with TestClient(application(double), raise_server_exceptions=False) as client:
        for payload in ("1", "2", "boom"):
            client.post("/invocations", content=payload, headers={"content-type": "text/csv"})
        told = client.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain")
    lines = told.text.splitlines()
    assert f'{REQUESTS}{{status="200"}} 2.0' in lines and f'{REQUESTS}{{status="500"}} 1.0' in lines
    assert f"{SECONDS}_count 3.0" in lines and f"{IN_PROGRESS} 0.0" in lines


def test_a_payload_that_sagemaker_would_not_let_through_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("modelyard_jobs.serve.LARGEST", 3)
    with TestClient(application(double)) as client:
        assert client.post("/invocations", content="1234", headers={"content-type": "text/csv"}).status_code == 413


def test_calls_are_kept_as_sagemaker_would_have_them():
    headers = {
        "X-Amzn-SageMaker-Inference-Id": "order-7",
        "X-Amzn-SageMaker-Custom-Attributes": "caller=shop",
    }
    _, bucket, told = served("1,fi", "2,de", headers=headers)
    (place,) = bucket.objects
    assert place.startswith("lake/calls/score/score/main/20") and place.endswith(".jsonl")
    first, second = calls(bucket.lines())
    assert first is not None and second is not None
    assert (first.rows, first.answers, first.inference_id, first.caller) == (
        ((1.0, "fi"),),
        ((2.0,),),
        "order-7",
        "shop",
    )
    assert second.rows == ((2.0, "de"),) and first.id != second.id
    assert (told[-1]["captured_calls"], told[-1]["lost_calls"], told[-1]["Endpoint"]) == (2, 0, "score")


def test_chance_chooses_as_many_as_the_deployment_says():
    _, bucket, _ = served("1", "2", "3", percent=20, chance=Chance(0.19, 0.2, 0.9))
    assert [call.rows for call in calls(bucket.lines()) if call] == [((1.0,),)]


def test_nothing_sensitive_is_ever_written():
    redaction = Redaction({"email": "remove"}, ("amount", "email"))
    answers, bucket, _ = served("1,ada@acme.example", "2,bob@acme.example,unforeseen", redaction=redaction)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "acme" not in "".join(bucket.lines())
    assert len(list(bucket.lines())) == 2


def test_a_call_does_not_fail_because_its_capture_does():
    answers, _, told = served("1", "2", bucket=Bucket(broken=True))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert (told[-1]["captured_calls"], told[-1]["lost_calls"]) == (0, 2)
    assert told[0] == {"capture": "failed", "error": "ConnectionError"}


def test_what_is_too_much_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_BYTES", 3)
    answers, bucket, told = served("1", "1234")
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(list(bucket.lines())) == 1 and sum(each.get("lost_calls", 0) for each in told) == 1


def test_a_full_queue_holds_up_nobody(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_WAITING", 1)
    told: list[str] = []
    settings = Settings(uri="s3://lake/calls", name="score/main", percent=100)
    capturing = Capturing(settings, s3=Bucket(), tell=told.append)
    one = module.Exchange(asked=b"1", asked_type="text/csv", answered=b"2", answered_type="text/csv", at=module.now())
    capturing.take(one)
    capturing.take(one)
    capturing.write([one])
    assert json.loads(told[-1])["lost_calls"] == 1


class Vault:
    def get_secret_value(self, *, SecretId: str) -> Mapping[str, str]:
        assert SecretId == "arn:salt"
        return {"SecretString": "pepper"}


def test_the_deployment_says_what_is_kept():
    assert Settings.read({}) is None
    environment = {
        "MODELYARD_CAPTURE_URI": "s3://lake/calls/score/",
        "MODELYARD_CAPTURE_AS": "ml-dev-fraud-score/main",
        "MODELYARD_CAPTURE_PERCENT": "5",
        "MODELYARD_REDACT_FIELDS": '{"email": "hash"}',
        "MODELYARD_REDACT_COLUMNS": '["email"]',
        "MODELYARD_REDACT_SECRET": "arn:salt",
    }
    found = Settings.read(environment, secrets=Vault())
    assert found is not None and found.redaction is not None
    assert (found.uri, found.percent, found.redaction.key) == ("s3://lake/calls/score", 5.0, b"pepper")


def test_a_container_that_could_not_redact_does_not_start():
    environment = {
        "MODELYARD_CAPTURE_URI": "s3://lake/calls/score",
        "MODELYARD_CAPTURE_AS": "score/main",
        "MODELYARD_REDACT_FIELDS": '{"email": "hash"}',
    }
    with pytest.raises(ValueError, match="need a key"):
        Settings.read(environment)


def test_a_model_is_loaded_by_module_and_function_from_its_own_code(tmp_path: Path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "own_model_7f.py").write_text(
        "def load(folder):\n    return lambda payload, kind: (str(folder.name), kind)\n"
    )
    assert loaded("own_model_7f:load", tmp_path)(b"", "text/csv") == (tmp_path.name, "text/csv")
    with pytest.raises(ValueError, match="names no function"):
        loaded("own_model_7f:none", tmp_path)
    with pytest.raises(ValueError, match="names no function"):
        loaded("", tmp_path)
