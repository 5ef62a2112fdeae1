"""A training pipeline as a state machine.

Source: the Amazon States Language, and step-functions/latest/dg/connect-sagemaker.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from modelyard.build.pipelines import graph, requests
from modelyard.build.pipelines.requests import Given, Joined, Made, Places, Reference, Run, Started
from modelyard.build.pipelines.spec import PipelineSpec
from modelyard.build.pipelines.steps import JobStep, RegisterStep, TrainStep
from modelyard.core.events import PipelineEnded, source_of

FAILED: Final = "StepFailed"
"""The error of a run that failed: names of the service's own, such as States.Timeout, are in its cause alone."""
_BUSY: Final = ("SageMaker.ResourceLimitExceededException", "SageMaker.ThrottlingException")
_FLAKY: Final = ("Lambda.ServiceException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException")
_START_SECONDS: Final = 3600
"""How much longer than its job a task may take: machines are found, images and data brought, results put away."""
_FUNCTION_SECONDS: Final = 930
_UNIQUE: Final = "States.ArrayGetItem(States.StringSplit(States.UUID(), '-'), 0)"


def definition(spec: PipelineSpec, places: Places, *, bus: str = "", team: str = "") -> dict[str, Any]:
    """The state machine; `bus`: where its end is told, as an event of `team`. Absent: nowhere.

    A run's state has `run`, `parameters`, and `steps`, where each step leaves its outputs.
    """
    body = _Body(spec, places)
    first, states = body.chain(graph.arranged(spec.needs), end="TellSuccess" if bus else "Done", done=[])
    for state in states.values():
        failed = "TellFailure" if bus else "Failed"
        state["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": failed}]
    told = {}
    if bus:
        told = {
            "TellSuccess": {**_tell(places.pipeline, "succeeded", bus, team), "Next": "Done"},
            "TellFailure": {
                **_tell(places.pipeline, "failed", bus, team),
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Failed"}],
                "Next": "Failed",
            },
        }
    return {
        "Comment": spec.description or f"Training pipeline {places.pipeline}",
        "StartAt": "Begin",
        "States": {
            "Begin": {
                "Type": "Pass",
                "Parameters": {"defaults": requests.defaults(spec), "input.$": "$$.Execution.Input"},
                "Next": "Know",
            },
            "Know": {
                "Type": "Pass",
                "Parameters": {
                    "run.$": "$$.Execution.Name",
                    "parameters.$": "States.JsonMerge($.defaults, $.input, false)",
                    "steps": {},
                },
                "Next": first,
            },
            **states,
            **told,
            "Done": {"Type": "Succeed"},
            "Failed": {"Type": "Fail", "Error": FAILED, "CausePath": "States.JsonToString($.error)"},
        },
    }


