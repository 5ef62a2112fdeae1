"""A lake of the emulator, deployed once for each file of tests, and its dataset `events`, which each finds empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.sandbox.data_versions.lake import CONTEXT, SPEC

from modelyard import DataLake, Keys, KeysSpec
from modelyard.operate.data import Dataset, Lake
from modelyard.operate.data.store import Store
from modelyard.testing import Deployment, deploy


@pytest.fixture(scope="module")
def stack() -> Iterator[Deployment]:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        DataLake("lake", SPEC, context=CONTEXT, keys=keys)

    with deploy(program, region="eu-west-1") as deployed:
        yield deployed


@pytest.fixture
def lake(stack: Deployment) -> Lake:
    """An empty lake of team fraud."""
    s3 = stack.client("s3")
    made = Lake(CONTEXT, SPEC, s3, lambda: "arn:aws:iam::123456789012:role/scientist")
    store = Store(s3)
    for zone in ("raw", "artifacts"):
        bucket = made.bucket(zone)
        for marker in s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", ()):
            s3.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])
        assert store.destroy([found.identity for found in store.versions(bucket, "")]) == []
    return made


@pytest.fixture
def events(lake: Lake) -> Dataset:
    return lake.dataset("events")
