"""What SageMaker's jobs cost in a month: those that a stack writes, as often as its schedules start them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelyard.assess.cost.bill import HOURS, Estimate, Line, Meter, Unknown
from modelyard.assess.cost.resting import SCHEDULE
from modelyard.assess.policy.documents import read
from modelyard.assess.policy.jobs import Job, Kind, jobs
from modelyard.assess.policy.rule import Undecided
from modelyard.assess.policy.subject import Stack, Subject
from modelyard.assess.policy.types import (
    DATA_QUALITY_JOB,
    MONITORING_SCHEDULE,
    MONITORING_SCHEDULE_BY_CONTROL,
    PIPELINE,
    STATE_MACHINE,
    TRAINING_JOB,
    TUNING_JOB,
)
from modelyard.blueprints.usage import Range
from modelyard.run.retraining.clock import Pace, pace

Found = Iterator[Line | Unknown]
_RULE: Final = "aws:cloudwatch/eventRule:EventRule"
_TARGET: Final = "aws:cloudwatch/eventTarget:EventTarget"
_STARTED: Final = ("StateMachineArn", "PipelineName")
"""What a state says of the machine or the pipeline that it starts."""
_CHECKS_DATA: Final = "glue:startDataQualityRulesetEvaluationRun"
_GLUE_WORKERS: Final = 5
"""Workers of such a run where nothing is said (glue/latest/webapi/API_StartDataQualityRulesetEvaluationRun)."""
_BILLED_AS: Final[Mapping[Kind, str]] = {
    Kind.PROCESSING: "sagemaker-processing",
    Kind.TRAINING: "sagemaker-training",
    Kind.TRANSFORM: "sagemaker-hosting",
}
"""The service of the price table; an hour of a transform job costs what one of an endpoint does."""
_DEFINED: Final = (
    DATA_QUALITY_JOB,
    "AWS::SageMaker::DataQualityJobDefinition",
    "AWS::SageMaker::ModelBiasJobDefinition",
    "AWS::SageMaker::ModelExplainabilityJobDefinition",
    "AWS::SageMaker::ModelQualityJobDefinition",
)
_UNCOUNTED: Final = "how often its schedule starts it isn't counted here"
_MOST_STARTS: Final = 31 * 24 * 60


def _machine(subject: Subject, meter: Meter) -> Found:
    yield meter.takes("stepfunctions", "standard state transitions", meter.usage.transitions_k)
    yield from _data_checks(subject, meter)
    yield from _written(subject, meter)


def _states(definition: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Each state of a definition, those of its branches and maps among them."""
    for state in definition.get("States", {}).values():
        yield state
        for inner in (*state.get("Branches", ()), state.get("ItemProcessor", {}), state.get("Iterator", {})):
            yield from _states(inner)


def _said(state: Mapping[str, Any]) -> Mapping[str, Any]:
    return state.get("Arguments", state.get("Parameters", {}))


def _data_checks(subject: Subject, meter: Meter) -> Found:
    """Glue's runs of data quality rules; a worker is one DPU."""
    for state in _states(read(subject, "definition")):
        if _CHECKS_DATA not in str(state.get("Resource", "")):
            continue
        runs = _runs(subject, meter)
        if runs is None:
            yield Unknown(subject.node.urn, "glue: data quality", _UNCOUNTED)
            return
        said = _said(state)
        workers, minutes = said.get("NumberOfWorkers", _GLUE_WORKERS), said.get("Timeout")
        hours = _within(meter.usage.job_hours, minutes / 60 if minutes else None)
        amount = Range(low=runs.low * hours.low * workers, high=runs.high * hours.high * workers)
        yield meter.takes("glue", "etl job", amount, assumes=_told(runs, hours, workers))


def _runs(subject: Subject, meter: Meter) -> Range | None:
    scheduled = starts(subject)
    if scheduled is None:
        return None
    others = meter.usage.started_runs
    return Range(low=scheduled + others.low, high=scheduled + others.high)


