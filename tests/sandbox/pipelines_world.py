"""The world of a training pipeline's run: its account, its jobs, the registry that it fills, and who listens."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name import failure_event
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from modelyard.build.pipelines import PipelineSpec, report_function
from modelyard.build.pipelines.function import Refused, register
from modelyard.build.pipelines.registrar import declared
from modelyard.build.pipelines.requests import Judge, Places
from modelyard.build.pipelines.step_functions import definition
from modelyard.core.addresses import TrainingPoolAddress
from modelyard.core.events import read_event
from modelyard.core.provenance import gates_key
from modelyard.core.releases import Gate, GateResult, GateResults
from modelyard.core.retention import Classification
from modelyard.core.snapshots import Column, Manifest, ObjectVersion, content_hash
from modelyard_jobs.versions import measured

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
