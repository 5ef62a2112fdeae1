"""A registry in moto, whose promotion runs: roles that register, measure, approve and read, each a session."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from modelyard import Context, Keys, KeysSpec, KnownAudit, ModelRegistry, RegistrySpec, Role
from modelyard.core.access import trust_service
from modelyard.core.addresses import ModelAddress
from modelyard.core.distributions import Categories, ColumnStatistics
from modelyard.core.provenance import SnapshotReference
from modelyard.core.releases import GateResult
from modelyard.core.retention import Classification
from modelyard.core.snapshots import Column, Manifest, ObjectVersion, content_hash
from modelyard.operate.models import Model, Promoted, Registry, decide
from modelyard.operate.models.promoting import address_of
from modelyard_jobs.versions import Registered, register, report
from modelyard_sandbox.inprocess.deployment import Deployment, InProcessMoto, deploy

REGION = "eu-west-1"
DEV = Context(
    organization="acme", platform="ml", environment="dev", region=REGION, account="123456789012", team="fraud"
)
PROD = Context(
    organization="acme", platform="ml", environment="prod", region=REGION, account="123456789012", team="fraud"
)
DIGEST = f"sha256:{'d' * 64}"
IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/serve@{DIGEST}"
RECALL = {"kind": "accuracy", "metric": "recall", "threshold": 0.8}
SCORES: dict[str, Any] = {
    "description": "Scores payments",
    "owner": "ada@acme.example",
    "metrics": ["recall", "gap"],
    "gates": {"recall": RECALL, "fair": {"kind": "bias", "metric": "gap", "attribute": "age"}},
}
GOOD = {"recall": 0.9, "fair": 0.05}
_numbers = itertools.count()
_METRICS = {"recall": "recall", "fair": "gap"}


class Executing(InProcessMoto):
    """moto in this process, which runs state machines."""

    def __init__(self) -> None:
        super().__init__()
        self._moto = mock_aws(config={"stepfunctions": {"execute_state_machine": True}})


def registry_spec(**changes: Any) -> RegistrySpec:
    return RegistrySpec.model_validate({"models": {"scores": {**SCORES, **changes}}})


def a_registry(context: Context, spec: RegistrySpec) -> None:
    """A registry, and a role for each intent."""
    name = f"registry-{context.environment}"
    keys = Keys(f"keys-{context.environment}", KeysSpec(), context=context)
    registry = ModelRegistry("registry", spec, context=context, keys=keys, audit=KnownAudit(context))
    trusted = [trust_service("sagemaker.amazonaws.com", context=context)]
    for intent in ("submit", "evaluate", "approve", "pull"):
        role = Role(intent, context=context, trusted=trusted, description=f"{intent} in {name}")
        getattr(registry, f"grant_{intent}")(role)


@dataclass
class World:
    """A deployed registry, and who works with it."""

    stack: Deployment
    context: Context
    spec: RegistrySpec
    folder: Path
    _sessions: dict[tuple[str, str], Callable[..., Any]] = field(default_factory=dict)

    def session(self, role: str, name: str) -> Callable[..., Any]:
        """boto3 clients of a session of a role of the team's; the session bears a person's name."""
        if (role, name) not in self._sessions:
            names = self.context.names
            arn = self.context.arn("iam", f"role{names.path}{names.of('iam-role', role)}", regional=False)
            got = self.stack.client("sts").assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"]
            keys = (got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
            session = boto3.Session(*keys, region_name=REGION)
            self._sessions[role, name] = cache(lambda service, region="": session.client(service, region or REGION))
        return self._sessions[role, name]

    def model(self, client: Callable[..., Any] | None = None) -> Model:
        """The model as `client` sees it; absent, as the sandbox's own user does."""
        alias = self.context.names.of("kms-alias", "registry-release-keys", "signing")
        key = self.context.arn("kms", alias)
        return Registry(self.context, self.spec, client or self.stack.client, key).model("scores")

    def as_(self, person: str, role: str = "approve") -> Model:
        """The model as a person sees it."""
        return self.model(self.session(role, person))

    @property
    def address(self) -> ModelAddress:
        return address_of(self.model())

    @property
    def bucket(self) -> str:
        return self.model().registry.bucket

    @contextmanager
    def unfenced(self) -> Iterator[Any]:
        """The bucket without its policy, as whoever may do anything would have it."""
        s3 = self.stack.client("s3")
        policy = s3.get_bucket_policy(Bucket=self.bucket)["Policy"]
        s3.delete_bucket_policy(Bucket=self.bucket)
        yield s3
        s3.put_bucket_policy(Bucket=self.bucket, Policy=policy)

    def snapshot(self) -> tuple[Manifest, SnapshotReference]:
        """A snapshot of a dataset, its manifest kept in a bucket."""
        columns = (Column(name="country", type="string"),)
        objects = (
            ObjectVersion(
                bucket="lake", key="events/a.parquet", version_id="v7", size=10, etag='"e"', sha256="a" * 64, rows=4
            ),
        )
        top = Categories.model_validate({"kind": "categories", "top": [{"value": "FI", "count": 4}], "other": 0})
        manifest = Manifest(
            hash=content_hash("events", "parquet", columns, objects),
            team="fraud",
            environment="dev",
            dataset="events",
            format="parquet",
            classification=Classification.INTERNAL,
            columns=columns,
            objects=objects,
            statistics=(ColumnStatistics(name="country", rows=4, nulls=0, distinct=1, distribution=top),),
            taken_at=datetime(2026, 1, 1, tzinfo=UTC),
            taken_by="arn:aws:iam::123456789012:role/pipeline",
        )
        s3, key = self.stack.client("s3"), f"snapshots/events/{manifest.hash}.json"
        if "lake" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="lake", Key=key, Body=manifest.canonical().encode())
        return manifest, SnapshotReference.of(manifest, "lake", key)

    def register(self, author: str = "ada", **how: Any) -> Registered:
        """A version that a job of the submitter's registered; no two have the same bytes."""
        content = f"weights {next(_numbers)}".encode()
        file = self.folder / f"{hashlib.sha256(content).hexdigest()}.tar.gz"
        file.write_bytes(content)
        client = self.session("submit", "SageMaker")
        said: dict[str, Any] = {
            "image": IMAGE,
            "author": author,
            "code_commit": "c" * 40,
            "snapshots": [self.snapshot()[1]],
            "feature_views": ["customer-v2"],
            "run_id": "run-7",
            "parameters": {"depth": "6"},
            "metrics": {"recall": 0.9},
            **how,
        }
        return register(self.address, file, s3=client("s3"), sagemaker=client("sagemaker"), **said)

    def measure(self, version: Registered | Promoted, values: Mapping[str, float] | None = None) -> None:
        """What an evaluation puts down; gate by value."""
        results = [
            GateResult(gate=gate, metric=_METRICS[gate], value=value) for gate, value in (values or GOOD).items()
        ]
        report(self.address, version.package, results, s3=self.session("evaluate", "SageMaker")("s3"))

    def approve(self, version: int, person: str = "grace") -> None:
        """What an approver does."""
        decide(self.as_(person), version, "approved", "looked at it", pause=lambda _: None)

    def heard(self) -> Callable[[], list[dict[str, Any]]]:
        """From now on, what the team puts on the platform's bus."""
        events, queues = self.stack.client("events"), self.stack.client("sqs")
        bus = f"ml-{self.context.environment}-platform-audit"
        name = f"heard-{next(_numbers)}"
        url = queues.create_queue(QueueName=name)["QueueUrl"]
        events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": ["modelyard.fraud"]}))
        arn = self.context.arn("sqs", name)
        events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])

        def listen() -> list[dict[str, Any]]:
            got = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            return [json.loads(message["Body"]) for message in got]

        return listen

    def measured(self, author: str = "ada", **how: Any) -> int:
        """A version whose gates hold."""
        version = self.register(author, **how)
        self.measure(version)
        return version.version


@contextmanager
def world(folder: Path, *, both: bool = False) -> Iterator[list[World]]:
    """One environment with a registry, or two."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from _world(folder, monkeypatch, both)


def _world(folder: Path, monkeypatch: pytest.MonkeyPatch, both: bool) -> Iterator[list[World]]:
    monkeypatch.setattr(ExecutionWorker, "start", ExecutionWorker._execution_logic)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    spec = registry_spec()

    def program(context: Context) -> Callable[[], None]:
        return lambda: a_registry(context, spec)

    with deploy(program(DEV), region=REGION, emulated=Executing()) as stack:
        made = [World(stack, DEV, spec, folder)]
        stack.client("events").create_event_bus(Name="ml-dev-platform-audit")
        if both:
            stack.client("events").create_event_bus(Name="ml-prod-platform-audit")
            other = Standing(stack)
            with deploy(program(PROD), region=REGION, stack="prod", emulated=other) as there:
                made.append(World(there, PROD, spec, folder))
                yield made
            return
        yield made


class Standing(InProcessMoto):
    """The emulator that another deployment began, and ends."""

    def __init__(self, stack: Deployment) -> None:
        self._stack = stack

    def begin(self) -> None:
        """It has begun."""

    def end(self) -> None:
        """Others still use it."""
