"""A real API server takes a team's pipeline and a TFX program as objects of Kubeflow Pipelines."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient, ApiException, ApiextensionsV1Api
from tests.cluster.kubeflow import definitions, tfx_compiled
from tests.piped import STEPS, given, recorded
from tests.trained import IMAGE

from modelyard.core.errors import EnvironmentFault
from modelyard.engine.progress import Progress, Shown
from modelyard.operate.kubeflow import compiled, install, rendered, wrapped
from modelyard_sandbox.kubernetes import client, crds

PLURALS = {"Pipeline": "pipelines", "PipelineVersion": "pipelineversions"}


@pytest.fixture(scope="module", autouse=True)
def compiler(pytestconfig: pytest.Config) -> None:
    """Kubeflow's compiler; where it can't be had its tests are skipped, and in CI fail."""
    had(pytestconfig, "Kubeflow's compiler", install)


@pytest.fixture(scope="module")
def kubeflow(admin: ApiClient) -> Iterator[ApiClient]:
    """An API server that knows Kubeflow's objects."""
    known = definitions()
    crds.apply(admin, known)
    yield admin
    extensions: Any = ApiextensionsV1Api(admin)
    for definition in known:
        extensions.delete_custom_resource_definition(definition["metadata"]["name"])


@pytest.fixture(scope="module")
def tfx_program(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What TFX's runner for Kubeflow made of the example program."""
    output = tmp_path_factory.mktemp("tfx") / "fares.json"
    place = "s3://ml-dev-fraud-lake-raw/fares"
    had(pytestconfig, "TFX", lambda progress: tfx_compiled(IMAGE, place, f"{place}/runs", output, progress))
    return output


def had(config: pytest.Config, what: str, make: Callable[[Progress], object]) -> None:
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled(), Shown() as progress:
            make(progress)
    except EnvironmentFault as error:
        if os.environ.get("CI"):
            pytest.fail(f"{what} can't be had: {error}", pytrace=False)
        pytest.skip(f"{what} can't be had: {error}")


def put(api: ApiClient, wanted: dict[str, Any], namespace: str) -> Any:
    plural, name = PLURALS[wanted["kind"]], wanted["metadata"]["name"]
    path = f"/apis/{wanted['apiVersion']}/namespaces/{namespace}/{plural}/{name}"
    return client.apply(api, path, wanted, "test")


def test_a_teams_pipeline_and_its_version_are_taken(kubeflow: ApiClient, fresh_namespace: str):
    steps = {name: step for name, step in STEPS.items() if name != "register"}
    told = {**rendered(recorded(given(steps=steps), judged=False), "nightly"), "namespace": fresh_namespace}
    pipeline, version = (put(kubeflow, each, fresh_namespace) for each in yaml.safe_load_all(compiled(told, "objects")))
    assert version["spec"]["pipelineName"] == pipeline["metadata"]["name"] == "ml-dev-fraud-nightly"
    assert {"check", "train", "measure"} < version["spec"]["pipelineSpec"]["root"]["dag"]["tasks"].keys()
    executors = version["spec"]["platformSpec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors["exec-train"]["nodeSelector"]["labels"] == {"modelyard.dev/pool": "small"}


def test_a_tfx_program_is_taken_with_its_steps_and_its_image(
    kubeflow: ApiClient, fresh_namespace: str, tfx_program: Path
):
    spec = json.loads(tfx_program.read_text())["pipelineSpec"]
    assert spec["schemaVersion"] == "2.1.0", "not the form of before Kubeflow Pipelines 2"
    documents = yaml.safe_load_all(compiled(wrapped(tfx_program, fresh_namespace), "objects"))
    pipeline, version = (put(kubeflow, each, fresh_namespace) for each in documents)
    assert pipeline["metadata"]["name"] == "fares"
    kept = version["spec"]["pipelineSpec"]
    tasks = {name: task.get("dependentTasks", []) for name, task in kept["root"]["dag"]["tasks"].items()}
    assert tasks == {
        "CsvExampleGen": [],
        "StatisticsGen": ["CsvExampleGen"],
        "SchemaGen": ["StatisticsGen"],
        "Trainer": ["CsvExampleGen", "SchemaGen"],
        "Pusher": ["Trainer"],
    }
    assert {each["container"]["image"] for each in kept["deploymentSpec"]["executors"].values()} == {IMAGE}


def test_an_object_that_kubeflow_would_not_know_is_refused(kubeflow: ApiClient, fresh_namespace: str):
    version = {
        "apiVersion": "pipelines.kubeflow.org/v2beta1",
        "kind": "PipelineVersion",
        "metadata": {"name": "it"},
        "spec": {"pipelineName": "it", "pipelineSpec": {"root": {}}},
    }
    unknown = copy.deepcopy(version)
    unknown["spec"]["serviceAccount"] = "somebody"
    with pytest.raises(ApiException) as refused:
        put(kubeflow, unknown, fresh_namespace)
    assert "serviceAccount: field not declared in schema" in str(refused.value.body)
    del version["spec"]["pipelineSpec"]
    with pytest.raises(ApiException) as refused:
        put(kubeflow, version, fresh_namespace)
    assert "spec.pipelineSpec: Required value" in str(refused.value.body)
