"""The loop as a state machine: guards, training, gates, approval, release, rollout, champion; and every way out.

Whatever goes wrong, the champion keeps serving: nothing that exists is changed before the endpoint's update, which the
service itself takes back. Every way out leads to `End`, which gives the lock back and says why.

Source: the Amazon States Language; the machine looks by itself at what it started, since the integrations that wait
need rules in the caller's account (step-functions/latest/dg/connect-stepfunctions), which a team can't make.
"""

from __future__ import annotations

from typing import Any, Final

from modelyard.core.events import Promoted, RetrainingEnded
from modelyard.run.retraining.states import (
    BUSY,
    LEAST_SECONDS,
    ROLLOUT_SECONDS,
    Places,
    ask,
    caught,
    choice,
    count,
    delete_each,
    ends,
    ends_as_told,
    equals,
    mail,
    still,
    take,
    task,
    tell,
    wait,
    when,
    zero,
)

FAILED: Final = "RetrainingFailed"
_INPUT: Final = {"trigger": "person", "why": "nobody said why", "by": "unknown", "parameters": {}, "package": ""}
"""What a start is without having been told."""

States = dict[str, dict[str, Any]]


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
        "Guard": ask(places, "guard", "$.guard", "Allowed", {"input.$": "$.input"}),
        "Allowed": choice([when("$.guard.said.verdict", "go", "Began")], "HeldBack"),
        "HeldBack": ends_as_told("refused", "$.guard.said"),
        "Began": {"Type": "Pass", "InputPath": "$.guard.said.began", "ResultPath": "$.began", "Next": "Given"},
        "Given": choice([when("$.input.package", "", "Train" if places.pipeline else "NothingGiven")], "TakeGiven"),
        "TakeGiven": take("$.input.package", "$.package", "LookAtGiven"),
        "LookAtGiven": task(
            "aws-sdk:sagemaker:describeModelPackage",
            {"ModelPackageName.$": "$.package"},
            "GivenStatus",
            result="$.seen",
            selector={"Status.$": "$.ModelApprovalStatus"},
            retry=BUSY,
        ),
        "GivenStatus": choice([when("$.seen.Status", "Approved", "Verify")], "ForGates"),
    }


