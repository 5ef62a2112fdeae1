"""The life of a training pool in the emulator, and a job that its submitter's code builds from what it was granted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.sandbox.lives import changed

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Network, Role, VpcSpec
from modelyard.build.training import TrainingPool, TrainingSpec
from modelyard.core.access import trust_service
from modelyard.testing import deploy
from modelyard_jobs.resources import resources
from modelyard_jobs.submit import RefusedError, training_job
from modelyard_sandbox.accounting import counted

CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD = CONTEXT.for_team("fraud")
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-train:1"


def a_pool(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        vpc = VpcSpec.model_validate({"kind": "vpc", "cidr": "10.20.0.0/16", "zones": ["eu-west-1a"]})
        network = Network("network", vpc, context=CONTEXT, keys=keys)
        lake = DataLake("lake", LakeSpec.model_validate({"datasets": {}}), context=FRAUD, keys=keys)
        spec = TrainingSpec.model_validate({"instance_types": ["ml.m5.xlarge", "ml.g5.xlarge"], **changes})
        pool = TrainingPool("training", spec, context=FRAUD, lake=lake, network=network)
        trusted = [trust_service("states.amazonaws.com", context=FRAUD)]
        pool.grant_submit(Role("submitter", context=FRAUD, trusted=trusted, description="submits"))

    return program


def test_a_pool_is_made_stays_as_it_is_changes_where_jobs_are_submitted_and_goes():
    with deploy(lambda: None, region="eu-west-1") as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(a_pool())
        assert set(stack.operations.values()) <= {"create", "same"}
        stack.update(a_pool())
        assert changed(stack) == {}
        stack.update(a_pool(max_runtime_minutes=60))
        assert changed(stack) == {"submitter-training-access": "update", "submitter-training-address": "update"}
        stack.destroy()
        assert counted(stack.client, "eu-west-1") == before


def test_code_submits_a_job_from_its_address_alone():
    with deploy(a_pool(spot={}, checkpoints={"prefix": "checkpoints"}), region="eu-west-1") as stack:
        granted = resources("/modelyard/ml/dev/fraud/submitter", ssm=stack.client("ssm"))
        pool = granted.training_pool("training")
        sagemaker = stack.client("sagemaker")
        job = training_job(pool, "1", image=IMAGE, channels={"train": "s3://data/train/"})
        sagemaker.create_training_job(**job)
        made = sagemaker.describe_training_job(TrainingJobName="ml-dev-fraud-training-1")
        assert made["RoleArn"] == stack.resource("training-job-role").properties["arn"]
        assert made["ResourceConfig"]["VolumeKmsKeyId"] == stack.resource("keys-default").properties["arn"]
        assert made["VpcConfig"]["Subnets"] == [stack.resource("network-private-eu-west-1a").id]
        assert made["VpcConfig"]["SecurityGroupIds"] == [stack.resource("network-training-group").id]
        assert made["EnableNetworkIsolation"] and made["EnableManagedSpotTraining"]
        with pytest.raises(RefusedError, match="ml.p4d.24xlarge"):
            training_job(pool, "2", image=IMAGE, instance_type="ml.p4d.24xlarge")
        with pytest.raises(KeyError, match="was not granted"):
            granted.training_pool("other")
        stack.destroy()
