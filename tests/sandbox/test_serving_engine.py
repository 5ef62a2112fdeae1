"""Endpoints of both makes, their components and their scaling under the real engine, from a preview to the end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from modelyard import engine as yard
from modelyard.assess.graph import Graph
from modelyard.engine import Engine, OperationError, StackTarget
from modelyard_sandbox.aws.session import SandboxSession
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import os

import pulumi
import pulumi_aws as aws

ROLE = "arn:aws:iam::123456789012:role/serving"
VERSION, NAME = os.environ.get("VERSION", "1"), os.environ.get("NAME", "score")
RETAIN = {"RetainAllVariantProperties": True} if os.environ.get("RETAIN") else {}
INSTANCES = {"instance_type": "ml.m5.large", "initial_instance_count": 2, "initial_variant_weight": 1}


def controlled(name, kind, properties, **options):
    return aws.cloudcontrol.Resource(
        name,
        type_name=f"AWS::SageMaker::{kind}",
        desired_state=pulumi.Output.json_dumps(properties, sort_keys=True),
        opts=pulumi.ResourceOptions(**options),
    )


model = aws.sagemaker.Model(
    "model", name=f"score-{VERSION}", execution_role_arn=ROLE, primary_container={"image": f"serve:{VERSION}"}
)
config = aws.sagemaker.EndpointConfiguration(
    "config",
    name=f"score-{VERSION}",
    production_variants=[{"variant_name": "main", "model_name": model.name, **INSTANCES}],
)
classic = aws.sagemaker.Endpoint("classic", name="classic", endpoint_config_name=config.name)
endpoint = controlled("endpoint", "Endpoint", {"EndpointName": NAME, "EndpointConfigName": config.name, **RETAIN})
scaled = {"service_namespace": "sagemaker", "scalable_dimension": "sagemaker:variant:DesiredInstanceCount"}
target = aws.appautoscaling.Target(
    "target",
    **scaled,
    resource_id=classic.name.apply(lambda name: f"endpoint/{name}/variant/main"),
    min_capacity=1,
    max_capacity=int(os.environ.get("MOST", "9")),
)
aws.appautoscaling.Policy(
    "policy",
    name="invocations",
    **scaled,
    resource_id=target.resource_id,
    policy_type="TargetTrackingScaling",
    target_tracking_scaling_policy_configuration={
        "target_value": 100,
        "predefined_metric_specification": {"predefined_metric_type": "SageMakerVariantInvocationsPerInstance"},
    },
)
host = controlled(
    "host-config",
    "EndpointConfig",
    {
        "EndpointConfigName": "host",
        "ExecutionRoleArn": ROLE,
        "ProductionVariants": [
            {
                "VariantName": "main",
                "InstanceType": "ml.g5.xlarge",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 1,
            }
        ],
    },
)
hosting = controlled(
    "host", "Endpoint", {"EndpointName": "host", "EndpointConfigName": "host"}, depends_on=[host]
)
controlled(
    "component",
    "InferenceComponent",
    {
        "InferenceComponentName": "llm",
        "EndpointName": "host",
        "VariantName": "main",
        "Specification": {
            "ModelName": model.name,
            "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024},
        },
        "RuntimeConfig": {"CopyCount": 1},
    },
    depends_on=[hosting],
)
if os.environ.get("ADOPT"):
    controlled("adopted", "Endpoint", {"EndpointConfigName": "host"}, import_=os.environ["ADOPT"])
if os.environ.get("FAULT"):
    controlled("faulty", "Endpoint", {"EndpointName": "faulty", "RetainWeights": True})
"""


