"""Kubeflow's own compiler compiles a team's pipeline, and its client reads the result."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.piped import STEPS, given, recorded
from tests.shipped import edit
from tests.unit.test_pipelines_in_cluster import NIGHTLY, training
from typer.testing import CliRunner

from modelyard.cli.app import app
from modelyard.core.errors import EnvironmentFault, InputError
from modelyard.engine.progress import Shown
from modelyard.operate.kubeflow import compiled, install, rendered

LOAD = Path(__file__).parent / "scripts" / "kfp_load.py"
DATASET = "importer"
"""What Kubeflow calls a task that brings what lies at a URI."""


@pytest.fixture(scope="module")
def kubeflow(pytestconfig: pytest.Config) -> Path:
    """The compiler's interpreter; where it can't be had its tests are skipped, and in CI fail."""
    capture: Any = pytestconfig.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled(), Shown() as shown:
            return install(shown)
    except EnvironmentFault as error:
        if os.environ.get("CI"):
            pytest.fail(f"Kubeflow's compiler can't be had: {error}", pytrace=False)
        pytest.skip(f"Kubeflow's compiler can't be had: {error}")


@pytest.fixture(scope="module")
def told(kubeflow: Path) -> dict[str, Any]:
    steps = {name: step for name, step in STEPS.items() if name != "register"}
    return rendered(recorded(given(steps=steps), judged=False), "nightly")


@pytest.fixture(scope="module")
def ir(told: dict[str, Any]) -> str:
    return compiled(told, "ir")


@pytest.fixture(scope="module")
def loaded(ir: str, kubeflow: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The specification as Kubeflow's client reads it."""
    file = tmp_path_factory.mktemp("kubeflow") / "pipeline.yaml"
    file.write_text(ir)
    command = [str(kubeflow), "-W", "ignore", str(LOAD), str(file)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_what_kubeflow_loads_has_the_steps_of_the_pipeline_in_their_order(loaded: dict[str, Any]):
    tasks = loaded["root"]["dag"]["tasks"]
    assert {name: task.get("dependentTasks", []) for name, task in tasks.items()} == {
        DATASET: [],
        "check": [DATASET],
        "train": ["check"],
        "measure": ["train"],
    }
    assert loaded["root"]["inputDefinitions"]["parameters"]["rate"]["defaultValue"] == "0.1"


def test_no_task_is_answered_from_an_earlier_run(loaded: dict[str, Any]):
    tasks = loaded["root"]["dag"]["tasks"]
    assert not any(task["cachingOptions"].get("enableCache") for task in tasks.values()), "data changes below its URI"
    assert loaded["deploymentSpec"]["executors"]["exec-importer"]["importer"]["reimport"] is True


def test_what_trains_gets_its_device_and_its_nodes(ir: str, loaded: dict[str, Any]):
    train = loaded["deploymentSpec"]["executors"]["exec-train"]["container"]
    assert train["resources"]["accelerator"]["resourceType"] == "nvidia.com/gpu"
    _, platform = yaml.safe_load_all(ir)
    placed = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-train"]
    assert placed["nodeSelector"]["labels"] == {"modelyard.dev/pool": "small"}
    assert placed["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert placed["securityContext"] == {"runAsUser": "1000", "runAsGroup": "1000", "runAsNonRoot": True}
    assert placed["activeDeadlineSeconds"] == "1800"


def test_objects_hold_the_same_and_a_changed_pipeline_is_another_version(told: dict[str, Any], ir: str):
    pipeline, version = yaml.safe_load_all(compiled(told, "objects"))
    assert (pipeline["kind"], version["kind"]) == ("Pipeline", "PipelineVersion")
    assert version["spec"]["pipelineSpec"] == next(yaml.safe_load_all(ir))
    changed = copy.deepcopy(told)
    changed["tasks"]["train"]["seconds"] = 60
    _, other = yaml.safe_load_all(compiled(changed, "objects"))
    assert other["spec"]["pipelineName"] == version["spec"]["pipelineName"]
    assert other["metadata"]["name"] != version["metadata"]["name"], "a version is never written over"


def test_what_the_compiler_refuses_is_told_in_its_words(told: dict[str, Any]):
    broken = copy.deepcopy(told)
    broken["tasks"]["measure"]["arguments"]["input_model"] = {"output": ["train", "weights"]}
    with pytest.raises(EnvironmentFault, match="Kubeflow's compiler refuses ml-dev-fraud-nightly: .*weights"):
        compiled(broken, "ir")


def test_what_another_compiler_made_is_wrapped_by_a_command(loaded: dict[str, Any], tmp_path: Path):
    (tmp_path / "fares.json").write_text(json.dumps({"pipelineSpec": loaded}))
    command = ["pipeline", "wrap", str(tmp_path / "fares.json"), "--namespace", "ml-dev-fraud"]
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 0, said.output
    pipeline, version = yaml.safe_load_all(said.stdout)
    assert pipeline["metadata"]["namespace"] == version["metadata"]["namespace"] == "ml-dev-fraud"
    assert version["spec"]["pipelineSpec"]["root"]["dag"]["tasks"].keys() == loaded["root"]["dag"]["tasks"].keys()


def test_a_pipeline_of_a_teams_file_is_rendered_by_a_command(
    kubeflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = training(tmp_path)
    unregistered = {name: step for name, step in NIGHTLY["steps"].items() if name != "register"}
    weekly = {**NIGHTLY, "steps": unregistered}
    edit(project.team_file("vision"), lambda file: file["pipelines"].update(weekly=weekly))
    monkeypatch.chdir(project.root)
    output = tmp_path / "weekly.yaml"
    render = ["pipeline", "render", "vision", "weekly", "--env", "local", "--output", str(output)]
    said = CliRunner().invoke(app, render)
    assert said.exit_code == 0, said.output
    made, platform = yaml.safe_load_all(output.read_text())
    assert made["root"]["dag"]["tasks"].keys() == {DATASET, "train", "measure"}
    assert made["pipelineInfo"]["name"] == "ml-local-vision-weekly"
    assert platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].keys() == {"exec-train", "exec-measure"}

    said = CliRunner().invoke(app, ["pipeline", "render", "vision", "nightly", "--env", "local"])
    assert isinstance(said.exception, InputError)
    first = said.exception.faults[0].source
    assert first and first.file.endswith("teams/vision.yaml") and first.path == "pipelines.nightly.steps.measure"
