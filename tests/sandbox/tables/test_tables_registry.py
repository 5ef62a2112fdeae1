"""Model package groups and their policies through their whole life."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

GROUP = "aws:sagemaker/modelPackageGroup:ModelPackageGroup"
POLICY = "aws:sagemaker/modelPackageGroupPolicy:ModelPackageGroupPolicy"
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/scores"


def opened_to(account: str) -> str:
    """A policy that shows a group to an account."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sagemaker:DescribeModelPackageGroup",
        "Resource": ARN,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def registered(cloud: Any, status: str = "PendingManualApproval") -> str:
    """A version in the group, by its ARN."""
    return cloud.client("sagemaker").create_model_package(
        ModelPackageGroupName="scores",
        ModelApprovalStatus=status,
        CustomerMetadataProperties={"modelyard:author": "ada"},
    )["ModelPackageArn"]


def test_a_group_lives_and_dies(cloud: Any) -> None:
    group = cloud.make(GROUP, modelPackageGroupName="scores", modelPackageGroupDescription="s", tags={"team": "fraud"})
    assert group.id == "scores"
    assert group["arn"] == ARN
    group.update(tags={"team": "churn"})
    group.delete()


def test_another_name_or_description_replaces_a_group(cloud: Any) -> None:
    group = cloud.make(GROUP, modelPackageGroupName="scores", modelPackageGroupDescription="scores payments")
    assert group.forecast(modelPackageGroupName="other").replaces == {"modelPackageGroupName"}
    assert group.forecast(modelPackageGroupDescription="x").replaces == {"modelPackageGroupDescription"}


def test_a_group_that_somebody_deleted_is_found_gone(cloud: Any) -> None:
    group = cloud.make(GROUP, modelPackageGroupName="scores")
    cloud.client("sagemaker").delete_model_package_group(ModelPackageGroupName="scores")
    assert group.read() is None


def test_a_group_with_versions_stays(cloud: Any) -> None:
    cloud.make(GROUP, modelPackageGroupName="scores")
    client = cloud.client("sagemaker")
    version = registered(cloud)
    with pytest.raises(ClientError, match="it has 1 model packages"):
        client.delete_model_package_group(ModelPackageGroupName="scores")
    client.delete_model_package(ModelPackageName=version)
    client.delete_model_package_group(ModelPackageGroupName="scores")


def test_a_name_is_taken_once_and_has_letters_digits_and_hyphens(cloud: Any) -> None:
    cloud.make(GROUP, modelPackageGroupName="scores")
    assert "already exists" in cloud.refused(GROUP, modelPackageGroupName="scores")
    with pytest.raises(AssertionError, match="does not match"):
        cloud.make(GROUP, modelPackageGroupName="fraud_scores")


def test_a_groups_policy_lives_and_dies(cloud: Any) -> None:
    cloud.make(GROUP, modelPackageGroupName="scores")
    policy = cloud.make(POLICY, modelPackageGroupName="scores", resourcePolicy=opened_to("210987654321"))
    policy.update(resourcePolicy=opened_to("333333333333"))
    kept = cloud.client("sagemaker").get_model_package_group_policy(ModelPackageGroupName="scores")["ResourcePolicy"]
    assert "333333333333" in kept
    assert policy.forecast(modelPackageGroupName="other").replaces == {"modelPackageGroupName"}
    policy.delete()
    with pytest.raises(ClientError, match="Cannot find resource policy"):
        cloud.client("sagemaker").get_model_package_group_policy(ModelPackageGroupName="scores")


def test_an_approval_keeps_what_it_does_not_speak_of(cloud: Any) -> None:
    cloud.make(GROUP, modelPackageGroupName="scores")
    client = cloud.client("sagemaker")
    version = registered(cloud)
    client.update_model_package(ModelPackageArn=version, ModelApprovalStatus="Approved")
    found = client.describe_model_package(ModelPackageName=version)
    assert found["CustomerMetadataProperties"] == {"modelyard:author": "ada"}
    client.update_model_package(ModelPackageArn=version, CustomerMetadataProperties={"run": "1"})
    assert client.describe_model_package(ModelPackageName=version)["ModelApprovalStatus"] == "Approved"