def _told(runs: Range, hours: Range, machines: float) -> str:
    return f"{runs.low:g} to {runs.high:g} runs of {hours.low:g} to {hours.high:g} hours on {machines:g}"


def _written(subject: Subject, meter: Meter) -> Found:
    """Each job that a state machine or a pipeline writes, as often as those run."""
    found = list(jobs(subject, *Kind))
    if not found:
        return
    runs = _runs(subject, meter)
    if runs is None:
        yield Unknown(subject.node.urn, "sagemaker: jobs", _UNCOUNTED)
        return
    for job in found:
        yield from _job(subject, meter, job, runs)


def _once(subject: Subject, meter: Meter) -> Found:
    """A job that is a resource runs once, when it is made."""
    for job in jobs(subject, *Kind):
        yield from _job(subject, meter, job, Range(low=1, high=1))


def _job(subject: Subject, meter: Meter, job: Job, runs: Range) -> Found:
    if job.kind is Kind.TUNING:
        yield Unknown(subject.node.urn, "sagemaker: tuning", "how many jobs it starts isn't counted here")
        return
    try:
        machines = list(job.machines())
    except Undecided as open_:
        yield Unknown(subject.node.urn, f"sagemaker: {job.kind}", f"{open_.path} is told by the run")
        return
    hours = _within(meter.usage.job_hours, _limit(job))
    for each in machines:
        amount = Range(low=runs.low * hours.low * each.count, high=runs.high * hours.high * each.count)
        yield meter.takes(_BILLED_AS[job.kind], each.type, amount, assumes=_told(runs, hours, each.count))


def _limit(job: Job) -> float | None:
    """Hours after which SageMaker stops a job; None where nothing says so, or only the run tells it."""
    try:
        seconds = job.get("StoppingCondition.MaxRuntimeInSeconds")
    except Undecided:
        return None
    return seconds / 3600 if isinstance(seconds, int | float) else None


def _within(hours: Range, limit: float | None) -> Range:
    if limit is None:
        return hours
    return Range(low=min(hours.low, limit), high=min(hours.high, limit))


def starts(subject: Subject) -> int | None:
    """How often schedules start a state machine or a pipeline in a month, by itself or through another one.

    None where an expression isn't counted. What events and people start isn't in it.
    """
    return _starts(subject, frozenset())


def _starts(subject: Subject, through: frozenset[str]) -> int | None:
    total = 0
    for expression in _expressions(subject):
        known = pace(expression)
        if known is None:
            return None
        total += known.a_month
    seen = through | {subject.node.urn}
    for starter in _starters(subject):
        if starter.node.urn not in seen:
            more = _starts(starter, seen)
            if more is None:
                return None
            total += more
    return total


def _starters(subject: Subject) -> Iterator[Subject]:
    """The state machines that start this one, or this pipeline."""
    known = {subject.node.outputs.get(name) for name in ("arn", "name", "pipelineName")} - {None}
    for urn, started in subject.stack.once(_started).items():
        if started & known:
            yield Subject(subject.stack, subject.stack.graph.by_urn[urn])


def _started(stack: Stack) -> dict[str, set[Any]]:
    """What each state machine starts."""
    found: dict[str, set[Any]] = {}
    for machine in stack.subjects(STATE_MACHINE):
        try:
            states = list(_states(read(machine, "definition")))
        except Undecided:
            continue
        named = (_said(state).get(key) for state in states for key in _STARTED)
        found[machine.node.urn] = {name for name in named if isinstance(name, str)}
    return found


def _expressions(subject: Subject) -> Iterator[str]:
    for schedule in subject.parts(SCHEDULE, "target"):
        if schedule.get("state", "ENABLED") == "ENABLED":
            yield str(schedule.get("scheduleExpression"))
    for target in subject.parts(_TARGET, "arn"):
        for rule in (Subject(subject.stack, node) for node in _nodes(target, "rule", _RULE)):
            expression = rule.get("scheduleExpression", "")
            if expression and rule.get("state", "ENABLED") != "DISABLED":
                yield str(expression)


