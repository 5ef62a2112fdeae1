"""The loop as a state machine: guards, training, gates, approval, release, rollout, champion; and every way out.

Whatever goes wrong, the champion keeps serving: nothing that exists is changed before the endpoint's update, which the
service itself takes back. Every way out leads to `End`, which gives the lock back and says why.

Source: the Amazon States Language; the machine looks by itself at what it started, since the integrations that wait
need rules in the caller's account (step-functions/latest/dg/connect-stepfunctions), which a team can't make.
"""

from __future__ import annotations

from typing import Any, Final

from modelyard.core.events import Promoted, RetrainingEnded
from modelyard.run.retraining.rollout import champion, release, rollout, undo
from modelyard.run.retraining.states import (
    BUSY,
    LEAST_SECONDS,
    Places,
    States,
    ask,
    caught,
    choice,
    count,
    ends,
    ends_as_told,
    mail,
    still,
    take,
    task,
    tell,
    wait,
    when,
    zero,
)
from modelyard.run.retraining.training import training

FAILED: Final = "RetrainingFailed"
_INPUT: Final = {"trigger": "person", "why": "nobody said why", "by": "unknown", "parameters": {}, "package": ""}
"""What a start is without having been told."""


def definition(places: Places) -> dict[str, Any]:
    """The state machine. Its input: `trigger`, `why`, `by`, and `parameters` of the pipeline's run.

    With `package`, the ARN of a version that is registered already, nothing is trained: that version is brought.
    """
    return {
        "Comment": f"Retrains what {places.endpoint} serves: {places.loop}",
        "StartAt": "Begin",
        "TimeoutSeconds": places.most_seconds,
        "States": {
            **_guards(places),
            **training(places),
            **_gates(places),
            **_approval(places),
            **release(places),
            **rollout(places),
            **champion(places),
            **undo(),
            **_end(places),
        },
    }


def _guards(places: Places) -> States:
    return {
        "Begin": {
            "Type": "Pass",
            "Parameters": {"defaults": _INPUT, "input.$": "$$.Execution.Input"},
            "Next": "Know",
        },
        "Know": {
            "Type": "Pass",
            "Parameters": {
                "execution.$": "$$.Execution.Id",
                "input.$": "States.JsonMerge($.defaults, $.input, false)",
                "began": "",
                "package": "",
                "results": [],
                "looks": {"n": 0},
            },
            "Next": "Guard",
        },
        "Guard": ask(places, "guard", "$.guard", "Allowed", {"input.$": "$.input"}),
        "Allowed": choice([when("$.guard.said.verdict", "go", "Began")], "HeldBack"),
        "HeldBack": ends_as_told("refused", "$.guard.said"),
        "Began": {"Type": "Pass", "InputPath": "$.guard.said.began", "ResultPath": "$.began", "Next": "Given"},
        "Given": choice([when("$.input.package", "", "Train" if places.pipeline else "NothingGiven")], "TakeGiven"),
        "TakeGiven": take("$.input.package", "$.package", "LookAtGiven"),
        "LookAtGiven": _status("GivenStatus"),
        "GivenStatus": choice([when("$.seen.Status", "Approved", "Verify")], "ForGates"),
    }


def _status(following: str) -> dict[str, Any]:
    """The approval of the version, at `$.seen.Status`."""
    return task(
        "aws-sdk:sagemaker:describeModelPackage",
        {"ModelPackageName.$": "$.package"},
        following,
        result="$.seen",
        selector={"Status.$": "$.ModelApprovalStatus"},
        retry=BUSY,
    )


def _gates(places: Places) -> States:
    verdict = "$.judged.said.verdict"
    return {
        "ForGates": zero("Judge"),
        "Judge": ask(places, "judge", "$.judged", "Judged", {"package.$": "$.package"}),
        "Judged": choice(
            [
                when(verdict, "passed", "Results"),
                *still(verdict, ("waiting",), "CountGates", places.gates_seconds),
            ],
            "GateRefused",
        ),
        "CountGates": count("WaitForGates"),
        "WaitForGates": wait(places.gates_seconds, "Judge"),
        "GateRefused": ends_as_told("refused", "$.judged.said"),
        "Results": take("$.judged.said.results", "$.results", "ForApproval"),
    }


