"""An inference endpoint under the real engine: another version comes in place, and what scaling did stays."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelyard import engine as yard
from modelyard.engine import Engine, OperationError, StackTarget
from modelyard.engine.ledger import Ledger
from modelyard_sandbox.accounting import counted
from modelyard_sandbox.aws.session import SandboxSession
from modelyard_sandbox.emulator import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
import os

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
if os.environ.get("VERSION"):
    scaling = {"least": 2, "most": 6, "target": {"kind": "invocations", "per_instance": 600}}
    variant = {"instance_type": "ml.m5.large", "instances": 2, "scaling": scaling}
    spec = EndpointSpec.model_validate(
        {
            "model": "scores",
            "owner": "ada@acme.example",
            "release": {"kind": "declared", "version": int(os.environ["VERSION"])},
            "served_by": {"kind": "instances", "variants": {"main": variant}},
            "vpc": False,
        }
    )
    InferenceEndpoint("score", spec, context=fraud, registry=registry, lake=lake, keys=keys)
"""
NAME = "ml-dev-fraud-score"


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the engine did to the endpoint's parts, in the order in which it was done."""
    done: list[tuple[str, str]] = []
    take = Ledger.take

    def noted(ledger: Ledger, event: Mapping[str, Any]) -> None:
        step = event.get("resOutputsEvent", {}).get("metadata", {})
        name = step.get("urn", "").rpartition("::")[2]
        if name.startswith("score") and step["op"] not in ("same", "replace"):
            done.append((step["op"], name))
        take(ledger, event)

    monkeypatch.setattr(Ledger, "take", noted)
    return done


def test_another_version_comes_in_place_and_an_alarm_keeps_the_old_one(
    engine: Engine, sandbox: Sandbox, tmp_path: Path, steps: list[tuple[str, str]]
):
    (tmp_path / "Pulumi.yaml").write_text("name: serve\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    environment = {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable}
    session = SandboxSession({}, {key: value for key, value in sandbox.environment().items() if value is not None})

    def client(service: str, region: str = session.region) -> Any:
        return session.client(service, region)

    def target(version: str = "") -> StackTarget:
        return StackTarget(tmp_path, "dev", {**environment, "VERSION": version})

    def serving() -> dict[str, Any]:
        return client("sagemaker").describe_endpoint(EndpointName=NAME)

    empty = counted(client, session.region)
    yard.up(target(), engine=engine)
    for number in range(3):
        client("sagemaker").create_model_package(
            ModelPackageGroupName="ml-dev-fraud-registry-scores",
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [
                    {
                        "Image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/serve@sha256:{'d' * 64}",
                        "ModelDataUrl": f"s3://bucket/models/scores/{number}/model.tar.gz",
                    }
                ],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
    yard.up(target("1"), engine=engine)
    first = serving()["EndpointConfigName"]
    assert not yard.up(target("1"), engine=engine).changed()

    client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=NAME, DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 5}]
    )
    steps.clear()
    yard.up(target("2"), engine=engine)
    assert steps == [
        ("create-replacement", "score-main-model"),
        ("create-replacement", "score-configuration"),
        ("update", "score-endpoint"),
        ("delete-replaced", "score-configuration"),
        ("delete-replaced", "score-main-model"),
    ], "callers are answered throughout: what is new is there first, and what is old goes last"
    second = serving()["EndpointConfigName"]
    assert second != first
    assert serving()["ProductionVariants"][0]["DesiredInstanceCount"] == 5
    listed = client("sagemaker").list_endpoint_configs()["EndpointConfigs"]
    assert [each["EndpointConfigName"] for each in listed] == [second]

    client("cloudwatch").set_alarm_state(
        AlarmName=f"{NAME}-main-errors", StateValue="ALARM", StateReason="many calls fail"
    )
    with pytest.raises(OperationError, match="rolled back"):
        yard.up(target("3"), engine=engine)
    assert serving()["EndpointConfigName"] == second

    for package in client("sagemaker").list_model_packages(ModelPackageGroupName="ml-dev-fraud-registry-scores")[
        "ModelPackageSummaryList"
    ]:
        client("sagemaker").delete_model_package(ModelPackageName=package["ModelPackageArn"])
    yard.down(target("2"), remove=True, engine=engine)
    assert counted(client, session.region) == empty
