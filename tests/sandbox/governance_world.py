"""A registry with an evidence store in moto, whose functions run; versions released, and their evidence written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from tests.sandbox.models_world import DEV, REGION, Executing, World, registry_spec

from modelyard import Context, Keys, KeysSpec, KnownAudit, ModelRegistry, Role
from modelyard.core.access import trust_service
from modelyard.operate.evidence import Bundle, Store, fetch
from modelyard.run.governance import EvidenceStore, GovernanceSpec
from modelyard_sandbox.inprocess.deployment import deploy

DEPLOYED = {"commit": "e" * 40, "outputs": {"bucket": "ml-dev-fraud-lake"}}
BUS = "ml-dev-platform-audit"
WRITER, SEALER = "ml-dev-fraud-evidence-writer", "ml-dev-fraud-evidence-sealer"


def program(spec: GovernanceSpec, context: Context = DEV, **said: Any) -> Callable[[], None]:
    """A registry, its evidence, and who works with both."""

    def made() -> None:
        keys = Keys("keys", KeysSpec(), context=context)
        registry = ModelRegistry("registry", registry_spec(), context=context, keys=keys, audit=KnownAudit(context))
        evidence = EvidenceStore(
            "evidence", spec, context=context, keys=keys, registry=registry, audit=KnownAudit(context), **said
        )
        for intent in ("submit", "evaluate", "approve"):
            getattr(registry, f"grant_{intent}")(role(intent, context))
        evidence.grant_read(role("auditor", context))
        evidence.grant_report(role("ci", context))
        role("stranger", context)

    return made


def role(name: str, context: Context) -> Role:
    """A role without a grant."""
    trusted = [trust_service("sagemaker.amazonaws.com", context=context)]
    return Role(name, context=context, trusted=trusted, description=name)


class Kept(World):
    """A world whose releases leave evidence."""

    governance: GovernanceSpec

    def store(self, client: Callable[..., Any] | None = None) -> Store:
        """The evidence as `client` sees it; absent, as the sandbox's own user does."""
        return Store(self.model(client).registry, self.governance)

    def bundle(self, version: int, client: Callable[..., Any] | None = None) -> Bundle:
        """What lies there of a version."""
        return fetch(self.store(client), self.model(client), version)

    def released(self) -> int:
        """A released version; its approval goes over the bus, and the writer hears of it."""
        version = self.measured()
        self.approve(version)
        return version

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """What a function answers, its error included."""
        said = self.stack.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
        return json.loads(said["Payload"].read())

    def told(self, version: int, **changes: Any) -> dict[str, Any]:
        """An event like that of a version's approval."""
        detail = {
            "team": "fraud",
            "model": self.model().group,
            "model_version": str(version),
            "decision": "approved",
            "by": "AROAPERSON:grace",
            "at": "2026-01-01T00:00:00+00:00",
            **changes,
        }
        return {"source": "modelyard.fraud", "detail-type": "modelyard.approval", "id": "e-1", "detail": detail}

    @contextmanager
    def open_store(self) -> Iterator[Any]:
        """The evidence's bucket without its policy, as whoever may do anything would have it."""
        s3, bucket = self.stack.client("s3"), self.store().bucket
        policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
        s3.delete_bucket_policy(Bucket=bucket)
        yield s3
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)


@contextmanager
def kept(folder: Path, **said: Any) -> Iterator[Kept]:
    """A deployed world."""
    spec = GovernanceSpec()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(ExecutionWorker, "start", ExecutionWorker._execution_logic)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "sandbox")
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)

        def before() -> None:
            return None

        with deploy(before, region=REGION, emulated=Executing()) as stack:
            stack.client("events").create_event_bus(Name=BUS)
            stack.update(program(spec, **{"infrastructure": DEPLOYED, **said}))
            made = Kept(stack, DEV, registry_spec(), folder)
            made.governance = spec
            yield made
