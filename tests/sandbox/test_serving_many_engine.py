"""Many models behind an endpoint under the real engine: another one in the list is a matter of policies."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sandbox.serving_world import World, changed

from modelyard.engine import Engine
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
spec = EndpointSpec.model_validate(
    {
        "model": "scores",
        "owner": "ada@acme.example",
        "release": {"kind": "declared", "version": 3},
        "served_by": {
            "kind": "multi_model",
            "image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/serve@sha256:{'d' * 64}",
            "artifact": "a" * 64,
            "models": {
                f"v{version}": {"version": int(version), "artifact": version * 64}
                for version in os.environ["OTHERS"].split(",")
            },
            "instance_type": os.environ["INSTANCE"],
        },
        "vpc": False,
    }
)
InferenceEndpoint("score", spec, context=fraud, registry=registry, lake=lake, keys=keys)
"""


def test_another_model_changes_policies_and_another_machine_the_configuration(
    engine: Engine, sandbox: Sandbox, tmp_path: Path
):
    world = World(engine, sandbox, tmp_path, PROGRAM)
    empty = world.exists()
    world.up(OTHERS="1", INSTANCE="ml.m5.large")
    first = world.serving()["EndpointConfigName"]
    config = world.sagemaker.describe_endpoint_config(EndpointConfigName=first)
    model = world.sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    assert model["Containers"][0]["Mode"] == "MultiModel"
    assert model["Containers"][0]["ModelDataUrl"].endswith("/models/")
    assert not world.up(OTHERS="1", INSTANCE="ml.m5.large").changed()
    assert changed(world.up(OTHERS="1,2", INSTANCE="ml.m5.large")) == {"score-model-score-access": "update"}
    assert world.serving()["EndpointConfigName"] == first
    assert changed(world.up(OTHERS="1,2", INSTANCE="ml.m5.xlarge")) == {
        "score-configuration": "delete-replaced",
        "score-endpoint": "update",
    }
    assert world.serving()["EndpointConfigName"] != first
    world.down()
    assert world.exists() == empty
