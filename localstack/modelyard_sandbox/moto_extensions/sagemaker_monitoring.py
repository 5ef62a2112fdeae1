"""SageMaker's monitors: schedules, which moto lacks, and job definitions of all four kinds as AWS keeps them.

A definition never changes. One that watches an endpoint needs that endpoint, with data capture; a schedule needs its
definition, an expression that SageMaker takes, and time for a run before the next. No schedule ever runs here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from moto.core.resource_tagging import TaggedResource
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.sagemaker.exceptions import ResourceInUseException, ResourceNotFound, ValidationError
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse
from moto.utilities.utils import get_partition

from modelyard_sandbox.grammar import cadence
from modelyard_sandbox.moto_extensions.sagemaker_tags import tagged

KINDS: Final[Mapping[str, str]] = {
    "DataQuality": "data_quality",
    "ModelQuality": "model_quality",
    "ModelBias": "model_bias",
    "ModelExplainability": "model_explainability",
}
_MARK: Final = ":monitoring-schedule/"


class _Kept:
    """A definition or a schedule: what its Describe operation answers, and its tags."""

    def __init__(self, arn: str, shown: dict[str, Any], tags: Iterable[dict[str, str]]) -> None:
        self.arn = arn
        self.shown = shown
        self.tags = list(tags)


def _definitions(backend: Any, kind: str) -> dict[str, _Kept]:
    """Moto's own place for them, where its tagging looks too."""
    return getattr(backend, f"{KINDS[kind]}_job_definitions")


def _schedules(backend: Any) -> dict[str, _Kept]:
    if not hasattr(backend, "monitoring_schedules"):
        backend.monitoring_schedules = {}
    return backend.monitoring_schedules


def _arn(backend: Any, resource: str, name: str) -> str:
    place = f"{backend.region_name}:{backend.account_id}"
    return f"arn:{get_partition(backend.region_name)}:sagemaker:{place}:{resource}/{name}"


def _complete(source: Mapping[str, Any]) -> dict[str, Any]:
    return {"S3InputMode": "File", "S3DataDistributionType": "FullyReplicated", **source}


