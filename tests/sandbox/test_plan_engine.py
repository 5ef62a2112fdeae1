"""A forecast beside the real engine's preview: for the same change both say the same of each resource."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard import engine as yard
from modelyard.assess.graph import Graph, from_state, record
from modelyard.assess.impact.forecast import Forecast, Op, forecast
from modelyard.assess.impact.previewed import previewed
from modelyard.assess.impact.settling import settled
from modelyard.engine import Engine, StackTarget
from modelyard.engine.stacks import environment
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import os

import pulumi
import pulumi_aws as aws
from pulumi import Alias, ResourceOptions

CASE = os.environ["CASE"]


def when(case, then, otherwise):
    return then if case == CASE else otherwise


class Shelf(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("acme:data:Shelf", name, None, opts)
        aws.sqs.Queue(f"{name}-orders", name="orders", opts=ResourceOptions(parent=self))
        self.register_outputs({})


trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
key = aws.kms.Key("key", description=when("updated", "of all", "of the lake"), deletion_window_in_days=7)
lake = aws.s3.Bucket(
    "lake",
    bucket=when("renamed in the cloud", "acme-lake-2", "acme-lake"),
    object_lock_enabled=when("goes first", True, None),
    tags={"team": when("updated", "churn", "fraud")},
    opts=ResourceOptions(protect=when("unprotected", False, None)),
)
aws.s3.BucketVersioning("versions", bucket=lake.id, versioning_configuration={"status": "Enabled"})
aws.s3.BucketServerSideEncryptionConfiguration(
    "encryption",
    bucket=lake.id,
    rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn}}],
)
role = aws.iam.Role(
    "role",
    name="reader",
    path=when("role moves", "/acme/", "/"),
    assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
)
read = lake.arn.apply(lambda arn: {"Effect": "Allow", "Action": "s3:GetObject", "Resource": arn + "/*"})
policy = read.apply(lambda statement: json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
if CASE != "deleted":
    aws.iam.RolePolicy("read", role=role.name, policy=policy)
secret = pulumi.Output.secret(when("updated", "hush", "hush-hush"))
aws.ssm.Parameter("password", name="/lake/password", type="SecureString", value=secret)
aws.dynamodb.Table(
    "items",
    name="items",
    billing_mode="PAY_PER_REQUEST",
    hash_key=when("goes first", "other", "id"),
    attributes=[{"name": when("goes first", "other", "id"), "type": "S"}],
)
logs = aws.cloudwatch.LogGroup(
    when("renamed", "diary", when("renamed with an alias", "diary", "logs")),
    name=when("renamed in the cloud", "/acme/diary", "/acme/logs"),
    retention_in_days=when("updated", 30, when("ignored", 30, 7)),
    opts=ResourceOptions(
        aliases=when("renamed with an alias", [Alias(name="logs")], None),
        ignore_changes=when("ignored", ["retentionInDays"], None),
    ),
)
aws.cloudwatch.LogStream("stream", name="stream", log_group_name=logs.name)
aws.sns.Topic("topic", opts=ResourceOptions(replace_on_changes=["displayName"]), display_name=when("told to", "b", "a"))
if CASE == "created":
    aws.sqs.Queue("extra", name="extra", kms_master_key_id=key.key_id)
if CASE == "component renamed":
    Shelf("rack")
elif CASE == "component renamed with an alias":
    Shelf("rack", opts=ResourceOptions(aliases=[Alias(name="shelf")]))
else:
    Shelf("shelf")
if CASE == "key replaced":
    aws.kms.Alias("alias", name="alias/lake", target_key_id=aws.kms.Key("second", deletion_window_in_days=7).key_id)
else:
    aws.kms.Alias("alias", name="alias/lake", target_key_id=key.key_id)
"""
SAID: dict[str, dict[str, Op]] = {
    "first": {},
    "updated": {"key": Op.UPDATE, "lake": Op.UPDATE, "password": Op.UPDATE, "logs": Op.UPDATE},
    "renamed in the cloud": {"lake": Op.REPLACE, "logs": Op.REPLACE, "versions": Op.REPLACE, "stream": Op.REPLACE},
    "goes first": {"lake": Op.REPLACE, "items": Op.REPLACE, "versions": Op.REPLACE},
    "role moves": {"role": Op.REPLACE, "read": Op.REPLACE},
    "unprotected": {},
    "deleted": {"read": Op.DELETE},
    "created": {"extra": Op.CREATE},
    "ignored": {},
    "told to": {"topic": Op.REPLACE},
    "key replaced": {"second": Op.CREATE, "alias": Op.UPDATE},
    "renamed": {"logs": Op.DELETE, "diary": Op.CREATE},
    "renamed with an alias": {},
    "component renamed": {"shelf": Op.DELETE, "rack": Op.CREATE, "shelf-orders": Op.DELETE, "rack-orders": Op.CREATE},
    "component renamed with an alias": {},
}
"""By case: what happens to what, at least."""


