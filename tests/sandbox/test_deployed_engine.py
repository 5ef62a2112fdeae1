"""What `yard drift` finds of what the engine, in a refresh of the same stack, finds nothing of."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from modelyard import engine as yard
from modelyard.assess.graph import Graph
from modelyard.core.errors import InputError
from modelyard.engine import Engine, StackTarget
from modelyard.operate.deployed import Checked, checked
from modelyard_sandbox.aws.session import SandboxSession
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
import os

import pulumi
import pulumi_aws as aws

from modelyard import Context
from modelyard.core.champions import Shape, shape_parameter
from modelyard.core.cloudcontrol import cloudformation, in_a_stack
from modelyard.core.component import Component
from modelyard.run.monitoring import (
    Analysis,
    EndpointInput,
    JobOutput,
    JobResources,
    MonitoringJob,
    model_bias,
    model_explainability,
    model_quality,
)

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/jobs@sha256:" + "0" * 64
ROLE = "arn:aws:iam::123456789012:role/monitor"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
team = Context(
    organization="acme", platform="ml", environment="dev", region="us-east-1", account="123456789012"
).for_team("fraud")


def job(config=None, **source):
    return MonitoringJob(
        role_arn=ROLE,
        source=EndpointInput(endpoint="ml-dev-fraud-watch", **source),
        analysis=Analysis(image=IMAGE, config=config, environment={"mode": "strict"}),
        output=JobOutput(to="s3://monitors/score", key=KEY),
        resources=JobResources(instance_type="ml.m5.large", volume_key=KEY),
        most_seconds=1800,
    )


class Watch(Component):
    CAPABILITY = "monitoring"

    def __init__(self):
        super().__init__("watch", None, context=team)
        labels, config = "s3://monitors/labels", "s3://monitors/analysis.json"
        model = aws.sagemaker.Model(
            self.named("model"), name="score", execution_role_arn=ROLE, primary_container={"image": IMAGE},
            opts=self.options(),
        )
        variants = [
            {
                "VariantName": "main",
                "InstanceType": "ml.g5.xlarge",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 1,
            }
        ]
        host = cloudformation(
            self,
            "host",
            "AWS::SageMaker::EndpointConfig",
            {
                "EndpointConfigName": "host",
                "ExecutionRoleArn": ROLE,
                "ProductionVariants": variants,
                "DataCaptureConfig": {
                    "EnableCapture": True,
                    "InitialSamplingPercentage": 100,
                    "DestinationS3Uri": "s3://monitors/captured",
                    "CaptureOptions": [{"CaptureMode": "Input"}],
                },
            },
            tags="list",
        )
        endpoint = in_a_stack(
            self,
            "endpoint",
            "AWS::SageMaker::Endpoint",
            {
                "EndpointName": "ml-dev-fraud-watch",
                "EndpointConfigName": "host",
                "RetainAllVariantProperties": True,
            },
            depends_on=[host],
        )
        for name in ("llm", "scaled"):
            component = cloudformation(
                self,
                name,
                "AWS::SageMaker::InferenceComponent",
                {
                    "InferenceComponentName": name,
                    "EndpointName": "ml-dev-fraud-watch",
                    "VariantName": "main",
                    "Specification": {
                        "Container": {"Image": IMAGE},
                        "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024},
                    },
                    "RuntimeConfig": {"CopyCount": 1},
                },
                tags="list",
                depends_on=[endpoint],
            )
        aws.appautoscaling.Target(
            self.named("copies"),
            service_namespace="sagemaker",
            scalable_dimension="sagemaker:inference-component:DesiredCopyCount",
            resource_id="inference-component/scaled",
            min_capacity=1,
            max_capacity=4,
            opts=self.options(depends_on=[component]),
        )
        shape = Shape(
            hash="1",
            base_version=1,
            endpoint="ml-dev-fraud-watch",
            prefix="ml-dev-fraud-watch-loop-",
            role=ROLE,
            packages="arn:aws:sagemaker:us-east-1:123456789012:model-package/scores",
            models={},
            configuration={},
        )
        aws.ssm.Parameter(
            self.named("shape"),
            name=shape_parameter(team.names, "watch"),
            type="String",
            insecure_value=shape.text,
            opts=self.options(),
        )
        after = {"depends_on": [endpoint]}
        model_quality(self, "quality", job(inference="0"), problem="Regression", labels=labels, **after)
        model_bias(self, "bias", job(config, inference="0"), labels=labels, **after)
        model_explainability(self, "explanations", job(config), **after)


Watch()
"""


