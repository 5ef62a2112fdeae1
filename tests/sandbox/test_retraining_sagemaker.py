"""A loop whose pipeline is SageMaker's: started, followed, and its version found among the steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto.core.responses import ActionResult
from moto.sagemaker.models import FakePipelineExecution, sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from .models_world import REGION
from .retraining_world import LoopWorld, loop_world

STEPS: list[dict[str, Any]] = []
"""What the service lists of a run's steps, which the emulator doesn't run."""


def listed(self: Any) -> ActionResult:
    return ActionResult({"PipelineExecutionSteps": STEPS})


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopWorld]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SageMakerResponse, "list_pipeline_execution_steps", listed, raising=False)
        with loop_world(tmp_path_factory.mktemp("loop"), flavour="sagemaker") as world:
            yield world


def execution() -> FakePipelineExecution:
    """The last run of the pipeline."""
    backend = sagemaker_backends["123456789012"][REGION]
    return list(backend.pipelines["ml-dev-fraud-fit"].pipeline_executions.values())[-1]


def said(end: dict[str, Any]) -> dict[str, Any]:
    return json.loads(end["output"] if end["status"] == "SUCCEEDED" else end["cause"])


def test_the_version_is_the_one_that_the_registering_step_gave(team: LoopWorld):
    version = team.register()
    team.measure(version)
    given = {"OutputParameters": [{"Name": "package", "Value": version.package}]}
    STEPS[:] = [
        {"StepName": "train", "StepStatus": "Succeeded", "Metadata": {"TrainingJob": {"Arn": "a"}}},
        {"StepName": "keep-it", "StepStatus": "Succeeded", "Metadata": {"Lambda": {"Arn": "f", **given}}},
    ]
    end = said(team.runs(parameters={"snapshot": "0" * 64}))
    assert (end["outcome"], end["model_version"]) == ("recorded", str(version.version))
    assert execution().pipeline_parameters == [{"Name": "snapshot", "Value": "0" * 64}]
    assert len(execution().client_request_token) >= 32, "a start that is repeated starts nothing twice"


def test_a_pipeline_that_fails_there_keeps_the_champion(team: LoopWorld, monkeypatch: pytest.MonkeyPatch):
    before = team.champion
    team.forget()
    made = FakePipelineExecution.__init__

    def failed(self: Any, *rest: Any, **more: Any) -> None:
        made(self, *rest, **more)
        self.pipeline_execution_status = "Failed"

    monkeypatch.setattr(FakePipelineExecution, "__init__", failed)
    end = said(team.runs())
    assert (end["outcome"], end["code"]) == ("failed", "pipeline-failed")
    assert team.champion == before and not team.locked


def test_a_pipeline_that_never_ends_is_left_alone(team: LoopWorld, monkeypatch: pytest.MonkeyPatch):
    before = team.champion
    team.forget()
    made = FakePipelineExecution.__init__

    def goes_on(self: Any, *rest: Any, **more: Any) -> None:
        made(self, *rest, **more)
        self.pipeline_execution_status = "Executing"

    monkeypatch.setattr(FakePipelineExecution, "__init__", goes_on)
    end = said(team.runs())
    assert (end["outcome"], end["code"]) == ("failed", "pipeline-too-long")
    assert team.champion == before and not team.locked