class _Body:
    """The states of the steps themselves."""

    def __init__(self, spec: PipelineSpec, places: Places) -> None:
        self._spec, self._places = spec, places
        self._parallel = 0

    def chain(self, part: graph.Sequence, *, end: str, done: list[str]) -> tuple[str, dict[str, Any]]:
        """The first state's name, and the states that run one after the other until `end`; none: they end there.

        `done` holds the steps that have ended before, and grows.
        """
        names: list[str] = []
        states: dict[str, Any] = {}
        for each in part.parts:
            made = self._tasks(each) if isinstance(each, str) else dict([self._branches(each, done)])
            done += [each] if isinstance(each, str) else []
            names += made
            states |= made
        for name, following in zip(names, [*names[1:], end], strict=True):
            states[name] |= {"Next": following} if following else {"End": True}
        return names[0], states

    def _branches(self, part: graph.Parallel, done: list[str]) -> tuple[str, dict[str, Any]]:
        self._parallel += 1
        name, known, branches = f"Parallel{self._parallel}", list(done), list[dict[str, Any]]()
        where = {_key(step): "$[0]" for step in known}
        for index, branch in enumerate(part.branches):
            within = list(known)
            first, states = self.chain(branch, end="", done=within)
            branches.append({"StartAt": first, "States": states})
            new = within[len(known) :]
            where |= {_key(step): f"$[{index}]" for step in new}
            done += new
        return name, {
            "Type": "Parallel",
            "Branches": branches,
            "ResultSelector": {f"{step}.$": f"{branch}.steps.{step}" for step, branch in where.items()},
            "ResultPath": "$.steps",
        }

    def _tasks(self, name: str) -> dict[str, Any]:
        """The states of a step, in their order."""
        step = self._spec.steps[name]
        if not isinstance(step, RegisterStep):
            return {name: self._job(name, step)}
        told = requests.registration(name, step, self._spec)
        answer = {"outputs": {"package.$": "$.Payload.package"}}
        kept = {"ResultSelector": answer, "ResultPath": f"$.steps.{_key(name)}"}
        states = {name: {**self._invoke(self._places.registrar, told), **kept}}
        if step.report is not None and name in self._places.gated:
            told = requests.results(name, step.report)
            states[f"{name}{requests.GATES}"] = {**self._invoke(self._places.reporter, told), "ResultPath": None}
        return states

    def _job(self, name: str, step: JobStep) -> dict[str, Any]:
        places, pool = self._places, self._places.pool
        if isinstance(step, TrainStep):
            kind, request = "Training", requests.training(name, step, places)
            outputs = {"model.$": "$.ModelArtifacts.S3ModelArtifacts"}
            longest = max(request["StoppingCondition"].values())
        else:
            kind, request = "Processing", requests.processing(name, step, places)
            place = "$.ProcessingOutputConfig.Outputs[{}].S3Output.S3Uri"
            outputs = {f"{_key(output)}.$": place.format(index) for index, output in enumerate(step.outputs)}
            longest = request["StoppingCondition"]["MaxRuntimeInSeconds"]
        prefix = requests.job_prefix(places, name)
        named = {f"{kind}JobName.$": f"States.Format('{prefix}-{{}}', {_UNIQUE})"}
        state: dict[str, Any] = {
            "Type": "Task",
            "Resource": f"arn:{_partition(pool.role_arn)}:states:::sagemaker:create{kind}Job.sync",
            "Parameters": {**named, **_written(request)},
            "ResultSelector": {"job.$": f"$.{kind}JobName", "outputs": outputs},
            "ResultPath": f"$.steps.{_key(name)}",
            "TimeoutSeconds": longest + _START_SECONDS,
            "Retry": [_retry(_BUSY, 6)],
        }
        if step.retries:
            state["Retry"].append(_retry(("States.TaskFailed",), step.retries))
        return state

    @staticmethod
    def _invoke(function: str, told: dict[str, Any]) -> dict[str, Any]:
        return {
            "Type": "Task",
            "Resource": f"arn:{_partition(function)}:states:::lambda:invoke",
            "Parameters": {"FunctionName": function, "Payload": _written(told)},
            "TimeoutSeconds": _FUNCTION_SECONDS,
            "Retry": [_retry(_FLAKY, 4)],
        }


def expression(reference: Reference) -> str:
    """A reference as a path or an intrinsic function."""
    match reference:
        case Run():
            return "$.run"
        case Started():
            return "$$.Execution.StartTime"
        case Given(name):
            return f"$.parameters.{name}"
        case Made(step, output):
            return f"$.steps.{_key(step)}.outputs.{_key(output)}"
        case Joined(parts):
            text = "".join(_escaped(part) if isinstance(part, str) else "{}" for part in parts)
            values = ", ".join(expression(part) for part in parts if not isinstance(part, str))
            return f"States.Format('{text}', {values})"


def _written(request: Any) -> Any:
    """The request as a payload template: a key whose value is a reference ends in `.$`."""
    if isinstance(request, dict):
        return {
            f"{key}.$" if isinstance(value, requests.REFERENCES) else key: (
                expression(value) if isinstance(value, requests.REFERENCES) else _written(value)
            )
            for key, value in request.items()  # pyright: ignore[reportUnknownVariableType]
        }
    if isinstance(request, list):
        return [_written(value) for value in request]  # pyright: ignore[reportUnknownVariableType]
    return request


def _escaped(text: str) -> str:
    """As a string of an intrinsic function takes it (step-functions/latest/dg/intrinsic-functions)."""
    return re.sub(r"([\\'{}])", r"\\\1", text)


def _key(name: str) -> str:
    """A step's or output's name in a path, where a hyphen would need quotes; names have no underscores themselves."""
    return name.replace("-", "_")


def _partition(arn: str) -> str:
    return arn.split(":")[1]


def _retry(errors: Sequence[str], attempts: int) -> dict[str, Any]:
    return {"ErrorEquals": list(errors), "IntervalSeconds": 30, "MaxAttempts": attempts, "BackoffRate": 2}


def _tell(pipeline: str, outcome: str, bus: str, team: str) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "version": PipelineEnded.VERSION,
        "team": team,
        "at.$": "$$.State.EnteredTime",
        "pipeline": pipeline,
        "run.$": "$$.Execution.Name",
        "outcome": outcome,
    }
    if outcome == "failed":
        detail["reason.$"] = "$.error.Error"
    entry = {
        "EventBusName": bus,
        "Source": source_of(team),
        "DetailType": PipelineEnded.DETAIL_TYPE,
        "Detail": detail,
    }
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::events:putEvents",
        "Parameters": {"Entries": [entry]},
        "Retry": [_retry(("States.TaskFailed",), 4)],
        "ResultPath": None,
    }