@pytest.fixture
def target(sandbox: Sandbox, tmp_path: Path) -> StackTarget:
    (tmp_path / "Pulumi.yaml").write_text("name: watched\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    return StackTarget(tmp_path, "dev", {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable})


def session(sandbox: Sandbox) -> SandboxSession:
    return SandboxSession({}, {key: value for key, value in sandbox.environment().items() if value is not None})


def test_what_the_engine_finds_nothing_of_is_found(engine: Engine, sandbox: Sandbox, target: StackTarget):
    yard.up(target, engine=engine)
    cloud = session(sandbox)
    sagemaker = cloud.client("sagemaker", cloud.region)

    def client(service: str, region: str = "") -> Any:
        return cloud.client(service, region or cloud.region)

    def looked() -> Checked:
        return checked("fraud", Graph.from_state(yard.stack_state(target, engine=engine)), client)

    def drift() -> dict[tuple[str, str], tuple[Any, Any]]:
        return {
            (each.held.name, each.difference.property): (each.difference.wanted, each.difference.found)
            for each in looked().drift
        }

    first = looked()
    assert {one.type.rpartition("::")[2] for one in first.looked} == {
        "Endpoint",
        "EndpointConfig",
        "InferenceComponent",
        "ModelBiasJobDefinition",
        "ModelExplainabilityJobDefinition",
        "ModelQualityJobDefinition",
    }
    assert (first.drift, first.unread) == ((), ()), "what was just deployed is as it was deployed"

    for name in ("llm", "scaled"):
        sagemaker.update_inference_component_runtime_config(
            InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": 3}
        )
    variant = {"VariantName": "main", "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(
        EndpointConfigName="aside", ExecutionRoleArn="arn:aws:iam::123456789012:role/x", ProductionVariants=[variant]
    )
    sagemaker.update_endpoint(EndpointName="ml-dev-fraud-watch", EndpointConfigName="aside")
    (bias,) = sagemaker.list_model_bias_job_definitions()["JobDefinitionSummaries"]
    sagemaker.add_tags(ResourceArn=bias["MonitoringJobDefinitionArn"], Tags=[{"Key": "by", "Value": "hand"}])
    (quality,) = sagemaker.list_model_quality_job_definitions()["JobDefinitionSummaries"]
    sagemaker.delete_tags(ResourceArn=quality["MonitoringJobDefinitionArn"], TagKeys=["team"])

    yard.refresh(target, engine=engine)
    assert not yard.preview(target, engine=engine).changed(), "the engine finds nothing"
    assert drift() == {
        ("watch-bias", "Tags.by"): ("nothing", "hand"),
        ("watch-endpoint", "EndpointConfigName"): ("host", "aside"),
        ("watch-llm", "RuntimeConfig.CopyCount"): (1, 3),
        ("watch-quality", "Tags.team"): ("fraud", "nothing"),
    }, "exactly what was changed, and what autoscaling counts is autoscaling's"

    sagemaker.delete_inference_component(InferenceComponentName="llm")
    assert drift()["watch-llm", ""] == ("a resource", "none: it is gone")

    champion = {
        "endpoint": "watch",
        "model": "scores",
        "version": 2,
        "package": "arn:aws:sagemaker:us-east-1:123456789012:model-package/scores/2",
        "configuration": "aside",
        "run": "arn:aws:states:us-east-1:123456789012:execution:loop:1",
        "released_at": "2026-11-21T08:00:00+00:00",
        "why": "drift",
    }
    ssm, place = cloud.client("ssm", cloud.region), "/modelyard/ml/dev/fraud/champions/watch"
    ssm.put_parameter(Name=place, Type="String", Value=json.dumps(champion))
    assert ("watch-endpoint", "EndpointConfigName") not in drift(), "what the loop promoted is no drift"
    ssm.put_parameter(Name=place, Type="String", Value=json.dumps({**champion, "configuration": "b"}), Overwrite=True)
    assert drift()["watch-endpoint", "EndpointConfigName"] == ("b", "aside"), "what differs from the loop's is"
    ssm.put_parameter(Name=place, Type="String", Value="{}", Overwrite=True)
    with pytest.raises(InputError, match=r"champions/watch.*is no record of a champion"):
        drift()
    ssm.delete_parameter(Name=place)

    sagemaker.update_endpoint(EndpointName="ml-dev-fraud-watch", EndpointConfigName="host")
    sagemaker.delete_endpoint_config(EndpointConfigName="aside")
    assert ("watch-endpoint", "EndpointConfigName") not in drift(), "put back by hand, it is no drift"
    yard.down(target, remove=True, engine=engine)
    assert sandbox.counts() == {}
