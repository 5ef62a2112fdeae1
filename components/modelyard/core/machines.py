"""State machines that run one job of SageMaker's and fail where it failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

JobKind = Literal["ProcessingJob", "TransformJob"]

_LOOK_EVERY_SECONDS: Final = 30
_SLACK_SECONDS: Final = 3600
_FLAKY: Final = ("SageMaker.SageMakerException", "States.Timeout")
_BUSY: Final = ("SageMaker.ResourceLimitExceededException",)


def fresh_name(prefix: str) -> str:
    """The expression of a job name that no other run has: `prefix`, a hyphen, and eight characters."""
    return f"States.Format('{prefix}-{{}}', States.ArrayGetItem(States.StringSplit(States.UUID(), '-'), 0))"


def one_job(
    kind: JobKind, parameters: Mapping[str, Any], *, comment: str, failed: str, most_seconds: int
) -> dict[str, Any]:
    """The machine: create the job, look at it until it ends, and fail with `failed` where it did.

    `parameters` are those of the job's creation, `<kind>Name.$` among them. The machine looks by itself: the
    integration that waits needs rules in the caller's account (step-functions/latest/dg/connect-sagemaker), which a
    team can't make.
    """
    create, describe = (f"arn:aws:states:::aws-sdk:sagemaker:{verb}{kind}" for verb in ("create", "describe"))
    states: dict[str, Any] = {
        "Start": {
            "Type": "Task",
            "Resource": create,
            "Parameters": dict(parameters),
            "ResultSelector": {"Name.$": f"States.ArrayGetItem(States.StringSplit($.{kind}Arn, '/'), 1)"},
            "ResultPath": "$.run",
            "Retry": [_retry((*_BUSY, *_FLAKY))],
            "Next": "Wait",
        },
        "Wait": {"Type": "Wait", "Seconds": _LOOK_EVERY_SECONDS, "Next": "Look"},
        "Look": {
            "Type": "Task",
            "Resource": describe,
            "Parameters": {f"{kind}Name.$": "$.run.Name"},
            "ResultSelector": {"Status.$": f"$.{kind}Status"},
            "ResultPath": "$.state",
            "Retry": [_retry(_FLAKY)],
            "Next": "Over",
        },
        "Over": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.state.Status", "StringEquals": "Completed", "Next": "Done"},
                *(
                    {"Variable": "$.state.Status", "StringEquals": status, "Next": "Wait"}
                    for status in ("InProgress", "Stopping")
                ),
            ],
            "Default": "JobFailed",
        },
        "Done": {"Type": "Succeed"},
        "JobFailed": {"Type": "Fail", "Error": "JobFailed", "Cause": failed},
    }
    return {
        "Comment": comment,
        "StartAt": "Start",
        "TimeoutSeconds": most_seconds + _SLACK_SECONDS,
        "States": states,
    }


def _retry(errors: Sequence[str]) -> dict[str, Any]:
    return {"ErrorEquals": list(errors), "IntervalSeconds": 30, "MaxAttempts": 6, "BackoffRate": 2}
