"""An endpoint whose version the loop chooses, under the real engine: `up` and the loop never undo one another."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from modelyard import Context
from modelyard import engine as yard
from modelyard.core.champions import Champion, Shape
from modelyard.engine import Engine, Result, StackTarget
from modelyard.operate import promoted
from modelyard_sandbox.accounting import counted
from modelyard_sandbox.aws.session import SandboxSession
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
import os

import pulumi

from modelyard import Context, DataLake, EndpointSpec, InferenceEndpoint, Keys, KeysSpec, KnownAudit, LakeSpec
from modelyard import ModelRegistry, RegistrySpec

fraud = Context(
    organization="acme", platform="ml", environment="dev", region="us-east-1", account="123456789012"
).for_team("fraud")
keys = Keys("keys", KeysSpec(), context=fraud)
lake = DataLake("lake", LakeSpec.model_validate({}), context=fraud, keys=keys)
model = {"description": "d", "owner": "ada@acme.example", "ungated_because": "the gates are tried elsewhere"}
registry = ModelRegistry(
    "registry",
    RegistrySpec.model_validate({"models": {"scores": model}}),
    context=fraud,
    keys=keys,
    audit=KnownAudit(fraud),
)
variant = {"instance_type": os.environ["INSTANCE"], "instances": 2}
spec = EndpointSpec.model_validate(
    {
        "model": "scores",
        "owner": "ada@acme.example",
        "release": {"kind": "loop"},
        "served_by": {"kind": "instances", "variants": {"main": variant}},
        "vpc": False,
    }
)
score = InferenceEndpoint("score", spec, context=fraud, registry=registry, lake=lake, keys=keys)
pulumi.export("score", {"exists": score.exists, "awaits": score.awaits})
"""
FRAUD = Context(
    organization="acme", platform="ml", environment="dev", region="us-east-1", account="123456789012", team="fraud"
)
NAME = "ml-dev-fraud-score"
GROUP = "ml-dev-fraud-registry-scores"
PATH = "/modelyard/ml/dev/fraud"
SMALL, LARGE = "ml.m5.large", "ml.m5.xlarge"


