"""An inference endpoint under the real engine: another version comes in place, and what scaling did stays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.serving_world import NAME, World

from modelyard.engine import Engine, OperationError
from modelyard.engine.ledger import Ledger
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
if os.environ.get("VERSION"):
    scaling = {"least": 2, "most": 6, "target": {"kind": "invocations", "per_instance": 600}}
    variant = {"instance_type": "ml.m5.large", "instances": 2, "scaling": scaling}
    spec = EndpointSpec.model_validate(
        {
            "model": "scores",
            "owner": "ada@acme.example",
            "release": {"kind": "declared", "version": int(os.environ["VERSION"])},
            "served_by": {"kind": "instances", "variants": {"main": variant}},
            "vpc": False,
        }
    )
    InferenceEndpoint("score", spec, context=fraud, registry=registry, lake=lake, keys=keys)
"""


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the engine did to the endpoint's parts, in the order in which it was done."""
    done: list[tuple[str, str]] = []
    take = Ledger.take

    def noted(ledger: Ledger, event: Mapping[str, Any]) -> None:
        step = event.get("resOutputsEvent", {}).get("metadata", {})
        name = step.get("urn", "").rpartition("::")[2]
        if name.startswith("score") and step["op"] not in ("same", "replace"):
            done.append((step["op"], name))
        take(ledger, event)

    monkeypatch.setattr(Ledger, "take", noted)
    return done


def test_another_version_comes_in_place_and_an_alarm_keeps_the_old_one(
    engine: Engine, sandbox: Sandbox, tmp_path: Path, steps: list[tuple[str, str]]
):
    world = World(engine, sandbox, tmp_path, PROGRAM)
    empty = world.exists()
    world.up()
    world.registered(3)
    world.up(VERSION="1")
    first = world.serving()["EndpointConfigName"]
    assert not world.up(VERSION="1").changed()

    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=NAME, DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 5}]
    )
    steps.clear()
    world.up(VERSION="2")
    assert steps == [
        ("create-replacement", "score-main-model"),
        ("create-replacement", "score-configuration"),
        ("update", "score-endpoint"),
        ("delete-replaced", "score-configuration"),
        ("delete-replaced", "score-main-model"),
    ], "callers are answered throughout: what is new is there first, and what is old goes last"
    second = world.serving()["EndpointConfigName"]
    assert second != first
    assert world.serving()["ProductionVariants"][0]["DesiredInstanceCount"] == 5
    assert world.configurations() == {second}

    world.client("cloudwatch").set_alarm_state(
        AlarmName=f"{NAME}-main-errors", StateValue="ALARM", StateReason="many calls fail"
    )
    with pytest.raises(OperationError, match="rolled back"):
        world.up(VERSION="3")
    assert world.serving()["EndpointConfigName"] == second

    world.unregistered()
    world.down()
    assert world.exists() == empty
