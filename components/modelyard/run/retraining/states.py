"""Pieces of the loop's machine, each a state of the Amazon States Language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from modelyard.core.events import source_of

LOOKS: Final = 400
"""Looks at one thing, at most: a history holds 25,000 events, and a look makes eleven of them."""
LEAST_SECONDS: Final = 30
BUSY: Final = ("SageMaker.SageMakerException", "SageMaker.ThrottlingException", "States.Timeout")
ROLLOUT_SECONDS: Final = 28_800
"""As long as the service lets an update take (API_BlueGreenUpdatePolicy)."""
_SLACK_SECONDS: Final = 7_200
_FLAKY: Final = ("Lambda.ServiceException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException")

States = dict[str, dict[str, Any]]
"""States by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What the machine works with, by names that are known when it is made."""

    loop: str
    team: str
    function: str
    """The ARN of the loop's function."""
    pipeline: str
    """The ARN of the pipeline; `flavour` is what runs it, `step` the one that registers the model. Empty: the loop
    trains nothing, and brings versions that are registered."""
    flavour: Literal["step_functions", "sagemaker"]
    step: str
    endpoint: str
    """The physical name."""
    champion: str
    """The name of the parameter with the champion."""
    topic: str
    bus: str
    training_seconds: int
    gates_seconds: int
    approval_seconds: int | None
    """How long a person may take. None: the loop approves by itself."""

    @property
    def most_seconds(self) -> int:
        """How long a run may take in all."""
        parts = (self.training_seconds, self.gates_seconds, self.approval_seconds or 3_600, ROLLOUT_SECONDS)
        return sum(parts) + _SLACK_SECONDS


def every(seconds: int) -> int:
    """Seconds between two looks at what may take `seconds`."""
    return max(LEAST_SECONDS, -(-seconds // LOOKS))


def looks(seconds: int) -> int:
    """How often one looks within `seconds`."""
    return max(1, seconds // every(seconds))


def ask(
    places: Places, action: str, result: str, following: str, given: Mapping[str, Any], *, catch: str = "Broken"
) -> dict[str, Any]:
    """A call of the loop's function; its answer lies at `<result>.said`."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": places.function,
            "Payload": {"action": action, "execution.$": "$.execution", **given},
        },
        "ResultSelector": {"said.$": "$.Payload"},
        "ResultPath": result,
        "Retry": [_retry(_FLAKY)],
        "Catch": caught(catch),
        "Next": following,
    }


def task(
    resource: str,
    parameters: Mapping[str, Any],
    following: str,
    *,
    result: str | None,
    selector: Mapping[str, Any] | None = None,
    retry: Sequence[str] = ("States.TaskFailed",),
    catch: str = "Broken",
) -> dict[str, Any]:
    """A call of a service; `selector` chooses from its answer, and `result` is where that lies."""
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{resource}",
        "Parameters": dict(parameters),
        **({"ResultSelector": dict(selector)} if selector else {}),
        "ResultPath": result,
        "Retry": [_retry(retry)],
        "Catch": caught(catch),
        "Next": following,
    }


def delete_each(items: str, kind: Literal["Model", "EndpointConfig"], following: str) -> dict[str, Any]:
    """Delete things by name, one after the other; one that doesn't go keeps nothing else from going."""
    delete = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::aws-sdk:sagemaker:delete{kind}",
        "Parameters": {f"{kind}Name.$": "$.name"},
        "ResultPath": None,
        "Retry": [_retry(BUSY)],
        "Catch": caught("Left", None),
        "End": True,
    }
    return {
        "Type": "Map",
        "ItemsPath": items,
        "MaxConcurrency": 1,
        "ItemSelector": {"name.$": "$$.Map.Item.Value"},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": "Delete",
            "States": {"Delete": delete, "Left": {"Type": "Succeed"}},
        },
        "ResultPath": None,
        "Catch": caught(following, None),
        "Next": following,
    }


def tell(places: Places, kind: str, detail: str, following: str) -> dict[str, Any]:
    """An event on the platform's bus; one that doesn't go through ends nothing."""
    entry = {"EventBusName": places.bus, "Source": source_of(places.team), "DetailType": kind, "Detail.$": detail}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::events:putEvents",
        "Parameters": {"Entries": [entry]},
        "ResultPath": None,
        "Retry": [_retry(("States.TaskFailed",))],
        "Catch": caught(following, None),
        "Next": following,
    }


