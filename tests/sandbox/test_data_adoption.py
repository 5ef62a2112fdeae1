"""What exists comes under management by import, under the real engine: nothing is made anew, replaced or deleted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from modelyard import engine as yard
from modelyard.engine import Engine, StackTarget
from modelyard_sandbox.aws.session import SandboxSession
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
import os

from modelyard import Context, DataLake, Keys, KeysSpec
from modelyard.build.data import DataRoleSpec, LakeSpec, data_role

context = Context(
    organization="acme", platform="ml", environment="dev", region="{region}", account="{account}", team="fraud"
)
settings = os.environ.get("SETTINGS", "theirs")
columns = [{{"name": "id", "type": "string"}}]
orders = {{
    "classification": "internal",
    "owner": "a@acme.example",
    "columns": columns,
    "adopt": {{"table": "orders_v1", "prefix": "exports/orders", "settings": settings}},
}}
lake_spec = LakeSpec.model_validate(
    {{
        "zones": {{"raw": {{"adopt": {{"bucket": "acme-old-exports", "settings": settings}}}}, "artifacts": {{}}}},
        "database": {{"adopt": "old_exports", "settings": settings}},
        "datasets": {{"orders": orders, "events": {{**orders, "adopt": None}}}},
    }}
)
adopt = {{"role": "old-exporter", "settings": settings}}
access = DataRoleSpec.model_validate({{"service": "glue", "read": ["orders"], "adopt": adopt}})

keys = Keys("keys", KeysSpec(), context=context)
lake = DataLake("lake", lake_spec, context=context, keys=keys)
data_role("exporter", access, context=context, lake=lake)
"""
ADOPTED = {"lake-raw", "lake-database", "lake-table-orders", "exporter-role"}


@pytest.fixture
def target(sandbox: Sandbox, tmp_path: Path) -> StackTarget:
    (tmp_path / "Pulumi.yaml").write_text("name: lake\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM.format(region=sandbox.region, account="123456789012"))
    return StackTarget(tmp_path, "dev", {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable})


def client(sandbox: Sandbox, service: str) -> Any:
    environment = {key: value for key, value in sandbox.environment().items() if value is not None}
    session = SandboxSession({}, environment)
    return session.client(service, session.region)


def what_exists(sandbox: Sandbox) -> None:
    """A bucket with an object, a database with a table, and a role: made by hand, years ago."""
    s3, glue, iam = (client(sandbox, service) for service in ("s3", "glue", "iam"))
    where = {} if sandbox.region == "us-east-1" else {"LocationConstraint": sandbox.region}
    s3.create_bucket(Bucket="acme-old-exports", **({"CreateBucketConfiguration": where} if where else {}))
    s3.put_bucket_tagging(Bucket="acme-old-exports", Tagging={"TagSet": [{"Key": "team", "Value": "sales"}]})
    s3.put_object(Bucket="acme-old-exports", Key="exports/orders/2019.csv", Body=b"1")
    glue.create_database(DatabaseInput={"Name": "old_exports", "Description": "from the old warehouse"})
    table = {
        "Name": "orders_v1",
        "Owner": "hadoop",
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": {
            "Location": "s3://acme-old-exports/exports/orders/",
            "Columns": [{"Name": "order_id", "Type": "bigint"}],
        },
    }
    glue.create_table(DatabaseName="old_exports", TableInput=table)
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName="old-exporter", Path="/exports/", AssumeRolePolicyDocument=trust, Description="by hand")


def by_name(result: Any) -> dict[str, str]:
    return {item.name: item.op for item in result.resources}


def test_what_exists_is_adopted_then_brought_to_what_is_written_and_outlives_the_stack(
    engine: Engine, sandbox: Sandbox, target: StackTarget
):
    what_exists(sandbox)
    role = client(sandbox, "iam").get_role(RoleName="old-exporter")["Role"]

    adopted = by_name(yard.up(target, engine=engine))
    assert {name: adopted[name] for name in ADOPTED} == dict.fromkeys(ADOPTED, "import")
    assert set(adopted.values()) <= {"import", "create"}, "nothing is replaced or deleted"
    kept = client(sandbox, "iam").get_role(RoleName="old-exporter")["Role"]
    assert (kept["RoleId"], kept["Path"]) == (role["RoleId"], "/exports/")
    table = client(sandbox, "glue").get_table(DatabaseName="old_exports", Name="orders_v1")["Table"]
    assert table["Owner"] == "hadoop", "what differs stays as it was found"

    assert not yard.up(target, engine=engine).changed()

    ours = StackTarget(target.project_dir, target.stack, {**target.env, "SETTINGS": "ours"}, target.secrets_provider)
    changed = by_name(yard.up(ours, engine=engine))
    assert changed == dict.fromkeys(ADOPTED, "update")
    table = client(sandbox, "glue").get_table(DatabaseName="old_exports", Name="orders_v1")["Table"]
    assert table["Owner"] == "a@acme.example"
    tags = client(sandbox, "s3").get_bucket_tagging(Bucket="acme-old-exports")["TagSet"]
    assert {"Key": "team", "Value": "fraud"} in tags
    trust = client(sandbox, "iam").get_role(RoleName="old-exporter")["Role"]["AssumeRolePolicyDocument"]
    assert "glue.amazonaws.com" in json.dumps(trust)
    assert not yard.up(ours, engine=engine).changed()

    yard.down(ours, remove=True, engine=engine)
    s3 = client(sandbox, "s3")
    assert s3.get_object(Bucket="acme-old-exports", Key="exports/orders/2019.csv")["Body"].read() == b"1"
    assert client(sandbox, "glue").get_table(DatabaseName="old_exports", Name="orders_v1")
    assert client(sandbox, "iam").get_role(RoleName="old-exporter")["Role"]["RoleId"] == role["RoleId"]


def test_a_bucket_that_is_not_there_is_not_adopted(engine: Engine, sandbox: Sandbox, target: StackTarget):
    program = target.project_dir / "__main__.py"
    program.write_text(program.read_text().replace("acme-old-exports", "acme-never-was"))
    with pytest.raises(yard.OperationError, match="acme-never-was"):
        yard.up(target, engine=engine)
    assert "acme-never-was" not in [found["Name"] for found in client(sandbox, "s3").list_buckets()["Buckets"]]