class World:
    """A sandbox with the program, and whoever plays the loop there."""

    def __init__(self, engine: Engine, sandbox: Sandbox, folder: Path) -> None:
        (folder / "Pulumi.yaml").write_text("name: serve\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        self._engine, self._folder = engine, folder
        self._environment = {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable}
        given = {key: value for key, value in sandbox.environment().items() if value is not None}
        self._session = SandboxSession({}, given)
        self.sagemaker, self.ssm = self.client("sagemaker"), self.client("ssm")

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return self._session.client(service, region)

    def target(self, instance: str = SMALL) -> StackTarget:
        return StackTarget(self._folder, "dev", {**self._environment, "INSTANCE": instance})

    def up(self, instance: str = SMALL) -> Result:
        return yard.up(self.target(instance), engine=self._engine)

    def down(self) -> Result:
        return yard.down(self.target(), remove=True, engine=self._engine)

    def exists(self) -> dict[str, int]:
        return counted(self.client, "us-east-1")

    def registered(self, versions: int) -> None:
        for number in range(1, versions + 1):
            self.sagemaker.create_model_package(
                ModelPackageGroupName=GROUP,
                ModelApprovalStatus="PendingManualApproval",
                InferenceSpecification={
                    "Containers": [
                        {
                            "Image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/serve@sha256:{'d' * 64}",
                            "ModelDataUrl": f"s3://bucket/models/scores/{number}/model.tar.gz",
                        }
                    ],
                    "SupportedContentTypes": ["text/csv"],
                    "SupportedResponseMIMETypes": ["text/csv"],
                },
            )

    def unregistered(self) -> None:
        found = self.sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
        for package in found:
            self.sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])

    def records(self, version: int, configuration: str = "", models: tuple[str, ...] = ()) -> None:
        """The loop puts its champion down."""
        champion = Champion(
            endpoint="score",
            model="scores",
            version=version,
            package=f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{version}",
            configuration=configuration,
            models=models,
            run="arn:aws:states:us-east-1:123456789012:execution:weekly:1",
            released_at=datetime(2026, 1, 1, tzinfo=UTC),
            why="drift",
        )
        text = champion.model_dump_json()
        self.ssm.put_parameter(Name=f"{PATH}/champions/score", Value=text, Type="String", Overwrite=True)

    def promotes(self, version: int) -> str:
        """The loop brings a version in the recorded shape; the name of the configuration that it makes."""
        shape = self.shape()
        tags = [{"Key": key, "Value": value} for key, value in shape.tags.items()]
        name = f"{shape.prefix}-v{version}"
        (request,) = shape.models.values()
        (container,) = request["Containers"]
        package = {**container, "ModelPackageName": f"{shape.packages}/{version}"}
        self.sagemaker.create_model(ModelName=name, Tags=tags, **{**request, "Containers": [package]})
        configuration = json.loads(json.dumps(shape.configuration))
        configuration["ProductionVariants"][0]["ModelName"] = name
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, Tags=tags, **configuration)
        self.sagemaker.update_endpoint(
            EndpointName=shape.endpoint,
            EndpointConfigName=name,
            RetainAllVariantProperties=True,
            ExcludeRetainedVariantProperties=[{"VariantPropertyType": each} for each in shape.not_retained],
            DeploymentConfig=shape.deployment,
        )
        self.records(version, name, (name,))
        return name

    def shape(self) -> Shape:
        found = self.ssm.get_parameter(Name=f"{PATH}/shapes/score")["Parameter"]
        return Shape.model_validate_json(found["Value"])

    def serving(self) -> dict[str, Any]:
        return self.sagemaker.describe_endpoint(EndpointName=NAME)

    def configurations(self) -> set[str]:
        return {each["EndpointConfigName"] for each in self.sagemaker.list_endpoint_configs()["EndpointConfigs"]}

    def served_version(self) -> int:
        config = self.sagemaker.describe_endpoint_config(EndpointConfigName=self.serving()["EndpointConfigName"])
        model = self.sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
        return int(model["Containers"][0]["ModelPackageName"].rpartition("/")[2])


def changed(result: Result) -> dict[str, str]:
    return {item.name: item.op for item in result.resources if item.op != "same" and item.name.startswith("score")}


def test_up_and_the_loop_never_undo_one_another(engine: Engine, sandbox: Sandbox, tmp_path: Path):
    world = World(engine, sandbox, tmp_path)
    empty = world.exists()

    waiting = world.up()
    assert waiting.outputs["score"]["exists"] is False
    assert "first release of scores" in waiting.outputs["score"]["awaits"]
    assert not world.sagemaker.list_endpoints()["Endpoints"]
    assert not world.configurations()

    world.registered(3)
    world.records(1)
    assert world.up().outputs["score"] == {"exists": True, "awaits": ""}
    assert world.served_version() == 1
    assert not world.up().changed()

    brought = world.promotes(2)
    again = world.up()
    assert not again.changed(), [item for item in again.resources if item.op != "same"]
    assert world.serving()["EndpointConfigName"] == brought

    before = world.configurations()
    assert changed(world.up(LARGE)) == {
        "score-main-model": "delete-replaced",
        "score-configuration": "delete-replaced",
        "score-endpoint": "update",
        "score-shape": "update",
    }
    (made,) = world.configurations() - before
    assert world.serving()["EndpointConfigName"] == made
    assert world.served_version() == 2, "another shape keeps the champion"
    assert world.shape().base_version == 2
    assert not world.up(LARGE).changed()

    world.promotes(3)
    assert not world.up(LARGE).changed()
    assert world.served_version() == 3
    world.unregistered()
    gone = promoted.ended(world.down())
    assert gone == ["score"]
    swept = promoted.sweep(FRAUD.names, gone, world.client)
    assert f"{PATH}/champions/score" in swept
    assert world.exists() == empty, "models, configurations and the record of the loop are gone, too"
    assert promoted.sweep(FRAUD.names, gone, world.client) == []
