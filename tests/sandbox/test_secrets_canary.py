"""No value of a secret is told in plain text: the real engine deploys canaries, and everything that it leaves is read.

What is read: the state and its history, the engine's events, previews, results and what the console shows, every file
of project, sandbox and Pulumi's home with their logs, and the recorded graph as JSON and as a diagram.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from modelyard import engine as yard
from modelyard.assess.graph import Graph, record
from modelyard.engine import Engine, StackTarget, stacks
from modelyard_sandbox.aws.session import SandboxSession
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

CANARY = "canary-7f3a-sings-in-the-mine"
PROGRAM = """
import os

import pulumi

from modelyard import Context, Keys, KeysSpec, Role, Secrets, SecretsSpec
from modelyard.core.access import trust_service

context = Context(
    organization="acme", platform="ml", environment="dev", region="us-east-1", account="123456789012", team="fraud"
)
keys = Keys("keys", KeysSpec(), context=context)
leak = os.environ["VENDOR_KEY"] if os.environ.get("LEAK") else "of the vendor"
spec = {
    "db": {"kind": "generated", "beside": {"username": "app"}},
    "vendor": {"kind": "environment", "variable": "VENDOR_KEY", "description": leak},
}
secrets = Secrets("secrets", SecretsSpec.model_validate({"entries": spec}), context=context, keys=keys)
trusted = [trust_service("sagemaker.amazonaws.com", context=context)]
reader = Role("reader", context=context, trusted=trusted, description="reads")
secrets.grant_read(reader, secrets=["db", "vendor"])
pulumi.export("secrets", secrets.arns)
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def target(sandbox: Sandbox, tmp_path: Path) -> StackTarget:
    (tmp_path / "Pulumi.yaml").write_text("name: vault\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    own = {"PULUMI_PYTHON_CMD": sys.executable, "VENDOR_KEY": CANARY, "TMPDIR": str(tmp_path / "temporary")}
    (tmp_path / "temporary").mkdir()
    return StackTarget(tmp_path, "dev", {**sandbox.environment(), **own})


class Told:
    """Everything that was told so far, by who told it."""

    def __init__(self, target: StackTarget, engine: Engine) -> None:
        self._target = target
        self._engine = engine
        self._said: dict[str, str] = {}

    def operate(self, name: str, operation: Any) -> None:
        """Run an operation on a console; keep what it shows and returns, and the graph of the state after it."""
        shown = io.StringIO()
        result = operation(self._target, engine=self._engine, console=Console(file=shown, width=400))
        self._said[f"{name}: console"] = shown.getvalue()
        self._said[f"{name}: result"] = f"{json.dumps(result.as_json())}{result!r}"
        if operation is not yard.preview:
            state = yard.stack_state(self._target, engine=self._engine)
            self._said[f"{name}: state"] = json.dumps(state)
            self._said[f"{name}: graph of the state"] = Graph.from_state(state).to_json()

    def cli(self, name: str, *arguments: str) -> None:
        """Run the CLI itself, with its events in a file, and keep what it prints."""
        events = self._target.project_dir / f"{name}.events"
        done = subprocess.run(
            [str(self._engine.path), *arguments, "--stack", "dev", "--event-log", str(events)],
            cwd=self._target.project_dir,
            env={**stacks.environment(self._engine, self._target.env), "PULUMI_DEBUG_COMMANDS": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert events.read_text(), "the events were written"
        self._said[f"{name}: output"] = done.stdout + done.stderr

    def recorded(self, env: Mapping[str, str]) -> None:
        """Keep what `yard graph` prints."""
        before = dict(os.environ)
        os.environ.update(env)
        try:
            graph = record(self._target.project_dir, project="vault", stack="dev")
        finally:
            os.environ.clear()
            os.environ.update(before)
        self._said["graph: JSON"] = graph.to_json()
        self._said["graph: diagram"] = graph.to_mermaid(None)
        self._said["graph: as Python shows it"] = repr(graph)

    def with_(self, canary: str) -> list[str]:
        """Who told the canary."""
        escaped = json.dumps(canary)[1:-1]
        found = [name for name, text in self._said.items() if canary in text or escaped in text]
        for file in sorted(path for path in self._target.project_dir.rglob("*") if path.is_file()):
            content = file.read_bytes()
            if canary.encode() in content or escaped.encode() in content:
                found.append(str(file.relative_to(self._target.project_dir)))
        return found


def generated(sandbox: Sandbox) -> str:
    environment = {key: value for key, value in sandbox.environment().items() if value is not None}
    session = SandboxSession({}, environment)
    client = session.client("secretsmanager", session.region)
    assert client.get_secret_value(SecretId="ml-dev-fraud-secrets-vendor")["SecretString"] == CANARY
    return json.loads(client.get_secret_value(SecretId="ml-dev-fraud-secrets-db")["SecretString"])["password"]


def test_nothing_tells_a_value_in_plain_text(engine: Engine, sandbox: Sandbox, target: StackTarget):
    told = Told(target, engine)
    told.operate("preview", yard.preview)
    told.operate("up", yard.up)
    password = generated(sandbox)
    told.cli("diff", "preview", "--diff", "--non-interactive")
    told.cli("json", "preview", "--json", "--non-interactive")
    told.cli("again", "up", "--yes", "--skip-preview", "--non-interactive")
    assert generated(sandbox) == password, "another random value at every run, and the first one stays"
    told.operate("refresh", yard.refresh)
    told.recorded({"VENDOR_KEY": CANARY})
    told.operate("down", yard.down)
    assert told.with_(CANARY) == []
    assert told.with_(password) == []


def test_a_value_that_leaks_is_found_wherever_it_is_told(engine: Engine, sandbox: Sandbox, target: StackTarget):
    leaking = StackTarget(target.project_dir, "dev", {**target.env, "LEAK": "1"})
    told = Told(leaking, engine)
    told.operate("preview", yard.preview)
    told.operate("up", yard.up)
    told.cli("diff", "preview", "--diff", "--non-interactive", "--show-sames")
    told.recorded({"VENDOR_KEY": CANARY, "LEAK": "1"})
    found = told.with_(CANARY)
    for where in ("up: state", "up: graph of the state", "graph: JSON", "diff.events"):
        assert where in found, "this test could not fail there"
    assert any("stacks" in place and place.endswith(".json") for place in found), "the state's file is read"
    told.operate("down", yard.down)


def test_what_the_state_holds_of_a_value(engine: Engine, sandbox: Sandbox, target: StackTarget):
    def written() -> dict[str, Any]:
        state = yard.stack_state(target, engine=engine)["deployment"]["resources"]
        return {found["urn"].rpartition("::")[2]: found for found in state}["secrets-vendor-value"]

    yard.up(target, engine=engine)
    assert set(written()["inputs"]["secretStringWo"]) > {"ciphertext"}, "encrypted among the inputs"
    assert "secretStringWo" not in written()["outputs"]
    yard.refresh(target, engine=engine)
    assert "secretStringWo" not in written()["inputs"], "a refresh forgets it"
    assert not yard.up(target, engine=engine).changed()
    yard.down(target, engine=engine)
