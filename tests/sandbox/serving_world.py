"""A project with one endpoint under the real engine, and clients that see what SageMaker has of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.sandbox.lives import registered, unregistered

from modelyard import engine as yard
from modelyard.engine import Engine, Result, StackTarget
from modelyard_sandbox.accounting import counted
from modelyard_sandbox.aws.session import SandboxSession
from modelyard_sandbox.emulator import Sandbox

REGION = "us-east-1"
NAME = "ml-dev-fraud-score"
GROUP = "ml-dev-fraud-registry-scores"
SETTING = """
import os

import pulumi

from modelyard import Context, DataLake, EndpointSpec, InferenceEndpoint, Keys, KeysSpec, KnownAudit, LakeSpec
from modelyard import ModelRegistry, RegistrySpec

fraud = Context(
    organization="acme", platform="ml", environment="dev", region="us-east-1", account="123456789012"
).for_team("fraud")
keys = Keys("keys", KeysSpec(), context=fraud)
lake = DataLake("lake", LakeSpec.model_validate({}), context=fraud, keys=keys)
model = {"description": "d", "owner": "ada@acme.example", "ungated_because": "the gates are tried elsewhere"}
registry = ModelRegistry(
    "registry",
    RegistrySpec.model_validate({"models": {"scores": model}}),
    context=fraud,
    keys=keys,
    audit=KnownAudit(fraud),
)
"""
"""What a program begins with: a lake and a registry with one model."""


class World:
    """A sandbox, and a project whose program goes on from `SETTING`; variables tell it what to make."""

    def __init__(self, engine: Engine, sandbox: Sandbox, folder: Path, program: str) -> None:
        (folder / "Pulumi.yaml").write_text("name: serve\nruntime: python\n")
        (folder / "__main__.py").write_text(SETTING + program)
        self._engine, self._folder = engine, folder
        self._environment = {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable}
        given = {key: value for key, value in sandbox.environment().items() if value is not None}
        self._session = SandboxSession({}, given)
        self.sagemaker, self.ssm = self.client("sagemaker"), self.client("ssm")

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of the sandbox."""
        return self._session.client(service, region)

    def _target(self, **variables: str) -> StackTarget:
        return StackTarget(self._folder, "dev", {**self._environment, **variables})

    def up(self, **variables: str) -> Result:
        """Deploy the program under these variables."""
        return yard.up(self._target(**variables), engine=self._engine)

    def down(self) -> Result:
        """Destroy the stack, and forget it."""
        return yard.down(self._target(), remove=True, engine=self._engine)

    def exists(self) -> dict[str, int]:
        """What there is, kind by kind."""
        return counted(self.client, REGION)

    def registered(self, versions: int) -> None:
        """Versions of the model that wait for approval."""
        registered(self.sagemaker, versions, region=REGION)

    def unregistered(self) -> None:
        """No version is left."""
        unregistered(self.sagemaker, "scores")

    def serving(self) -> dict[str, Any]:
        """The endpoint as SageMaker describes it."""
        return self.sagemaker.describe_endpoint(EndpointName=NAME)

    def configurations(self) -> set[str]:
        """The names of all configurations."""
        return {each["EndpointConfigName"] for each in self.sagemaker.list_endpoint_configs()["EndpointConfigs"]}


def changed(result: Result) -> dict[str, str]:
    """The last thing that happened to each part of the endpoint."""
    return {item.name: item.op for item in result.resources if item.op != "same" and item.name.startswith("score")}
