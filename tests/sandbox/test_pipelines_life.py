"""The life of a training pipeline and its images in both emulators: made, unchanged, changed, started, gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from modelyard import Context, DataLake, Keys, KeysSpec, KnownNetwork, LakeSpec, Role
from modelyard.build.pipelines import (
    ImageCache,
    ImageCacheSpec,
    ImageRepositories,
    ImagesSpec,
    PipelineSpec,
    TrainingPipeline,
)
from modelyard.build.registry import ModelRegistry, RegistrySpec
from modelyard.build.training import TrainingPool, TrainingSpec
from modelyard.core.access import trust_service
from modelyard.core.contract import NetworkContract
from modelyard.foundation.audit import AuditSpec, AuditTrail, key_statements
from modelyard.testing import Deployment, deploy
from modelyard_jobs.resources import resources
from modelyard_sandbox.accounting import counted

REGION = "eu-west-1"
PLATFORM = Context(organization="acme", platform="ml", environment="dev", region=REGION, account="123456789012")
FRAUD = PLATFORM.for_team("fraud")
OWN = {"repository": "train", "digest": f"sha256:{'a' * 64}"}
DATASET = {
    "classification": "internal",
    "owner": "ada@acme.example",
    "columns": [{"name": "amount", "type": "double"}],
}
NETWORK = {
    "vpc_id": "vpc-12345678",
    "cidr": "10.0.0.0/16",
    "subnets": {"private": {"eu-west-1a": "subnet-12345678"}},
    "security_groups": {"training": "sg-87654321", "workload": "sg-87654321"},
}
DATA = {"data": {"kind": "dataset", "name": "transactions"}}
STEPS: dict[str, Any] = {
    "look": {"kind": "validate_data", "image": OWN, "inputs": DATA},
    "train": {"kind": "train", "image": OWN, "inputs": DATA, "after": ["look"], "parameters": {"rate": {"of": "rate"}}},
    "judge": {
        "kind": "evaluate",
        "image": OWN,
        "inputs": {"model": {"kind": "output", "of": "train.model"}},
        "outputs": {"report": {}},
    },
    "keep": {
        "kind": "register",
        "image": OWN,
        "model": "scores",
        "artifact": "train.model",
        "report": "judge.report",
    },
}
GATES = {"recall": {"kind": "accuracy", "metric": "recall", "threshold": 0.8}}
MODELS = {"scores": {"description": "d", "owner": "ada@acme.example", "metrics": ["recall"], "gates": GATES}}


def a_pipeline(kind: str, *, rate: str = "0.1", keep_images: int = 50) -> Callable[[], None]:
    given = PipelineSpec.model_validate(
        {
            "owner": "ada@acme.example",
            "commit": "a1b2c3d",
            "flavour": {"kind": kind},
            "parameters": {"rate": rate},
            "steps": STEPS,
            "triggers": {
                "nightly": {"kind": "schedule", "expression": "rate(1 day)"},
                "pushed": {"kind": "push", "repository": "acme/fraud"},
                "arrived": {"kind": "data", "dataset": "transactions"},
            },
        }
    )

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        watched = Keys("audit-keys", KeysSpec(), context=PLATFORM, services=key_statements(PLATFORM))
        audit = AuditTrail("audit", AuditSpec(), context=PLATFORM, keys=watched)
        lake = DataLake(
            "lake", LakeSpec.model_validate({"datasets": {"transactions": DATASET}}), context=FRAUD, keys=keys
        )
        network = KnownNetwork(NetworkContract.model_validate(NETWORK))
        types = TrainingSpec.model_validate({"instance_types": ["ml.m5.xlarge"]})
        pool = TrainingPool("training", types, context=FRAUD, lake=lake, network=network)
        registry = ModelRegistry(
            "registry", RegistrySpec.model_validate({"models": MODELS}), context=FRAUD, keys=keys, audit=audit
        )
        repositories = {"train": {"keep_images": keep_images, "pulled_by": ["210987654321"]}}
        images = ImageRepositories(
            "images", ImagesSpec.model_validate({"repositories": repositories}), context=FRAUD, keys=keys
        )
        ImageCache(
            "cache", ImageCacheSpec.model_validate({"rules": {"quay": {"upstream": "quay.io"}}}), context=PLATFORM
        )
        pipeline = TrainingPipeline(
            "scores",
            given,
            context=FRAUD,
            pool=pool,
            lake=lake,
            keys=keys,
            registry=registry,
            images=images,
            audit=audit,
        )
        trusted = [trust_service("lambda.amazonaws.com", context=FRAUD)]
        starter = Role("starter", context=FRAUD, trusted=trusted, description="starts")
        pipeline.grant_start(starter)
        images.grant_push(starter)

    return program


def changed(stack: Deployment) -> dict[str, str]:
    return {urn.rpartition("::")[2]: done for urn, done in stack.operations.items() if done != "same"}


@pytest.mark.parametrize("kind", ["step_functions", "sagemaker"])
def test_a_pipeline_is_made_stays_as_it_is_changes_in_place_and_goes_without_a_trace(emulator: str, kind: str):
    with deploy(lambda: None, region=REGION, emulator=emulator) as stack:
        before = counted(stack.client, REGION)
        stack.update(a_pipeline(kind))
        assert set(stack.operations.values()) <= {"create", "same"}
        stack.update(a_pipeline(kind))
        assert changed(stack) == {}
        child = "machine" if kind == "step_functions" else "pipeline"
        stack.update(a_pipeline(kind, rate="0.2"))
        assert changed(stack) == {f"scores-{child}": "update"}
        stack.update(a_pipeline(kind, rate="0.2", keep_images=10))
        assert changed(stack) == {"images-train-lifecycle": "update"}
        stack.destroy()
        assert counted(stack.client, REGION) == before


def test_whoever_was_granted_to_starts_a_pipeline_that_it_finds_by_name(emulator: str):
    with deploy(a_pipeline("sagemaker"), region=REGION, emulator=emulator) as stack:
        granted = resources("/modelyard/ml/dev/fraud/starter", ssm=stack.client("ssm"))
        found, sagemaker = granted.pipeline("scores"), stack.client("sagemaker")
        assert (found.flavour, found.parameters) == ("sagemaker", ("author", "commit", "snapshot", "rate"))
        name = found.arn.rpartition("/")[2]
        run = sagemaker.start_pipeline_execution(
            PipelineName=name, PipelineParameters=[{"Name": "rate", "Value": "0.5"}]
        )["PipelineExecutionArn"]
        shown = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=run)["PipelineDefinition"]
        assert [step["Name"] for step in json.loads(shown)["Steps"]] == ["look", "train", "judge", "keep", "keep_gates"]
        assert granted.repository("train").uri.endswith("/ml-dev-fraud-images-train")
        stack.destroy()


def test_a_repository_lets_other_accounts_pull_and_keeps_its_tags(emulator: str):
    with deploy(a_pipeline("step_functions"), region=REGION, emulator=emulator) as stack:
        ecr = stack.client("ecr")
        (found,) = ecr.describe_repositories()["repositories"]
        assert found["imageTagMutability"] == "IMMUTABLE"
        assert found["imageScanningConfiguration"] == {"scanOnPush": True}
        assert found["encryptionConfiguration"]["encryptionType"] == "KMS"
        policy = json.loads(ecr.get_repository_policy(repositoryName=found["repositoryName"])["policyText"])
        (statement,) = policy["Statement"]
        assert statement["Principal"] == {"AWS": "arn:aws:iam::210987654321:root"}
        assert "ecr:PutImage" not in statement["Action"]
        (rule,) = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
        assert rule["ecrRepositoryPrefix"].startswith("ml-dev-platform-"), "where every team's jobs may pull from"
        stack.destroy()
