"""A training pipeline's state machine, executed: which jobs it asks for, what it hands on, and how it ends."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.sagemaker.models import sagemaker_backends
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name import failure_event
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_unsupported as unsupported,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from modelyard.build.pipelines import PipelineSpec, report_function
from modelyard.build.pipelines.function import Refused, register
from modelyard.build.pipelines.registrar import declared
from modelyard.build.pipelines.requests import Judge, Places
from modelyard.build.pipelines.step_functions import definition
from modelyard.core.addresses import TrainingPoolAddress
from modelyard.core.events import PipelineEnded, read_event
from modelyard.core.provenance import Provenance, gates_key, key_of
from modelyard.core.releases import Gate, GateResult, GateResults, Lineage
from modelyard.core.releasing import unmet
from modelyard.core.retention import Classification
from modelyard.core.snapshots import Column, Manifest, ObjectVersion, content_hash
from modelyard_jobs.versions import measured
from modelyard_sandbox import moto_extensions

REGION, ACCOUNT = "eu-west-1", "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/works"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/ml-dev-fraud-train@sha256:{'a' * 64}"
LAKE, REGISTRY = "lake", "registry"
STEPS: dict[str, Any] = {
    "bring": {"kind": "ingest", "image": IMAGE, "outputs": {"labels": {}}},
    "look": {"kind": "validate_data", "image": IMAGE, "inputs": {"data": {"kind": "dataset", "name": "transactions"}}},
    "build-it": {
        "kind": "build_features",
        "image": IMAGE,
        "inputs": {
            "labels": {"kind": "output", "of": "bring.labels"},
            "data": {"kind": "dataset", "name": "transactions"},
            "customers": {"kind": "view", "name": "customer", "version": 2},
        },
        "outputs": {"train": {}, "test": {}},
        "after": ["look"],
    },
    "train": {
        "kind": "train",
        "image": IMAGE,
        "inputs": {"train": {"kind": "output", "of": "build-it.train"}},
        "parameters": {"rate": {"of": "rate"}, "commit": {"of": "commit"}, "epochs": "3"},
        "retries": 2,
    },
    "judge": {
        "kind": "evaluate",
        "image": IMAGE,
        "inputs": {"model": {"kind": "output", "of": "train.model"}, "test": {"kind": "output", "of": "build-it.test"}},
        "outputs": {"report": {}},
    },
    "keep": {
        "kind": "register",
        "image": IMAGE,
        "model": "scores",
        "artifact": "train.model",
        "report": "judge.report",
    },
}
SPEC = PipelineSpec.model_validate({"owner": "ada@acme.example", "parameters": {"rate": "0.1"}, "steps": STEPS})
POOL = TrainingPoolAddress(
    name="training",
    job_name="ml-dev-fraud-training",
    role_arn=ROLE,
    key_arn=KEY,
    subnets=("subnet-12345678",),
    security_groups=("sg-12345678",),
    instance_types=("ml.m5.xlarge",),
    max_runtime_seconds=3600,
    volume_gib=50,
    network_isolation=False,
    inter_container_encryption=True,
    output=f"s3://{LAKE}/training/training/",
    tags=("team=fraud",),
)
JUDGE = Judge(
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/judges",
    output=f"s3://{LAKE}/training-judged/scores/",
    resources="/modelyard/ml/dev/fraud/scores-judge",
)
PLACES = Places(
    pipeline="scores",
    pool=POOL,
    resources="/modelyard/ml/dev/fraud/training-job",
    datasets={"transactions": f"s3://{LAKE}/transactions/"},
    repositories={},
    registrar=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:registrar",
    reporter=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:reporter",
    gated=frozenset({"keep"}),
    judges={"judge": JUDGE},
)
GROUP = "ml-dev-fraud-registry-scores"
GATES = {
    "recall": Gate(kind="accuracy", metric="recall", comparison="at_least", threshold=0.8),
    "better": Gate(kind="accuracy", metric="recall", comparison="at_least", threshold=0.0, against="champion"),
}
JUDGED = {
    "model": "scores",
    "group": GROUP,
    "gates": {name: gate.model_dump(mode="json") for name, gate in GATES.items()},
}
"""What the function that reports knows of the step `keep`."""
SETTINGS = {
    "ARTIFACTS": LAKE,
    "GROUPS": json.dumps({"keep": "ml-dev-fraud-registry-scores"}),
    "PIPELINE": "scores",
    "REGISTRY": REGISTRY,
    "SNAPSHOTS": "snapshots/",
}
MODEL = b"the weights of a model"


def manifest() -> Manifest:
    columns = (Column(name="amount", type="double"),)
    objects = (
        ObjectVersion(bucket=LAKE, key="transactions/1", version_id="1", size=3, etag="e", sha256="0" * 64, rows=7),
    )
    return Manifest(
        hash=content_hash("transactions", "parquet", columns, objects),
        team="fraud",
        environment="dev",
        dataset="transactions",
        format="parquet",
        classification=Classification.INTERNAL,
        columns=columns,
        objects=objects,
        statistics=(),
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        taken_by="ada",
    )


ASKED: list[dict[str, Any]] = []
"""The requests of the run, since the emulator forgets parts of them."""
MEASURED = tuple(GateResult(gate=name, metric="recall", value=0.91) for name in GATES)
LEFT: dict[str, Any] = {}
"""What the evaluation measures: `results`, and the bytes of the `model` that it looked at."""


class Account:
    """The machine, the jobs that it starts, the registry that it fills, and somebody who listens on the bus."""

    def __init__(self) -> None:
        self.machines = boto3.client("stepfunctions", region_name=REGION)
        self.sagemaker = boto3.client("sagemaker", region_name=REGION)
        self.s3 = boto3.client("s3", region_name=REGION)
        self.queue = boto3.client("sqs", region_name=REGION)
        for bucket in (LAKE, REGISTRY):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.sagemaker.create_model_package_group(ModelPackageGroupName="ml-dev-fraud-registry-scores")
        events = boto3.client("events", region_name=REGION)
        events.create_event_bus(Name="bus")
        self.url = self.queue.create_queue(QueueName="heard")["QueueUrl"]
        events.put_rule(Name="all", EventBusName="bus", EventPattern=json.dumps({"source": ["modelyard.fraud"]}))
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:heard"
        events.put_targets(Rule="all", EventBusName="bus", Targets=[{"Id": "queue", "Arn": arn}])

    def snapshot(self) -> Manifest:
        """A snapshot of the data, taken before the run."""
        taken = manifest()
        self.s3.put_object(
            Bucket=LAKE, Key=f"snapshots/transactions/{taken.hash}.json", Body=taken.canonical().encode()
        )
        return taken

    def results(self, version: int) -> GateResults:
        """What stands in the registry of a version's gates."""
        body = self.s3.get_object(Bucket=REGISTRY, Key=gates_key("scores", version))["Body"].read()
        return GateResults.model_validate_json(body)

    def runs(self, run: str = "run-1", **told: str) -> dict[str, Any]:
        """The end of an execution that was started with these parameters."""
        machine = definition(SPEC, PLACES, bus="bus", team="fraud")
        made = self.machines.create_state_machine(name=f"m-{run}", roleArn=ROLE, definition=json.dumps(machine))
        started = self.machines.start_execution(
            stateMachineArn=made["stateMachineArn"], name=run, input=json.dumps(told)
        )
        return self.machines.describe_execution(executionArn=started["executionArn"])

    def asked(self, step: str) -> list[dict[str, Any]]:
        """What each job of a step was asked to be."""
        return [request for request in ASKED if request["Environment"]["MODELYARD_STEP"] == step]

    @property
    def versions(self) -> list[dict[str, Any]]:
        found = self.sagemaker.list_model_packages(ModelPackageGroupName="ml-dev-fraud-registry-scores")
        arns = [each["ModelPackageArn"] for each in found["ModelPackageSummaryList"]]
        return [self.sagemaker.describe_model_package(ModelPackageName=arn) for arn in arns]

    @property
    def heard(self) -> list[Any]:
        found = self.queue.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        return [read_event(json.loads(message["Body"])) for message in found]


