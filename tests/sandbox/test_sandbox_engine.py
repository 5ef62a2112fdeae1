"""The sandbox's provider under the real engine, from a first preview to the end of the stack."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from modelyard import engine as yard
from modelyard.core.errors import InputError
from modelyard.engine import Engine, OperationError, StackTarget
from modelyard_sandbox.aws.session import SandboxSession
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import os

import pulumi
import pulumi_aws as aws

trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
options = pulumi.ResourceOptions(import_=os.environ.get("IMPORT"))
key = aws.kms.Key("key", description="of the lake", enable_key_rotation=True, deletion_window_in_days=7)
aws.kms.Alias("alias", name="alias/lake", target_key_id=key.key_id)
lake = aws.s3.Bucket("lake", bucket=os.environ.get("BUCKET"), tags={"team": os.environ.get("TEAM", "fraud")})
aws.s3.BucketVersioning("versions", bucket=lake.id, versioning_configuration={"status": "Enabled"})
aws.s3.BucketServerSideEncryptionConfiguration(
    "encryption",
    bucket=lake.id,
    rules=[
        {"apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn}}
    ],
)
role = aws.iam.Role("role", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
read = lake.arn.apply(lambda arn: {"Effect": "Allow", "Action": "s3:GetObject", "Resource": arn + "/*"})
policy = read.apply(lambda statement: json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
aws.iam.RolePolicy("read", role=role.name, policy=policy)
aws.ssm.Parameter("password", name="/lake/password", type="SecureString", value=pulumi.Output.secret("hush-hush"))
if os.environ.get("IMPORT"):
    aws.ssm.Parameter("old", name="/old", type="String", value="x", opts=options)
west = aws.Provider("west", region="us-west-2", allowed_account_ids=[os.environ.get("ACCOUNT", "123456789012")])
there = aws.s3.Bucket("there", opts=pulumi.ResourceOptions(provider=west))
pulumi.export("regions", [lake.region, there.region])
pulumi.export("bucket", lake.bucket)
"""


TWO_OF_ONE_NAME = """
import os

import pulumi
import pulumi_aws as aws

first = aws.ssm.Parameter("first", name="/one", type="String", value="x")
options = pulumi.ResourceOptions(depends_on=[first])
aws.ssm.Parameter("second", name=os.environ.get("SECOND", "/one"), type="String", value="x", opts=options)
"""


@pytest.fixture
def target(sandbox: Sandbox, tmp_path: Path) -> StackTarget:
    (tmp_path / "Pulumi.yaml").write_text("name: lake\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    return StackTarget(tmp_path, "dev", {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable})


def under(target: StackTarget, **more: str | None) -> StackTarget:
    return StackTarget(target.project_dir, target.stack, {**target.env, **more}, target.secrets_provider)


def client(sandbox: Sandbox, service: str) -> Any:
    environment = {key: value for key, value in sandbox.environment().items() if value is not None}
    session = SandboxSession({}, environment)
    return session.client(service, session.region)


def changed(result: Any) -> dict[str, str]:
    return {item.name: item.op for item in result.resources}


def test_a_stack_lives_from_its_preview_to_its_end(engine: Engine, sandbox: Sandbox, target: StackTarget) -> None:
    assert yard.preview(target, engine=engine).changes == {"create": 11}
    assert sandbox.counts() == {}, "a preview touches nothing"

    made = yard.up(target, engine=engine)
    assert made.changes == {"create": 11}
    assert made.outputs["regions"] == [sandbox.region, "us-west-2"]
    state = yard.stack_state(target, engine=engine)
    assert "hush-hush" not in str(state), "the state keeps secrets encrypted"
    with pytest.raises(InputError, match="deployed to the sandbox"):
        yard.refuse_sandbox_state(state)

    assert not yard.up(target, engine=engine).changed()
    assert not yard.refresh(target, engine=engine).changed()

    other_tag = yard.up(under(target, TEAM="churn"), engine=engine)
    assert changed(other_tag) == {"lake": "update"}

    tagging = {"TagSet": [{"Key": "team", "Value": "nobody"}]}
    client(sandbox, "s3").put_bucket_tagging(Bucket=made.outputs["bucket"], Tagging=tagging)
    client(sandbox, "ssm").delete_parameter(Name="/lake/password")
    assert yard.refresh(under(target, TEAM="churn"), engine=engine).changed()
    again = yard.up(under(target, TEAM="churn"), engine=engine)
    assert changed(again) == {"lake": "update", "password": "create"}, "what drifted is put right"

    client(sandbox, "ssm").put_parameter(Name="/old", Type="String", Value="x")
    adopted = yard.up(under(target, TEAM="churn", IMPORT="/old"), engine=engine)
    assert changed(adopted) == {"old": "import"}

    moved = yard.up(under(target, TEAM="churn", IMPORT="/old", BUCKET="the-new-lake"), engine=engine)
    assert moved.changes["replace"] == 3, "the bucket and what only refers to it"
    names = [found["Name"] for found in client(sandbox, "s3").list_buckets()["Buckets"]]
    assert "the-new-lake" in names
    assert made.outputs["bucket"] not in names

    yard.down(target, remove=True, engine=engine)
    assert sandbox.counts() == {}


def test_what_a_run_made_before_it_failed_is_kept(engine: Engine, sandbox: Sandbox, target: StackTarget) -> None:
    (target.project_dir / "__main__.py").write_text(TWO_OF_ONE_NAME)
    with pytest.raises(OperationError, match="already exists"):
        yard.up(target, engine=engine)
    assert changed(yard.up(under(target, SECOND="/two"), engine=engine)) == {"second": "create"}
    yard.down(target, remove=True, engine=engine)
    assert sandbox.counts() == {}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"AWS_ENDPOINT_URL": "https://sts.amazonaws.com"}, "not on this machine"),
        ({"AWS_ENDPOINT_URL": None}, "no endpoint"),
        ({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, "not the sandbox's"),
        ({"AWS_PROFILE": "production"}, "AWS_PROFILE"),
        ({"ACCOUNT": "999999999999"}, "the account is 123456789012"),
    ],
)
def test_a_run_that_could_leave_the_sandbox_is_refused(
    engine: Engine, target: StackTarget, variables: dict[str, str | None], said: str
) -> None:
    with pytest.raises(OperationError) as raised:
        yard.preview(under(target, **variables), engine=engine)
    assert said in str(raised.value)


@pytest.mark.parametrize("plugin", ["aws", "kubernetes"])
def test_without_the_daemon_the_plugin_says_how_to_start_it(plugin: str, tmp_path: Path) -> None:
    import subprocess

    from modelyard_sandbox.plugins import launcher

    launcher.install(tmp_path / "home", tmp_path / "none.sock")
    program = launcher.folder(tmp_path / "home", plugin) / f"pulumi-resource-{plugin}"
    done = subprocess.run([program], capture_output=True, text=True, env=dict(os.environ), check=False)
    assert done.returncode != 0
    assert "yard sandbox start" in done.stderr
    assert "Traceback" not in done.stderr