def _approval(places: Places) -> States:
    most = places.approval_seconds
    return _by_itself(places) if most is None else _by_a_person(places, most)


def _by_itself(places: Places) -> States:
    asked = {"package.$": "$.package", "input.$": "$.input"}
    return {
        "ForApproval": zero("Approve"),
        "Approve": ask(places, "approve", "$.approval", "WaitForPromotion", asked),
        "WaitForPromotion": {"Type": "Wait", "Seconds": LEAST_SECONDS, "Next": "LookAtPromotion"},
        "LookAtPromotion": task(
            "aws-sdk:sfn:describeExecution",
            {"ExecutionArn.$": "$.approval.said.execution"},
            "PromotionOver",
            result="$.seen",
        ),
        "PromotionOver": choice(
            [
                when("$.seen.Status", "SUCCEEDED", "Verify"),
                when("$.seen.Status", "RUNNING", "WaitForPromotion"),
                {"Variable": "$.seen.Cause", "IsPresent": True, "Next": "ApprovalRefused"},
            ],
            "PromotionFailed",
        ),
        "ApprovalRefused": ends(
            "refused", "approval-refused", "States.Format('the promotion refused it: {}', $.seen.Cause)"
        ),
        "PromotionFailed": ends(
            "failed", "promotion-failed", "States.Format('the promotion ended as {}', $.seen.Status)"
        ),
    }


def _by_a_person(places: Places, most: int) -> States:
    status = "$.seen.Status"
    asked = {"package.$": "$.package", "input.$": "$.input", "results.$": "$.results"}
    return {
        "ForApproval": zero("Ask"),
        "Ask": ask(places, "ask", "$.asked", "AskOwner", asked),
        "AskOwner": {**mail(places, "$.asked.said", "WaitForPerson"), "Catch": caught("WaitForPerson", None)},
        "WaitForPerson": wait(most, "LookAtVersion"),
        "LookAtVersion": _status("Decided"),
        "Decided": choice(
            [
                when(status, "Approved", "Verify"),
                when(status, "Rejected", "ApprovalRefused"),
                *still(status, ("PendingManualApproval",), "CountApproval", most),
            ],
            "ApprovalTimedOut",
        ),
        "CountApproval": count("WaitForPerson"),
        "ApprovalRefused": ends("refused", "approval-refused", "States.Format('a person rejected {}', $.package)"),
        "ApprovalTimedOut": ends(
            "refused",
            "approval-timed-out",
            f"States.Format('nobody decided on {{}} within {most // 3_600} hours', $.package)",
        ),
    }


def _end(places: Places) -> States:
    told = {
        "input.$": "$.input",
        "began.$": "$.began",
        "package.$": "$.package",
        "results.$": "$.results",
        "outcome.$": "$.end.outcome",
        "code.$": "$.end.code",
        "reason.$": "$.end.reason",
    }
    return {
        "Broken": ends("failed", "loop-broken", "States.Format('{}: {}', $.error.Error, $.error.Cause)"),
        "End": ask(places, "end", "$.told", "Tell", told, catch="EndBroken"),
        "EndBroken": {
            "Type": "Pass",
            "Parameters": {
                "event.$": "$.end",
                "mail": "yes",
                "promotion": "none",
                "subject": f"{places.loop} has ended, and could not say how"[:100],
                "message.$": "States.Format('{}: {} {}', $.execution, $.end.code, $.end.reason)",
            },
            "ResultPath": "$.told.said",
            "Next": "TellOwner",
        },
        "Tell": tell(places, RetrainingEnded.DETAIL_TYPE, "$.told.said.event", "Moved"),
        "Moved": choice([when("$.told.said.promotion", "none", "Loud")], "TellPromotion"),
        "TellPromotion": tell(places, Promoted.DETAIL_TYPE, "$.told.said.moved", "Loud"),
        "Loud": choice([when("$.told.said.mail", "no", "Outcome")], "TellOwner"),
        "TellOwner": {**mail(places, "$.told.said", "Outcome"), "Catch": caught("Outcome", None)},
        "Outcome": choice([when("$.end.outcome", "failed", "Failed")], "Done"),
        "Done": {"Type": "Succeed", "OutputPath": "$.told.said.event"},
        "Failed": {
            "Type": "Fail",
            "Error": FAILED,
            "CausePath": "States.JsonToString($.told.said.event)",
        },
    }
