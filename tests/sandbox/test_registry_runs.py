"""The promotion's state machine, executed: what it sets, what it tells, and how a refusal ends it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk as sdk
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from modelyard.build.registry.promotion import definition
from modelyard.core.events import Approved, read_event
from modelyard_sandbox import moto_extensions

REGION, ACCOUNT = "eu-west-1", "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/promotion"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:promoter"


class Account:
    """A version that waits, the bus with somebody who listens, and the machine."""

    def __init__(self) -> None:
        self.sagemaker = boto3.client("sagemaker", region_name=REGION)
        self.machines = boto3.client("stepfunctions", region_name=REGION)
        self.queue = boto3.client("sqs", region_name=REGION)
        self.sagemaker.create_model_package_group(ModelPackageGroupName="scores")
        self.package = self.sagemaker.create_model_package(
            ModelPackageGroupName="scores", ModelApprovalStatus="PendingManualApproval"
        )["ModelPackageArn"]
        events = boto3.client("events", region_name=REGION)
        events.create_event_bus(Name="bus")
        self.url = self.queue.create_queue(QueueName="heard")["QueueUrl"]
        events.put_rule(Name="all", EventBusName="bus", EventPattern=json.dumps({"source": ["modelyard.fraud"]}))
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:heard"
        events.put_targets(Rule="all", EventBusName="bus", Targets=[{"Id": "queue", "Arn": arn}])

    def runs(self, said: dict[str, Any]) -> dict[str, Any]:
        """The end of an execution in which the function says this."""
        machine = definition(FUNCTION, "bus", "fraud")
        judge = machine["States"]["Judge"]
        machine["States"]["Judge"] = {"Type": "Pass", "Result": {"said": said}, "Next": judge["Next"]}
        made = self.machines.create_state_machine(name="m", roleArn=ROLE, definition=json.dumps(machine))
        started = self.machines.start_execution(stateMachineArn=made["stateMachineArn"], input="{}")
        return self.machines.describe_execution(executionArn=started["executionArn"])

    @property
    def status(self) -> str:
        return self.sagemaker.describe_model_package(ModelPackageName=self.package)["ModelApprovalStatus"]

    @property
    def heard(self) -> list[dict[str, Any]]:
        return [json.loads(m["Body"]) for m in self.queue.receive_message(QueueUrl=self.url).get("Messages", [])]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setattr(ExecutionWorker, "start", ExecutionWorker._execution_logic)
    monkeypatch.setitem(sdk._SERVICE_ERROR_NAMES, "sagemaker", "SageMaker")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    moto_extensions.install()
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield Account()


@pytest.mark.parametrize(("decision", "status"), [("approved", "Approved"), ("rejected", "Rejected")])
def test_a_decision_sets_the_status_and_is_told_on_the_bus(account: Account, decision: str, status: str):
    told = {
        "version": 1,
        "team": "fraud",
        "model": "scores",
        "model_version": "1",
        "at": "2026-01-01T00:00:00+00:00",
        "decision": decision,
        "by": "AROA:grace",
        "reason": "looked at it",
    }
    end = account.runs({"decision": decision, "package": account.package, "event": told, "by": "AROA:grace"})
    assert (end["status"], account.status) == ("SUCCEEDED", status)
    (heard,) = account.heard
    event = read_event(heard)
    assert isinstance(event, Approved)
    assert (event.decision, event.by) == (decision, "AROA:grace")


def test_a_refusal_sets_nothing_and_gives_every_reason(account: Account):
    end = account.runs({"decision": "refused", "reasons": "gate-missing: gate recall has no result of recall"})
    assert (end["status"], end["error"]) == ("FAILED", "Refused")
    assert "gate-missing" in end["cause"]
    assert account.status == "PendingManualApproval"
