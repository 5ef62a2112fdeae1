"""How the loop's machine brings a version: beside what serves, by the service's own rollout, and as the champion."""

from __future__ import annotations

from typing import Any

from modelyard.run.retraining.states import (
    BUSY,
    ROLLOUT_SECONDS,
    Places,
    States,
    ask,
    choice,
    delete_each,
    ends,
    ends_as_told,
    equals,
    task,
    wait,
    when,
)


def release(places: Places) -> States:
    """Look once more whether the version is released, and make what would serve it."""
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


def rollout(places: Places) -> States:
    """Update the endpoint and look until it serves the version, or what served before again."""
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


def champion(places: Places) -> States:
    """Record the version as the champion, and delete what the champion before the last left."""
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


def undo() -> States:
    """What was made for a version that doesn't serve goes again; what fails here is told by the account's bill."""
    return {
        "UndoConfiguration": delete_each("$.made.said.configurations", "EndpointConfig", "UndoModels"),
        "UndoModels": delete_each("$.made.said.models", "Model", "End"),
    }
