"""The function that redacts captured calls, run on a bucket: what it keeps, and that nothing else stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from modelyard.core.redaction import MARK
from modelyard.run.serving import redaction_function

BUCKET = "capture"
RAW, KEPT = "_unredacted/score/", "calls/score/"
PLACE = "ml-dev-fraud-score/main/2026/11/21/10/07-11-1.jsonl"


def call(asked: str) -> str:
    part = {"observedContentType": "text/csv", "mode": "INPUT", "data": asked, "encoding": "CSV"}
    return json.dumps({"captureData": {"endpointInput": part}, "eventMetadata": {"eventId": asked[:1]}})


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        secret = boto3.client("secretsmanager").create_secret(Name="salt", SecretString="pepper")
        settings = {
            "BUCKET": BUCKET,
            "COLUMNS": json.dumps(["amount", "email"]),
            "ENDPOINT": "ml-dev-fraud-score",
            "FIELDS": json.dumps({"email": "hash"}),
            "KEPT": KEPT,
            "RAW": RAW,
            "SECONDS": "600",
            "SECRET": secret["ARN"],
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield client


def put(s3: Any, place: str, *lines: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=f"{RAW}{place}", Body="".join(f"{line}\n" for line in lines).encode())


def kept(s3: Any) -> dict[str, str]:
    found = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {each["Key"]: s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read().decode() for each in found}


def test_calls_are_kept_at_the_same_place_redacted_and_no_version_of_the_others_stays(s3: Any):
    put(s3, PLACE, call("1,ada@acme.example"), call("2,bob@acme.example"))
    counts = redaction_function.handler({}, None)
    assert counts == {"objects": 1, "calls": 2, "unreadable": 0, "failed": 0}
    ((place, text),) = kept(s3).items()
    assert place == f"{KEPT}{PLACE}"
    rows = [json.loads(line)["captureData"]["endpointInput"]["data"] for line in text.splitlines()]
    assert [row.split(",")[1].startswith(MARK) for row in rows] == [True, True]
    versions = s3.list_object_versions(Bucket=BUCKET, Prefix=RAW)
    assert not versions.get("Versions") and not versions.get("DeleteMarkers")


def test_a_second_run_finds_nothing_and_changes_nothing(s3: Any):
    put(s3, PLACE, call("1,ada@acme.example"))
    redaction_function.handler({}, None)
    before = kept(s3)
    assert redaction_function.handler({}, None)["objects"] == 0
    assert kept(s3) == before


def test_what_is_no_call_is_counted_and_not_kept(s3: Any, capsys: pytest.CaptureFixture[str]):
    put(s3, PLACE, "ada@acme.example", call("1"))
    assert redaction_function.handler({}, None)["unreadable"] == 2
    assert "ada@acme" not in str(kept(s3))
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["Endpoint"], told["unreadable_calls"]) == ("ml-dev-fraud-score", 2)


def test_an_object_that_fails_waits_and_the_others_are_brought_over(
    s3: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    put(s3, "a/large.jsonl", call("1," + "x" * 200))
    put(s3, "b/small.jsonl", call("1,ada@acme.example"))
    monkeypatch.setattr(redaction_function, "LARGEST", 200)
    with pytest.raises(RuntimeError, match="1 objects could not be redacted"):
        redaction_function.handler({}, None)
    assert sorted(kept(s3)) == [f"{RAW}a/large.jsonl", f"{KEPT}b/small.jsonl"]
    assert "xxxx" not in capsys.readouterr().out


def test_what_is_left_when_time_is_short_the_next_run_takes(s3: Any):
    put(s3, "a.jsonl", call("1,ada@acme.example"))
    put(s3, "b.jsonl", call("2,bob@acme.example"))
    room = iter([True, False])
    settings = redaction_function.os.environ
    swept = redaction_function.sweep(s3, redaction_function.rules(settings), settings, lambda: next(room))
    assert swept["objects"] == 1
    assert redaction_function.handler({}, None)["objects"] == 1
    assert sorted(kept(s3)) == [f"{KEPT}a.jsonl", f"{KEPT}b.jsonl"]