def _training(places: Places) -> States:
    if not places.pipeline:
        return {"NothingGiven": ends("refused", "no-version", "'the loop trains nothing: start it with a version'")}
    waiting = wait(places.training_seconds, "LookAtTraining")
    too_long = ends("failed", "pipeline-too-long", "'the pipeline still runs; stop it, or give it longer'")
    if places.flavour == "sagemaker":
        step = f"$.PipelineExecutionSteps[?(@.StepName=='{places.step}')]"
        packages = f"{step}.Metadata.Lambda.OutputParameters[?(@.Name=='package')].Value"
        return {
            "Train": task(
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
                retry=BUSY,
            ),
            "WaitForTraining": waiting,
            "LookAtTraining": task(
                "aws-sdk:sagemaker:describePipelineExecution",
                {"PipelineExecutionArn.$": "$.training.run"},
                "TrainingOver",
                result="$.seen",
                selector={"Status.$": "$.PipelineExecutionStatus"},
                retry=BUSY,
            ),
            "TrainingOver": choice(
                [
                    when("$.seen.Status", "Succeeded", "FindVersion"),
                    *still("$.seen.Status", ("Executing",), "CountTraining", places.training_seconds),
                    when("$.seen.Status", "Executing", "TrainingTooLong"),
                ],
                "TrainingFailed",
            ),
            "CountTraining": count("WaitForTraining"),
            "TrainingTooLong": too_long,
            "TrainingFailed": ends(
                "failed",
                "pipeline-failed",
                "States.Format('the pipeline ended as {}; the log of its step says why: {}', $.seen.Status, "
                "$.training.run)",
            ),
            "FindVersion": task(
                "aws-sdk:sagemaker:listPipelineExecutionSteps",
                {"PipelineExecutionArn.$": "$.training.run", "MaxResults": 100},
                "Version",
                result="$.trained",
                selector={"packages.$": packages},
                retry=BUSY,
            ),
            "Version": {
                "Type": "Pass",
                "Parameters": {"package.$": "States.ArrayGetItem($.trained.packages, 0)"},
                "ResultPath": "$.found",
                "Next": "Package",
            },
            "Package": take("$.found.package", "$.package", "ForGates"),
        }
    return {
        "Train": task(
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
        "WaitForTraining": waiting,
        "LookAtTraining": task(
            "aws-sdk:sfn:describeExecution",
            {"ExecutionArn.$": "$.training.run"},
            "TrainingOver",
            result="$.seen",
        ),
        "TrainingOver": choice(
            [
                when("$.seen.Status", "SUCCEEDED", "Trained"),
                *still("$.seen.Status", ("RUNNING",), "CountTraining", places.training_seconds),
                when("$.seen.Status", "RUNNING", "TrainingTooLong"),
                {"Variable": "$.seen.Cause", "IsPresent": True, "Next": "TrainingFailedBecause"},
            ],
            "TrainingFailed",
        ),
        "CountTraining": count("WaitForTraining"),
        "TrainingTooLong": too_long,
        "TrainingFailedBecause": ends(
            "failed",
            "pipeline-failed",
            "States.Format('the pipeline ended as {} ({}): {}', $.seen.Status, $.training.run, $.seen.Cause)",
        ),
        "TrainingFailed": ends(
            "failed", "pipeline-failed", "States.Format('the pipeline ended as {}: {}', $.seen.Status, $.training.run)"
        ),
        "Trained": {
            "Type": "Pass",
            "Parameters": {"output.$": "States.StringToJson($.seen.Output)"},
            "ResultPath": "$.trained",
            "Next": "Version",
        },
        "Version": take(
            f"$.trained.output.steps.{places.step.replace('-', '_')}.outputs.package", "$.package", "ForGates"
        ),
    }


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
    if places.approval_seconds is None:
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
    status, most = "$.seen.Status", places.approval_seconds
    asked = {"package.$": "$.package", "input.$": "$.input", "results.$": "$.results"}
    return {
        "ForApproval": zero("Ask"),
        "Ask": ask(places, "ask", "$.asked", "AskOwner", asked),
        "AskOwner": {**mail(places, "$.asked.said", "WaitForPerson"), "Catch": caught("WaitForPerson", None)},
        "WaitForPerson": wait(most, "LookAtVersion"),
        "LookAtVersion": task(
            "aws-sdk:sagemaker:describeModelPackage",
            {"ModelPackageName.$": "$.package"},
            "Decided",
            result="$.seen",
            selector={"Status.$": "$.ModelApprovalStatus"},
            retry=BUSY,
        ),
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


def _release(places: Places) -> States:
    asked = {"package.$": "$.package"}
    return {
        "Verify": ask(places, "verify", "$.verified", "Verified", asked),
        "Verified": choice([when("$.verified.said.verdict", "released", "Make")], "NotReleased"),
        "NotReleased": ends_as_told("refused", "$.verified.said"),
        "Make": ask(places, "make", "$.made", "Made", asked),
        "Made": choice(
            [
                when("$.made.said.verdict", "first", "Champion"),
                {
                    "And": [equals("$.made.said.verdict", "made"), equals("$.made.said.guarded", "yes")],
                    "Next": "UpdateByCanary",
                },
                when("$.made.said.verdict", "made", "Update"),
            ],
            "NotMade",
        ),
        "NotMade": ends_as_told("refused", "$.made.said"),
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
        "UpdateByCanary": task("aws-sdk:sagemaker:updateEndpoint", by_canary, "WaitForEndpoint", **refused),
        "Update": task("aws-sdk:sagemaker:updateEndpoint", asked, "WaitForEndpoint", **refused),
        "UpdateRefused": ends(
            "failed",
            "update-refused",
            "States.Format('SageMaker refuses the update: {}: {}', $.error.Error, $.error.Cause)",
            "UndoConfiguration",
        ),
        "WaitForEndpoint": wait(ROLLOUT_SECONDS, "LookAtEndpoint"),
        "LookAtEndpoint": task(
            "aws-sdk:sagemaker:describeEndpoint",
            {"EndpointName": places.endpoint},
            "EndpointOver",
            result="$.seen",
            retry=BUSY,
            catch="LostSight",
        ),
        "EndpointOver": choice(
            [
                {"Or": [equals(status, each) for each in state], "Next": "WaitForEndpoint"},
                {
                    "And": [
                        equals(status, "InService"),
                        {"Variable": "$.seen.EndpointConfigName", "StringEqualsPath": "$.made.said.configuration"},
                    ],
                    "Next": "Champion",
                },
                {
                    "And": [equals(status, "InService"), {"Variable": "$.seen.FailureReason", "IsPresent": True}],
                    "Next": "RolledBackBecause",
                },
                when(status, "InService", "RolledBack"),
            ],
            "EndpointBroken",
        ),
        "RolledBackBecause": ends(
            "failed",
            "rolled-back",
            "States.Format('the new version was taken back: {}', $.seen.FailureReason)",
            "UndoConfiguration",
        ),
        "RolledBack": ends(
            "failed",
            "rolled-back",
            "'the new version was taken back: an alarm of the rollout fired, or its instances did not come'",
            "UndoConfiguration",
        ),
        "EndpointBroken": ends(
            "failed",
            "endpoint-broken",
            "States.Format('the endpoint is {}, which nobody but a person mends', $.seen.EndpointStatus)",
        ),
        "LostSight": ends(
            "failed",
            "lost-sight",
            "States.Format('the update runs, and the endpoint cannot be looked at: {}', $.error.Cause)",
        ),
    }


def _champion(places: Places) -> States:
    asked = {"package.$": "$.package", "made.$": "$.made.said", "input.$": "$.input"}
    unrecorded = "'the new version serves, and its record could not be written: run yard retrain again, or write it'"
    return {
        "Champion": ask(places, "champion", "$.champion", "Record", asked, catch="NotRecorded"),
        "Record": task(
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
        "NotRecorded": ends("failed", "champion-not-recorded", unrecorded),
        "Recorded": choice([when("$.made.said.verdict", "first", "WaitsForUp")], "TidyConfigurations"),
        "WaitsForUp": ends("recorded", "no-endpoint-yet", "'there is no endpoint yet: yard up makes it'"),
        "TidyConfigurations": delete_each("$.champion.said.configurations", "EndpointConfig", "TidyModels"),
        "TidyModels": delete_each("$.champion.said.models", "Model", "Serves"),
        "Serves": ends("released", "in-service", "States.Format('{} is the champion now', $.package)", "End"),
    }


def _undo() -> States:
    """What was made for a version that doesn't serve goes again; what fails here is told by the account's bill."""
    return {
        "UndoConfiguration": delete_each("$.made.said.configurations", "EndpointConfig", "UndoModels"),
        "UndoModels": delete_each("$.made.said.models", "Model", "End"),
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
