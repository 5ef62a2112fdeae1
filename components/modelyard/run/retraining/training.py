"""How the loop's machine trains: it starts the pipeline, looks at its run, and finds the version that it registered."""

from __future__ import annotations

from typing import Final

from modelyard.run.retraining.states import (
    BUSY,
    Places,
    States,
    choice,
    count,
    ends,
    still,
    take,
    task,
    wait,
    when,
)

_TOO_LONG: Final = "'the pipeline still runs; stop it, or give it longer'"


def training(places: Places) -> States:
    """From a start without a version to one that is registered, at `$.package`."""
    if not places.pipeline:
        return {"NothingGiven": ends("refused", "no-version", "'the loop trains nothing: start it with a version'")}
    return _by_sagemaker(places) if places.flavour == "sagemaker" else _by_step_functions(places)


def _by_sagemaker(places: Places) -> States:
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
        "WaitForTraining": wait(places.training_seconds, "LookAtTraining"),
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
        "TrainingTooLong": ends("failed", "pipeline-too-long", _TOO_LONG),
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


def _by_step_functions(places: Places) -> States:
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
        "WaitForTraining": wait(places.training_seconds, "LookAtTraining"),
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
        "TrainingTooLong": ends("failed", "pipeline-too-long", _TOO_LONG),
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
