"""What Kubeflow's compiler is told of a pipeline on a cluster, and what it is never told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.piped import STEPS, changed, given, recorded

from modelyard.assess.graph import Graph
from modelyard.build.pipelines.kubeflow import kubeflow_pipeline
from modelyard.core.errors import InputError
from modelyard.operate.kubeflow import rendered, wrapped

UNREGISTERED = {name: step for name, step in STEPS.items() if name != "register"}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded(given(steps=UNREGISTERED), judged=False)


@pytest.fixture(scope="module")
def told(graph: Graph) -> dict[str, Any]:
    return rendered(graph, "nightly")


def container(told: dict[str, Any], step: str) -> dict[str, Any]:
    return told["tasks"][step]["component"]["implementation"]["container"]


def test_each_step_is_a_task_that_waits_for_what_its_step_waits_for(told: dict[str, Any]):
    assert {name: task["after"] for name, task in told["tasks"].items()} == {
        "check": [],
        "train": ["check"],
        "measure": ["train"],
    }
    assert told["name"] == "ml-dev-fraud-nightly" and told["namespace"] == "ml-dev-fraud"
    assert told["parameters"].keys() == {"author", "commit", "snapshot", "rate"}


def test_a_task_takes_what_another_left_or_what_lies_in_the_lake(told: dict[str, Any]):
    (rows,) = told["tasks"]["check"]["arguments"].values()
    assert rows["uri"].startswith("s3://ml-dev-fraud-lake-raw-") and rows["uri"].endswith("/transactions")
    assert told["tasks"]["train"]["arguments"] == {
        "input_train": {"output": ["check", "good"]},
        "parameter_rate": {"parameter": "rate"},
    }
    assert told["tasks"]["measure"]["arguments"] == {"input_model": {"output": ["train", "model"]}}


def test_a_task_asks_for_the_machine_that_its_step_has(told: dict[str, Any]):
    train, check = told["tasks"]["train"], told["tasks"]["check"]
    assert train["accelerators"] == {"nvidia.com/gpu": "1"} and check["accelerators"] == {}
    assert train["nodes"] == {"modelyard.dev/pool": "small"}
    assert train["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert train["seconds"] == 1800 and train["retries"] == 1
    assert train["labels"]["kueue.x-k8s.io/queue-name"] == "default", "the team's quota holds there too"


def test_steps_of_other_accounts_are_refused_since_a_run_has_one():
    with pytest.raises(InputError) as refused:
        rendered(recorded(given()), "nightly")
    paths = [fault.source.path for fault in refused.value.faults if fault.source]
    assert paths == ["steps.measure", "steps.register"], "what reports gates is no step of the file's"
    assert "Kubeflow runs all steps as ml-dev-fraud-worker" in str(refused.value)


def test_a_step_that_fills_a_dataset_is_refused(graph: Graph):
    steps = changed("check", outputs={"good": {"dataset": "transactions"}})
    del steps["register"]
    with pytest.raises(InputError, match=r"check fills a dataset with good.*Remove \"dataset\""):
        rendered(recorded(given(steps=steps), judged=False), "nightly")


def test_devices_of_two_kinds_are_refused(graph: Graph):
    (node,) = graph.named("nightly-workflow")
    workflow = dict(node.properties["spec"])
    both = {"memory": "1Gi", "nvidia.com/gpu": "1", "vpc.amazonaws.com/efa": "1"}
    workflow["templates"] = [
        each
        if each["name"] != "train"
        else {**each, "container": {**each["container"], "resources": {"limits": both, "requests": both}}}
        for each in workflow["templates"]
    ]
    with pytest.raises(InputError, match="train asks for nvidia.com/gpu and vpc.amazonaws.com/efa"):
        kubeflow_pipeline("nightly", workflow)


def test_an_unknown_pipeline_is_told_with_those_that_are(graph: Graph):
    with pytest.raises(InputError, match=r"PIPELINE: got 'weekly'; is no pipeline on a cluster\. There are: nightly"):
        rendered(graph, "weekly")


def test_a_program_finds_what_kubeflow_brought_where_it_looks_for_it(told: dict[str, Any], tmp_path: Path):
    (tmp_path / "store" / "rows").mkdir(parents=True)
    (tmp_path / "store" / "rows" / "a.csv").write_text("1")
    script = 'cp in/rows/a.csv out/good/b.csv && printf "%s %s" "$RATE" "$1" > out/model.tar.gz'
    words = ["take", "in/rows", str(tmp_path / "store" / "rows")]
    words += ["folder", "out/good", str(tmp_path / "store" / "good")]
    words += ["file", "out/model.tar.gz", str(tmp_path / "store" / "run" / "model")]
    words += ["set", "RATE", "0.1 a run"]
    command = [*container(told, "check")["command"], *words, "--", "/bin/sh", "-c", script, "sh", "two words"]
    subprocess.run(command, cwd=tmp_path, env={"PATH": os.environ["PATH"]}, check=True)
    assert (tmp_path / "store" / "good" / "b.csv").read_text() == "1"
    assert (tmp_path / "store" / "run" / "model").read_text() == "0.1 a run two words"


def test_a_program_that_fails_fails_its_task(told: dict[str, Any], tmp_path: Path):
    command = [*container(told, "check")["command"], "--", "/bin/sh", "-c", "exit 3"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 3


@pytest.mark.parametrize(
    ("written", "because"),
    [
        (None, "FILE: got .*can't be read: No such file or directory"),
        ("pipelineSpec: {}", "is no pipeline that a runner for Kubeflow Pipelines wrote.*KubeflowV2DagRunner"),
        ('{"pipelineSpec": {"root": {}}}', "is no pipeline that a runner for Kubeflow Pipelines wrote"),
    ],
)
def test_only_what_a_runner_for_kubeflow_wrote_is_wrapped(tmp_path: Path, written: str | None, because: str):
    file = tmp_path / "fares.json"
    if written is not None:
        file.write_text(written)
    with pytest.raises(InputError, match=because):
        wrapped(file, "ml-dev-fraud")
