"""A team with a registry, a pipeline, an endpoint and a loop in moto, where machines and functions really run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk as sdk
from moto.stepfunctions.parser.asl.component.state.wait.state_wait import StateWait
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from tests.ground import NETWORK, OWNER, TRANSACTIONS, TWO, a_role, ground, served
from tests.sandbox.models_world import DEV, REGION, SCORES, Executing, World, registry_spec

from modelyard import Context, Keys, KeysSpec, KnownNetwork
from modelyard.core.champions import Champion
from modelyard.core.events import read_event
from modelyard.operate.models import decide
from modelyard.run.monitoring import AlarmFacts
from modelyard.run.retraining import RetrainingLoop, RetrainingSpec
from modelyard_sandbox.inprocess.deployment import Deployment, deploy

IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/ml-dev-fraud-train@sha256:{'a' * 64}"
DATA = {"data": {"kind": "dataset", "name": "transactions"}}
STEPS: dict[str, Any] = {
    "train": {"kind": "train", "image": IMAGE, "inputs": DATA},
    "judge": {"kind": "evaluate", "image": IMAGE, "inputs": {"model": {"kind": "output", "of": "train.model"}}},
    "keep-it": {"kind": "register", "image": IMAGE, "model": "scores", "artifact": "train.model", "after": ["judge"]},
}
LOOP: dict[str, Any] = {
    "endpoint": "score",
    "pipeline": "fit",
    "owner": OWNER,
    "cooldown_hours": 24,
    "gates_minutes": 2,
    "most_runs_a_month": 5,
    "triggers": {"drifted": {"kind": "threshold", "alarm": "data_drift.data_drift_worst", "rearms_at": 0.1}},
    "budget": {"usd_a_month": 100, "usd_a_run": 10},
    "approval": {"kind": "automatic"},
}
ENDPOINT = served(release={"kind": "loop"}, served_by=TWO)
DRIFT = AlarmFacts(
    name="ml-dev-fraud-watch-drift",
    kind="data_drift",
    metric="data_drift_worst",
    threshold=0.2,
    dimensions={"Endpoint": "ml-dev-fraud-score", "MonitoringSchedule": "ml-dev-fraud-watch-drift"},
    period_seconds=3600,
)


def a_team(
    context: Context = DEV,
    *,
    loop: dict[str, Any] | None = LOOP,
    endpoint: dict[str, Any] = ENDPOINT,
    flavour: str = "step_functions",
) -> Callable[[], None]:
    """The program; without `loop` all but the loop."""

    def program() -> None:
        keys = Keys(f"keys-{context.environment}", KeysSpec(), context=context)
        on = ground(context, keys=keys, registry={"models": {"scores": SCORES}}, datasets=TRANSACTIONS)
        for intent in ("submit", "evaluate", "approve", "pull"):
            getattr(on.registry, f"grant_{intent}")(a_role(intent, context, "sagemaker"))
        fit = on.pipeline("fit", flavour={"kind": flavour}, steps=STEPS)
        score = on.endpoint("score", endpoint, network=KnownNetwork(NETWORK))
        if loop is None:
            return
        made = RetrainingLoop(
            "weekly",
            RetrainingSpec.model_validate(loop),
            context=context,
            endpoints={"score": score},
            pipelines={"fit": fit},
            registry=on.registry,
            lake=on.lake,
            keys=on.keys,
            audit=on.audit,
            alarms={"data_drift.data_drift_worst": DRIFT} if score.exists else {},
        )
        made.grant_start(a_role("starter", context, "sagemaker"))

    return program


@dataclass
class LoopWorld(World):
    """A deployed team; `waits` are done when a state of that name waits, each once."""

    waits: dict[str, list[Callable[[], None]]] = field(default_factory=dict)
    first: Any = None
    """What the first release was, for whoever looks at it later."""
    _bus: str = ""
    _mails: str = ""

    def begin(self) -> None:
        """Somebody hears the bus and the mails from now on."""
        self._bus, self._mails = self._queue("heard-loop"), self._queue("mails")
        events, bus = self.stack.client("events"), "ml-dev-platform-audit"
        events.put_rule(Name="heard-loop", EventBusName=bus, EventPattern=json.dumps({"source": ["modelyard.fraud"]}))
        target = {"Id": "queue", "Arn": self.context.arn("sqs", "heard-loop")}
        events.put_targets(Rule="heard-loop", EventBusName=bus, Targets=[target])
        sns = self.stack.client("sns")
        (topic,) = [t["TopicArn"] for t in sns.list_topics()["Topics"] if "-weekly-" in t["TopicArn"]]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.context.arn("sqs", "mails"))

    def _queue(self, name: str) -> str:
        """A queue that gives each message once."""
        sqs = self.stack.client("sqs")
        return sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "43200"})["QueueUrl"]

    def _messages(self, url: str) -> list[dict[str, Any]]:
        sqs, found = self.stack.client("sqs"), list[dict[str, Any]]()
        while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found += [json.loads(message["Body"]) for message in got]
        return found

    def trains(self, package: str | None, *, cause: str = "the job ran out of memory") -> None:
        """From now on, the pipeline's machine ends with this version; with None, it fails."""
        steps = {"keep_it": {"outputs": {"package": package}}}
        end = (
            {"Type": "Fail", "Error": "StepFailed", "Cause": cause}
            if package is None
            else {"Type": "Pass", "Result": {"steps": steps}, "End": True}
        )
        self.machines.update_state_machine(
            stateMachineArn=self.context.arn("states", "stateMachine:ml-dev-fraud-fit"),
            definition=json.dumps({"StartAt": "It", "States": {"It": end}}),
        )

    @property
    def machines(self) -> Any:
        return self.stack.client("stepfunctions")

    def forget(self) -> None:
        """As if no run had begun this month."""
        s3 = self.stack.client("s3")
        for place in ("runs/", "fired/"):
            found = s3.list_objects_v2(Bucket=self.artifacts, Prefix=f"retraining/weekly/{place}")
            for each in found.get("Contents", []):
                s3.delete_object(Bucket=self.artifacts, Key=each["Key"])

    def began(self, *, hours_ago: float = 48, usd: float = 10) -> None:
        """A run that began in this month, as far as the loop knows."""
        at = datetime.now(UTC)
        run = {"run": f"{at}", "began": (at - timedelta(hours=hours_ago)).isoformat(), "usd": usd}
        key = f"retraining/weekly/runs/{at:%Y-%m}/{at.timestamp()}.json"
        self.stack.client("s3").put_object(Bucket=self.artifacts, Key=key, Body=json.dumps(run).encode())

    def lock(self, run: str) -> None:
        """A run holds the lock."""
        body = json.dumps({"run": run}).encode()
        self.stack.client("s3").put_object(Bucket=self.artifacts, Key="retraining/weekly/lock.json", Body=body)

    def runs(self, **told: Any) -> dict[str, Any]:
        """The end of a run that somebody started."""
        asked = {"why": "a test", "by": "ada", **told}
        arn = self.context.arn("states", "stateMachine:ml-dev-fraud-weekly-loop")
        started = self.machines.start_execution(stateMachineArn=arn, input=json.dumps(asked))
        return self.machines.describe_execution(executionArn=started["executionArn"])

    def retrains(self, **told: Any) -> tuple[int, dict[str, Any]]:
        """A version whose gates hold, and the end of the run that brings it."""
        self.forget()
        version = self.register()
        self.measure(version)
        self.trains(version.package)
        return version.version, self.runs(**told)

    @property
    def champion(self) -> Champion | None:
        ssm = self.stack.client("ssm")
        try:
            text = ssm.get_parameter(Name="/modelyard/ml/dev/fraud/champions/score")["Parameter"]["Value"]
        except ssm.exceptions.ParameterNotFound:
            return None
        return Champion.model_validate_json(text)

    @property
    def served(self) -> tuple[str, list[str]]:
        """The endpoint's configuration, and the versions that it serves."""
        sagemaker = self.stack.client("sagemaker")
        name = sagemaker.describe_endpoint(EndpointName="ml-dev-fraud-score")["EndpointConfigName"]
        said = sagemaker.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"]
        models = [sagemaker.describe_model(ModelName=variant["ModelName"]) for variant in said]
        packages = [(model.get("PrimaryContainer") or model["Containers"][0])["ModelPackageName"] for model in models]
        return name, [package.rpartition("/")[2] for package in packages]

    @property
    def made(self) -> tuple[list[str], list[str]]:
        """The configurations and models that the loop made and that are still there."""
        sagemaker = self.stack.client("sagemaker")
        configurations = [c["EndpointConfigName"] for c in sagemaker.list_endpoint_configs()["EndpointConfigs"]]
        models = [m["ModelName"] for m in sagemaker.list_models()["Models"]]
        return sorted(n for n in configurations if "-v" in n), sorted(n for n in models if "-v" in n)

    @property
    def locked(self) -> bool:
        s3 = self.stack.client("s3")
        found = s3.list_objects_v2(Bucket=self.artifacts, Prefix="retraining/weekly/lock.json")
        return bool(found.get("KeyCount"))

    @property
    def artifacts(self) -> str:
        names = [bucket["Name"] for bucket in self.stack.client("s3").list_buckets()["Buckets"]]
        (found,) = [name for name in names if "lake-artifacts" in name]
        return found

    @property
    def records(self) -> list[dict[str, Any]]:
        """The runs that the loop put down."""
        s3 = self.stack.client("s3")
        listed = s3.list_objects_v2(Bucket=self.artifacts, Prefix="retraining/weekly/runs/").get("Contents", [])
        return [json.loads(s3.get_object(Bucket=self.artifacts, Key=each["Key"])["Body"].read()) for each in listed]

    def heard_all(self) -> list[dict[str, Any]]:
        """What the bus heard since the last time; each is an event that every reader knows."""
        found = self._messages(self._bus)
        for event in found:
            read_event(event)
        return found

    def told(self) -> list[dict[str, Any]]:
        """What the bus heard of ended runs since the last time."""
        return [event for event in self.heard_all() if event["detail-type"] == "modelyard.retraining"]

    def reject(self, version: int) -> None:
        """What an approver does, too."""
        decide(self.as_("grace"), version, "rejected", "looked at it", pause=lambda _: None)

    def invokes(self, event: dict[str, Any]) -> None:
        """What a rule does."""
        self.stack.client("lambda").invoke(FunctionName="ml-dev-fraud-weekly-loop", Payload=json.dumps(event).encode())

    def forget_run(self, record: dict[str, Any]) -> None:
        """As if this run had not begun."""
        month, name = record["began"][:7], record["run"].rpartition(":")[2]
        key = f"retraining/weekly/runs/{month}/{name}.json"
        self.stack.client("s3").delete_object(Bucket=self.artifacts, Key=key)

    def mails(self) -> list[str]:
        """What the owner was sent since the last time, subjects first."""
        bodies = self._messages(self._mails)
        return [f"{body['Subject']}\n{body['Message']}" for body in bodies]

    def alarm(self, name: str, state: str) -> None:
        """Set the state of an alarm."""
        self.stack.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


@contextmanager
def loop_world(folder: Path, **how: Any) -> Iterator[LoopWorld]:
    """The team, deployed, with a bus to hear and no time to wait."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(ExecutionWorker, "start", ExecutionWorker._execution_logic)
        monkeypatch.setattr(
            "moto.stepfunctions.parser.asl.component.common.retry.retrier_decl.time.sleep", lambda _: None
        )
        for service, name in (("sagemaker", "SageMaker"), ("ssm", "Ssm")):
            monkeypatch.setitem(sdk._SERVICE_ERROR_NAMES, service, name)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "sandbox")
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        with deploy(a_team(**how), region=REGION, emulated=Executing()) as stack:
            made = LoopWorld(stack, DEV, registry_spec(), folder)
            stack.client("events").create_event_bus(Name="ml-dev-platform-audit")
            made.begin()

            def wait(state: Any, _: Any) -> None:
                todo = made.waits.get(state.name, [])
                if todo:
                    todo.pop(0)()

            monkeypatch.setattr(StateWait, "_eval_state", wait)
            yield made


def again(world: LoopWorld, **how: Any) -> Deployment:
    """`up`, once more."""
    return world.stack.update(a_team(**how))
