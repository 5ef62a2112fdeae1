"""What watches endpoints: monitoring jobs and their schedules, and alarms on what they find."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelyard.assess.policy.jobs import Kind, jobs
from modelyard.assess.policy.rule import Undecided
from modelyard.assess.policy.sagemaker import asked, cloudformation, endpoint_name, says, told
from modelyard.assess.policy.subject import Stack, Subject
from modelyard.assess.policy.types import (
    ALARM,
    DATA_QUALITY_JOB,
    MONITORING_SCHEDULE,
    MONITORING_SCHEDULE_BY_CONTROL,
    MONITORS,
    STATE_MACHINE,
)

DEFINITIONS: Final[Mapping[str, str]] = {
    DATA_QUALITY_JOB: "dataQuality",
    "AWS::SageMaker::DataQualityJobDefinition": "dataQuality",
    "AWS::SageMaker::ModelBiasJobDefinition": "modelBias",
    "AWS::SageMaker::ModelExplainabilityJobDefinition": "modelExplainability",
    "AWS::SageMaker::ModelQualityJobDefinition": "modelQuality",
}
"""Types of monitoring jobs' definitions, and with what names of their properties begin."""
SCHEDULES: Final = (MONITORING_SCHEDULE, MONITORING_SCHEDULE_BY_CONTROL)
RUNS_MONITORS: Final = (*DEFINITIONS, *SCHEDULES, STATE_MACHINE)
"""Types that say how monitoring jobs run; of state machines those of our monitors alone."""

_WITHIN: Final = "monitoringScheduleConfig.monitoringJobDefinition"
_FOUND_BY_MONITORS: Final = re.compile(r"/?aws/sagemaker/Endpoints/[a-z]+-metrics")
"""Namespaces of what monitoring jobs find (sagemaker/latest/dg/model-monitor-interpreting-cloudwatch)."""
_UNREAD: Final = "?"


@dataclass(frozen=True, slots=True)
class MonitoringJob:
    """How a monitoring job runs. `get` and `says` take pulumi-aws's paths, and `at` tells where they stand."""

    get: Callable[[str], Any]
    says: Callable[[str], bool]
    at: Callable[[str], str]
    volume: str
    output: str
    explains: bool = False


def monitoring_jobs(subject: Subject) -> Iterator[MonitoringJob]:
    """The monitoring jobs that a resource describes. Raises `Undecided`."""
    if subject.node.type == STATE_MACHINE:
        if any(up.type == MONITORS for up in subject.stack.graph.ancestors(subject.node)):
            yield from map(_of_machine, jobs(subject, Kind.PROCESSING))
    elif subject.node.kind in SCHEDULES:
        if says(subject, _WITHIN):
            yield _of(subject, f"{_WITHIN}.", "monitoringResources", "monitoringOutputConfig")
    else:
        begins = DEFINITIONS[subject.node.kind]
        explains = begins == "modelExplainability"
        yield _of(subject, "", "jobResources", f"{begins}JobOutputConfig", explains=explains)


def _of(subject: Subject, within: str, resources: str, output: str, *, explains: bool = False) -> MonitoringJob:
    return MonitoringJob(
        lambda path: told(subject, within + path),
        lambda path: says(subject, within + path),
        lambda path: asked(subject, within + path),
        f"{resources}.clusterConfig.volumeKmsKeyId",
        f"{output}.kmsKeyId",
        explains,
    )


def _of_machine(job: Any) -> MonitoringJob:
    return MonitoringJob(
        lambda path: job.get(cloudformation(path)),
        lambda path: job.says(cloudformation(path)),
        lambda path: job.at(cloudformation(path)),
        "processingResources.clusterConfig.volumeKmsKeyId",
        "processingOutputConfig.kmsKeyId",
    )


def is_watched(endpoint: Subject) -> bool:
    """Whether a scheduled job compares an endpoint's calls, or an alarm watches what such a job found.

    Raises `Undecided` where neither is seen and one can't be read yet.
    """
    name, stack = endpoint_name(endpoint), endpoint.stack
    scheduled = stack.once(_scheduled)
    if endpoint.node.urn in scheduled or name in scheduled:
        return True
    alarms = stack.once(_alarms)
    for alarm in (*alarms.get(name, ()), *alarms.get(endpoint.node.urn, ())):
        if _FOUND_BY_MONITORS.fullmatch(alarm.get("namespace", "")):
            return True
    for unread in (*scheduled.get(_UNREAD, ()), *alarms.get(_UNREAD, ())):
        raise Undecided(f"which endpoint {unread.name} watches,")
    return False


def _scheduled(stack: Stack) -> Mapping[str, list[Subject]]:
    """Schedules by the names, and the URNs, of what they look at."""
    found: dict[str, list[Subject]] = {}
    for schedule in stack.subjects(*SCHEDULES):
        for key in _looks_at(schedule):
            found.setdefault(key, []).append(schedule)
    return found


def _looks_at(schedule: Subject) -> Iterator[str]:
    try:
        if says(schedule, _WITHIN):
            inputs = f"{_WITHIN}.monitoringInputs"
            for path in (f"{inputs}.endpointInput.endpointName", f"{inputs}[0].endpointInput.endpointName"):
                yield told(schedule, path, "")
            yield from _pointed(schedule)
            return
        definition = _definition(schedule)
        if definition is None:
            yield _UNREAD
            return
        yield from _pointed(definition)
        begins = DEFINITIONS[definition.node.kind]
        yield told(definition, f"{begins}JobInput.endpointInput.endpointName", "")
    except Undecided:
        yield _UNREAD


def _definition(schedule: Subject) -> Subject | None:
    stack = schedule.stack
    for urn in _pointed(schedule):
        node = stack.graph.by_urn.get(urn)
        if node is not None and node.kind in DEFINITIONS:
            return Subject(stack, node)
    name = told(schedule, "monitoringScheduleConfig.monitoringJobDefinitionName", "")
    for subject in stack.subjects(*DEFINITIONS):
        try:
            if name and name in (subject.get("name"), subject.get("JobDefinitionName")):
                return subject
        except Undecided:
            continue
    return None


def _alarms(stack: Stack) -> Mapping[str, list[Subject]]:
    """Alarms by the endpoint that their metric is of: its name, or its URN."""
    found: dict[str, list[Subject]] = {}
    for alarm in stack.subjects(ALARM):
        keys = list(alarm.node.property_dependencies.get("dimensions", ()))
        try:
            keys += [str(alarm.get(f"dimensions.{each}", "")) for each in ("Endpoint", "EndpointName")]
        except Undecided:
            keys = keys or [_UNREAD]
        for key in dict.fromkeys(filter(None, keys)):
            found.setdefault(key, []).append(alarm)
    return found


def _pointed(subject: Subject) -> Iterator[str]:
    for urns in subject.node.property_dependencies.values():
        yield from urns
