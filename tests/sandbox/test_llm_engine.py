"""Language models under the real engine: host and components by Cloud Control, from the first preview to the end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.lives import unregistered, weights_registered

from modelyard import engine as yard
from modelyard.assess.graph import Graph
from modelyard.engine import Engine, OperationError, StackTarget
from modelyard_sandbox.accounting import counted
from modelyard_sandbox.aws.session import SandboxSession
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import os

import pulumi
import pulumi_aws as aws

from modelyard import Context, Keys, KeysSpec, KnownAudit, ModelRegistry, RegistrySpec
from modelyard.run.serving import LanguageModelEndpoint, LanguageModelSpec

fraud = Context(
    organization="acme", platform="ml", environment="dev", region="us-east-1", account="123456789012"
).for_team("fraud")
keys = Keys("keys", KeysSpec(), context=fraud)
model = {"description": "d", "owner": "ada@acme.example", "ungated_because": "the gates are tried elsewhere"}
registry = ModelRegistry(
    "registry",
    RegistrySpec.model_validate({"models": {"writer": model}}),
    context=fraud,
    keys=keys,
    audit=KnownAudit(fraud),
)
if os.environ.get("LLM"):
    spec = LanguageModelSpec.model_validate_json(os.environ["LLM"])
    LanguageModelEndpoint("assistant", spec, context=fraud, registry=registry, keys=keys)
if os.environ.get("ADOPT"):
    aws.cloudcontrol.Resource(
        "adopted",
        type_name="AWS::SageMaker::InferenceComponent",
        desired_state="{}",
        opts=pulumi.ResourceOptions(import_=os.environ["ADOPT"]),
    )
"""
ENDPOINT = "ml-dev-fraud-assistant"


def spec(version: int = 1, *, called: str = "chat", **changes: Any) -> str:
    served = {
        "model": "writer",
        "release": {"kind": "declared", "version": version},
        "weights_gib": 15,
        "copies": {"most": 4},
        **changes.pop("served", {}),
    }
    given = {
        "owner": "ada@acme.example",
        "instance_type": "ml.g5.12xlarge",
        "models": {called: served},
        "vpc": False,
        **changes,
    }
    return json.dumps(given)


def changed(result: Any) -> dict[str, str]:
    """The last thing that happened to each: what is replaced is deleted after its successor is there, or before."""
    return {item.name: item.op for item in result.resources if item.op != "same" and item.name.startswith("assistant")}


