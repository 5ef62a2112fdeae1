"""Monitors of all four kinds under the real engine: two providers' ways to make them, one life."""

from __future__ import annotations

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
import os

import pulumi
import pulumi_aws as aws

from modelyard import Context
from modelyard.core.component import Component
from modelyard.run.monitoring import (
    Analysis,
    EndpointInput,
    JobOutput,
    JobResources,
    MonitoringJob,
    data_quality,
    model_bias,
    model_explainability,
    model_quality,
    schedule,
)

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/jobs@sha256:" + "0" * 64
ROLE = "arn:aws:iam::123456789012:role/monitor"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
team = Context(
    organization="acme", platform="ml", environment="dev", region="us-east-1", account="123456789012"
).for_team("fraud")


class Watch(Component):
    CAPABILITY = "monitoring"

    def __init__(self, endpoint):
        super().__init__("watch", None, context=team)

        def job(config=None, **source):
            return MonitoringJob(
                role_arn=ROLE,
                source=EndpointInput(endpoint=endpoint, **source),
                analysis=Analysis(image=IMAGE, config=config),
                output=JobOutput(to="s3://monitors/score", key=KEY),
                resources=JobResources(instance_type="ml.m5.large", volume_key=KEY),
                most_seconds=int(os.environ.get("SECONDS", "1800")),
            )

        labels, config = "s3://monitors/labels", "s3://monitors/analysis.json"
        made = {
            "data": data_quality(self, "data", job()),
            "quality": model_quality(self, "quality", job(inference="0"), problem="Regression", labels=labels),
            "bias": model_bias(self, "bias", job(config, inference="0"), labels=labels),
            "explanations": model_explainability(self, "explanations", job(config)),
        }
        for role, definition in made.items():
            schedule(self, f"{role}-schedule", definition, every_hours=int(os.environ.get("HOURS", "1")))


model = aws.sagemaker.Model("model", name="score", execution_role_arn=ROLE, primary_container={"image": IMAGE})
config = aws.sagemaker.EndpointConfiguration(
    "config",
    name="score",
    production_variants=[
        {"variant_name": "all", "model_name": model.name, "instance_type": "ml.m5.large", "initial_instance_count": 1}
    ],
    data_capture_config={
        "enable_capture": True,
        "initial_sampling_percentage": 100,
        "destination_s3_uri": "s3://monitors/captured",
        "capture_options": [{"capture_mode": "InputAndOutput"}],
    },
)
endpoint = aws.sagemaker.Endpoint("endpoint", name="score", endpoint_config_name=config.name)
Watch(endpoint.name)
if os.environ.get("ADOPT"):
    aws.cloudcontrol.Resource(
        "adopted",
        type_name="AWS::SageMaker::ModelBiasJobDefinition",
        desired_state="{}",
        opts=pulumi.ResourceOptions(import_=os.environ["ADOPT"]),
    )
