"""Who takes snapshots of a dataset, and who may erase from it: each refusal beside what is allowed."""

from __future__ import annotations

import pytest
from tests.isolation.judge import Judge, Question

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Role
from modelyard.assess.access import Access, collect
from modelyard.assess.graph import record
from modelyard.core.access import trust_service

FRAUD = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
DATASET = {"classification": "internal", "owner": "a@acme.example", "columns": [{"name": "id", "type": "string"}]}


def program() -> None:
    spec = LakeSpec.model_validate({"datasets": {"events": DATASET, "labels": DATASET}})
    lake = DataLake("lake", spec, context=FRAUD, keys=Keys("keys", KeysSpec(), context=FRAUD))

    def role(name: str) -> Role:
        trusted = [trust_service("sagemaker.amazonaws.com", context=FRAUD)]
        return Role(name, context=FRAUD, trusted=trusted, description=name)

    lake.grant_snapshot(role("keeper"), datasets=["events"])
    lake.grant_erase(role("eraser"), datasets=["events"])
    lake.grant_write(role("writer"), datasets=["events"])


@pytest.fixture(scope="module")
def access() -> Access:
    return collect(record(program, project="p", stack="s", region="eu-west-1"))


def bucket(access: Access, zone: str) -> str:
    (found,) = [found for found in access.things if f":::ml-dev-fraud-lake-{zone}-" in found]
    return found


LIST, READ = ("s3:ListBucketVersions", {"s3:prefix": "events/"}), ("s3:GetObjectVersion", {})


@pytest.mark.parametrize(
    ("who", "call", "zone", "key", "allowed"),
    [
        ("keeper", READ, "raw", "events/a", True),
        ("keeper", READ, "raw", "labels/a", False),
        ("keeper", LIST, "raw", "", True),
        ("keeper", ("s3:ListBucketVersions", {"s3:prefix": "labels/"}), "raw", "", False),
        ("keeper", ("s3:PutObject", {}), "artifacts", "snapshots/events/1.json", True),
        ("keeper", ("s3:PutObject", {}), "artifacts", "snapshots/labels/1.json", False),
        ("keeper", ("s3:DeleteObject", {}), "artifacts", "snapshots/events/1.json", False),
        ("keeper", ("s3:PutObject", {}), "raw", "events/a", False),
        ("eraser", ("s3:DeleteObjectVersion", {}), "raw", "events/a", True),
        ("eraser", ("s3:DeleteObjectVersion", {}), "raw", "labels/a", False),
        ("eraser", ("s3:PutObject", {}), "raw", "restore/events/a", True),
        ("eraser", ("s3:PutObject", {}), "artifacts", "erasures/events/1.json", True),
        ("eraser", ("s3:DeleteObject", {}), "artifacts", "erasures/events/1.json", False),
        ("writer", ("s3:DeleteObjectVersion", {}), "raw", "events/a", False),
        ("writer", LIST, "raw", "", False),
    ],
)
def test_a_version_is_read_kept_and_erased_by_whom_that_was_granted_to(
    judge: Judge, access: Access, who: str, call: tuple[str, dict[str, str]], zone: str, key: str, allowed: bool
):
    (role,) = [found for found in access.identities if found.endswith(f"-{who}")]
    action, context = call
    resource = f"{bucket(access, zone)}/{key}" if key else bucket(access, zone)
    (verdict,) = judge.ask(access, [Question(role, action, resource, context)])
    assert verdict.allowed is allowed, verdict
