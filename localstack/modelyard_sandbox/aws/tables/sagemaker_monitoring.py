"""SageMaker's monitors: schedules and job definitions. Source: the SageMaker API reference.

Of the four kinds of job definition pulumi-aws has data quality's; the others go through Cloud Control.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type, fields
from modelyard_sandbox.aws.tables.handlers import controlled
from modelyard_sandbox.plugins.values import Properties

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_TAGS: Final = Tags("list_tags", "add_tags", "delete_tags", {"ResourceArn": "arn"}, on_create="Tags")
_READ_FROM: Final = "/opt/ml/processing/input"
_WRITTEN_TO: Final = "/opt/ml/processing/output"

_CONFIG: Final = "monitoringScheduleConfig"
_INLINE: Final = "monitoringJobDefinition"
_RENAMED: Final = {
    f"{_CONFIG}.{_INLINE}.baseline": "BaselineConfig",
    f"{_CONFIG}.{_INLINE}.stoppingConditions": "StoppingCondition",
    f"{_CONFIG}.{_INLINE}.monitoringAppSpecification.containerEntrypoints": "ContainerEntrypoint",
}


def _put_schedule(live: Live) -> None:
    operation = "UpdateMonitoringSchedule" if live.id else "CreateMonitoringSchedule"
    shape = live.client().meta.service_model.operation_model(operation).input_shape.members["MonitoringScheduleConfig"]
    wanted = live.inputs[_CONFIG]
    inline = wanted.get(_INLINE)
    if inline and inline.get("stoppingConditions"):
        wanted = {**wanted, _INLINE: {**inline, "stoppingConditions": inline["stoppingConditions"][0]}}
    sent = convert.to_aws(wanted, shape, _RENAMED, _CONFIG)
    if live.id:
        live.call("update_monitoring_schedule", MonitoringScheduleName=live.id, MonitoringScheduleConfig=sent)
    else:
        tags = live.tags_as_sent(_TAGS, live.tags) if live.tags else None
        name = live.inputs["name"]
        live.call("create_monitoring_schedule", MonitoringScheduleName=name, MonitoringScheduleConfig=sent, Tags=tags)


def _one(values: list[Any]) -> Any:
    return values[0] if values else None


def _schedule_as_given(live: Live) -> Properties:
    """Lists of one are objects to the provider, and the stopping condition is a list."""
    config = live.state[_CONFIG]
    inline = config.get(_INLINE)
    if not inline:
        return {}
    output = inline["monitoringOutputConfig"]
    inline = {
        **inline,
        "monitoringInputs": _one(inline["monitoringInputs"]),
        "monitoringOutputConfig": {**output, "monitoringOutputs": _one(output["monitoringOutputs"])},
    }
    if inline.get("stoppingConditions"):
        inline["stoppingConditions"] = [inline["stoppingConditions"]]
    return {_CONFIG: {**config, _INLINE: inline}}


SCHEDULE = Type(
    "aws:sagemaker/monitoringSchedule:MonitoringSchedule",
    "sagemaker",
    fields=fields(_CONFIG, name="MonitoringScheduleName", arn="MonitoringScheduleArn") | _RENAMED,
    id="name",
    name=Name("name", limit=63),
    computed=("arn",),
    create=_put_schedule,
    read=(Call("describe_monitoring_schedule", {"MonitoringScheduleName": "id"}, fill=False), _schedule_as_given),
    update=Step(_put_schedule, on=(_CONFIG,)),
    delete=Call("delete_monitoring_schedule", {"MonitoringScheduleName": "id"}, fill=False),
    tags=_TAGS,
)

_INPUT: Final = "dataQualityJobInput"
_INPUT_DEFAULTS: Final = {"localPath": _READ_FROM, "s3InputMode": "File", "s3DataDistributionType": "FullyReplicated"}
_OUTPUT: Final = "dataQualityJobOutputConfig"


def _sent_input(live: Live) -> Properties:
    """The inputs, with the path that the provider fills in."""
    return {kind: {"localPath": _READ_FROM, **of} for kind, of in live.inputs[_INPUT].items() if of}


def _sent_output(live: Live) -> Properties:
    wanted = live.inputs[_OUTPUT]
    place = {"localPath": _WRITTEN_TO, **wanted["monitoringOutputs"]["s3Output"]}
    return {**wanted, "monitoringOutputs": {"s3Output": place}}


def _quality_as_given(live: Live) -> Properties:
    found = live.state[_OUTPUT]
    return {_OUTPUT: {**found, "monitoringOutputs": _one(found["monitoringOutputs"])}}


DATA_QUALITY = Type(
    "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition",
    "sagemaker",
    fields=fields("dataQualityAppSpecification", "dataQualityBaselineConfig", _INPUT, _OUTPUT, "jobResources")
    | fields("networkConfig", "roleArn", "stoppingCondition", name="JobDefinitionName", arn="JobDefinitionArn"),
    id="name",
    name=Name("name", limit=63),
    assumed={
        f"{_INPUT}.{kind}.{prop}": default
        for kind in ("batchTransformInput", "endpointInput")
        for prop, default in _INPUT_DEFAULTS.items()
    }
    | {
        f"{_OUTPUT}.monitoringOutputs.s3Output.localPath": _WRITTEN_TO,
        f"{_OUTPUT}.monitoringOutputs.s3Output.s3UploadMode": "EndOfJob",
        "networkConfig.enableInterContainerTrafficEncryption": False,
        "networkConfig.enableNetworkIsolation": False,
    },
    computed=("arn",),
    create=Call(
        "create_data_quality_job_definition",
        {"DataQualityJobInput": _sent_input, "DataQualityJobOutputConfig": _sent_output},
    ),
    read=(Call("describe_data_quality_job_definition", {"JobDefinitionName": "id"}, fill=False), _quality_as_given),
    delete=Call("delete_data_quality_job_definition", {"JobDefinitionName": "id"}, fill=False),
    tags=_TAGS,
)

TYPES = (SCHEDULE, DATA_QUALITY)


def _definition(kind: str) -> Type:
    operation = f"model_{kind.lower()}_job_definition"
    return controlled(
        f"AWS::SageMaker::Model{kind}JobDefinition",
        named="JobDefinitionName",
        create=f"create_{operation}",
        read=f"describe_{operation}",
        delete=f"delete_{operation}",
    )


CLOUDFORMATION: Final = tuple(_definition(kind) for kind in ("Quality", "Bias", "Explainability"))
