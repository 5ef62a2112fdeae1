"""SageMaker's pipelines through their whole life."""

from __future__ import annotations

import json
from typing import Any

import pytest

PIPELINE = "aws:sagemaker/pipeline:Pipeline"
ROLE = "arn:aws:iam::123456789012:role/works"
LOOK = {"Name": "look", "Type": "Processing", "Arguments": {}}


def definition(*steps: dict[str, Any], **changes: Any) -> str:
    return json.dumps(
        {"Version": "2020-12-01", "Parameters": [{"Name": "rate", "Type": "String"}], "Steps": steps} | changes
    )


def a_pipeline(**changes: Any) -> dict[str, Any]:
    return {
        "pipelineName": "scores",
        "pipelineDisplayName": "scores",
        "roleArn": ROLE,
        "pipelineDefinition": definition(LOOK),
        **changes,
    }


def test_a_pipeline_lives_and_dies(cloud: Any) -> None:
    pipeline = cloud.make(PIPELINE, **a_pipeline(tags={"team": "fraud"}))
    assert pipeline["arn"] == "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/scores"
    pipeline.update(pipelineDefinition=definition(LOOK, {**LOOK, "Name": "again", "DependsOn": ["look"]}))
    pipeline.update(parallelismConfiguration={"maxParallelExecutionSteps": 5})
    pipeline.update(pipelineDescription="scores payments")
    pipeline.update(tags={"team": "churn"})
    pipeline.imported("scores")
    pipeline.delete()


def test_another_name_replaces_a_pipeline(cloud: Any) -> None:
    assert cloud.make(PIPELINE, **a_pipeline()).forecast(pipelineName="other").replaces == {"pipelineName"}


def test_a_definition_that_is_written_otherwise_is_the_same(cloud: Any) -> None:
    pipeline = cloud.make(PIPELINE, **a_pipeline())
    spaced = json.dumps(json.loads(definition(LOOK)), indent=2, sort_keys=True)
    assert not pipeline.forecast(pipelineDefinition=spaced).changed


def test_a_pipeline_that_somebody_deleted_or_changed_is_found_so(cloud: Any) -> None:
    pipeline, client = cloud.make(PIPELINE, **a_pipeline()), cloud.client("sagemaker")
    client.update_pipeline(PipelineName="scores", PipelineDisplayName="mine")
    found = pipeline.read()
    assert found is not None and found.state["pipelineDisplayName"] == "mine"
    client.delete_pipeline(PipelineName="scores")
    assert pipeline.read() is None


def test_a_name_is_taken_once(cloud: Any) -> None:
    cloud.make(PIPELINE, **a_pipeline())
    assert "already exists" in cloud.refused(PIPELINE, **a_pipeline())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "must be a JSON object"),
        (definition(LOOK, Version="2021-01-01"), "the only one is 2020-12-01"),
        (definition(), "has no Steps"),
        (definition({**LOOK, "Type": "Guess"}), "'Guess', which is none"),
        (definition(LOOK, LOOK), "two steps are called 'look'"),
        (definition({**LOOK, "DependsOn": ["other"]}), "'other', which is no step"),
        (definition({**LOOK, "Arguments": {"A": {"Get": "Steps.other.X"}}}), "gets Steps.other.X, which is nowhere"),
        (definition({**LOOK, "Arguments": {"A": {"Get": "Parameters.no"}}}), "gets Parameters.no, which is nowhere"),
    ],
)
def test_a_definition_that_cannot_run_is_refused(cloud: Any, text: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        cloud.make(PIPELINE, **a_pipeline(pipelineDefinition=text))


def test_a_pipeline_has_one_definition(cloud: Any) -> None:
    with pytest.raises(AssertionError, match="pipelineDefinitionS3Location"):
        cloud.make(PIPELINE, **a_pipeline(pipelineDefinitionS3Location={"bucket": "b", "objectKey": "k"}))