@pytest.fixture
def target(sandbox: Sandbox, tmp_path: Path) -> StackTarget:
    (tmp_path / "Pulumi.yaml").write_text("name: serving\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    return StackTarget(tmp_path, "dev", {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable})


def under(target: StackTarget, **more: str) -> StackTarget:
    return StackTarget(target.project_dir, target.stack, {**target.env, **more}, target.secrets_provider)


def client(sandbox: Sandbox) -> Any:
    environment = {key: value for key, value in sandbox.environment().items() if value is not None}
    session = SandboxSession({}, environment)
    return session.client("sagemaker", session.region)


def changed(result: Any) -> dict[str, str]:
    return {item.name: item.op for item in result.resources}


def scale(sagemaker: Any, count: int, weight: float) -> None:
    """What a scaling policy and a canary do behind the engine's back."""
    wanted = [{"VariantName": "main", "DesiredInstanceCount": count, "DesiredWeight": weight}]
    for name in ("classic", "score"):
        sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)


def has_now(sagemaker: Any, name: str) -> tuple[str, int, float]:
    found = sagemaker.describe_endpoint(EndpointName=name)
    (main,) = found["ProductionVariants"]
    return found["EndpointConfigName"], main["CurrentInstanceCount"], main["CurrentWeight"]


def test_endpoints_live_from_their_preview_to_their_end(engine: Engine, sandbox: Sandbox, target: StackTarget):
    assert yard.preview(target, engine=engine).changes == {"create": 10}
    assert sandbox.counts() == {}, "a preview touches nothing"
    made = yard.up(target, engine=engine)
    assert made.changes == {"create": 10}
    sagemaker = client(sandbox)
    assert not yard.up(target, engine=engine).changed()
    assert not yard.refresh(target, engine=engine).changed()

    scale(sagemaker, 7, 0.25)
    assert not yard.up(target, engine=engine).changed(), "counts and weights are no part of an endpoint's state"
    second = yard.up(under(target, VERSION="2", RETAIN="yes"), engine=engine)
    ops = changed(second)
    assert (ops["classic"], ops["endpoint"], ops["component"]) == ("update", "update", "update")
    assert {name for name, op in ops.items() if op != "update"} == {"model", "config"}, "in place, on a new version"
    assert has_now(sagemaker, "classic") == ("score-2", 2, 1.0), "pulumi-aws's endpoint begins anew"
    assert has_now(sagemaker, "score") == ("score-2", 7, 0.25), "CloudFormation's kept them, as it was told to"
    models = {each["ModelName"] for each in sagemaker.list_models()["Models"]}
    assert models == {"score-2"}, "the old ones went after"

    third = yard.up(under(target, VERSION="3", RETAIN="yes"), engine=engine)
    assert changed(third)["endpoint"] == "update"
    assert has_now(sagemaker, "score") == ("score-3", 2, 1.0), "said before is not said again: only a patch is sent"

    state = under(target, VERSION="3", RETAIN="yes")
    wider = yard.up(under(state, MOST="12"), engine=engine)
    assert changed(wider) == {"target": "update"}
    renamed = yard.up(under(state, MOST="12", NAME="other"), engine=engine)
    assert changed(renamed) == {"endpoint": "delete-replaced"}

    state = under(state, MOST="12", NAME="other")
    aside = {"VariantName": "main", "ModelName": "score-3", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    sagemaker.create_endpoint_config(EndpointConfigName="aside", ProductionVariants=[aside])
    for name in ("other", "classic"):
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName="aside")
    yard.refresh(state, engine=engine)
    again = yard.up(state, engine=engine)
    assert changed(again) == {"classic": "update"}, "the desired state of Cloud Control's does not drift"
    graph = Graph.from_state(yard.stack_state(state, engine=engine))
    (node,) = [each for each in graph.of_type("AWS::SageMaker::Endpoint") if each.name == "endpoint"]
    assert json.loads(str(node.outputs["properties"]))["EndpointConfigName"] == "aside", "what is there is known"

    for more, told in (
        ({"ADOPT": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/classic"}, "can't import"),
        ({"FAULT": "yes"}, "'EndpointConfigName' is a required property"),
    ):
        with pytest.raises(OperationError, match=told):
            yard.preview(under(state, **more), engine=engine)

    sagemaker.delete_endpoint_config(EndpointConfigName="aside")
    yard.down(state, remove=True, engine=engine)
    assert sandbox.counts() == {}
