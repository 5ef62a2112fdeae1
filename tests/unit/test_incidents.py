"""An alarm opens one incident, whichever way its events come, and everything that is needed is in it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from modelyard import Context
from modelyard.core.errors import InputError
from modelyard.core.incidents import CLOSED, OPENED, RECOVERED, named, number, of_alarm, place, status
from modelyard.operate.incidents import Desk, incidents, showing
from modelyard.run.monitoring.incidents_function import heard

REGION, BUCKET, EVIDENCE = "eu-west-1", "incidents", "evidence"
WENT_OFF, CAME_BACK = "2026-11-21T17:04:40.989+0000", "2026-11-21T18:00:00.001+0000"
NUMBER = "20261121-170440989"
SAID: dict[str, Any] = {
    "alarms": [],
    "prefix": "ml-dev-fraud-score-",
    "endpoint": "ml-dev-fraud-score",
    "model": "scores",
    "owner": "ada@acme.example",
    "runbook": "https://wiki.acme.example/scores",
    "dashboard": "ml-dev-fraud-score",
    "champion": "",
    "version": 3,
    "shadow": None,
}


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        for bucket in (BUCKET, EVIDENCE):
            boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield


@pytest.fixture
def topic() -> str:
    return boto3.client("sns").create_topic(Name="owner")["TopicArn"]


def inbox(topic: str) -> str:
    url = boto3.client("sqs").create_queue(QueueName="inbox")["QueueUrl"]
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:inbox")
    return url


def received(url: str) -> list[dict[str, str]]:
    got = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in got]


def event(value: str, at: str, before: str = "OK", since: str = "2026-11-20T00:00:00.000+0000") -> dict[str, Any]:
    return {
        "id": f"{value}-{at}",
        "resources": ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:ml-dev-fraud-score-main-errors"],
        "detail": {
            "alarmName": "ml-dev-fraud-score-main-errors",
            "state": {"value": value, "timestamp": at, "reason": "3 of 3 points were above 1"},
            "previousState": {"value": before, "timestamp": since},
            "configuration": {"description": "More than 1 percent of the calls fail"},
        },
    }


def facts(topic: str, **changes: Any) -> dict[str, Any]:
    said = {**SAID, "topic": topic, **changes}
    return {"team": "fraud", "environment": "dev", "region": REGION, "endpoints": {"score": said}}


def take(topic: str, what: dict[str, Any], evidence: str = "", **changes: Any) -> dict[str, Any]:
    return heard(what, facts(topic, **changes), {"BUCKET": BUCKET, "EVIDENCE": evidence})


def files() -> dict[str, dict[str, Any]]:
    s3 = boto3.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
    return {key: json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys}


def record() -> dict[str, Any]:
    (found,) = [content for key, content in files().items() if key.endswith(OPENED)]
    return found


def test_an_alarm_opens_an_incident_and_tells_its_owner(topic: str):
    url = inbox(topic)
    assert take(topic, event("ALARM", WENT_OFF))["opened"] is True
    (key,) = files()
    assert key.startswith(f"incidents/score/{NUMBER}-") and key.endswith("/opened.json")
    found = record()
    assert found["alarm"]["reason"] == "3 of 3 points were above 1"
    assert found["champion"] == {"model": "scores", "version": 3, "says": "the team's file"}
    assert found["challenger"] == {"absent": "no version is tried beside the champion"}
    assert found["evidence"] == {"absent": "the team keeps no evidence"}
    assert found["owner"] == "ada@acme.example"
    assert found["rollback"].endswith("serving.score.release.version; yard up fraud --env dev")
    (mail,) = received(url)
    assert mail["Subject"] == "Incident: score of fraud in dev"
    for text in (found["incident"], found["runbook"], found["rollback"], found["dashboard"], found["alarm"]["page"]):
        assert text in mail["Message"]


def test_an_event_that_comes_twice_makes_one_incident_and_one_mail(topic: str):
    url = inbox(topic)
    took = [take(topic, event("ALARM", WENT_OFF))["opened"] for _ in range(2)]
    assert took == [True, False]
    assert len(files()) == len(received(url)) == 1


def test_what_another_run_wrote_meanwhile_stays(topic: str, monkeypatch: pytest.MonkeyPatch):
    take(topic, event("ALARM", WENT_OFF))
    before = record()
    monkeypatch.setattr("modelyard.run.monitoring.incidents_function._there", lambda *_: False)
    again = event("ALARM", WENT_OFF)
    again["detail"]["state"]["reason"] = "another"
    assert take(topic, again)["opened"] is False
    assert record() == before


def test_an_alarm_that_is_ok_again_is_noted_in_its_incident(topic: str):
    take(topic, event("ALARM", WENT_OFF))
    assert take(topic, event("OK", CAME_BACK, "ALARM", WENT_OFF))["recovered"] is True
    opened_at, recovered_at = sorted(files())
    assert opened_at.rpartition("/")[0] == recovered_at.rpartition("/")[0]
    said = files()[recovered_at]
    assert (said["what"], said["by"], said["at"]) == ("the alarm is OK again", "the alarm itself", CAME_BACK)


def test_events_out_of_order_leave_the_same(topic: str):
    take(topic, event("OK", CAME_BACK, "ALARM", WENT_OFF))
    take(topic, event("ALARM", WENT_OFF))
    names = {key.rpartition("/")[2] for key in files()}
    assert names == {OPENED, RECOVERED}
    assert len({key.rpartition("/")[0] for key in files()}) == 1


def test_an_alarm_that_goes_off_again_opens_another_incident(topic: str):
    take(topic, event("ALARM", WENT_OFF))
    take(topic, event("OK", CAME_BACK, "ALARM", WENT_OFF))
    take(topic, event("ALARM", "2026-11-21T19:00:00.000+0000", "OK", CAME_BACK))
    assert len([key for key in files() if key.endswith(OPENED)]) == 2


def test_data_that_stops_coming_is_put_beside_and_closes_nothing(topic: str):
    take(topic, event("ALARM", WENT_OFF))
    take(topic, event("INSUFFICIENT_DATA", CAME_BACK, "ALARM", WENT_OFF))
    (key,) = [key for key in files() if "/events/" in key]
    assert files()[key]["what"] == "the alarm lacks data"
    assert status({name.rpartition("/")[2] for name in files()}) == "open"


@pytest.mark.parametrize("before", ["OK", "INSUFFICIENT_DATA"])
def test_what_was_no_alarm_is_passed_over(topic: str, before: str):
    assert take(topic, event("OK", CAME_BACK, before)) == {"passed": "ml-dev-fraud-score-main-errors"}
    assert files() == {}


def test_an_alarm_of_no_endpoint_is_passed_over(topic: str):
    assert "passed" in take(topic, event("ALARM", WENT_OFF), prefix="ml-dev-fraud-other-")
    assert files() == {}


def test_the_loops_champion_is_asked_for_when_the_alarm_goes_off(topic: str):
    said = {
        "model": "scores",
        "version": 9,
        "package": "arn",
        "configuration": "now",
        "previous_version": 8,
        "previous_configuration": "ml-dev-fraud-score-before",
        "released_at": "2026-11-20T00:00:00Z",
        "why": "drift",
    }
    boto3.client("ssm").put_parameter(Name="/champions/score", Value=json.dumps(said), Type="String")
    take(topic, event("ALARM", WENT_OFF), champion="/champions/score", version=None, shadow=10)
    found = record()
    assert (found["champion"]["version"], found["champion"]["previous_version"]) == (9, 8)
    assert found["challenger"]["version"] == 10
    assert found["rollback"] == (
        "aws sagemaker update-endpoint --endpoint-name ml-dev-fraud-score "
        "--endpoint-config-name ml-dev-fraud-score-before (signed in as the team's deployment role: no person may)"
    )


def test_before_the_loops_first_release_the_record_says_so(topic: str):
    take(topic, event("ALARM", WENT_OFF), EVIDENCE, champion="/champions/score", version=None)
    assert record()["champion"]["absent"] == "the loop has released none yet"
    assert record()["evidence"] == {"absent": "nothing was released"}


def test_the_bundle_of_the_release_is_linked_with_its_hash(topic: str):
    body = json.dumps({"manifest_sha256": "f" * 64}).encode()
    boto3.client("s3").put_object(Bucket=EVIDENCE, Key="index/scores/3.json", Body=body)
    take(topic, event("ALARM", WENT_OFF), EVIDENCE)
    assert record()["evidence"] == {
        "bundle": "s3://evidence/bundles/scores/3/",
        "manifest_sha256": "f" * 64,
        "command": "yard evidence show scores 3",
    }


def test_a_release_without_a_bundle_is_said_to_have_none(topic: str):
    take(topic, event("ALARM", WENT_OFF), EVIDENCE)
    assert record()["evidence"] == {"absent": "scores 3 has no bundle: yard evidence list scores"}


def test_an_alarm_is_whose_names_it_or_whose_name_fits_best():
    endpoints: dict[str, dict[str, Any]] = {
        "score": {"alarms": ["ml-dev-fraud-score-b-errors"], "prefix": "ml-dev-fraud-score-"},
        "score-b": {"alarms": [], "prefix": "ml-dev-fraud-score-b-"},
    }
    assert of_alarm("ml-dev-fraud-score-b-errors", endpoints) == "score", "its variant b"
    assert of_alarm("ml-dev-fraud-score-b-latency", endpoints) == "score-b"
    assert of_alarm("ml-dev-fraud-score-errors", endpoints) == "score"
    assert of_alarm("ml-dev-fraud-other-errors", endpoints) is None


def test_an_incident_is_called_by_endpoint_and_number():
    told = number("alarm", WENT_OFF)
    assert named(f"score/{told}") == ("score", told)
    assert place("score", told) == f"incidents/score/{told}/"
    assert number("alarm", "2026-11-21T17:04:40Z").startswith("20261121-170440000-")
    for text in ("score", told, f"score/{told}x", "score/../../x"):
        assert named(text) is None


def test_an_incident_is_closed_by_a_person_whether_or_not_the_alarm_recovered():
    assert [
        status(names) for names in ({OPENED}, {OPENED, RECOVERED}, {OPENED, CLOSED}, {OPENED, RECOVERED, CLOSED})
    ] == [
        "open",
        "recovered",
        "closed",
        "closed",
    ]


class Partly:
    """A store of which only some endpoints' incidents may be listed."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = allowed

    def __call__(self, service: str, region: str = "") -> Any:
        return self

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        endpoint = Prefix.split("/")[1]
        if endpoint not in self.allowed:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")
        keys = [f"{Prefix}{number('alarm', WENT_OFF)}/{CLOSED}", f"{Prefix}stray", "incidents/odd"]
        return [{"Contents": [{"Key": key} for key in keys]}]

    def get_object(self, **_: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(b"no JSON")}


def a_desk(*allowed: str) -> Desk:
    context = Context(
        organization="acme", platform="ml", environment="dev", region=REGION, account="123456789012", team="fraud"
    )
    return Desk(context, ("other", "score"), BUCKET, Partly(*allowed))


def test_a_list_has_what_the_caller_may_read():
    (found,) = incidents(a_desk("score"))
    assert (found.endpoint, found.status) == ("score", "closed")
    assert "unreadable" in found.files[CLOSED]
    assert len(incidents(a_desk("score", "other"))) == 2


def test_who_may_read_none_is_told_so_and_what_to_do():
    for ask in (lambda: incidents(a_desk()), lambda: incidents(a_desk("other"), "score")):
        with pytest.raises(InputError, match="is refused.*who reads and closes incidents"):
            ask()


def test_a_record_that_nobody_wrote_is_said_to_be_missing():
    (found,) = incidents(a_desk("score"))
    assert "The record of its opening isn't there" in "\n".join(showing.shown(found))
