"""SageMaker's monitors: schedules, their expressions and runtimes, and what definitions of each kind need."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from modelyard_sandbox.grammar import cadence
from modelyard_sandbox.knowledge.rules.rule import Rule, exactly_one, known
from modelyard_sandbox.knowledge.values import UNKNOWN, contains_unknown

_SCHEDULE = "aws:sagemaker/monitoringSchedule:MonitoringSchedule"
_DATA_QUALITY = "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition"
_KINDS = ("ModelQuality", "ModelBias", "ModelExplainability")

_PAGES = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/"
_CONFIG = f"{_PAGES}API_MonitoringScheduleConfig.html"
_EXPRESSION = f"{_PAGES}API_ScheduleConfig.html"
_RUNTIME = f"{_PAGES}API_MonitoringStoppingCondition.html"
_INPUT = f"{_PAGES}API_MonitoringInput.html"
_FORMAT = f"{_PAGES}API_MonitoringDatasetFormat.html"
_OFFSETS = "https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-schedule.html"

_DURATION: Final = re.compile(r"(?P<back>-?)P(?=.)(?:(?P<D>\d+)D)?(?:T(?=.)(?:(?P<H>\d+)H)?(?:(?P<M>\d+)M)?)?")
_MINUTES: Final = {"D": 1440, "H": 60, "M": 1}


def _expression(text: str) -> str | None:
    if contains_unknown(text) or cadence.interval(text) is not None:
        return None
    return f"{text!r}: monitors run every hour, cron(0 * ? * * *), every few, cron(0 0/6 ? * * *), or daily"


def _in_time(config: Mapping[str, Any]) -> str | None:
    """Of a definition inside the schedule; that of a named one is known when the schedule is made."""
    schedule, definition = known(config, "scheduleConfig"), known(config, "monitoringJobDefinition")
    kind = known(config, "monitoringType")
    if not isinstance(schedule, Mapping) or not isinstance(definition, Mapping) or kind is None:
        return None
    expression, limits = known(schedule, "scheduleExpression"), known(definition, "stoppingConditions")
    if expression is None or not isinstance(limits, list) or not limits or not isinstance(limits[0], Mapping):
        return None
    seconds, longest = known(limits[0], "maxRuntimeInSeconds"), cadence.longest_run(kind, expression)
    if seconds is None or longest is None or seconds <= longest:
        return None
    return f"a run of {seconds} s; {expression} leaves {longest} s to a monitor of {kind}"


def _minutes(offset: str) -> int | None:
    found = _DURATION.fullmatch(offset)
    if not found:
        return None
    total = sum(int(found[unit] or 0) * minutes for unit, minutes in _MINUTES.items())
    return -total if found["back"] else total


def _offset(text: str) -> str | None:
    if contains_unknown(text) or _minutes(text) is not None:
        return None
    return f"{text!r} is no ISO 8601 duration such as -PT3H or -P1D"


def _window(start: str, end: str) -> Callable[[Any], str | None]:
    def refuses(source: Mapping[str, Any]) -> str | None:
        begins, ends = known(source, start), known(source, end)
        if begins is None or contains_unknown([begins, ends]):
            return None
        first, last = _minutes(begins), _minutes(ends or "PT0H")
        if first is None or last is None or first < last:
            return None
        return f"the data from {begins} to {ends or 'PT0H'} is empty: start before the end"

    return refuses


def _judged(definition: Mapping[str, Any]) -> str | None:
    """What model quality compares with the labels."""
    application, inputs = known(definition, "ModelQualityAppSpecification"), known(definition, "ModelQualityJobInput")
    if not isinstance(application, Mapping) or not isinstance(inputs, Mapping):
        return None
    source = known(inputs, "EndpointInput") or known(inputs, "BatchTransformInput")
    problem = known(application, "ProblemType")
    if not isinstance(source, Mapping) or problem in (None, UNKNOWN) or "InferenceAttribute" in source:
        return None
    if problem == "BinaryClassification" and "ProbabilityAttribute" in source:
        return None
    wanted = "InferenceAttribute or ProbabilityAttribute" if problem == "BinaryClassification" else "InferenceAttribute"
    return f"the quality of {problem} needs {wanted}"


def _one_format(form: Any) -> str | None:
    """The schema leaves open what a format is."""
    return exactly_one("Csv", "Json", "Parquet")(form) if isinstance(form, Mapping) else "is no object"


_SOURCES: Final = ("EndpointInput", "BatchTransformInput")


def _of_definition(kind: str) -> list[Rule]:
    """Rules of a definition that Cloud Control makes."""
    token, given = f"AWS::SageMaker::{kind}JobDefinition", f"{kind}JobInput"
    rules = [Rule(token, given, exactly_one(*_SOURCES), _INPUT)]
    rules.append(Rule(token, f"{given}.BatchTransformInput.DatasetFormat", _one_format, _FORMAT))
    if kind in cadence.NEEDS_LABELS:
        for source in _SOURCES:
            rules.append(Rule(token, f"{given}.{source}.StartTimeOffset", _offset, _OFFSETS))
            rules.append(Rule(token, f"{given}.{source}.EndTimeOffset", _offset, _OFFSETS))
            rules.append(Rule(token, f"{given}.{source}", _window("StartTimeOffset", "EndTimeOffset"), _OFFSETS))
    return rules


_INLINE: Final = "monitoringScheduleConfig.monitoringJobDefinition"
RULES: Sequence[Rule] = (
    Rule(_SCHEDULE, "monitoringScheduleConfig.scheduleConfig.scheduleExpression", _expression, _EXPRESSION),
    Rule(
        _SCHEDULE,
        "monitoringScheduleConfig",
        exactly_one("monitoringJobDefinition", "monitoringJobDefinitionName"),
        _CONFIG,
    ),
    Rule(_SCHEDULE, "monitoringScheduleConfig", _in_time, _RUNTIME),
    Rule(_SCHEDULE, f"{_INLINE}.monitoringInputs", exactly_one("endpointInput", "batchTransformInput"), _INPUT),
    *(
        rule
        for source in ("endpointInput", "batchTransformInput")
        for rule in (
            Rule(_SCHEDULE, f"{_INLINE}.monitoringInputs.{source}.startTimeOffset", _offset, _OFFSETS),
            Rule(_SCHEDULE, f"{_INLINE}.monitoringInputs.{source}.endTimeOffset", _offset, _OFFSETS),
            Rule(
                _SCHEDULE,
                f"{_INLINE}.monitoringInputs.{source}",
                _window("startTimeOffset", "endTimeOffset"),
                _OFFSETS,
            ),
        )
    ),
    Rule(_DATA_QUALITY, "dataQualityJobInput", exactly_one("endpointInput", "batchTransformInput"), _INPUT),
    Rule(_DATA_QUALITY, "dataQualityJobInput.batchTransformInput.datasetFormat", exactly_one("csv", "json"), _FORMAT),
    *(rule for kind in _KINDS for rule in _of_definition(kind)),
    Rule("AWS::SageMaker::ModelQualityJobDefinition", "", _judged, _OFFSETS),
)
