"""An endpoint whose version the loop chooses, under the real engine: `up` and the loop never undo one another."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.sandbox.serving_world import GROUP, World, changed

from modelyard import Context
from modelyard.core.champions import Champion, Shape
from modelyard.engine import Engine
from modelyard.operate import promoted
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
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
PATH = "/modelyard/ml/dev/fraud"
SMALL, LARGE = "ml.m5.large", "ml.m5.xlarge"


class Loop(World):
    """The world with whoever plays the loop."""

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

    def served_version(self) -> int:
        config = self.sagemaker.describe_endpoint_config(EndpointConfigName=self.serving()["EndpointConfigName"])
        model = self.sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
        return int(model["Containers"][0]["ModelPackageName"].rpartition("/")[2])


def test_up_and_the_loop_never_undo_one_another(engine: Engine, sandbox: Sandbox, tmp_path: Path):
    world = Loop(engine, sandbox, tmp_path, PROGRAM)
    empty = world.exists()

    waiting = world.up(INSTANCE=SMALL)
    assert waiting.outputs["score"]["exists"] is False
    assert "first release of scores" in waiting.outputs["score"]["awaits"]
    assert not world.sagemaker.list_endpoints()["Endpoints"]
    assert not world.configurations()

    world.registered(3)
    world.records(1)
    assert world.up(INSTANCE=SMALL).outputs["score"] == {"exists": True, "awaits": ""}
    assert world.served_version() == 1
    assert not world.up(INSTANCE=SMALL).changed()

    brought = world.promotes(2)
    again = world.up(INSTANCE=SMALL)
    assert not again.changed(), [item for item in again.resources if item.op != "same"]
    assert world.serving()["EndpointConfigName"] == brought

    before = world.configurations()
    assert changed(world.up(INSTANCE=LARGE)) == {
        "score-main-model": "delete-replaced",
        "score-configuration": "delete-replaced",
        "score-endpoint": "update",
        "score-shape": "update",
    }
    (made,) = world.configurations() - before
    assert world.serving()["EndpointConfigName"] == made
    assert world.served_version() == 2, "another shape keeps the champion"
    assert world.shape().base_version == 2
    assert not world.up(INSTANCE=LARGE).changed()

    world.promotes(3)
    assert not world.up(INSTANCE=LARGE).changed()
    assert world.served_version() == 3
    world.unregistered()
    gone = promoted.ended(world.down())
    assert gone == ["score"]
    swept = promoted.sweep(FRAUD.names, gone, world.client)
    assert f"{PATH}/champions/score" in swept
    assert world.exists() == empty, "models, configurations and the record of the loop are gone, too"
    assert promoted.sweep(FRAUD.names, gone, world.client) == []
