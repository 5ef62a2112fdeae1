"""A public door under the real engine, against the emulator's own server: one life, and what the engine finds amiss."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from modelyard import engine as yard
from modelyard.engine import Engine, OperationError, StackTarget
from modelyard_sandbox.aws.session import SandboxSession
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import os

import pulumi

from modelyard import Context, Keys, KeysSpec
from modelyard.run.serving import DoorAccount, DoorSpec, KnownEndpoint, PublicDoor

platform = Context(organization="acme", platform="ml", environment="dev", region="us-east-1", account="123456789012")
team = platform.for_team("fraud")
said = {
    "request": {"fields": {"amount": {"kind": os.environ.get("KIND", "number")}}},
    "authorization": json.loads(os.environ.get("WHO", '{"kind": "iam"}')),
    "throttle": {"rate": float(os.environ.get("RATE", "10"))},
}
account = DoorAccount("doors", context=platform)
door = PublicDoor(
    "door",
    DoorSpec.model_validate(said),
    context=team,
    keys=Keys("keys", KeysSpec(), context=team),
    endpoint=KnownEndpoint.named("ml-dev-fraud-score", team),
    opts=pulumi.ResourceOptions(depends_on=[account]),
)
pulumi.export("url", door.url)
"""
TOKENS = '{"kind": "jwt", "issuer": "https://login.acme.example", "audiences": ["score"]}'


def client(sandbox: Sandbox, service: str) -> Any:
    environment = {key: value for key, value in sandbox.environment().items() if value is not None}
    session = SandboxSession({}, environment)
    return session.client(service, session.region)


def changed(result: Any) -> dict[str, str]:
    return {item.name: item.op for item in result.resources}


def test_a_door_lives_from_its_first_preview_to_its_end(engine: Engine, sandbox: Sandbox, tmp_path: Path):
    (tmp_path / "Pulumi.yaml").write_text("name: door\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    environment = {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable}

    def target(**more: str) -> StackTarget:
        return StackTarget(tmp_path, "dev", {**environment, **more})

    assert set(yard.preview(target(), engine=engine).changes) == {"create"}
    yard.up(target(), engine=engine)
    gateway, waf = client(sandbox, "apigateway"), client(sandbox, "wafv2")
    (api,) = gateway.get_rest_apis()["items"]
    assert not yard.up(target(), engine=engine).changed()
    assert not yard.refresh(target(), engine=engine).changed()

    faster = yard.up(target(RATE="5"), engine=engine)
    assert changed(faster) == {"door-limits": "update"}

    other = yard.up(target(KIND="integer", RATE="5"), engine=engine)
    assert changed(other) == {
        "door-api": "update",
        "door-deployment": "delete-replaced",
        "door-stage": "update",
    }, "the stage shows the new deployment before the old one goes"

    stage = f"arn:aws:apigateway:us-east-1::/restapis/{api['id']}/stages/live"
    waf.disassociate_web_acl(ResourceArn=stage)
    patch = {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "10000"}
    gateway.update_stage(restApiId=api["id"], stageName="live", patchOperations=[patch])
    yard.refresh(target(KIND="integer", RATE="5"), engine=engine)
    again = changed(yard.up(target(KIND="integer", RATE="5"), engine=engine))
    assert again == {"door-firewall-stands": "create", "door-limits": "update"}, "what was opened by hand is closed"
    assert waf.get_web_acl_for_resource(ResourceArn=stage)["WebACL"]["Name"] == "ml-dev-fraud-door"

    yard.up(target(WHO=TOKENS), engine=engine)
    (authorizer,) = gateway.get_authorizers(restApiId=api["id"])["items"]
    assert authorizer["authorizerUri"].endswith(":function:ml-dev-fraud-door-authorizer/invocations")
    assert [each["id"] for each in gateway.get_rest_apis()["items"]] == [api["id"]], "callers keep the address"

    with pytest.raises(OperationError, match="can never be reached"):
        yard.preview(target(RATE="1"), engine=engine)

    yard.down(target(WHO=TOKENS), remove=True, engine=engine)
    assert sandbox.counts() == {}
    assert not gateway.get_account().get("cloudwatchRoleArn")