def ended(self: Any, env: Any, normalised_parameters: Any, **_: Any) -> Any:
    """What AWS does for `.sync`: look at the job until it ends, and fail where it failed."""
    env.stack.pop()
    parameters = normalised_parameters
    ASKED.append(parameters)
    kind = "training" if "TrainingJobName" in parameters else "processing"
    name = f"{kind.capitalize()}JobName"
    client = boto3.client("sagemaker", region_name=REGION)

    def look() -> Any:
        found = getattr(client, f"describe_{kind}_job")(**{name: parameters[name]})
        if found[f"{kind.capitalize()}JobStatus"] == "Failed":
            raise failed_task(self, env, f"the {kind} job failed")
        if kind == "training":
            place = found["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{LAKE}/")
            boto3.client("s3", region_name=REGION).put_object(Bucket=LAKE, Key=place, Body=MODEL)
        elif parameters["Environment"]["MODELYARD_STEP"] == "judge":
            evaluates(parameters["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"])
        return json.loads(json.dumps({key: found[key] for key in found if key != "ResponseMetadata"}, default=str))

    return look


def evaluates(report: str) -> None:
    """What the judge's container does, and SageMaker after it."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "model.tar.gz"
        archive.write_bytes(LEFT["model"])
        file = measured(archive, LEFT["results"], report=Path(folder) / "report")
        place = f"{report.removeprefix(f's3://{LAKE}/')}/{file.name}"
        boto3.client("s3", region_name=REGION).put_object(Bucket=LAKE, Key=place, Body=file.read_bytes())


def failed_task(task: Any, env: Any, cause: str) -> Exception:
    kind = StatesErrorNameType.StatesTaskFailed
    details = TaskFailedEventDetails(
        resource=task._get_sfn_resource(), resourceType="sagemaker", error=kind.to_name(), cause=cause
    )
    return failure_event.FailureEventException(
        failure_event.FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=kind),
            event_type=HistoryEventType.TaskFailed,
            # moto's own code gives one of its parts, too, where its type asks for all.
            event_details=EventDetails(taskFailedEventDetails=details),  # pyright: ignore[reportCallIssue]
        )
    )


def invoked(env: Any, parameters: Any, region: str, state_credentials: Any) -> None:
    """What Lambda does: run the function's code, here."""
    event = json.loads(parameters["Payload"])
    try:
        if parameters["FunctionName"] == PLACES.reporter:
            answer = {"gates": report_function.report(event, JUDGED, SETTINGS)}
        else:
            answer = {"package": register(event, declared(SPEC, {})["keep"], SETTINGS)}
    except (Refused, report_function.Refused) as refused:
        told = json.dumps({"errorType": "Refused", "errorMessage": str(refused)})
        raise lambda_eval_utils.LambdaFunctionErrorException("Unhandled", told) from None
    env.stack.append({"StatusCode": 200, "Payload": answer})


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
