"""Alarms that really go off: the rule wakes the function, the function keeps an incident, a person closes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.ground import a_role, ground
from tests.ground import served as served_as
from tests.sandbox.lives import registered
from tests.sandbox.models_world import DEV, REGION, Executing
from typer.testing import CliRunner

from modelyard import EndpointWatch, EvidenceStore, GovernanceSpec, TeamWatch, WatchSpec
from modelyard.cli import incident as commands
from modelyard.cli.app import app
from modelyard.core.errors import InputError, ModelyardError
from modelyard.operate.incidents import Desk, close, fetch, incidents, showing
from modelyard_sandbox.inprocess.deployment import Deployment, deploy

ALARM = "ml-dev-fraud-score-main-errors"


def program(*, served: bool, evidence: bool, **watch: Any) -> Callable[[], None]:
    def made() -> None:
        on = ground(DEV)
        keys, lake = on.keys, on.lake
        store = None
        if evidence:
            store = EvidenceStore(
                "evidence", GovernanceSpec(), context=DEV, keys=keys, registry=on.registry, audit=on.audit
            )
        if not served:
            return
        endpoint = on.endpoint("score", served_as(1))
        watched = EndpointWatch(
            "score-watch",
            WatchSpec.model_validate(watch),
            context=DEV,
            endpoint=endpoint,
            lake=lake,
            keys=keys,
        )
        team = TeamWatch("watch", context=DEV, watched=[watched], lake=lake, keys=keys, evidence=store)
        team.grant_close_incidents(a_role("oncall", DEV, "sagemaker"))

    return made


@pytest.fixture(scope="module", params=[True, False], ids=["evidence", "lake"])
def stack(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "sandbox")
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        with deploy(lambda: None, region=REGION, emulated=Executing()) as made:
            made.client("events").create_event_bus(Name="ml-dev-platform-audit")
            made.update(program(served=False, evidence=request.param))
            registered(made.client("sagemaker"), 1)
            made.update(program(served=True, evidence=request.param))
            yield made


def desk(stack: Deployment, role: str = "") -> Desk:
    buckets = [one["Name"] for one in stack.client("s3").list_buckets()["Buckets"]]
    kept = [name for name in buckets if name.startswith("ml-dev-fraud-evidence-") and "logs" not in name]
    zone = [name for name in buckets if name.startswith("ml-dev-fraud-lake-capture-")]
    client: Any = stack.client
    if role:
        names = DEV.names
        arn = DEV.arn("iam", f"role{names.path}{names.of('iam-role', role)}", regional=False)
        got = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="grace")["Credentials"]
        keys = (got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
        session = boto3.Session(*keys, region_name=REGION)

        def asked(service: str, region: str = "") -> Any:
            return session.client(service, region or REGION)

        client = asked
    return Desk(DEV, ("score",), (kept or zone)[0], client)


def goes(stack: Deployment, state: str, alarm: str = ALARM, why: str = "many calls fail") -> None:
    stack.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue=state, StateReason=why)


def mails(stack: Deployment) -> Callable[[], list[dict[str, Any]]]:
    """From now on, what the owner's topic sends."""
    (topic,) = [
        one["TopicArn"]
        for one in stack.client("sns").list_topics()["Topics"]
        if one["TopicArn"].rpartition(":")[2].startswith("ml-dev-fraud-score-notices")
    ]
    url = stack.client("sqs").create_queue(QueueName="mails")["QueueUrl"]
    stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=DEV.arn("sqs", "mails"))

    def read() -> list[dict[str, Any]]:
        got = stack.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in got]

    return read


def test_an_alarm_opens_an_incident_recovers_and_is_closed_by_a_person(stack: Deployment):
    read = mails(stack)
    goes(stack, "ALARM")
    (found,) = incidents(desk(stack), only_open=True)
    assert (found.endpoint, found.status) == ("score", "open")
    assert found.opened["alarm"]["name"] == ALARM
    assert found.opened["champion"] == {"model": "scores", "says": "the team's file", "version": 1}
    assert found.opened["dashboard"].endswith("#dashboards/dashboard/" + found.opened["dashboard"].rpartition("/")[2])
    (mail,) = [mail for mail in read() if mail["Subject"].startswith("Incident")]
    assert found.id in mail["Message"]

    goes(stack, "OK", why="calls are answered again")
    (found,) = incidents(desk(stack), "score")
    assert found.status == "recovered"
    assert found.files["recovered.json"]["by"] == "the alarm itself"

    with pytest.raises(InputError, match="says nothing"):
        close(found, "  ", "arn")
    oncall = desk(stack, "oncall")
    closed = close(fetch([oncall], found.id), "went back to version 1", "arn:aws:sts::1:assumed-role/oncall/Grace")
    assert closed.status == "closed"
    lines = list(showing.shown(fetch([desk(stack)], found.id)))
    assert lines[0] == f"{found.id}  closed"
    assert lines[-1].endswith("went back to version 1 (grace)")
    with pytest.raises(InputError, match="was closed already by arn:aws:sts::1:assumed-role/oncall/Grace"):
        close(found, "something else", "arn")


