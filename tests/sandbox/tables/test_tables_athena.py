"""Athena workgroups through their whole life."""

from __future__ import annotations

from typing import Any

import pytest

WORKGROUP = "aws:athena/workgroup:Workgroup"


def settings(key: str, **changes: Any) -> dict[str, Any]:
    """A configuration as the data lake describes it."""
    return {
        "enforceWorkgroupConfiguration": True,
        "publishCloudwatchMetricsEnabled": True,
        "bytesScannedCutoffPerQuery": 100 * 2**30,
        "resultConfiguration": {
            "outputLocation": "s3://acme-artifacts/athena/",
            "encryptionConfiguration": {"encryptionOption": "SSE_KMS", "kmsKeyArn": key},
        },
        **changes,
    }


@pytest.fixture
def key(cloud: Any) -> str:
    return cloud.make("aws:kms/key:Key", description="results")["arn"]


def test_a_workgroup_lives_and_dies(cloud: Any, key: str) -> None:
    group = cloud.make(WORKGROUP, name="lake", description="Queries", configuration=settings(key), tags={"a": "b"})
    assert group.id == "lake"
    assert group["arn"] == "arn:aws:athena:eu-west-1:123456789012:workgroup/lake"
    kept = cloud.client("athena").get_work_group(WorkGroup="lake")["WorkGroup"]["Configuration"]
    assert kept["BytesScannedCutoffPerQuery"] == 100 * 2**30
    assert kept["ResultConfiguration"]["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": key}
    group.update(configuration=settings(key, bytesScannedCutoffPerQuery=50 * 2**30))
    group.update(description="Other queries")
    group.update(tags={"a": "c"})
    group.update(forceDestroy=True)
    group.delete()


def test_what_leaves_the_configuration_leaves_the_workgroup(cloud: Any, key: str) -> None:
    group = cloud.make(WORKGROUP, name="lake", configuration=settings(key))
    without = {name: value for name, value in settings(key).items() if name != "bytesScannedCutoffPerQuery"}
    group.update(configuration={**without, "resultConfiguration": {"outputLocation": "s3://acme-artifacts/athena/"}})
    kept = cloud.client("athena").get_work_group(WorkGroup="lake")["WorkGroup"]["Configuration"]
    assert "BytesScannedCutoffPerQuery" not in kept
    assert kept["ResultConfiguration"] == {"OutputLocation": "s3://acme-artifacts/athena/"}


def test_a_workgroup_is_disabled_at_birth_or_later(cloud: Any) -> None:
    group = cloud.make(WORKGROUP, name="lake", state="DISABLED")
    group.update(state="ENABLED")
    assert cloud.client("athena").get_work_group(WorkGroup="lake")["WorkGroup"]["State"] == "ENABLED"


def test_another_name_replaces_a_workgroup(cloud: Any) -> None:
    assert cloud.make(WORKGROUP, name="lake").forecast(name="pond").replaces == {"name"}


def test_a_workgroup_is_imported_by_its_name(cloud: Any, key: str) -> None:
    group = cloud.make(WORKGROUP, name="lake", configuration=settings(key))
    group.imported("lake")


def test_a_workgroup_of_the_same_name_is_refused(cloud: Any) -> None:
    cloud.make(WORKGROUP, name="lake")
    assert "WorkGroup already exists" in cloud.refused(WORKGROUP, name="lake")


def _save_query(cloud: Any) -> None:
    cloud.client("athena").create_named_query(Name="q", Database="lake", QueryString="select 1", WorkGroup="lake")


def test_a_workgroup_that_is_not_empty_cannot_be_deleted(cloud: Any) -> None:
    group = cloud.make(WORKGROUP, name="lake")
    _save_query(cloud)
    assert "InvalidRequestException: WorkGroup lake is not empty" in cloud.refuses_to_delete(group)


def test_a_workgroup_with_force_destroy_is_deleted_with_its_queries(cloud: Any) -> None:
    group = cloud.make(WORKGROUP, name="lake", forceDestroy=True)
    _save_query(cloud)
    group.delete()