"""
KINDS = {
    "DataQuality": "data_quality",
    "ModelQuality": "model_quality",
    "ModelBias": "model_bias",
    "ModelExplainability": "model_explainability",
}
ROLES = ("data", "quality", "bias", "explanations")


def client(sandbox: Sandbox) -> Any:
    environment = {key: value for key, value in sandbox.environment().items() if value is not None}
    session = SandboxSession({}, environment)
    return session.client("sagemaker", session.region)


def definitions(sagemaker: Any) -> dict[str, str]:
    """The name of the one definition of each kind."""
    found: dict[str, str] = {}
    for kind, of in KINDS.items():
        (only,) = getattr(sagemaker, f"list_{of}_job_definitions")()["JobDefinitionSummaries"]
        found[kind] = only["MonitoringJobDefinitionName"]
    return found


def scheduled(sagemaker: Any) -> dict[str, str]:
    """The definition that the one schedule of each kind names."""
    return {
        listed["MonitoringType"]: listed["MonitoringJobDefinitionName"]
        for listed in sagemaker.list_monitoring_schedules()["MonitoringScheduleSummaries"]
    }


def changed(result: Any) -> dict[str, str]:
    return {item.name: item.op for item in result.resources}


def test_monitors_live_from_their_first_preview_to_their_end(engine: Engine, sandbox: Sandbox, tmp_path: Path):
    (tmp_path / "Pulumi.yaml").write_text("name: watch\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    environment = {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable}

    def target(**more: str) -> StackTarget:
        return StackTarget(tmp_path, "dev", {**environment, **more})

    assert set(yard.preview(target(), engine=engine).changes) == {"create"}
    yard.up(target(), engine=engine)
    sagemaker = client(sandbox)
    before = definitions(sagemaker)
    assert scheduled(sagemaker) == before

    graph = Graph.from_state(yard.stack_state(target(), engine=engine))
    for kind in ("ModelQuality", "ModelBias", "ModelExplainability"):
        (node,) = graph.of_type(f"AWS::SageMaker::{kind}JobDefinition")
        assert node.desired["JobDefinitionName"] == before[kind]
        assert node.desired["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800}

    assert not yard.up(target(), engine=engine).changed()
    assert not yard.refresh(target(), engine=engine).changed()

    arn = sagemaker.describe_model_bias_job_definition(JobDefinitionName=before["ModelBias"])["JobDefinitionArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "by", "Value": "hand"}])
    yard.refresh(target(), engine=engine)
    assert not yard.preview(target(), engine=engine).changed(), "Cloud Control sees no drift of the desired state"
    aside = {
        "MonitoringType": "DataQuality",
        "MonitoringJobDefinitionName": before["DataQuality"],
        "ScheduleConfig": {"ScheduleExpression": "cron(0 3 ? * * *)"},
    }
    name = "ml-dev-fraud-watch-data-schedule"
    sagemaker.update_monitoring_schedule(MonitoringScheduleName=name, MonitoringScheduleConfig=aside)
    yard.refresh(target(), engine=engine)
    assert changed(yard.up(target(), engine=engine)) == {"watch-data-schedule": "update"}, "pulumi-aws sees its own"

    other = yard.up(target(SECONDS="900"), engine=engine)
    after = definitions(sagemaker)
    assert not set(after.values()) & set(before.values()), "another content, another definition"
    assert scheduled(sagemaker) == after, "no schedule is left with a definition that is gone"
    assert changed(other) == {
        **{f"watch-{role}": "delete-replaced" for role in ROLES},
        **{f"watch-{role}-schedule": "update" for role in ROLES},
    }

    rarer = yard.up(target(SECONDS="900", HOURS="6"), engine=engine)
    assert changed(rarer) == {f"watch-{role}-schedule": "update" for role in ROLES}
    assert definitions(sagemaker) == after

    with pytest.raises(OperationError, match="can't import"):
        yard.up(target(SECONDS="900", HOURS="6", ADOPT=arn), engine=engine)

    yard.down(target(SECONDS="900"), remove=True, engine=engine)
    assert sandbox.counts() == {}


def test_what_the_schema_refuses_is_refused_in_a_preview(engine: Engine, sandbox: Sandbox, tmp_path: Path):
    (tmp_path / "Pulumi.yaml").write_text("name: watch\nruntime: python\n")
    refused = """
import json

import pulumi_aws as aws

aws.cloudcontrol.Resource(
    "quality",
    type_name="AWS::SageMaker::ModelQualityJobDefinition",
    desired_state=json.dumps({"JobResources": {"ClusterConfig": {"InstanceCount": 0}}}),
)
"""
    (tmp_path / "__main__.py").write_text(refused)
    environment = {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable}
    with pytest.raises(OperationError) as failure:
        yard.preview(StackTarget(tmp_path, "refused", environment), engine=engine)
    assert "is a required property" in str(failure.value)