def mail(places: Places, said: str, following: str) -> dict[str, Any]:
    """A mail to the owner."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {
            "TopicArn": places.topic,
            "Subject.$": f"{said}.subject",
            "Message.$": f"{said}.message",
        },
        "ResultPath": None,
        "Retry": [_retry(("States.TaskFailed",))],
        "Next": following,
    }


def ends_as_told(outcome: str, answer: str, following: str = "End") -> dict[str, Any]:
    """The end as the function's answer gives it."""
    return _ended({"outcome": outcome, "code.$": f"{answer}.code", "reason.$": f"{answer}.reason"}, following)


def ends(outcome: str, code: str, reason: str, following: str = "End") -> dict[str, Any]:
    """The end with a reason of the machine's: a text in single quotes, or an intrinsic function."""
    said = {"reason": reason.strip("'")} if reason.startswith("'") else {"reason.$": reason}
    return _ended({"outcome": outcome, "code": code, **said}, following)


def _ended(said: Mapping[str, Any], following: str) -> dict[str, Any]:
    return {"Type": "Pass", "Parameters": dict(said), "ResultPath": "$.end", "Next": following}


def take(path: str, place: str, following: str) -> dict[str, Any]:
    """What lies at `path` lies at `place`, too."""
    return {"Type": "Pass", "InputPath": path, "ResultPath": place, "Next": following}


def zero(following: str) -> dict[str, Any]:
    """Begin to count looks."""
    return {"Type": "Pass", "Result": {"n": 0}, "ResultPath": "$.looks", "Next": following}


def count(following: str) -> dict[str, Any]:
    """Count a look."""
    return {
        "Type": "Pass",
        "Parameters": {"n.$": "States.MathAdd($.looks.n, 1)"},
        "ResultPath": "$.looks",
        "Next": following,
    }


def wait(seconds: int, following: str) -> dict[str, Any]:
    """The pause before a look at what may take `seconds`."""
    return {"Type": "Wait", "Seconds": every(seconds), "Next": following}


def choice(choices: Sequence[Mapping[str, Any]], otherwise: str) -> dict[str, Any]:
    """The first that holds decides where it goes."""
    return {"Type": "Choice", "Choices": [dict(each) for each in choices], "Default": otherwise}


def equals(variable: str, value: str) -> dict[str, Any]:
    """A test that holds where the variable is this text."""
    return {"Variable": variable, "StringEquals": value}


def when(variable: str, value: str, following: str) -> dict[str, Any]:
    """Go on at `following` where the variable is this text."""
    return {**equals(variable, value), "Next": following}


def still(variable: str, values: Sequence[str], following: str, seconds: int) -> list[dict[str, Any]]:
    """Go on looking while the variable has one of these values, and the time isn't over."""
    more = {"Variable": "$.looks.n", "NumericLessThan": looks(seconds)}
    return [{"And": [equals(variable, value), more], "Next": following} for value in values]


def caught(following: str, place: str | None = "$.error") -> list[dict[str, Any]]:
    """Whatever breaks leads to `following`; `place` is where the error lies. None: nowhere."""
    return [{"ErrorEquals": ["States.ALL"], "ResultPath": place, "Next": following}]


def _retry(errors: Sequence[str]) -> dict[str, Any]:
    return {"ErrorEquals": list(errors), "IntervalSeconds": 5, "MaxAttempts": 5, "BackoffRate": 2}