def _nodes(subject: Subject, by: str, kind: str) -> Iterator[Any]:
    for urn in subject.node.property_dependencies.get(by, ()):
        node = subject.stack.graph.by_urn.get(urn)
        if node is not None and node.type == kind:
            yield node


def _schedule(subject: Subject, meter: Meter) -> Found:
    expression = str(subject.get("scheduleExpression"))
    known = Pace(0, 1) if expression.startswith("at(") else pace(expression)
    times = Range(low=known.a_month, high=known.a_month) if known else Range(low=0, high=_MOST_STARTS)
    yield meter.takes("scheduler", "invocations", times, per=1e-6, assumes=f"{times.high:g} starts a month at most")


def _monitoring_schedule(subject: Subject, meter: Meter) -> Found:
    """A schedule of SageMaker's own: the job definition that it names, as often as it says."""
    cloud_control = subject.node.kind == MONITORING_SCHEDULE_BY_CONTROL
    base, job, at = (
        ("MonitoringScheduleConfig", "MonitoringJobDefinitionName", "ScheduleConfig.ScheduleExpression")
        if cloud_control
        else ("monitoringScheduleConfig", "monitoringJobDefinitionName", "scheduleConfig.scheduleExpression")
    )
    known = pace(str(subject.get(f"{base}.{at}", "")))
    name = subject.get(f"{base}.{job}", "")
    definition = next((each for each in subject.stack.subjects(*_DEFINED) if name and name in _called(each)), None)
    if known is None or definition is None:
        yield Unknown(subject.node.urn, "sagemaker: monitoring", "its job or its rhythm isn't in the stack")
        return
    cluster, count, kind, most = (
        ("JobResources.ClusterConfig", "InstanceCount", "InstanceType", "StoppingCondition.MaxRuntimeInSeconds")
        if definition.node.kind.startswith("AWS::")
        else ("jobResources.clusterConfig", "instanceCount", "instanceType", "stoppingCondition.maxRuntimeInSeconds")
    )
    limit = definition.get(most)
    hours = _within(meter.usage.job_hours, limit / 3600 if limit else None)
    machines = definition.get(f"{cluster}.{count}", 1) * known.a_month
    yield meter.takes(
        _BILLED_AS[Kind.PROCESSING],
        str(definition.get(f"{cluster}.{kind}")),
        Range(low=hours.low * machines, high=hours.high * machines),
        assumes=f"{known.a_month:g} runs of {hours.low:g} to {hours.high:g} hours",
    )


def _called(definition: Subject) -> set[Any]:
    node = definition.node
    return {definition.get("name"), definition.get("JobDefinitionName"), node.outputs.get("name")}


def _space(subject: Subject, meter: Meter) -> Found:
    yield meter.takes("sagemaker", "studio notebook ml.t3.medium", meter.usage.workbench_hours)
    size = subject.get("spaceSettings.spaceStorageSettings.ebsStorageSettings.ebsVolumeSizeInGb", 5)
    yield meter.takes("sagemaker", "ml storage gp2 training/hosting/notebook", size)


def _notebook(subject: Subject, meter: Meter) -> Found:
    kind = str(subject.get("instanceType"))
    hours = Range(low=meter.usage.workbench_hours.low, high=HOURS)
    yield meter.takes("sagemaker-hosting", kind, hours, assumes="from the hours of a workbench to all hours")
    yield meter.takes("sagemaker", "ml storage gp2 training/hosting/notebook", subject.get("volumeSize", 5))


ESTIMATES: Final[Mapping[str, Estimate]] = {
    MONITORING_SCHEDULE: _monitoring_schedule,
    MONITORING_SCHEDULE_BY_CONTROL: _monitoring_schedule,
    PIPELINE: _written,
    SCHEDULE: _schedule,
    STATE_MACHINE: _machine,
    TRAINING_JOB: _once,
    TUNING_JOB: _once,
    "aws:sagemaker/notebookInstance:NotebookInstance": _notebook,
    "aws:sagemaker/space:Space": _space,
}
"""By resource type."""
