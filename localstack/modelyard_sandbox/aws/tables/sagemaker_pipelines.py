"""SageMaker's pipelines. Source: the SageMaker API reference."""

from __future__ import annotations

from modelyard_sandbox.aws.declare import Call, Tags, Type, fields

_NAMED = {"PipelineName": "id"}
PIPELINE = Type(
    "aws:sagemaker/pipeline:Pipeline",
    "sagemaker",
    fields=fields(
        "pipelineName",
        "pipelineDisplayName",
        "pipelineDescription",
        "pipelineDefinition",
        "pipelineDefinitionS3Location",
        "roleArn",
        "parallelismConfiguration",
    )
    | {"arn": "PipelineArn"},
    id="pipelineName",
    computed=("arn",),
    create=Call("create_pipeline"),
    read=Call("describe_pipeline", _NAMED, fill=False),
    update=Call(
        "update_pipeline",
        _NAMED,
        on=(
            "pipelineDisplayName",
            "pipelineDescription",
            "pipelineDefinition",
            "pipelineDefinitionS3Location",
            "roleArn",
            "parallelismConfiguration",
        ),
    ),
    delete=Call("delete_pipeline", _NAMED, fill=False),
    json=("pipelineDefinition",),
    gone=("ValidationException", "ValidationError"),
    tags=Tags("list_tags", "add_tags", "delete_tags", {"ResourceArn": "arn"}, on_create="Tags"),
)

TYPES = (PIPELINE,)
