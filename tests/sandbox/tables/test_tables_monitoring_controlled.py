"""Job definitions that only Cloud Control makes: what the real resource does, and what it can't."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.sandbox.tables.test_tables_monitoring import HOURLY, IMAGE, ROLE, SCHEDULE, config, endpoint

from modelyard_sandbox.aws.provider import ProviderError

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made

CONTROLLED = "aws:cloudcontrol/resource:Resource"
KINDS = ("ModelQuality", "ModelBias", "ModelExplainability")
SNAKE = {"ModelQuality": "model_quality", "ModelBias": "model_bias", "ModelExplainability": "model_explainability"}


def state(kind: str, **changes: Any) -> dict[str, Any]:
    """A definition of the kind that its schema and SageMaker take."""
    application: dict[str, Any] = {"ImageUri": IMAGE}
    source: dict[str, Any] = {"EndpointName": "score", "LocalPath": "/opt/ml/processing/input"}
    inputs: dict[str, Any] = {"EndpointInput": source}
    if kind == "ModelQuality":
        application["ProblemType"] = "Regression"
    else:
        application["ConfigUri"] = "s3://b/analysis.json"
    if kind != "ModelExplainability":
        inputs["GroundTruthS3Input"] = {"S3Uri": "s3://b/labels"}
        source |= {"InferenceAttribute": "0", "StartTimeOffset": "-PT3H", "EndTimeOffset": "-PT1H"}
    return {
        "JobDefinitionName": "score",
        f"{kind}AppSpecification": application,
        f"{kind}BaselineConfig": {"ConstraintsResource": {"S3Uri": "s3://b/constraints.json"}},
        f"{kind}JobInput": inputs,
        f"{kind}JobOutputConfig": {
            "MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://b/results", "LocalPath": "/opt/ml/processing/output"}}]
        },
        "JobResources": {"ClusterConfig": cluster()},
        "RoleArn": ROLE,
        "StoppingCondition": {"MaxRuntimeInSeconds": 1800},
        "Tags": [{"Key": "team", "Value": "fraud"}],
        **changes,
    }


def cluster(**changes: Any) -> dict[str, Any]:
    return {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20, **changes}


def inputs(kind: str, **changes: Any) -> dict[str, Any]:
    return {"typeName": f"AWS::SageMaker::{kind}JobDefinition", "desiredState": json.dumps(state(kind, **changes))}


def definition(cloud: Cloud, kind: str) -> Made:
    endpoint(cloud)
    return cloud.make(CONTROLLED, **inputs(kind))


def described(cloud: Cloud, kind: str, name: str = "score") -> dict[str, Any]:
    return getattr(cloud.client("sagemaker"), f"describe_{SNAKE[kind]}_job_definition")(JobDefinitionName=name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_is_made_unchanged_replaced_under_a_new_name_and_gone(cloud: Cloud, kind: str):
    made = definition(cloud, kind)
    slug = SNAKE[kind].replace("_", "-")
    assert made.id == f"arn:aws:sagemaker:eu-west-1:123456789012:{slug}-job-definition/score"
    shown = json.loads(made["properties"])
    assert shown["JobResources"] == state(kind)["JobResources"] and shown["JobDefinitionArn"] == made.id
    assert shown["Tags"] == state(kind)["Tags"]
    renamed = made.forecast(**inputs(kind, JobDefinitionName="score-2", RoleArn=f"{ROLE}-2"))
    assert renamed.replaces == {"desiredState"} and not renamed.delete_first
    made.delete()


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_takes_no_update_whatever_it_is(cloud: Cloud, kind: str):
    made = definition(cloud, kind)
    for change in (
        {"Tags": [{"Key": "team", "Value": "risk"}]},
        {"JobResources": {"ClusterConfig": cluster(InstanceCount=2)}},
    ):
        wanted = inputs(kind, **change)["desiredState"]
        assert not made.forecast(desiredState=wanted).replaces, "the provider sees no replacement deep down"
        with pytest.raises(ProviderError, match="UnsupportedActionException"):
            made.update(desiredState=wanted)
    assert described(cloud, kind)["JobResources"]["ClusterConfig"]["InstanceCount"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_happened_behind_its_back_is_no_drift_of_the_desired_state(cloud: Cloud, kind: str):
    made = definition(cloud, kind)
    client = cloud.client("sagemaker")
    client.add_tags(ResourceArn=made.id, Tags=[{"Key": "by", "Value": "hand"}])
    found = made.read()
    assert found is not None and found.inputs["desiredState"] == made.inputs["desiredState"]
    assert not made.forecast().changed
    getattr(client, f"delete_{SNAKE[kind]}_job_definition")(JobDefinitionName="score")
    assert made.read() is None, "that it is gone is seen"


def test_a_definition_is_not_imported(cloud: Cloud):
    made = definition(cloud, "ModelBias")
    with pytest.raises(ProviderError, match="can't import"):
        made.imported(made.id)


def test_the_same_name_twice_is_refused(cloud: Cloud):
    definition(cloud, "ModelQuality")
    assert "ResourceInUse" in cloud.refused(CONTROLLED, **inputs("ModelQuality", RoleArn=f"{ROLE}-2"))


@pytest.mark.parametrize(
    ("change", "path", "told"),
    [
        ({"RoleArn": "monitor"}, "desiredState.RoleArn", "does not match"),
        ({"JobResources": {"ClusterConfig": cluster(InstanceCount=0)}}, "desiredState.JobResources", "minimum"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 90000}}, "desiredState.StoppingCondition", "maximum"),
        ({"JobDefinitionArn": "arn"}, "desiredState.JobDefinitionArn", "readOnly"),
        ({"Tags": {"team": "fraud"}}, "desiredState.Tags", "array"),
        ({"Region": "eu-west-1"}, "desiredState", "unexpected"),
    ],
)
def test_what_the_schema_refuses_is_refused_before_anything_is_made(cloud: Cloud, change: Any, path: str, told: str):
    _, refused = cloud.provider.check(CONTROLLED, "urn", {}, inputs("ModelQuality", **change), b"")
    assert any(refusal.path.startswith(path) and told in refusal.reason for refusal in refused), refused


def test_an_hourly_monitor_that_waits_for_labels_has_half_an_hour(cloud: Cloud):
    definition(cloud, "ModelQuality")
    wanted = config(HOURLY, monitoringType="ModelQuality", monitoringJobDefinitionName="score")
    made = cloud.make(SCHEDULE, name="quality", monitoringScheduleConfig=wanted)
    made.delete()
    longer = state("ModelQuality", JobDefinitionName="longer", StoppingCondition={"MaxRuntimeInSeconds": 3600})
    cloud.client("sagemaker").create_model_quality_job_definition(**longer)
    aside = {**wanted, "monitoringJobDefinitionName": "longer"}
    assert "exceeds the 1800" in cloud.refused(SCHEDULE, name="quality", monitoringScheduleConfig=aside)
