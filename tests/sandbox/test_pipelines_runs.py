"""A training pipeline's state machine, executed: which jobs it asks for, what it hands on, and how it ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws
from moto.sagemaker.models import sagemaker_backends
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_unsupported as unsupported,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from tests.sandbox.pipelines_world import (
    ACCOUNT,
    ASKED,
    IMAGE,
    JUDGE,
    JUDGED,
    LAKE,
    LEFT,
    MEASURED,
    MODEL,
    PLACES,
    POOL,
    REGION,
    REGISTRY,
    ROLE,
    SETTINGS,
    SPEC,
    Account,
    ended,
    invoked,
)

from modelyard.build.pipelines import report_function
from modelyard.build.pipelines.function import register
from modelyard.build.pipelines.registrar import declared
from modelyard.build.pipelines.step_functions import definition
from modelyard.core.events import PipelineEnded
from modelyard.core.provenance import Provenance, key_of
from modelyard.core.releases import GateResult, Lineage
from modelyard.core.releasing import unmet
from modelyard_sandbox import moto_extensions


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setattr(ExecutionWorker, "start", ExecutionWorker._execution_logic)
    monkeypatch.setattr("moto.stepfunctions.parser.asl.component.common.retry.retrier_decl.time.sleep", lambda _: None)
    patterns = unsupported._SUPPORTED_INTEGRATION_PATTERNS | {ResourceCondition.Sync}
    monkeypatch.setattr(unsupported, "_SUPPORTED_INTEGRATION_PATTERNS", patterns)
    monkeypatch.setattr(unsupported.StateTaskServiceUnsupported, "_build_sync_resolver", ended)
    monkeypatch.setattr(lambda_eval_utils, "execute_lambda_function_integration", invoked)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    ASKED.clear()
    LEFT.update(results=MEASURED, model=MODEL)
    moto_extensions.install()
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield Account()


def test_a_run_ends_with_a_version_that_waits_for_approval(account: Account):
    account.snapshot()
    end = account.runs(commit="a1b2c3d")
    assert end["status"] == "SUCCEEDED", end
    (version,) = account.versions
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    steps = json.loads(end["output"])["steps"]
    assert steps["keep"]["outputs"]["package"] == version["ModelPackageArn"]
    report = version["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert report == steps["judge"]["outputs"]["report"] == f"{JUDGE.output}run-1/judge/report"


def test_what_gates_measured_stands_beside_the_version_before_anybody_decides(account: Account):
    account.snapshot()
    end = account.runs(commit="a1b2c3d")
    assert end["status"] == "SUCCEEDED", end
    found = account.results(1)
    assert found.package == account.versions[0]["ModelPackageArn"]
    assert {each.gate: each.value for each in found.results} == {"recall": 0.91, "better": 0.91}
    assert {each.report for each in found.results} == {f"{JUDGE.output}run-1/judge/report"}
    assert not list(unmet(JUDGED["gates"], [each.model_dump() for each in found.results], champion=False))


def test_a_gate_against_the_champion_is_told_what_the_champion_measured(account: Account):
    account.snapshot()
    account.runs(commit="a1b2c3d")
    champion = account.versions[0]["ModelPackageArn"]
    account.sagemaker.update_model_package(ModelPackageArn=champion, ModelApprovalStatus="Approved")
    LEFT["results"] = tuple(each.model_copy(update={"value": 0.88}) for each in MEASURED)
    account.runs("run-2", commit="a1b2c3d")
    found = {each.gate: each for each in account.results(2).results}
    assert (found["better"].champion, found["recall"].champion) == (0.91, None)
    ((code, said),) = unmet(JUDGED["gates"], [each.model_dump() for each in found.values()], champion=True)
    assert code == "gate-failed" and "better" in said


def test_a_champion_that_the_evaluation_measured_itself_counts(account: Account):
    account.snapshot()
    account.runs(commit="a1b2c3d")
    champion = account.versions[0]["ModelPackageArn"]
    account.sagemaker.update_model_package(ModelPackageArn=champion, ModelApprovalStatus="Approved")
    LEFT["results"] = tuple(each.model_copy(update={"value": 0.88, "champion": 0.85}) for each in MEASURED)
    account.runs("run-2", commit="a1b2c3d")
    assert {each.champion for each in account.results(2).results} == {0.85}


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        ({"model": b"another model"}, "the evaluation measured"),
        ({"results": (GateResult(gate="recal", metric="recall", value=0.9),)}, "recal is no gate of the model"),
    ],
)
def test_an_evaluation_that_says_nothing_of_the_version_fills_no_gate(
    account: Account, left: dict[str, Any], reason: str
):
    account.snapshot()
    LEFT.update(left)
    end = account.runs(commit="a1b2c3d")
    assert (end["status"], json.loads(end["cause"])["Error"]) == ("FAILED", "Refused")
    assert reason in end["cause"]
    assert account.s3.list_objects_v2(Bucket=REGISTRY, Prefix="gates/")["KeyCount"] == 0
    assert [each["ModelApprovalStatus"] for each in account.versions] == ["PendingManualApproval"]


@pytest.mark.parametrize(
    "text", [None, "no JSON", "[]", '{"version": 1, "artifact_digest": "", "results": 3}'], ids=str
)
def test_a_report_that_nobody_can_read_is_told(account: Account, text: str | None):
    account.snapshot()
    account.runs(commit="a1b2c3d")
    package = account.versions[0]["ModelPackageArn"]
    if text is not None:
        account.s3.put_object(Bucket=LAKE, Key="training-judged/x/gates.json", Body=text.encode())
    with pytest.raises(report_function.Refused, match=r"left no gates\.json|gates\.json is none"):
        report_function.report({"package": package, "report": f"s3://{LAKE}/training-judged/x"}, JUDGED, SETTINGS)


def test_the_judge_runs_as_itself_and_leaves_its_word_where_no_training_job_writes(account: Account):
    account.snapshot()
    account.runs(commit="a1b2c3d")
    (judged,), (built,) = account.asked("judge"), account.asked("build-it")
    assert (judged["RoleArn"], built["RoleArn"]) == (JUDGE.role_arn, ROLE)
    assert judged["Environment"]["MODELYARD_RESOURCES"] == JUDGE.resources
    assert judged["ProcessingJobName"].startswith(POOL.job_name), "as the pool's fence asks for"


def test_a_version_says_where_it_comes_from(account: Account):
    taken = account.snapshot()
    account.runs(commit="a1b2c3d", author="grace@acme.example", rate="0.5")
    (version,) = account.versions
    lineage = Lineage.from_metadata(version["CustomerMetadataProperties"])
    assert (lineage.author, lineage.code_commit, lineage.run_id) == ("grace@acme.example", "a1b2c3d", "run-1")
    assert (lineage.data_snapshot, lineage.feature_views) == (taken.hash, ("customer-v2",))
    assert lineage.image_digest == IMAGE.rpartition("@")[2]
    key = version["InferenceSpecification"]["Containers"][0]["ModelDataUrl"].removeprefix(f"s3://{REGISTRY}/")
    held = account.s3.get_object(Bucket=REGISTRY, Key=key, VersionId=lineage.artifact_version)["Body"].read()
    assert held == MODEL and hashlib.sha256(held).hexdigest() == lineage.artifact_digest
    assert lineage.provenance is not None
    text = account.s3.get_object(Bucket=REGISTRY, Key=key_of("scores", lineage.provenance))["Body"].read()
    provenance = Provenance.model_validate_json(text)
    assert provenance.digest == lineage.provenance
    assert provenance.lineage(lineage.artifact_version) == lineage
    assert provenance.parameters == {"rate": "0.5"}
    assert provenance.snapshots[0].rows == 7


def test_steps_take_what_others_left_by_reference(account: Account):
    account.snapshot()
    end = account.runs(commit="a1b2c3d")
    steps = json.loads(end["output"])["steps"]
    (job,) = account.asked("train")
    place = job["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    assert (
        place == steps["build_it"]["outputs"]["train"] == f"s3://{LAKE}/training/training/scores/run-1/build-it/train"
    )
    (judged,), (built,) = account.asked("judge"), account.asked("build-it")
    inputs = {each["InputName"]: each["S3Input"]["S3Uri"] for each in judged["ProcessingInputs"]}
    assert inputs == {"model": steps["train"]["outputs"]["model"], "test": steps["build_it"]["outputs"]["test"]}
    assert job["TrainingJobName"] in inputs["model"]
    assert {each["S3Input"]["S3Uri"] for each in built["ProcessingInputs"]} == {
        steps["bring"]["outputs"]["labels"],
        f"s3://{LAKE}/transactions/",
    }
    assert built["Environment"]["MODELYARD_VIEW_CUSTOMERS"] == "customer-v2"


def test_what_does_not_wait_for_each_other_runs_in_branches_of_one_state():
    machine = definition(SPEC, PLACES)
    parallel = machine["States"]["Parallel1"]
    assert {branch["StartAt"] for branch in parallel["Branches"]} == {"bring", "look"}
    assert parallel["Next"] == "build-it"


def test_a_run_is_told_its_parameters_and_knows_their_defaults(account: Account):
    account.snapshot()
    account.runs(commit="a1b2c3d")
    (job,) = account.asked("train")
    assert job["HyperParameters"] == {"rate": "0.1", "commit": "a1b2c3d", "epochs": "3"}
    assert job["Environment"]["MODELYARD_PARAMETER_RATE"] == "0.1"
    assert job["Environment"]["MODELYARD_RUN"] == "run-1"


def test_jobs_bear_the_pools_name_and_no_two_the_same(account: Account):
    account.snapshot()
    account.runs(commit="a1b2c3d")
    names = [each["ProcessingJobName"] for each in account.sagemaker.list_processing_jobs()["ProcessingJobSummaries"]]
    assert len(set(names)) == 4
    assert all(name.startswith("ml-dev-fraud-training-") and len(name) <= 63 for name in names)


def test_a_job_that_fails_is_tried_again_and_then_its_failure_is_told(
    account: Account, monkeypatch: pytest.MonkeyPatch
):
    backend = type(sagemaker_backends[ACCOUNT][REGION])
    before = backend.describe_training_job

    def failed(*given: Any, **named: Any) -> dict[str, Any]:
        return {**before(*given, **named), "TrainingJobStatus": "Failed"}

    monkeypatch.setattr(backend, "describe_training_job", failed)
    account.snapshot()
    end = account.runs(commit="a1b2c3d")
    assert (end["status"], end["error"]) == ("FAILED", "StepFailed"), end["cause"]
    names = {job["TrainingJobName"] for job in account.asked("train")}
    assert len(names) == 3, "once, and twice again, each under a name of its own"
    (event,) = account.heard
    assert isinstance(event, PipelineEnded)
    assert (event.pipeline, event.run, event.outcome) == ("scores", "run-1", "failed")
    assert event.reason == "States.TaskFailed"
    assert account.versions == []


def test_a_run_that_ends_well_is_told_too(account: Account):
    account.snapshot()
    account.runs(commit="a1b2c3d")
    (event,) = account.heard
    assert isinstance(event, PipelineEnded)
    assert (event.team, event.outcome) == ("fraud", "succeeded")


@pytest.mark.parametrize(
    ("told", "taken", "reason"),
    [
        ({"commit": "a1b2c3d"}, False, "transactions had no snapshot when the run began"),
        ({}, True, "nobody says which commit it is of"),
        ({"commit": "a1b2c3d", "snapshot": "f" * 64}, True, f"transactions has no snapshot {'f' * 64}"),
    ],
)
def test_no_version_is_registered_without_its_lineage(account: Account, told: dict[str, str], taken: bool, reason: str):
    if taken:
        account.snapshot()
    end = account.runs(**told)
    assert (end["status"], end["error"]) == ("FAILED", "StepFailed")
    assert json.loads(end["cause"])["Error"] == "Refused"
    assert reason in end["cause"]
    assert account.versions == []
    assert account.s3.list_objects_v2(Bucket=REGISTRY)["KeyCount"] == 0, "nothing is put down before all is known"


def test_the_same_model_trained_twice_is_kept_once(account: Account):
    account.snapshot()
    step, at = declared(SPEC, {})["keep"], datetime.now(UTC).isoformat()
    account.s3.put_object(Bucket=LAKE, Key="training/model.tar.gz", Body=MODEL)
    event = {"step": "keep", "started": at, "artifact": f"s3://{LAKE}/training/model.tar.gz"}
    event |= {"author": "ada", "commit": "a1b2c3d"}
    found = {register({**event, "run": run}, step, SETTINGS) for run in ("1", "2")}
    assert len(found) == 2
    kept = account.s3.list_object_versions(Bucket=REGISTRY, Prefix="models/scores/")["Versions"]
    assert len(kept) == 1
    assert {each["CustomerMetadataProperties"]["modelyard:artifact-version"] for each in account.versions} == {
        kept[0]["VersionId"]
    }
