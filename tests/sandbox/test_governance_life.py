"""An evidence store in the emulator: made, unchanged, changed, gone, its locked bundles with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.sandbox.governance_world import BUS, DEPLOYED, kept, program
from tests.sandbox.lives import changed
from tests.sandbox.models_world import REGION

from modelyard.run.governance import GovernanceSpec
from modelyard.testing import deploy
from modelyard_sandbox.accounting import counted

NAME = "ml-dev-fraud-evidence-8rtvt"


def evidence(**said: Any) -> Callable[[], None]:
    spec = GovernanceSpec.model_validate({key: said.pop(key) for key in ("retention_years",) if key in said})
    return program(spec, **said)


def test_a_store_is_made_stays_as_it_is_changes_and_goes():
    with deploy(lambda: None, region=REGION) as stack:
        stack.client("events").create_event_bus(Name=BUS)
        before = counted(stack.client, REGION)
        stack.update(evidence(infrastructure=DEPLOYED))
        assert set(stack.operations.values()) <= {"create", "same"}
        s3 = stack.client("s3")
        lock = s3.get_object_lock_configuration(Bucket=NAME)["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
        assert (lock["Mode"], lock["Years"]) == ("GOVERNANCE", 10)
        assert b"e" * 40 in s3.get_object(Bucket=NAME, Key="deployment/infrastructure.json")["Body"].read()

        stack.update(evidence(infrastructure=DEPLOYED))
        assert changed(stack) == {}
        stack.refresh()
        assert changed(stack) == {}

        stack.update(evidence(infrastructure={"commit": "f" * 40}, retention_years=7))
        assert changed(stack) == {
            "evidence-infrastructure": "update",
            "evidence-lock": "update",
            "evidence-writer": "update",
        }
        versions = s3.list_object_versions(Bucket=NAME, Prefix="deployment/")["Versions"]
        assert len(versions) == 2, "what was deployed before is still there"

        stack.update(lambda: None)
        assert counted(stack.client, REGION) == before


def test_a_store_with_bundles_goes_where_the_lock_can_be_lifted(tmp_path: Path):
    with kept(tmp_path) as made:
        version = made.released()
        assert made.bundle(version).index is not None
        made.stack.client("sagemaker").delete_model_package(ModelPackageName=made.model().package(version))
        made.stack.update(lambda: None)
        left = [bucket["Name"] for bucket in made.stack.client("s3").list_buckets()["Buckets"]]
        assert left == ["lake"], "what the snapshots lie in is somebody else's"