@pytest.fixture(scope="module")
def target(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> StackTarget:
    folder = tmp_path_factory.mktemp("program")
    (folder / "Pulumi.yaml").write_text("name: acme\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return StackTarget(folder, "dev", {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable})


@pytest.fixture(scope="module")
def deployed(engine: Engine, target: StackTarget) -> Graph:
    """The first case, deployed."""
    yard.up(StackTarget(target.project_dir, "dev", {**target.env, "CASE": "first"}), engine=engine)
    return from_state(yard.stack_state(target, engine=engine))


@pytest.fixture
def preview(engine: Engine, target: StackTarget, tmp_path: Path) -> Callable[[str], tuple[str, set[str]]]:
    """What `pulumi preview --json --show-sames` answers for a case, and the URNs whose old resource goes first.

    The answer doesn't tell these; the engine's log of events does, by the order of its steps.
    """
    log = tmp_path / "events"

    def run(case: str) -> tuple[str, set[str]]:
        command = [str(engine.path), "preview", "--json", "--show-sames", "--stack", "dev", "--non-interactive"]
        command += ["--event-log", str(log)]
        answer = subprocess.run(
            command,
            cwd=target.project_dir,
            env=environment(engine, {**target.env, "CASE": case, "PULUMI_DEBUG_COMMANDS": "true"}),
            capture_output=True,
            text=True,
        )
        assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr
        return answer.stdout, _going_first(log)

    return run


def _going_first(log: Path) -> set[str]:
    created: set[str] = set()
    found: set[str] = set()
    for line in log.read_text().splitlines():
        metadata = json.loads(line).get("resourcePreEvent", {}).get("metadata", {})
        if metadata.get("op") == "create-replacement":
            created.add(metadata["urn"])
        elif metadata.get("op") == "delete-replaced" and metadata["urn"] not in created:
            found.add(metadata["urn"])
    return found


def told(said: Forecast) -> dict[str, Op]:
    """By URN: what happens to a resource."""
    return {step.urn: step.op for step in said.steps}


def first(said: Forecast) -> set[str]:
    """The URNs whose old resource goes before the new one."""
    return {step.urn for step in said.steps if step.deletes_first}


def recorded(folder: Path, case: str, monkeypatch: pytest.MonkeyPatch, *, preview: bool = False) -> Graph:
    monkeypatch.setenv("CASE", case)
    return record(folder, project="acme", stack="dev", config={"aws:region": "us-east-1"}, preview=preview)


@pytest.mark.parametrize("case", SAID)
def test_a_forecast_says_what_the_engine_previews(
    case: str,
    deployed: Graph,
    target: StackTarget,
    preview: Callable[[str], tuple[str, set[str]]],
    monkeypatch: pytest.MonkeyPatch,
):
    answer, going_first = preview(case)
    real = previewed(answer)
    named = {urn.rpartition("::")[2]: op for urn, op in told(real).items()}
    assert SAID[case].items() <= named.items(), "the case is the one that its name says"

    folder = target.project_dir
    after = recorded(folder, case, monkeypatch)
    later = recorded(folder, case, monkeypatch, preview=True)
    from_files = forecast(recorded(folder, "first", monkeypatch), after, lambda: later)
    assert told(from_files) == told(real), "two recordings"
    assert first(from_files) == going_first

    from_deployed = forecast(deployed, settled(after, deployed), lambda: later)
    hidden = {step.urn for step in real.steps if step.name == "password"}
    expected = {urn: said for urn, said in told(real).items() if urn not in hidden}
    assert told(from_deployed) == expected, "a state and a recording; what the state encrypts can't be compared"