def _inputs(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A definition's inputs, with what SageMaker fills in."""
    return {
        key: _complete(value) if key.endswith("Input") and "LocalPath" in value else value
        for key, value in asked.items()
    }


def _outputs(asked: Mapping[str, Any]) -> dict[str, Any]:
    listed = [{"S3Output": {"S3UploadMode": "EndOfJob", **one["S3Output"]}} for one in asked["MonitoringOutputs"]]
    return {**asked, "MonitoringOutputs": listed}


def _watches(backend: Any, inputs: Mapping[str, Any]) -> str | None:
    """The endpoint that the inputs name. Raises `ValidationError` where it can't be watched."""
    given = [name for name in ("EndpointInput", "BatchTransformInput") if inputs.get(name)]
    if len(given) != 1:
        raise ValidationError("Exactly one of EndpointInput and BatchTransformInput must be given.")
    if given == ["BatchTransformInput"]:
        return None
    name = inputs["EndpointInput"]["EndpointName"]
    endpoint = backend.endpoints.get(name)
    if endpoint is None:
        raise ValidationError(f'Could not find endpoint "{_arn(backend, "endpoint", name)}".')
    config = backend.endpoint_configs.get(endpoint.endpoint_config_name)
    capture = (config.data_capture_config if config else endpoint.data_capture_config) or {}
    if not capture.get("EnableCapture", bool(capture)):
        raise ValidationError(f'Data capture is not enabled for endpoint "{name}".')
    return name


def _create(kind: str) -> Callable[[Any], ActionResult]:
    def create(self: Any) -> ActionResult:
        backend, asked = self.sagemaker_backend, self._get_params()
        name = asked["JobDefinitionName"]
        if name in _definitions(backend, kind):
            raise ResourceInUseException(f"Job definition {name} of type {kind} already exists.")
        endpoint = _watches(backend, asked[f"{kind}JobInput"])
        arn = _arn(backend, f"{KINDS[kind].replace('_', '-')}-job-definition", name)
        shown = {
            "StoppingCondition": {"MaxRuntimeInSeconds": cadence.USUAL_RUNTIME},
            **{key: value for key, value in asked.items() if key != "Tags"},
            f"{kind}JobInput": _inputs(asked[f"{kind}JobInput"]),
            f"{kind}JobOutputConfig": _outputs(asked[f"{kind}JobOutputConfig"]),
            "JobDefinitionArn": arn,
            "CreationTime": utcnow(),
        }
        if endpoint:
            shown["EndpointName"] = endpoint
        _definitions(backend, kind)[name] = _Kept(arn, shown, asked.get("Tags") or [])
        return ActionResult({"JobDefinitionArn": arn})

    return create


def _definition(backend: Any, kind: str, name: str) -> _Kept:
    found = _definitions(backend, kind).get(name)
    if found is None:
        raise ResourceNotFound(f"Could not find job definition {name} of type {kind}.")
    return found


def _describe(kind: str) -> Callable[[Any], ActionResult]:
    def describe(self: Any) -> ActionResult:
        kept = _definition(self.sagemaker_backend, kind, str(self._get_param("JobDefinitionName")))
        return ActionResult(kept.shown)

    return describe


def _list(kind: str) -> Callable[[Any], ActionResult]:
    def listed(self: Any) -> ActionResult:
        endpoint, part = self._get_param("EndpointName"), self._get_param("NameContains") or ""
        summaries = [
            {
                "MonitoringJobDefinitionName": name,
                "MonitoringJobDefinitionArn": kept.shown["JobDefinitionArn"],
                "CreationTime": kept.shown["CreationTime"],
                "EndpointName": kept.shown.get("EndpointName", ""),
            }
            for name, kept in sorted(_definitions(self.sagemaker_backend, kind).items())
            if part in name and endpoint in (None, kept.shown.get("EndpointName"))
        ]
        return ActionResult({"JobDefinitionSummaries": summaries})

    return listed


def _delete(kind: str) -> Callable[[Any], EmptyResult]:
    def delete(self: Any) -> EmptyResult:
        name = str(self._get_param("JobDefinitionName"))
        _definition(self.sagemaker_backend, kind, name)
        del _definitions(self.sagemaker_backend, kind)[name]
        return EmptyResult()

    return delete


def _scheduled(backend: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """What a schedule shows of its configuration. Raises `ValidationError` where SageMaker refuses it."""
    name, inline = config.get("MonitoringJobDefinitionName"), config.get("MonitoringJobDefinition")
    kind = config.get("MonitoringType") or "DataQuality"
    if bool(name) == bool(inline):
        raise ValidationError("Give exactly one of MonitoringJobDefinition and MonitoringJobDefinitionName.")
    if inline:
        (inputs,) = inline["MonitoringInputs"]
        config = {
            **config,
            "MonitoringJobDefinition": {
                **inline,
                "MonitoringInputs": [_inputs(inputs)],
                "MonitoringOutputConfig": _outputs(inline["MonitoringOutputConfig"]),
            },
        }
        endpoint = _watches(backend, inputs)
        limit = inline.get("StoppingCondition") or {}
    else:
        found = _definitions(backend, kind).get(str(name))
        if found is None:
            raise ValidationError(f'Could not find job definition "{name}" of type {kind}.')
        endpoint, limit = found.shown.get("EndpointName"), found.shown["StoppingCondition"]
    expression = (config.get("ScheduleConfig") or {}).get("ScheduleExpression")
    if expression:
        longest = cadence.longest_run(kind, expression)
        seconds = limit.get("MaxRuntimeInSeconds", min(cadence.USUAL_RUNTIME, longest or 0))
        if longest is None:
            raise ValidationError(f"Unsupported schedule expression: {expression}")
        if seconds > longest:
            raise ValidationError(
                f"MaxRuntimeInSeconds {seconds} exceeds the {longest} that {expression} leaves to {kind}."
            )
    shown = {"MonitoringScheduleConfig": dict(config), "MonitoringType": kind, "LastModifiedTime": utcnow()}
    return {**shown, "EndpointName": endpoint} if endpoint else shown


def _schedule(response: Any) -> _Kept:
    name = str(response._get_param("MonitoringScheduleName"))
    found = _schedules(response.sagemaker_backend).get(name)
    if found is None:
        raise ResourceNotFound(f"Monitoring Schedule {name} does not exist.")
    return found


def create_monitoring_schedule(self: Any) -> ActionResult:
    """CreateMonitoringSchedule: scheduled at once."""
    backend, asked = self.sagemaker_backend, self._get_params()
    name = asked["MonitoringScheduleName"]
    if name in _schedules(backend):
        raise ResourceInUseException(f"Monitoring Schedule {name} already exists.")
    arn = _arn(backend, "monitoring-schedule", name)
    shown = {
        "MonitoringScheduleArn": arn,
        "MonitoringScheduleName": name,
        "MonitoringScheduleStatus": "Scheduled",
        "CreationTime": utcnow(),
        **_scheduled(backend, asked["MonitoringScheduleConfig"]),
    }
    _schedules(backend)[name] = _Kept(arn, shown, asked.get("Tags") or [])
    return ActionResult({"MonitoringScheduleArn": arn})


def describe_monitoring_schedule(self: Any) -> ActionResult:
    """DescribeMonitoringSchedule."""
    return ActionResult(_schedule(self).shown)


def update_monitoring_schedule(self: Any) -> ActionResult:
    """UpdateMonitoringSchedule: the whole configuration anew."""
    shown = _schedule(self).shown
    now = _scheduled(self.sagemaker_backend, self._get_param("MonitoringScheduleConfig"))
    shown.pop("EndpointName", None)
    shown.update(now)
    return ActionResult({"MonitoringScheduleArn": shown["MonitoringScheduleArn"]})


def start_monitoring_schedule(self: Any) -> EmptyResult:
    """StartMonitoringSchedule."""
    _schedule(self).shown["MonitoringScheduleStatus"] = "Scheduled"
    return EmptyResult()


def stop_monitoring_schedule(self: Any) -> EmptyResult:
    """StopMonitoringSchedule."""
    _schedule(self).shown["MonitoringScheduleStatus"] = "Stopped"
    return EmptyResult()


def delete_monitoring_schedule(self: Any) -> EmptyResult:
    """DeleteMonitoringSchedule; its definition stays."""
    name = _schedule(self).shown["MonitoringScheduleName"]
    del _schedules(self.sagemaker_backend)[name]
    return EmptyResult()


_SUMMARY: Final = (
    *("MonitoringScheduleName", "MonitoringScheduleArn", "CreationTime", "LastModifiedTime"),
    *("MonitoringScheduleStatus", "EndpointName", "MonitoringType"),
)
_FILTERS: Final = {
    "EndpointName": "EndpointName",
    "StatusEquals": "MonitoringScheduleStatus",
    "MonitoringTypeEquals": "MonitoringType",
    "MonitoringJobDefinitionName": "MonitoringJobDefinitionName",
}


def list_monitoring_schedules(self: Any) -> ActionResult:
    """ListMonitoringSchedules, by any of its filters but those on times."""
    part = self._get_param("NameContains") or ""
    wanted = {member: self._get_param(asked) for asked, member in _FILTERS.items() if self._get_param(asked)}
    summaries: list[dict[str, Any]] = []
    for name, kept in sorted(_schedules(self.sagemaker_backend).items()):
        summary = {member: kept.shown[member] for member in _SUMMARY if member in kept.shown}
        definition = kept.shown["MonitoringScheduleConfig"].get("MonitoringJobDefinitionName")
        if definition:
            summary["MonitoringJobDefinitionName"] = definition
        if part in name and all(summary.get(member) == value for member, value in wanted.items()):
            summaries.append(summary)
    return ActionResult({"MonitoringScheduleSummaries": summaries})


def list_monitoring_executions(self: Any) -> ActionResult:
    """ListMonitoringExecutions: none, since nothing runs."""
    return ActionResult({"MonitoringExecutionSummaries": []})


def _of_arn(backend: SageMakerModelBackend, arn: str) -> Any:
    name = arn.rpartition("/")[2]
    if name not in _schedules(backend):
        raise ResourceNotFound(f"Monitoring Schedule {name} does not exist.")
    return _schedules(backend)[name]


def _found(others: Callable[[Any], Iterator[TaggedResource]]) -> Callable[[Any], Iterator[TaggedResource]]:
    """What the tagging API finds of SageMaker's, schedules included."""

    def found(self: Any) -> Iterator[TaggedResource]:
        yield from others(self)
        for kept in _schedules(self).values():
            tags = {tag["Key"]: tag["Value"] for tag in kept.tags}
            yield TaggedResource(arn=kept.arn, tags=tags, resource_type="sagemaker:monitoring-schedule")

    return found


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    tagged(_MARK, _of_arn)
    if not hasattr(SageMakerResponse, create_monitoring_schedule.__name__):
        found = _found(SageMakerModelBackend.iter_tagged_resources)
        SageMakerModelBackend.iter_tagged_resources = found  # type: ignore[method-assign]
    for kind, of in KINDS.items():
        setattr(SageMakerResponse, f"create_{of}_job_definition", _create(kind))
        setattr(SageMakerResponse, f"describe_{of}_job_definition", _describe(kind))
        setattr(SageMakerResponse, f"list_{of}_job_definitions", _list(kind))
        setattr(SageMakerResponse, f"delete_{of}_job_definition", _delete(kind))
    for operation in (
        create_monitoring_schedule,
        describe_monitoring_schedule,
        update_monitoring_schedule,
        start_monitoring_schedule,
        stop_monitoring_schedule,
        delete_monitoring_schedule,
        list_monitoring_schedules,
        list_monitoring_executions,
    ):
        setattr(SageMakerResponse, operation.__name__, operation)
