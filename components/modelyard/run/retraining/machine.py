"""The loop as a state machine: guards, training, gates, approval, release, rollout, champion; and every way out.

Whatever goes wrong, the champion keeps serving: nothing that exists is changed before the endpoint's update, which the
service itself takes back. Every way out leads to `End`, which gives the lock back and says why.

Source: the Amazon States Language; the machine looks by itself at what it started, since the integrations that wait
need rules in the caller's account (step-functions/latest/dg/connect-stepfunctions), which a team can't make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from modelyard.core.events import Promoted, RetrainingEnded, source_of

FAILED: Final = "RetrainingFailed"
LOOKS: Final = 400
"""Looks at one thing, at most: a history holds 25,000 events, and a look makes eleven of them."""
ROLLOUT_SECONDS: Final = 28_800
"""As long as the service lets an update take (API_BlueGreenUpdatePolicy)."""
_SLACK_SECONDS: Final = 7_200
_LEAST_SECONDS: Final = 30
_FLAKY: Final = ("Lambda.ServiceException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException")
_BUSY: Final = ("SageMaker.SageMakerException", "SageMaker.ThrottlingException", "States.Timeout")
_INPUT: Final = {"trigger": "person", "why": "nobody said why", "by": "unknown", "parameters": {}}
"""What a start is without having been told."""

States = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What the machine works with, by names that are known when it is made."""

    loop: str
    team: str
    function: str
    """The ARN of the loop's function."""
    pipeline: str
    """The ARN of the pipeline; `flavour` is what runs it, `step` the one that registers the model."""
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
    return max(_LEAST_SECONDS, -(-seconds // LOOKS))


def looks(seconds: int) -> int:
    """How often one looks within `seconds`."""
    return max(1, seconds // every(seconds))


def definition(places: Places) -> dict[str, Any]:
    """The state machine. Its input: `trigger`, `why`, `by`, and `parameters` of the pipeline's run."""
    return {
        "Comment": f"Retrains what {places.endpoint} serves: {places.loop}",
        "StartAt": "Begin",
        "TimeoutSeconds": places.most_seconds,
        "States": {
            **_guards(places),
            **_training(places),
            **_gates(places),
            **_approval(places),
            **_release(places),
            **_rollout(places),
            **_champion(places),
            **_undo(),
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
        "Guard": _ask(places, "guard", "$.guard", "Allowed", {"input.$": "$.input"}),
        "Allowed": _choice([_is("$.guard.said.verdict", "go", "Began")], "HeldBack"),
        "HeldBack": _says("refused", "$.guard.said"),
        "Began": {"Type": "Pass", "InputPath": "$.guard.said.began", "ResultPath": "$.began", "Next": "Train"},
    }


def _training(places: Places) -> States:
    wait = _wait(places.training_seconds, "LookAtTraining")
    too_long = _says_plainly("failed", "pipeline-too-long", "'the pipeline still runs; stop it, or give it longer'")
    if places.flavour == "sagemaker":
        step = f"$.PipelineExecutionSteps[?(@.StepName=='{places.step}')]"
        packages = f"{step}.Metadata.Lambda.OutputParameters[?(@.Name=='package')].Value"
        return {
            "Train": _task(
                "aws-sdk:sagemaker:startPipelineExecution",
                {
                    "PipelineName": places.pipeline.rpartition("/")[2],
                    "ClientRequestToken.$": "States.Hash($.execution, 'SHA-1')",
                    "PipelineExecutionDescription.$": "States.Format('Started by {}', $.execution)",
                    "PipelineParameters.$": "$.guard.said.parameters",
                },
                "WaitForTraining",
                result="$.training",
                selector={"run.$": "$.PipelineExecutionArn"},
                retry=_BUSY,
            ),
            "WaitForTraining": wait,
            "LookAtTraining": _task(
                "aws-sdk:sagemaker:describePipelineExecution",
                {"PipelineExecutionArn.$": "$.training.run"},
                "TrainingOver",
                result="$.seen",
                selector={"Status.$": "$.PipelineExecutionStatus"},
                retry=_BUSY,
            ),
            "TrainingOver": _choice(
                [
                    _is("$.seen.Status", "Succeeded", "FindVersion"),
                    *_while("$.seen.Status", ("Executing",), "CountTraining", places.training_seconds),
                    _is("$.seen.Status", "Executing", "TrainingTooLong"),
                ],
                "TrainingFailed",
            ),
            "CountTraining": _count("WaitForTraining"),
            "TrainingTooLong": too_long,
            "TrainingFailed": _says_plainly(
                "failed",
                "pipeline-failed",
                "States.Format('the pipeline ended as {}; the log of its step says why: {}', $.seen.Status, "
                "$.training.run)",
            ),
            "FindVersion": _task(
                "aws-sdk:sagemaker:listPipelineExecutionSteps",
                {"PipelineExecutionArn.$": "$.training.run", "MaxResults": 100},
                "Version",
                result="$.trained",
                selector={"packages.$": packages},
                retry=_BUSY,
            ),
            "Version": {
                "Type": "Pass",
                "Parameters": {"package.$": "States.ArrayGetItem($.trained.packages, 0)"},
                "ResultPath": "$.found",
                "Next": "Package",
            },
            "Package": _take("$.found.package", "$.package", "ForGates"),
        }
    return {
        "Train": _task(
            "aws-sdk:sfn:startExecution",
            {
                "StateMachineArn": places.pipeline,
                "Name.$": "$$.Execution.Name",
                "Input.$": "States.JsonToString($.input.parameters)",
            },
            "WaitForTraining",
            result="$.training",
            selector={"run.$": "$.ExecutionArn"},
        ),
        "WaitForTraining": wait,
        "LookAtTraining": _task(
            "aws-sdk:sfn:describeExecution",
            {"ExecutionArn.$": "$.training.run"},
            "TrainingOver",
            result="$.seen",
        ),
        "TrainingOver": _choice(
            [
                _is("$.seen.Status", "SUCCEEDED", "Trained"),
                *_while("$.seen.Status", ("RUNNING",), "CountTraining", places.training_seconds),
                _is("$.seen.Status", "RUNNING", "TrainingTooLong"),
                {"Variable": "$.seen.Cause", "IsPresent": True, "Next": "TrainingFailedBecause"},
            ],
            "TrainingFailed",
        ),
        "CountTraining": _count("WaitForTraining"),
        "TrainingTooLong": too_long,
        "TrainingFailedBecause": _says_plainly(
            "failed",
            "pipeline-failed",
            "States.Format('the pipeline ended as {} ({}): {}', $.seen.Status, $.training.run, $.seen.Cause)",
        ),
        "TrainingFailed": _says_plainly(
            "failed", "pipeline-failed", "States.Format('the pipeline ended as {}: {}', $.seen.Status, $.training.run)"
        ),
        "Trained": {
            "Type": "Pass",
            "Parameters": {"output.$": "States.StringToJson($.seen.Output)"},
            "ResultPath": "$.trained",
            "Next": "Version",
        },
        "Version": _take(
            f"$.trained.output.steps.{places.step.replace('-', '_')}.outputs.package", "$.package", "ForGates"
        ),
    }


def _gates(places: Places) -> States:
    verdict = "$.judged.said.verdict"
    return {
        "ForGates": _zero("Judge"),
        "Judge": _ask(places, "judge", "$.judged", "Judged", {"package.$": "$.package"}),
        "Judged": _choice(
            [
                _is(verdict, "passed", "Results"),
                *_while(verdict, ("waiting",), "CountGates", places.gates_seconds),
            ],
            "GateRefused",
        ),
        "CountGates": _count("WaitForGates"),
        "WaitForGates": _wait(places.gates_seconds, "Judge"),
        "GateRefused": _says("refused", "$.judged.said"),
        "Results": _take("$.judged.said.results", "$.results", "ForApproval"),
    }


def _approval(places: Places) -> States:
    if places.approval_seconds is None:
        asked = {"package.$": "$.package", "input.$": "$.input"}
        return {
            "ForApproval": _zero("Approve"),
            "Approve": _ask(places, "approve", "$.approval", "WaitForPromotion", asked),
            "WaitForPromotion": {"Type": "Wait", "Seconds": _LEAST_SECONDS, "Next": "LookAtPromotion"},
            "LookAtPromotion": _task(
                "aws-sdk:sfn:describeExecution",
                {"ExecutionArn.$": "$.approval.said.execution"},
                "PromotionOver",
                result="$.seen",
            ),
            "PromotionOver": _choice(
                [
                    _is("$.seen.Status", "SUCCEEDED", "Verify"),
                    _is("$.seen.Status", "RUNNING", "WaitForPromotion"),
                    {"Variable": "$.seen.Cause", "IsPresent": True, "Next": "ApprovalRefused"},
                ],
                "PromotionFailed",
            ),
            "ApprovalRefused": _says_plainly(
                "refused", "approval-refused", "States.Format('the promotion refused it: {}', $.seen.Cause)"
            ),
            "PromotionFailed": _says_plainly(
                "failed", "promotion-failed", "States.Format('the promotion ended as {}', $.seen.Status)"
            ),
        }
    status, most = "$.seen.Status", places.approval_seconds
    asked = {"package.$": "$.package", "input.$": "$.input", "results.$": "$.results"}
    return {
        "ForApproval": _zero("Ask"),
        "Ask": _ask(places, "ask", "$.asked", "AskOwner", asked),
        "AskOwner": {**_mail(places, "$.asked.said", "WaitForPerson"), "Catch": _caught("WaitForPerson", None)},
        "WaitForPerson": _wait(most, "LookAtVersion"),
        "LookAtVersion": _task(
            "aws-sdk:sagemaker:describeModelPackage",
            {"ModelPackageName.$": "$.package"},
            "Decided",
            result="$.seen",
            selector={"Status.$": "$.ModelApprovalStatus"},
            retry=_BUSY,
        ),
        "Decided": _choice(
            [
                _is(status, "Approved", "Verify"),
                _is(status, "Rejected", "ApprovalRefused"),
                *_while(status, ("PendingManualApproval",), "CountApproval", most),
            ],
            "ApprovalTimedOut",
        ),
        "CountApproval": _count("WaitForPerson"),
        "ApprovalRefused": _says_plainly(
            "refused", "approval-refused", "States.Format('a person rejected {}', $.package)"
        ),
        "ApprovalTimedOut": _says_plainly(
            "refused",
            "approval-timed-out",
            f"States.Format('nobody decided on {{}} within {most // 3_600} hours', $.package)",
        ),
    }


def _release(places: Places) -> States:
    asked = {"package.$": "$.package"}
    return {
        "Verify": _ask(places, "verify", "$.verified", "Verified", asked),
        "Verified": _choice([_is("$.verified.said.verdict", "released", "Make")], "NotReleased"),
        "NotReleased": _says("refused", "$.verified.said"),
        "Make": _ask(places, "make", "$.made", "Made", asked),
        "Made": _choice(
            [
                _is("$.made.said.verdict", "first", "Champion"),
                {
                    "And": [_test("$.made.said.verdict", "made"), _test("$.made.said.guarded", "yes")],
                    "Next": "UpdateByCanary",
                },
                _is("$.made.said.verdict", "made", "Update"),
            ],
            "NotMade",
        ),
        "NotMade": _says("refused", "$.made.said"),
    }


def _rollout(places: Places) -> States:
    asked: dict[str, Any] = {
        "EndpointName": places.endpoint,
        "EndpointConfigName.$": "$.made.said.configuration",
        "RetainAllVariantProperties": True,
        "ExcludeRetainedVariantProperties.$": "$.made.said.not_retained",
    }
    by_canary = {**asked, "DeploymentConfig.$": "$.made.said.deployment"}
    refused = {"result": "$.updated", "catch": "UpdateRefused", "retry": ("SageMaker.ThrottlingException",)}
    status, state = "$.seen.EndpointStatus", ("Updating", "SystemUpdating", "RollingBack")
    return {
        "UpdateByCanary": _task("aws-sdk:sagemaker:updateEndpoint", by_canary, "WaitForEndpoint", **refused),
        "Update": _task("aws-sdk:sagemaker:updateEndpoint", asked, "WaitForEndpoint", **refused),
        "UpdateRefused": _says_plainly(
            "failed",
            "update-refused",
            "States.Format('SageMaker refuses the update: {}: {}', $.error.Error, $.error.Cause)",
            "UndoConfiguration",
        ),
        "WaitForEndpoint": _wait(ROLLOUT_SECONDS, "LookAtEndpoint"),
        "LookAtEndpoint": _task(
            "aws-sdk:sagemaker:describeEndpoint",
            {"EndpointName": places.endpoint},
            "EndpointOver",
            result="$.seen",
            retry=_BUSY,
            catch="LostSight",
        ),
        "EndpointOver": _choice(
            [
                {"Or": [_test(status, each) for each in state], "Next": "WaitForEndpoint"},
                {
                    "And": [
                        _test(status, "InService"),
                        {"Variable": "$.seen.EndpointConfigName", "StringEqualsPath": "$.made.said.configuration"},
                    ],
                    "Next": "Champion",
                },
                {
                    "And": [_test(status, "InService"), {"Variable": "$.seen.FailureReason", "IsPresent": True}],
                    "Next": "RolledBackBecause",
                },
                _is(status, "InService", "RolledBack"),
            ],
            "EndpointBroken",
        ),
        "RolledBackBecause": _says_plainly(
            "failed",
            "rolled-back",
            "States.Format('the new version was taken back: {}', $.seen.FailureReason)",
            "UndoConfiguration",
        ),
        "RolledBack": _says_plainly(
            "failed",
            "rolled-back",
            "'the new version was taken back: an alarm of the rollout fired, or its instances did not come'",
            "UndoConfiguration",
        ),
        "EndpointBroken": _says_plainly(
            "failed",
            "endpoint-broken",
            "States.Format('the endpoint is {}, which nobody but a person mends', $.seen.EndpointStatus)",
        ),
        "LostSight": _says_plainly(
            "failed",
            "lost-sight",
            "States.Format('the update runs, and the endpoint cannot be looked at: {}', $.error.Cause)",
        ),
    }


def _champion(places: Places) -> States:
    asked = {"package.$": "$.package", "made.$": "$.made.said", "input.$": "$.input"}
    unrecorded = "'the new version serves, and its record could not be written: run yard retrain again, or write it'"
    return {
        "Champion": _ask(places, "champion", "$.champion", "Record", asked, catch="NotRecorded"),
        "Record": _task(
            "aws-sdk:ssm:putParameter",
            {
                "Name": places.champion,
                "Value.$": "$.champion.said.record",
                "Type": "String",
                "Tier": "Intelligent-Tiering",
                "Overwrite": True,
            },
            "Recorded",
            result=None,
            retry=("States.TaskFailed",),
            catch="NotRecorded",
        ),
        "NotRecorded": _says_plainly("failed", "champion-not-recorded", unrecorded),
        "Recorded": _choice([_is("$.made.said.verdict", "first", "WaitsForUp")], "TidyConfigurations"),
        "WaitsForUp": _says_plainly("recorded", "no-endpoint-yet", "'there is no endpoint yet: yard up makes it'"),
        "TidyConfigurations": _each("$.champion.said.configurations", "EndpointConfig", "TidyModels"),
        "TidyModels": _each("$.champion.said.models", "Model", "Serves"),
        "Serves": _says_plainly("released", "in-service", "States.Format('{} is the champion now', $.package)", "End"),
    }


def _undo() -> States:
    """What was made for a version that doesn't serve goes again; what fails here is told by the account's bill."""
    return {
        "UndoConfiguration": _each("$.made.said.configurations", "EndpointConfig", "UndoModels"),
        "UndoModels": _each("$.made.said.models", "Model", "End"),
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
        "Broken": _says_plainly("failed", "loop-broken", "States.Format('{}: {}', $.error.Error, $.error.Cause)"),
        "End": _ask(places, "end", "$.told", "Tell", told, catch="EndBroken"),
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
        "Tell": _event(places, RetrainingEnded.DETAIL_TYPE, "$.told.said.event", "Moved"),
        "Moved": _choice([_is("$.told.said.promotion", "none", "Loud")], "TellPromotion"),
        "TellPromotion": _event(places, Promoted.DETAIL_TYPE, "$.told.said.moved", "Loud"),
        "Loud": _choice([_is("$.told.said.mail", "no", "Outcome")], "TellOwner"),
        "TellOwner": {**_mail(places, "$.told.said", "Outcome"), "Catch": _caught("Outcome", None)},
        "Outcome": _choice([_is("$.end.outcome", "failed", "Failed")], "Done"),
        "Done": {"Type": "Succeed", "OutputPath": "$.told.said.event"},
        "Failed": {
            "Type": "Fail",
            "Error": FAILED,
            "CausePath": "States.JsonToString($.told.said.event)",
        },
    }


# --- pieces ---------------------------------------------------------------------------------------------------------


def _ask(
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
        "Catch": _caught(catch),
        "Next": following,
    }


def _task(
    resource: str,
    parameters: Mapping[str, Any],
    following: str,
    *,
    result: str | None,
    selector: Mapping[str, Any] | None = None,
    retry: Sequence[str] = ("States.TaskFailed",),
    catch: str = "Broken",
) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{resource}",
        "Parameters": dict(parameters),
        **({"ResultSelector": dict(selector)} if selector else {}),
        "ResultPath": result,
        "Retry": [_retry(retry)],
        "Catch": _caught(catch),
        "Next": following,
    }


def _each(items: str, kind: Literal["Model", "EndpointConfig"], following: str) -> dict[str, Any]:
    """Delete things by name, one after the other; one that doesn't go keeps nothing else from going."""
    delete = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::aws-sdk:sagemaker:delete{kind}",
        "Parameters": {f"{kind}Name.$": "$.name"},
        "ResultPath": None,
        "Retry": [_retry(_BUSY)],
        "Catch": _caught("Left", None),
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
        "Catch": _caught(following, None),
        "Next": following,
    }


def _event(places: Places, kind: str, detail: str, following: str) -> dict[str, Any]:
    entry = {"EventBusName": places.bus, "Source": source_of(places.team), "DetailType": kind, "Detail.$": detail}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::events:putEvents",
        "Parameters": {"Entries": [entry]},
        "ResultPath": None,
        "Retry": [_retry(("States.TaskFailed",))],
        "Catch": _caught(following, None),
        "Next": following,
    }


def _mail(places: Places, said: str, following: str) -> dict[str, Any]:
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


def _says(outcome: str, answer: str, following: str = "End") -> dict[str, Any]:
    """The end as the function's answer gives it."""
    return _ended({"outcome": outcome, "code.$": f"{answer}.code", "reason.$": f"{answer}.reason"}, following)


def _says_plainly(outcome: str, code: str, reason: str, following: str = "End") -> dict[str, Any]:
    """The end with a reason of the machine's: a text in single quotes, or an intrinsic function."""
    said = {"reason": reason.strip("'")} if reason.startswith("'") else {"reason.$": reason}
    return _ended({"outcome": outcome, "code": code, **said}, following)


def _ended(said: Mapping[str, Any], following: str) -> dict[str, Any]:
    return {"Type": "Pass", "Parameters": dict(said), "ResultPath": "$.end", "Next": following}


def _take(path: str, place: str, following: str) -> dict[str, Any]:
    return {"Type": "Pass", "InputPath": path, "ResultPath": place, "Next": following}


def _zero(following: str) -> dict[str, Any]:
    return {"Type": "Pass", "Result": {"n": 0}, "ResultPath": "$.looks", "Next": following}


def _count(following: str) -> dict[str, Any]:
    return {
        "Type": "Pass",
        "Parameters": {"n.$": "States.MathAdd($.looks.n, 1)"},
        "ResultPath": "$.looks",
        "Next": following,
    }


def _wait(seconds: int, following: str) -> dict[str, Any]:
    return {"Type": "Wait", "Seconds": every(seconds), "Next": following}


def _choice(choices: Sequence[Mapping[str, Any]], otherwise: str) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": [dict(each) for each in choices], "Default": otherwise}


def _test(variable: str, value: str) -> dict[str, Any]:
    return {"Variable": variable, "StringEquals": value}


def _is(variable: str, value: str, following: str) -> dict[str, Any]:
    return {**_test(variable, value), "Next": following}


def _while(variable: str, values: Sequence[str], following: str, seconds: int) -> list[dict[str, Any]]:
    """Go on looking while the variable has one of these values, and the time isn't over."""
    more = {"Variable": "$.looks.n", "NumericLessThan": looks(seconds)}
    return [{"And": [_test(variable, value), more], "Next": following} for value in values]


def _caught(following: str, place: str | None = "$.error") -> list[dict[str, Any]]:
    return [{"ErrorEquals": ["States.ALL"], "ResultPath": place, "Next": following}]


def _retry(errors: Sequence[str]) -> dict[str, Any]:
    return {"ErrorEquals": list(errors), "IntervalSeconds": 5, "MaxAttempts": 5, "BackoffRate": 2}
