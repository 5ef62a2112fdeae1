"""The state machine that looks at data, executed: it registers what arrived, and tells the owner what doesn't hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.glue.models import glue_backends
from moto.glue.responses import GlueResponse
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk as sdk
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from modelyard.build.data import DatasetSpec
from modelyard.build.data.quality import definition_of
from modelyard_sandbox import moto_extensions
from modelyard_sandbox.moto_extensions import glue_quality

REGION, ACCOUNT = "eu-west-1", "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/looks"
RULES = [{"kind": "completeness", "column": "id"}, {"kind": "row_count"}]
EVENTS: dict[str, Any] = {
    "classification": "internal",
    "owner": "fraud@acme.example",
    "columns": [{"name": "id", "type": "string"}],
    "partitions": [{"name": "day", "type": "date"}, {"name": "country", "type": "string"}],
    "quality": {"rules": RULES, "when": {"kind": "arrival"}},
}
ARRIVED = {"detail": {"object": {"key": "events/day=2026-01-31/country=CH/part-1.parquet"}}}

NIGHT = {"time": "2026-01-31T04:00:00Z"}


class Account:
    """A table with rules, a topic whose messages a queue keeps, and the machine between them."""

    def __init__(self) -> None:
        clients = {name: boto3.client(name, region_name=REGION) for name in ("glue", "sns", "sqs", "stepfunctions")}
        self.glue, self.sns, self.sqs, self.machines = clients.values()
        self.glue.create_database(DatabaseInput={"Name": "lake"})
        keys = [{"Name": "day", "Type": "date"}, {"Name": "country", "Type": "string"}]
        self.glue.create_table(DatabaseName="lake", TableInput={"Name": "events", "PartitionKeys": keys})
        self.topic = self.sns.create_topic(Name="notices")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="read")["QueueUrl"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:read")

    def looks(self, given: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The end of an execution that was started with `given`."""
        spec = DatasetSpec.model_validate({**EVENTS, **changes})
        assert spec.quality is not None
        self.glue.create_data_quality_ruleset(Name="events", Ruleset=spec.quality.ruleset())
        names = {"database": "lake", "table": "events", "ruleset": "events", "reader": ROLE, "topic": self.topic}
        definition = definition_of("events", spec, **names, place="s3://acme-raw/events/", prefix="events/")
        for state in definition["States"].values():
            if state["Type"] == "Wait":
                state["Seconds"] = 0
        machine = self.machines.create_state_machine(name="looks", roleArn=ROLE, definition=json.dumps(definition))
        started = self.machines.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(given))
        return self.machines.describe_execution(executionArn=started["executionArn"])

    def told(self) -> list[str]:
        """What the owner was told."""
        found = self.sqs.receive_message(QueueUrl=self.queue).get("Messages", [])
        return [json.loads(message["Body"])["Message"] for message in found]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setattr(ExecutionWorker, "start", ExecutionWorker._execution_logic)
    monkeypatch.setitem(sdk._SERVICE_ERROR_NAMES, "glue", "Glue")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    moto_extensions.install()
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield Account()


def fails(*rules: str) -> None:
    glue_quality.verdict(glue_backends[ACCOUNT][REGION], "events", list(rules))


def test_rules_that_hold_tell_nobody(account: Account):
    assert account.looks(ARRIVED)["status"] == "SUCCEEDED"
    assert account.told() == []


def test_the_owner_hears_which_rules_do_not_hold(account: Account):
    fails("RowCount")
    end = account.looks(ARRIVED)
    assert (end["status"], end["error"]) == ("FAILED", "DoesNotHold")
    (message,) = account.told()
    assert "RowCount >= 1" in message
    assert "IsComplete" not in message, "what holds is no news"
    assert "0.5" in message


def test_the_partition_that_arrived_is_registered_and_looked_at_alone(account: Account):
    account.looks(ARRIVED)
    (partition,) = account.glue.get_partitions(DatabaseName="lake", TableName="events")["Partitions"]
    assert partition["Values"] == ["2026-01-31", "CH"]
    described = partition["StorageDescriptor"]
    assert described["Location"] == "s3://acme-raw/events/day=2026-01-31/country=CH/"
    assert described["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    (run,) = glue_quality.of(glue_backends[ACCOUNT][REGION]).runs.values()
    only = run["DataSource"]["GlueTable"]["AdditionalOptions"]
    assert only == {"pushDownPredicate": 'day="2026-01-31" and country="CH"'}


def test_a_partition_that_is_known_already_is_looked_at_again(account: Account):
    values = {"Values": ["2026-01-31", "CH"]}
    account.glue.create_partition(DatabaseName="lake", TableName="events", PartitionInput=values)
    assert account.looks(ARRIVED)["status"] == "SUCCEEDED"


def test_at_night_the_days_partition_is_registered_for_what_ingestion_wrote(account: Account):
    days = [{"name": "day", "type": "date"}]
    account.looks(NIGHT, partitions=days, ingestion={}, quality={"rules": RULES})
    (partition,) = account.glue.get_partitions(DatabaseName="lake", TableName="events")["Partitions"]
    assert partition["Values"] == ["2026-01-31"]
    assert partition["StorageDescriptor"]["Location"] == "s3://acme-raw/events/day=2026-01-31/"


def test_what_jobs_write_is_looked_at_as_a_whole(account: Account):
    account.looks(NIGHT, partitions=[], quality={"rules": RULES})
    (run,) = glue_quality.of(glue_backends[ACCOUNT][REGION]).runs.values()
    assert run["DataSource"]["GlueTable"] == {"DatabaseName": "lake", "TableName": "events"}


def test_a_run_that_failed_is_no_verdict(account: Account, monkeypatch: pytest.MonkeyPatch):
    started = glue_quality.start_data_quality_ruleset_evaluation_run

    def stopped(self: Any) -> Any:
        answer = started(self)
        for run in glue_quality.of(self.glue_backend).runs.values():
            run["Status"] = "TIMEOUT"
        return answer

    monkeypatch.setattr(GlueResponse, "start_data_quality_ruleset_evaluation_run", stopped)
    end = account.looks(ARRIVED)
    assert (end["status"], end["error"]) == ("FAILED", "NotLookedAt")
    assert account.told() == [], "the alarm tells of it; a message about rules would be wrong"
