"""A team doesn't leave while a bucket of its own holds what nobody may delete."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws

from modelyard.core.errors import InputError
from modelyard.engine import StackTarget
from modelyard.operate.cloud import Cloud
from modelyard.operate.removal import Removal, refuse_locked

BUCKET = "ml-prod-fraud-evidence"
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=400)
GOVERNANCE = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": LATER}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        yield client


def refuse(s3: Any, **properties: Any) -> None:
    bucket = {
        "urn": "urn:pulumi:fraud-prod::modelyard-team::aws:s3/bucket:Bucket::evidence-bucket",
        "type": "aws:s3/bucket:Bucket",
        "custom": True,
        "inputs": {"bucket": BUCKET, "objectLockEnabled": True, **properties},
        "outputs": {},
    }
    state = {"version": 3, "deployment": {"resources": [bucket]}}
    plan = Removal("fraud", "prod", StackTarget(Path(), "fraud-prod"), cast(Any, None), state, (), 1)
    refuse_locked(plan, cast(Cloud, SimpleNamespace(client=lambda _: s3)))


def test_a_locked_version_below_a_deletion_names_its_bucket_and_the_day_on_which_it_can_go(s3):
    s3.put_object(Bucket=BUCKET, Key="bundles/1", Body=b"", **GOVERNANCE)
    s3.delete_object(Bucket=BUCKET, Key="bundles/1")
    s3.put_object(Bucket=BUCKET, Key="infrastructure.json", Body=b"")
    with pytest.raises(InputError) as refused:
        refuse(s3)
    (fault,) = refused.value.faults
    assert fault.value == BUCKET
    assert f"before {LATER:%Y-%m-%d}" in fault.problem
    assert "yard up fraud --env prod" in fault.remedy


def test_a_hold_ends_with_no_day(s3):
    s3.put_object(Bucket=BUCKET, Key="bundles/1", Body=b"", ObjectLockLegalHoldStatus="ON", **GOVERNANCE)
    with pytest.raises(InputError, match="before its legal hold ends"):
        refuse(s3)


def test_what_a_destroy_empties_by_force_is_not_asked(s3):
    s3.put_object(Bucket=BUCKET, Key="bundles/1", Body=b"", **GOVERNANCE)
    refuse(s3, forceDestroy=True)


def test_what_nobody_locked_holds_nobody(s3):
    s3.put_object(Bucket=BUCKET, Key="bundles/1", Body=b"")
    refuse(s3)