def test_language_models_live_from_their_first_preview_to_their_end(engine: Engine, sandbox: Sandbox, tmp_path: Path):
    (tmp_path / "Pulumi.yaml").write_text("name: llm\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    environment = {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable}
    session = SandboxSession({}, {key: value for key, value in sandbox.environment().items() if value is not None})
    sagemaker: Any = session.client("sagemaker", session.region)

    def client(service: str, region: str = session.region) -> Any:
        return session.client(service, region)

    def target(llm: str = "", **more: str) -> StackTarget:
        return StackTarget(tmp_path, "dev", {**environment, "LLM": llm, **more})

    def component(name: str = f"{ENDPOINT}-chat") -> dict[str, Any]:
        return sagemaker.describe_inference_component(InferenceComponentName=name)

    empty = counted(client, session.region)
    yard.up(target(), engine=engine)
    weights_registered(sagemaker, region=session.region)
    assert "create" in yard.preview(target(spec()), engine=engine).changes
    yard.up(target(spec()), engine=engine)
    first = sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
    host = sagemaker.describe_endpoint_config(EndpointConfigName=first)
    assert host["EnableNetworkIsolation"] and "ModelName" not in host["ProductionVariants"][0]
    assert component()["Specification"]["ComputeResourceRequirements"]["NumberOfAcceleratorDevicesRequired"] == 1

    graph = Graph.from_state(yard.stack_state(target(spec()), engine=engine))
    (node,) = graph.of_type("AWS::SageMaker::InferenceComponent")
    assert node.desired["InferenceComponentName"] == f"{ENDPOINT}-chat"

    assert not yard.up(target(spec()), engine=engine).changed()
    assert not yard.refresh(target(spec()), engine=engine).changed()

    copies = {"InferenceComponentName": f"{ENDPOINT}-chat", "DesiredRuntimeConfig": {"CopyCount": 3}}
    sagemaker.update_inference_component_runtime_config(**copies)
    yard.refresh(target(spec()), engine=engine)
    assert not yard.preview(target(spec()), engine=engine).changed(), "Cloud Control sees no drift"
    assert changed(yard.up(target(spec(2)), engine=engine)) == {
        "assistant-chat-model": "delete-replaced",
        "assistant-chat-component": "update",
    }
    assert component()["RuntimeConfig"]["DesiredCopyCount"] == 3, "what scaling did stays"
    assert component()["Specification"]["ModelName"] == sagemaker.list_models()["Models"][0]["ModelName"]

    larger = spec(2, machines={"most": 2})
    assert changed(yard.up(target(larger), engine=engine)) == {
        "assistant-configuration": "delete-replaced",
        "assistant-endpoint": "update",
    }
    second = sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
    assert second != first
    assert [each["EndpointConfigName"] for each in sagemaker.list_endpoint_configs()["EndpointConfigs"]] == [second]
    assert component()["RuntimeConfig"]["DesiredCopyCount"] == 3, "another configuration of the host leaves them, too"

    arn = component()["InferenceComponentArn"]
    with pytest.raises(OperationError, match="can't import"):
        yard.up(target(larger, ADOPT=arn), engine=engine)

    renamed = spec(2, called="talk", machines={"most": 2})
    ops = changed(yard.up(target(renamed), engine=engine))
    assert (ops["assistant-talk-component"], ops["assistant-chat-component"]) == ("create", "delete")
    names = [each["InferenceComponentName"] for each in sagemaker.list_inference_components()["InferenceComponents"]]
    assert names == [f"{ENDPOINT}-talk"]

    sagemaker.delete_inference_component(InferenceComponentName=f"{ENDPOINT}-talk")
    yard.refresh(target(renamed), engine=engine)
    back = changed(yard.up(target(renamed), engine=engine))
    assert back["assistant-talk-component"] == "create", "what is gone is seen, and made again"

    unregistered(sagemaker, "writer")
    yard.down(target(renamed), remove=True, engine=engine)
    assert counted(client, session.region) == empty


MOVED = """
import os

import pulumi
import pulumi_aws as aws

from modelyard import Context
from modelyard.core.cloudcontrol import cloudformation
from modelyard.core.component import Component
from modelyard.run.serving.components import Needs, inference_component

ROLE = "arn:aws:iam::123456789012:role/host"
fraud = Context(
    organization="acme", platform="ml", environment="dev", region="us-east-1", account="123456789012"
).for_team("fraud")


class Moved(Component):
    CAPABILITY = "serving"

    def __init__(self):
        super().__init__("moved", None, context=fraud)
        image = {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/serve@sha256:" + "0" * 64}
        model = aws.sagemaker.Model(
            "model", name="m", execution_role_arn=ROLE, primary_container=image, opts=self.options()
        )
        variants = [
            {"VariantName": name, "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1, "InitialVariantWeight": 1}
            for name in ("one", "two")
        ]
        host = {"EndpointConfigName": "host", "ExecutionRoleArn": ROLE, "ProductionVariants": variants}
        configuration = cloudformation(self, "host", "AWS::SageMaker::EndpointConfig", host, tags="list")
        endpoint = cloudformation(
            self,
            "endpoint",
            "AWS::SageMaker::Endpoint",
            {"EndpointName": "host", "EndpointConfigName": "host"},
            tags="list",
            depends_on=[configuration],
        )
        inference_component(
            self,
            "chat",
            endpoint="host",
            variant=os.environ["VARIANT"],
            model=model.name,
            needs=Needs(gpus=1, memory_mib=1024, download_seconds=600, start_seconds=600),
            depends_on=[endpoint],
        )


Moved()
"""


def test_a_component_that_moves_is_replaced_and_the_old_one_goes_first(
    engine: Engine, sandbox: Sandbox, tmp_path: Path
):
    (tmp_path / "Pulumi.yaml").write_text("name: moved\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(MOVED)
    environment = {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable}
    session = SandboxSession({}, {key: value for key, value in sandbox.environment().items() if value is not None})
    sagemaker: Any = session.client("sagemaker", session.region)

    def target(variant: str) -> StackTarget:
        return StackTarget(tmp_path, "moved", {**environment, "VARIANT": variant})

    yard.up(target("one"), engine=engine)
    moved = yard.up(target("two"), engine=engine)
    ops = {item.name: item.op for item in moved.resources if item.op != "same"}
    assert set(ops) == {"moved-chat-component"} and "replace" in ops["moved-chat-component"], ops
    found = sagemaker.describe_inference_component(InferenceComponentName="ml-dev-fraud-moved-chat")
    assert found["VariantName"] == "two"
    assert not yard.up(target("two"), engine=engine).changed()
    yard.down(target("two"), remove=True, engine=engine)
    assert sandbox.counts() == {}
