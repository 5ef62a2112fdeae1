"""Language models as a graph, and what their file may not say."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.ground import KEY, OWNER, a_role, fraud, ground, known_keys, recording

from modelyard.assess.graph import Graph
from modelyard.core.errors import InputError, SpecError
from modelyard.core.instances import InstanceCatalogue
from modelyard.run.serving import LanguageModelEndpoint, LanguageModelSpec

CHAT = {"model": "writer", "release": {"kind": "declared", "version": 3}, "weights_gib": 15}
COMPONENT = "AWS::SageMaker::InferenceComponent"
CONFIGURATION = "AWS::SageMaker::EndpointConfig"


def spec(chat: dict[str, Any] | None = None, **changes: Any) -> LanguageModelSpec:
    given = {
        "owner": OWNER,
        "instance_type": "ml.g5.12xlarge",
        "models": {"chat": {**CHAT, **(chat or {})}},
        "vpc": False,
        **changes,
    }
    return LanguageModelSpec.model_validate(given)


@cache
def recorded(text: str, production: bool, invoked: tuple[str, ...] | None) -> Graph:
    context = fraud(production=production)

    def program() -> None:
        on = ground(context, "writer", "coder", keys=known_keys())
        given = LanguageModelSpec.model_validate_json(text)
        endpoint = LanguageModelEndpoint("assistant", given, context=context, registry=on.registry, keys=on.keys)
        if invoked is not None:
            endpoint.grant_invoke(a_role("app", context), models=invoked or None)

    return recording(program)


def graph_of(given: LanguageModelSpec, *, production: bool = False, invoked: tuple[str, ...] | None = None) -> Graph:
    return recorded(given.model_dump_json(), production, invoked)


def desired(given: LanguageModelSpec, kind: str) -> dict[str, Any]:
    (found,) = graph_of(given).of_type(kind)
    return dict(found.desired)


def one(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = [node for node in graph.nodes if node.name == name]
    return dict(found.properties)


def faults(given: LanguageModelSpec, *, production: bool = False) -> list[str]:
    with pytest.raises(SpecError) as refusal:
        graph_of(given, production=production)
    return [str(fault) for fault in refusal.value.faults]


def test_the_configuration_has_no_model_and_is_cut_off_from_every_network():
    host = desired(spec(), CONFIGURATION)
    (variant,) = host["ProductionVariants"]
    assert host["EnableNetworkIsolation"] is True and "ModelName" not in variant
    assert variant["ManagedInstanceScaling"] == {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 1}
    assert variant["InitialInstanceCount"] == 1, "the first deployment shows that the model loads"
    assert "KmsKeyId" not in host, "its disks are local, which their hardware encrypts"


def test_disks_that_are_not_local_are_encrypted_under_the_teams_key():
    known = [each for each in InstanceCatalogue.shipped().values() if each.hosts and each.gpus]
    plain = next(each for each in known if not each.local_nvme_gb and each.offered_in("eu-west-1"))
    assert desired(spec({"weights_gib": 1}, instance_type=plain.sagemaker), CONFIGURATION)["KmsKeyId"] == KEY


def test_another_number_of_machines_is_another_configuration_of_the_same_endpoint():
    more = spec(machines={"most": 3})
    names = {desired(given, CONFIGURATION)["EndpointConfigName"] for given in (spec(), more)}
    assert len(names) == 2
    stacks = [
        json.loads(one(graph_of(given), "assistant-endpoint")["templateBody"])["Resources"]["It"]["Properties"]
        for given in (spec(), more)
    ]
    assert {stack["EndpointName"] for stack in stacks} == {"ml-dev-fraud-assistant"}
    assert all(stack["RetainAllVariantProperties"] for stack in stacks)


def test_a_copy_takes_the_gpus_that_its_weights_are_split_among():
    found = desired(spec({"gpus": 2, "weights_gib": 30}), COMPONENT)["Specification"]
    assert found["ComputeResourceRequirements"] == {
        "NumberOfAcceleratorDevicesRequired": 2,
        "MinMemoryRequiredInMb": 49152,
    }
    assert found["StartupParameters"]["ModelDataDownloadTimeoutInSeconds"] == 1800


def test_another_version_is_another_model_behind_the_same_component():
    first, second = (spec({"release": {"kind": "declared", "version": version}}) for version in (3, 4))
    components = [desired(given, COMPONENT) for given in (first, second)]
    assert components[0]["InferenceComponentName"] == components[1]["InferenceComponentName"]
    assert components[0]["Specification"]["ModelName"] != components[1]["Specification"]["ModelName"]
    container = one(graph_of(second), "assistant-chat-model")["containers"][0]
    assert container["modelPackageName"].endswith("/4")
    assert "image" not in container, "the image is the version's, by digest"


def test_what_scaling_says_is_no_part_of_a_component():
    counts = [
        desired(spec({"copies": copies}), COMPONENT)["RuntimeConfig"]
        for copies in ({"most": 4}, {"least": 2, "most": 4}, {"least": 3, "most": 3})
    ]
    assert counts == [{"CopyCount": 1}] * 3


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (
            "vllm",
            {
                "HF_HUB_OFFLINE": "1",
                "SM_VLLM_MAX_MODEL_LEN": "8192",
                "SM_VLLM_MODEL": "/opt/ml/model",
                "SM_VLLM_SERVED_MODEL_NAME": "chat",
                "SM_VLLM_TENSOR_PARALLEL_SIZE": "2",
            },
        ),
        (
            "lmi",
            {
                "HF_HUB_OFFLINE": "1",
                "HF_MODEL_ID": "/opt/ml/model",
                "OPTION_MAX_MODEL_LEN": "8192",
                "OPTION_TENSOR_PARALLEL_DEGREE": "2",
                "SERVING_FAIL_FAST": "true",
            },
        ),
    ],
)
def test_each_server_is_told_what_it_reads(server: str, told: dict[str, str]):
    graph = graph_of(spec({"gpus": 2, "context_tokens": 8192}, server=server))
    assert one(graph, "assistant-chat-model")["containers"][0]["environment"] == told


def test_copies_follow_the_calls_at_a_time_and_come_back_from_none():
    graph = graph_of(spec())
    target = one(graph, "assistant-chat-copies")
    assert (target["minCapacity"], target["maxCapacity"]) == (0, 1)
    assert target["resourceId"] == "inference-component/ml-dev-fraud-assistant-chat"
    alarm = one(graph, "assistant-chat-asked")
    assert alarm["metricName"] == "NoCapacityInvocationFailures"
    assert alarm["dimensions"] == {"InferenceComponentName": "ml-dev-fraud-assistant-chat"}
    assert one(graph, "assistant-chat-wakes")["stepScalingPolicyConfiguration"]["stepAdjustments"]


def test_copies_that_never_go_need_nobody_to_wake_them():
    names = {node.name for node in graph_of(spec({"copies": {"least": 1}}, machines={"least": 1})).nodes}
    assert "assistant-chat-follows" in names and not names & {"assistant-chat-wakes", "assistant-chat-asked"}


def test_who_may_call_one_model_may_call_no_other():
    two = spec(models={"chat": CHAT, "code": {**CHAT, "model": "coder"}})
    graph = graph_of(two, invoked=("chat",))
    (policy,) = [node.properties["policy"] for node in graph.nodes if node.name == "app-assistant-access"]
    assert "inference-component/ml-dev-fraud-assistant-chat" in str(policy)
    assert "assistant-code" not in str(policy)
    address = json.loads(str(one(graph, "app-assistant-address")["insecureValue"]))
    assert address["addresses"] == [
        {
            "component": "ml-dev-fraud-assistant-chat",
            "endpoint": "ml-dev-fraud-assistant",
            "kind": "language-model",
            "model": "chat",
            "name": "assistant/chat",
        }
    ]


def test_a_model_that_the_endpoint_has_not_is_granted_to_nobody():
    with pytest.raises(InputError, match="is no model of this endpoint. It has chat"):
        graph_of(spec(), invoked=("talk",))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (spec({"weights_gib": 40}), "needs 52.0 GiB with what is beside the weights, and 1 GPU of ml.g5.12xlarge"),
        (spec({"weights_gib": 40}), "Use 4 GPUs for each copy"),
        (spec({"weights_gib": 100, "gpus": 4}), "Take a larger type, such as ml."),
        (spec({"gpus": 3}), "doesn't divide the 4 GPUs of ml.g5.12xlarge"),
        (spec({"gpus": 8}), "Use one of: 1, 2, 4"),
        (spec(instance_type="ml.m5.large"), "has no GPU"),
        (spec(instance_type="ml.inf2.xlarge"), "has no GPU"),
        (spec(instance_type="g5.xlarge"), 'Use "ml.g5.xlarge"'),
        (spec({"copies": {"least": 2, "most": 1}}), "least: got 2; is more than most, 1"),
        (spec(machines={"least": 2, "most": 1}), "least: got 2; is more than most, 1"),
        (spec({"copies": {"most": 5}}), "gives 4 GPUs, and all copies together ask for 5"),
        (spec({"memory_mib": 999_999}), "is more than ml.g5.12xlarge has"),
        (spec({"environment": {"SM_VLLM_MODEL": "x"}}), "is set by what is said of the model"),
        (spec({"model": "nothing"}), "is no model of the registry"),
        (spec(vpc=True), "needs a network, and there is none"),
        (spec(instance_type="ml.g6e.2xlarge"), "isn't sold in eu-west-1"),
    ],
)
def test_what_cannot_work_is_refused_with_a_way_out(given: LanguageModelSpec, said: str):
    assert any(said in fault for fault in faults(given)), faults(given)


def test_the_pages_examples_hold():
    page = (Path(__file__).parents[2] / "docs" / "language-models.md").read_text()
    examples = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        exec(example, {})


def test_all_faults_are_told_at_once():
    told = faults(spec({"gpus": 3, "model": "nothing"}, machines={"least": 2, "most": 1}, vpc=True))
    assert len(told) == 4


def test_production_has_a_spare_or_says_why_not():
    told = faults(spec(), production=True)
    assert [fault.split(":")[1].strip() for fault in told] == ["machines.least", "models.chat.copies.least"]
    assert "without_spare_because" in told[0]
    graph_of(spec(without_spare_because="asked by ten people in office hours"), production=True)
    graph_of(spec({"copies": {"least": 2, "most": 2}}, machines={"least": 2, "most": 2}), production=True)
