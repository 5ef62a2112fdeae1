"""The loop's function by itself: the lock under a race, what counts in a month, and requests made from a shape."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from modelyard.build.registry import stored
from modelyard.core.champions import Champion
from modelyard.run.retraining import loop_function as loop
from modelyard.run.retraining import loop_guards
from modelyard_sandbox import moto_extensions

from .models_world import REGION

MACHINE = f"arn:aws:states:{REGION}:123456789012:stateMachine:weekly"
SETTINGS = {"BUCKET": "lake"}
DECLARED: dict[str, Any] = {
    "loop": "weekly",
    "team": "fraud",
    "endpoint": "score",
    "endpoint_name": "ml-dev-fraud-score",
    "model": "scores",
    "group": "ml-dev-fraud-registry-scores",
    "gates": {},
    "because": "",
    "cooldown_hours": 24,
    "most_runs": 5,
    "usd_a_month": 100,
    "usd_a_run": 10,
    "thresholds": ["drifted"],
    "prefix": "retraining/weekly/",
    "champion_parameter": "/champions/score",
    "shape_parameter": "/shapes/score",
    "canary": {"bake_minutes": None, "alarms": []},
}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(ExecutionWorker, "start", lambda _: None)
    moto_extensions.install()
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        client = boto3.client("s3")
        client.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": REGION})
        wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": True}}}
        boto3.client("stepfunctions").create_state_machine(
            name="weekly", definition=json.dumps(wait), roleArn="arn:aws:iam::123456789012:role/works"
        )
        yield client


def run(trigger: str = "nightly", **asked: Any) -> dict[str, Any]:
    """What the function is told of an execution that runs."""
    started = boto3.client("stepfunctions").start_execution(stateMachineArn=MACHINE)
    given = {"trigger": trigger, "why": "w", "by": "b", "parameters": {}, **asked}
    return {"execution": started["executionArn"], "input": given}


def gone() -> dict[str, Any]:
    """What the function was told of an execution that Step Functions has forgotten."""
    given = {"trigger": "nightly", "why": "w", "by": "b", "parameters": {}}
    return {"execution": f"{MACHINE.replace(':stateMachine:', ':execution:')}:gone", "input": given}


def guard(event: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return loop.guard(event, {**DECLARED, **changes}, SETTINGS)


def end(event: dict[str, Any], began: str) -> dict[str, Any]:
    told = {**event, "began": began, "outcome": "refused", "code": "gate-failed", "reason": "r", "package": ""}
    return loop.end({**told, "results": []}, DECLARED, SETTINGS)


def test_of_two_starts_one_runs(s3: Any):
    first, second = run(), run()
    assert guard(first, cooldown_hours=0)["verdict"] == "go"
    said = guard(second, cooldown_hours=0)
    assert (said["code"], said["reason"]) == ("lock-held", f"{first['execution']} runs already")


def test_a_run_that_is_over_locks_nobody_out(s3: Any):
    guard(gone())
    assert guard(run(), cooldown_hours=0)["verdict"] == "go"


def test_of_two_that_find_a_lock_of_nobodys_one_takes_it(s3: Any, monkeypatch: pytest.MonkeyPatch):
    first, second = run(), run()
    guard(gone())
    look = loop_guards.runs_still

    def and_meanwhile(execution: str) -> bool:
        monkeypatch.setattr(loop_guards, "runs_still", look)
        assert guard(second, cooldown_hours=0)["verdict"] == "go"
        return look(execution)

    monkeypatch.setattr(loop_guards, "runs_still", and_meanwhile)
    assert guard(first, cooldown_hours=0)["code"] == "lock-held"


def test_a_lock_is_given_back_by_its_holder_alone(s3: Any):
    first, second = run(), run()
    began = guard(first)["began"]
    end(second, "")
    assert guard(second)["code"] == "lock-held", "another's end gives nothing back"
    end(first, began)
    assert guard(second)["code"] == "cooling-down", "and gives the lock back by itself"
    assert guard(run(), cooldown_hours=0)["verdict"] == "go"


def test_asked_a_second_time_the_guards_answer_alike(s3: Any):
    event = run("drifted")
    first, second = guard(event), guard(event)
    assert (first["verdict"], second["verdict"]) == ("go", "go"), "a call that was repeated holds nobody back"


def test_every_reason_is_told_at_once(s3: Any):
    event = run()
    began = guard(event)["began"]
    end(event, began)
    said = guard(run(), most_runs=1, usd_a_month=15)
    assert said["code"] == "cooling-down"
    assert "1 runs began this month" in said["reason"] and "5 of the month's 15 USD" in said["reason"]


def test_the_cooldown_reaches_into_the_month_before(s3: Any):
    now = datetime.now(UTC)
    last = now.replace(day=1) - timedelta(days=1)
    s3.put_object(
        Bucket="lake",
        Key=f"retraining/weekly/runs/{last:%Y-%m}/x.json",
        Body=json.dumps({"run": "x", "began": last.isoformat(), "usd": 90}),
    )
    assert guard(run(), cooldown_hours=32 * 24)["code"] == "cooling-down"
    assert guard(run(), cooldown_hours=0)["verdict"] == "go", "what was spent then doesn't count now"


def test_each_run_counts_at_the_estimate_of_its_time(s3: Any):
    first = run()
    end(first, guard(first, usd_a_run=60)["began"])
    said = guard(run(), cooldown_hours=0, usd_a_run=45)
    assert said["code"] == "budget-exhausted" and "40 of the month's 100 USD are left" in said["reason"]


def test_a_trigger_by_hand_is_never_disarmed(s3: Any):
    first = run("drifted")
    end(first, guard(first)["began"])
    assert guard(run("drifted"), cooldown_hours=0)["code"] == "disarmed"
    assert guard(run("person"), cooldown_hours=0)["verdict"] == "go"


def test_parameters_come_as_a_pipeline_of_sagemaker_takes_them(s3: Any):
    said = guard(run(parameters={"snapshot": "abc", "commit": "a1b2c3d"}))
    assert said["parameters"] == [{"Name": "commit", "Value": "a1b2c3d"}, {"Name": "snapshot", "Value": "abc"}]


def test_what_s3_refuses_for_another_reason_is_no_lock(s3: Any):
    with pytest.raises(ClientError, match="NoSuchBucket"):
        loop.guard(run(), DECLARED, {"BUCKET": "none"})


# --- what is made ---------------------------------------------------------------------------------------------------

ROLLOUT: dict[str, Any] = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 600},
        "MaximumExecutionTimeoutInSeconds": 6_000,
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
}


def deployed(**canary: Any) -> dict[str, Any]:
    more = {"bake_minutes": None, "alarms": [], **canary}
    found = loop._deployment(ROLLOUT, {**DECLARED, "canary": more})
    assert found is not None
    return found


def test_a_canary_of_the_loops_adds_to_the_rollout():
    found = deployed(bake_minutes=20, alarms=["drift", "errors"])
    policy = found["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] == 1_200
    assert policy["MaximumExecutionTimeoutInSeconds"] > 6_000, "longer baking takes longer"
    assert [each["AlarmName"] for each in found["AutoRollbackConfiguration"]["Alarms"]] == ["errors", "drift"]
    assert deployed() == ROLLOUT, "and nothing adds nothing"


def test_an_endpoint_without_rollout_gets_none():
    assert loop._deployment(None, DECLARED) is None


def test_names_are_made_of_version_and_content_and_fit():
    shape = {"prefix": "p" * 38}
    one, other = loop._named(shape, 1_000_000, {"a": 1}), loop._named(shape, 1_000_000, {"a": 2})
    assert one != other and len(one) <= 63


def test_a_record_of_a_champion_is_one_that_readers_know(s3: Any, monkeypatch: pytest.MonkeyPatch):
    package = f"arn:aws:sagemaker:{REGION}:123456789012:model-package/ml-dev-fraud-registry-scores/8"
    monkeypatch.setattr(loop, "_baselines", lambda _: {"data_quality": "s3://b/k"})
    old = {"version": 7, "configuration": "c7", "models": ["m7"], "previous_configuration": "c6"}
    old |= {"previous_models": ["m6", "m7"]}
    boto3.client("ssm").put_parameter(Name="/champions/score", Value=json.dumps(old), Type="String")
    event = {"package": package, "made": {"configuration": "c8", "models": ["m8"]}, **run()}
    said = loop.champion(event, DECLARED, SETTINGS)
    champion = Champion.model_validate_json(said["record"])
    assert (champion.version, champion.previous_version, champion.previous_models) == (8, 7, ("m7",))
    assert champion.baselines == {"data_quality": "s3://b/k"}
    assert (said["configurations"], said["models"]) == (["c6"], ["m6"]), "what still serves or served last stays"


def test_baselines_are_those_that_the_package_brought(monkeypatch: pytest.MonkeyPatch):
    said = {
        "DriftCheckBaselines": {
            "ModelDataQuality": {"Statistics": {"S3Uri": "s3://b/statistics.json"}},
            "Bias": {"PostTrainingConstraints": {"S3Uri": "s3://b/bias.json"}},
        }
    }
    client = type("Client", (), {"describe_model_package": lambda self, **_: said})()
    monkeypatch.setattr(loop.boto3, "client", lambda _: client)
    assert loop._baselines("p/1") == {"data_quality": "s3://b/statistics.json", "bias_drift": "s3://b/bias.json"}


@pytest.mark.parametrize("module", [loop, loop_guards, stored])
def test_what_ships_needs_nothing_but_boto3_and_what_ships_beside(module: Any):
    text = Path(module.__file__).read_text("utf-8")
    imported = {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}
    ours = {name for name in imported if name.startswith("modelyard")}
    beside = ("build.registry.stored", "core.releasing", "run.retraining.loop_guards")
    assert ours <= {f"modelyard.{name}" for name in beside}
    others = {name.partition(".")[0] for name in imported - ours}
    assert others - {"boto3", "botocore"} <= set(sys.stdlib_module_names)
