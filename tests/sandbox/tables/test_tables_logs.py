"""Log groups through their whole life."""

from __future__ import annotations

import json
from typing import Any

GROUP = "aws:cloudwatch/logGroup:LogGroup"


def _key(cloud: Any, service: str = "logs.eu-west-1.amazonaws.com") -> Any:
    root = {"AWS": "arn:aws:iam::123456789012:root"}
    statements = [
        {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}
        for principal in (root, {"Service": service})
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return cloud.make("aws:kms/key:Key", description="logs", policy=policy)


def test_a_log_group_keeps_its_retention_and_its_tags(cloud: Any) -> None:
    group = cloud.make(GROUP, name="/ml/flows", retentionInDays=30, tags={"team": "fraud"})
    assert group.id == "/ml/flows"
    assert group["arn"] == "arn:aws:logs:eu-west-1:123456789012:log-group:/ml/flows"
    group.update(retentionInDays=90)
    group.update(tags={"team": "churn"})
    group.update(retentionInDays=None)
    assert "retentionInDays" not in cloud.client("logs").describe_log_groups()["logGroups"][0]
    group.delete()


def test_another_log_group_is_not_taken_for_one_whose_name_it_begins_with(cloud: Any) -> None:
    group = cloud.make(GROUP, name="/ml/flow")
    cloud.make(GROUP, name="/ml/flow-2")
    group.delete()


def test_a_log_group_is_imported_by_its_name(cloud: Any) -> None:
    group = cloud.make(GROUP, name="/ml/flows", retentionInDays=30, tags={"team": "fraud"})
    found = group.imported("/ml/flows")
    assert found.inputs == {"name": "/ml/flows", "retentionInDays": 30, "tags": {"team": "fraud"}}


def test_another_name_or_class_replaces_a_log_group(cloud: Any) -> None:
    group = cloud.make(GROUP, name="/ml/flows")
    assert group.forecast(name="/ml/other").replaces == {"name"}
    assert group.forecast(logGroupClass="INFREQUENT_ACCESS").replaces == {"logGroupClass"}


def test_a_log_group_changes_its_key_in_place_and_gives_it_up(cloud: Any) -> None:
    group = cloud.make(GROUP, name="/ml/flows", kmsKeyId=_key(cloud)["arn"])
    group.update(kmsKeyId=_key(cloud)["arn"])
    group.update(kmsKeyId=None)
    assert "kmsKeyId" not in cloud.client("logs").describe_log_groups()["logGroups"][0]


def test_a_log_group_that_skips_its_destruction_stays(cloud: Any) -> None:
    group = cloud.make(GROUP, name="/ml/flows", skipDestroy=True)
    cloud.provider.delete(group.token, group.id, group.urn, group.state)
    assert group.read() is not None


def test_a_key_that_logs_may_not_use_is_refused(cloud: Any) -> None:
    closed = _key(cloud, "s3.amazonaws.com")["arn"]
    disabled = _key(cloud)
    cloud.client("kms").disable_key(KeyId=disabled.id)
    missing = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    for key in (closed, disabled["arn"], missing):
        assert "InvalidParameterException" in cloud.refused(GROUP, name="/ml/flows", kmsKeyId=key)