def test_the_same_alarm_again_is_another_incident_and_the_list_shows_the_newest_first(stack: Deployment):
    before = incidents(desk(stack))
    goes(stack, "ALARM")
    now = incidents(desk(stack))
    assert len(now) == len(before) + 1
    assert now[0].status == "open" and now[0].number > now[-1].number
    goes(stack, "OK")
    assert incidents(desk(stack), only_open=True) == []
    assert list(showing.listed([], only_open=True)) == ["No incident is open."]
    assert now[0].id in "\n".join(showing.listed(now, only_open=False))


def test_an_alarm_of_nobodys_opens_nothing(stack: Deployment):
    before = len(incidents(desk(stack)))
    stack.client("cloudwatch").put_metric_alarm(
        AlarmName="ml-dev-churn-score-main-errors",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        MetricName="m",
        Namespace="n",
        Period=60,
        Statistic="Sum",
        Threshold=1,
    )
    for alarm in ("ml-dev-churn-score-main-errors", "ml-dev-fraud-watch-unwritten"):
        goes(stack, "ALARM", alarm)
    assert len(incidents(desk(stack))) == before
    stack.client("cloudwatch").delete_alarms(AlarmNames=["ml-dev-churn-score-main-errors"])


def test_an_incident_is_written_once_whoever_asks(stack: Deployment):
    goes(stack, "ALARM")
    (found,) = incidents(desk(stack), only_open=True)
    key = f"incidents/{found.id}/opened.json"
    with pytest.raises(ClientError, match="AccessDenied|PreconditionFailed|403|412"):
        desk(stack, "oncall").client("s3").put_object(Bucket=found.desk.bucket, Key=key, Body=b"{}", IfNoneMatch="*")
    goes(stack, "OK")


def test_what_is_no_incident_is_refused_by_its_name(stack: Deployment):
    with pytest.raises(InputError, match=r"is called <endpoint>/<number>"):
        fetch([desk(stack)], "score")
    with pytest.raises(InputError, match="fraud has no such incident"):
        fetch([desk(stack)], "score/20200101-000000000-aaaaaa")
    with pytest.raises(InputError, match="is no endpoint of fraud; there are: score"):
        incidents(desk(stack), "other")


@pytest.fixture
def yard(stack: Deployment, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """`yard incident`, as whoever is on call; the exit code and what was printed, or what is wrong."""
    monkeypatch.setattr(commands, "_desks", lambda team, env: [desk(stack, "oncall")])

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["incident", *arguments])
        if isinstance(done.exception, ModelyardError):
            return done.exception.exit_code, str(done.exception)
        return done.exit_code, done.output

    return run


def test_the_commands_list_show_and_close(stack: Deployment, yard: Callable[..., tuple[int, str]]):
    goes(stack, "ALARM", why="again many calls fail")
    code, out = yard("list", "score", "--open", "--json")
    (found,) = json.loads(out)
    assert (code, found["status"], found["team"]) == (0, "open", "fraud")
    code, out = yard("show", found["incident"])
    assert code == 0
    for text in ("again many calls fail", "champion    scores 1", "challenger  none: no version is tried", "ada@acme"):
        assert text in out
    assert f'Next: yard incident close {found["incident"]} --done "what was done"' in out
    assert yard("close", found["incident"], "--done", "restarted it") == (0, f"{found['incident']} is closed.\n")
    code, out = yard("show", found["incident"], "--json")
    said = json.loads(out)
    assert said["status"] == "closed"
    assert said["files"]["closed.json"]["by"].endswith(":assumed-role/ml-dev-fraud-oncall/grace")
    assert "No incident is open." in yard("list", "--open")[1]
    goes(stack, "OK")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("list", "nothing"), "is no endpoint; there are: score"),
        (("show", "score"), "is no incident: it is called <endpoint>/<number>"),
        (("show", "score/20200101-000000000-aaaaaa"), "fraud has no such incident"),
        (("close", "score/20200101-000000000-aaaaaa", "--done", "x"), "fraud has no such incident"),
    ],
)
def test_what_is_asked_for_wrongly_ends_with_2(
    yard: Callable[..., tuple[int, str]], arguments: tuple[str, ...], says: str
):
    code, out = yard(*arguments)
    assert code == 2
    assert says in out
