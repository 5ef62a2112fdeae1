"""The state machine that runs a view's jobs, executed: what it asks SageMaker for, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.sagemaker.models import sagemaker_backends
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk as sdk
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from modelyard.build.features import JobSpec
from modelyard.build.features.jobs import definition_of
from modelyard.core.names import LIMITS
from modelyard_sandbox import moto_extensions

REGION, ACCOUNT = "eu-west-1", "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/works"
IMAGE = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-jobs@sha256:{'a' * 64}"
VPC = {"SecurityGroupIds": ["sg-12345678"], "Subnets": ["subnet-12345678"]}


class Account:
    """The machine of one view, and the jobs that it starts."""

    def __init__(self) -> None:
        self.machines = boto3.client("stepfunctions", region_name=REGION)
        self.sagemaker = boto3.client("sagemaker", region_name=REGION)

    def runs(self, job: str, name: str = "ml-dev-fraud-features-customer-v1") -> dict[str, Any]:
        """The end of an execution that was started as the schedule does."""
        spec = JobSpec.model_validate({"image": IMAGE, "timeout_minutes": 30})
        definition = definition_of(
            "customer-v1", spec, job_name=name, role=ROLE, key_arn="key", resources="/modelyard/x", vpc=VPC
        )
        definition["States"]["Wait"]["Seconds"] = 0
        made = self.machines.create_state_machine(name="m", roleArn=ROLE, definition=json.dumps(definition))
        started = self.machines.start_execution(stateMachineArn=made["stateMachineArn"], input=json.dumps({"job": job}))
        return self.machines.describe_execution(executionArn=started["executionArn"])

    @property
    def job(self) -> dict[str, Any]:
        """What the one job was asked to be."""
        (summary,) = self.sagemaker.list_processing_jobs()["ProcessingJobSummaries"]
        return self.sagemaker.describe_processing_job(ProcessingJobName=summary["ProcessingJobName"])


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setattr(ExecutionWorker, "start", ExecutionWorker._execution_logic)
    monkeypatch.setitem(sdk._SERVICE_ERROR_NAMES, "sagemaker", "SageMaker")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    moto_extensions.install()
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield Account()


@pytest.mark.parametrize("job", ["materialize", "compare"])
def test_a_job_is_started_with_its_task_and_waited_for(account: Account, job: str):
    assert account.runs(job)["status"] == "SUCCEEDED"
    started = account.job
    assert started["AppSpecification"]["ContainerArguments"] == [job, "customer-v1"]
    assert started["ProcessingJobName"].startswith("ml-dev-fraud-features-customer-v1-")
    assert started["StoppingCondition"]["MaxRuntimeInSeconds"] == 1800


def test_the_longest_name_leaves_room_for_what_tells_runs_apart(account: Account):
    account.runs("materialize", "x" * LIMITS["processing-job"].length)
    assert len(account.job["ProcessingJobName"]) == 63


def test_a_job_that_failed_fails_the_machine_so_that_its_alarm_rings(account: Account, monkeypatch: pytest.MonkeyPatch):
    backend = sagemaker_backends[ACCOUNT][REGION]
    before = type(backend).describe_processing_job

    def failed(self: Any, name: str) -> dict[str, Any]:
        return {**before(self, name), "ProcessingJobStatus": "Failed"}

    monkeypatch.setattr(type(backend), "describe_processing_job", failed)
    end = account.runs("materialize")
    assert (end["status"], end["error"]) == ("FAILED", "JobFailed")
