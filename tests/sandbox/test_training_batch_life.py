"""The life of pools on AWS Batch, behind a queue and with a file system; jobs go in from addresses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.sandbox.lives import changed

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Network, Role, VpcSpec
from modelyard.build.training import TrainingPool, TrainingSpec
from modelyard.core.access import trust_service
from modelyard.testing import deploy
from modelyard_jobs.queues import batch_job, queued_job
from modelyard_jobs.resources import resources
from modelyard_sandbox.accounting import counted

REGION = "eu-west-1"
CONTEXT = Context(organization="acme", platform="ml", environment="dev", region=REGION, account="123456789012")
FRAUD = CONTEXT.for_team("fraud")
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-train@sha256:{'0' * 64}"
DATASETS = {
    "sales": {
        "zone": "raw",
        "columns": [{"name": "day", "type": "date"}],
        "owner": "data@acme.example",
        "description": "Sales by day",
        "classification": "internal",
    }
}
BATCH: dict[str, Any] = {
    "flavour": {"kind": "batch", "programs": {"train": {"image": IMAGE, "command": ["train.py"]}}},
    "instance_types": ["g5.xlarge"],
    "network_isolation": False,
    "quota": {"instances": {"g5.xlarge": 2}, "shares": {"research": 1, "release": 3}},
}
QUEUED: dict[str, Any] = {
    "flavour": {"kind": "sagemaker", "queue": {"walls": "convention"}},
    "instance_types": ["ml.g5.xlarge"],
    "quota": {"instances": {"ml.g5.xlarge": 4}, "shares": {"research": 1, "release": 3}},
    "lustre": {"dataset": "sales", "capacity_gib": 1200, "ends": "2030-01-31"},
}


def a_pool(given: dict[str, Any], **changes: Any) -> Callable[[], None]:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        vpc = VpcSpec.model_validate({"kind": "vpc", "cidr": "10.20.0.0/16", "zones": ["eu-west-1a"]})
        network = Network("network", vpc, context=CONTEXT, keys=keys)
        lake = DataLake("lake", LakeSpec.model_validate({"datasets": DATASETS}), context=FRAUD, keys=keys)
        spec = TrainingSpec.model_validate({**given, **changes})
        pool = TrainingPool("training", spec, context=FRAUD, lake=lake, network=network)
        trusted = [trust_service("states.amazonaws.com", context=FRAUD)]
        shares = ["research"] if spec.quota else None
        pool.grant_submit(Role("submitter", context=FRAUD, trusted=trusted, description="submits"), shares=shares)

    return program


def test_a_pool_on_batch_is_made_stays_runs_what_it_declares_changes_and_goes(emulator: str):
    with deploy(lambda: None, region=REGION, emulator=emulator) as stack:
        before = counted(stack.client, REGION)
        stack.update(a_pool(BATCH))
        assert set(stack.operations.values()) <= {"create", "same"}
        stack.update(a_pool(BATCH))
        assert changed(stack) == {}
        batch = stack.client("batch")
        pool = resources("/modelyard/ml/dev/fraud/submitter", ssm=stack.client("ssm")).batch_pool("training")
        job = batch.submit_job(**batch_job(pool, "monday", program="train", parameters={"rate": 0.1}))
        (shown,) = batch.describe_jobs(jobs=[job["jobId"]])["jobs"]
        assert shown["jobDefinition"] == stack.resource("training-run-train").properties["arn"]
        assert shown["tags"]["team"] == "fraud"
        newer = {"kind": "batch", "programs": {"train": {"image": IMAGE.replace("0" * 64, "1" * 64)}}}
        stack.update(a_pool(BATCH, flavour=newer, quota={"instances": {"g5.xlarge": 4}, "shares": {"research": 1}}))
        assert changed(stack) == {
            "training-compute": "update",
            "training-policy": "update",
            "training-run-train": "update",
        }
        assert stack.resource("training-run-train").properties["revision"] == 2
        stack.destroy()
        assert counted(stack.client, REGION) == before


def test_a_pool_with_a_file_system_is_made_stays_and_goes(emulator: str):
    given = {key: QUEUED[key] for key in ("instance_types", "lustre")}
    with deploy(lambda: None, region=REGION, emulator=emulator) as stack:
        before = counted(stack.client, REGION)
        stack.update(a_pool({**given, "flavour": {"kind": "sagemaker"}}))
        stack.update(a_pool({**given, "flavour": {"kind": "sagemaker"}}))
        assert changed(stack) == {}
        pool = resources("/modelyard/ml/dev/fraud/submitter", ssm=stack.client("ssm")).training_pool("training")
        assert pool.file_system == stack.resource("training-lustre").id
        stack.destroy()
        assert counted(stack.client, REGION) == before


def test_a_pool_behind_a_queue_is_made_stays_takes_jobs_and_goes():
    """In the embedded emulator alone: LocalStack 4.14 doesn't know the operations on quota shares."""
    with deploy(lambda: None, region=REGION) as stack:
        before = counted(stack.client, REGION)
        stack.update(a_pool(QUEUED))
        stack.update(a_pool(QUEUED))
        assert changed(stack) == {}
        pool = resources("/modelyard/ml/dev/fraud/submitter", ssm=stack.client("ssm")).training_pool("training")
        assert pool.shares == ("research",)
        assert pool.file_system == stack.resource("training-lustre").id
        batch = stack.client("batch")
        job = batch.submit_service_job(**queued_job(pool, "monday", image=IMAGE))
        payload = json.loads(batch.describe_service_job(jobId=job["jobId"])["serviceRequestPayload"])
        assert payload["RoleArn"] == stack.resource("training-job-role").properties["arn"]
        with pytest.raises(batch.exceptions.ClientException, match="quota shares"):
            batch.submit_service_job(**{**queued_job(pool, "x", image=IMAGE), "quotaShareName": "nobody"})
        grown = {**QUEUED["quota"], "instances": {"ml.g5.xlarge": 8}}
        stack.update(a_pool(QUEUED, quota=grown))
        assert changed(stack) == {
            "training-capacity": "update",
            "training-share-release": "update",
            "training-share-research": "update",
        }
        stack.destroy()
        assert counted(stack.client, REGION) == before
