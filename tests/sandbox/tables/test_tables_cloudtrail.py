"""Trails through their whole life, and what CloudTrail asks of bucket, key and role."""

from __future__ import annotations

import json
from typing import Any

import pytest

TRAIL = "aws:cloudtrail/trail:Trail"
ACCOUNT = "123456789012"
ARN = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/audit"
GROUP = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/audit:*"
CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **it} for it in statements]})


def writable(bucket: str, trail: str = ARN) -> str:
    """The policy of a bucket that one trail writes to."""
    arn, only = f"arn:aws:s3:::{bucket}", {"StringEquals": {"aws:SourceArn": trail}}
    return document(
        {"Principal": CLOUDTRAIL, "Action": "s3:GetBucketAcl", "Resource": arn, "Condition": only},
        {
            "Principal": CLOUDTRAIL,
            "Action": "s3:PutObject",
            "Resource": f"{arn}/AWSLogs/{ACCOUNT}/*",
            "Condition": {"StringEquals": {"aws:SourceArn": trail, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    )


@pytest.fixture
def bucket(cloud: Any) -> str:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="trail", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_policy(Bucket="trail", Policy=writable("trail"))
    return "trail"


def a_key(cloud: Any, *statements: dict[str, Any]) -> str:
    root = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:PutKeyPolicy", "Resource": "*"}
    return cloud.client("kms").create_key(Policy=document(root, *statements))["KeyMetadata"]["Arn"]


def a_role(cloud: Any, *actions: str, trusts: str = "cloudtrail.amazonaws.com") -> str:
    iam = cloud.client("iam")
    trust = document({"Principal": {"Service": trusts}, "Action": "sts:AssumeRole"})
    arn = iam.create_role(RoleName="deliver", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    allowed = document({"Action": list(actions) or ["logs:DescribeLogGroups"], "Resource": GROUP})
    iam.put_role_policy(RoleName="deliver", PolicyName="deliver", PolicyDocument=allowed)
    return arn


def selector(*buckets: str) -> dict[str, Any]:
    return {
        "name": "Confidential data",
        "fieldSelectors": [
            {"field": "eventCategory", "equals": ["Data"]},
            {"field": "resources.type", "equals": ["AWS::S3::Object"]},
            {"field": "resources.ARN", "startsWiths": [f"arn:aws:s3:::{bucket}/" for bucket in buckets]},
        ],
    }


MANAGEMENT = {"name": "Management", "fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}]}


def test_a_trail_lives_and_dies(cloud: Any, bucket: str) -> None:
    trail = cloud.make(TRAIL, name="audit", s3BucketName=bucket, isMultiRegionTrail=True, tags={"team": "platform"})
    assert (trail.id, trail["arn"], trail["homeRegion"]) == (ARN, ARN, "eu-west-1")
    assert cloud.client("cloudtrail").get_trail_status(Name="audit")["IsLogging"]
    trail.update(enableLogFileValidation=True)
    trail.update(isMultiRegionTrail=None)
    trail.update(enableLogging=False)
    trail.update(enableLogging=True)
    trail.update(tags={"team": "audit", "environment": "dev"})
    trail.update(tags=None)
    assert trail.forecast(name="other").replaces == {"name"}
    trail.imported(ARN)
    trail.delete()


def test_a_trails_selectors_follow_what_is_wanted(cloud: Any, bucket: str) -> None:
    trail = cloud.make(TRAIL, name="audit", s3BucketName=bucket, advancedEventSelectors=[MANAGEMENT])
    trail.update(advancedEventSelectors=[MANAGEMENT, selector("lake", "features")])
    kept = cloud.client("cloudtrail").get_event_selectors(TrailName="audit")["AdvancedEventSelectors"][1]
    assert kept["FieldSelectors"][2]["StartsWith"] == ["arn:aws:s3:::lake/", "arn:aws:s3:::features/"]
    trail.update(advancedEventSelectors=None)
    trail.update(eventSelectors=[{"readWriteType": "WriteOnly", "includeManagementEvents": True}])
    trail.update(eventSelectors=None, advancedEventSelectors=[MANAGEMENT])
    trail.update(insightSelectors=[{"insightType": "ApiErrorRateInsight"}])
    trail.update(insightSelectors=None)


def test_a_trail_that_somebody_stopped_has_drifted(cloud: Any, bucket: str) -> None:
    trail = cloud.make(TRAIL, name="audit", s3BucketName=bucket, enableLogging=True)
    cloud.client("cloudtrail").stop_logging(Name="audit")
    assert trail.read().inputs["enableLogging"] is False


def test_a_trail_that_somebody_blinded_has_drifted(cloud: Any, bucket: str) -> None:
    trail = cloud.make(TRAIL, name="audit", s3BucketName=bucket, advancedEventSelectors=[selector("lake")])
    told = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]
    cloud.client("cloudtrail").put_event_selectors(TrailName="audit", AdvancedEventSelectors=told)
    assert len(trail.read().inputs["advancedEventSelectors"][0]["fieldSelectors"]) == 1


def test_a_name_is_taken_once(cloud: Any, bucket: str) -> None:
    cloud.make(TRAIL, name="audit", s3BucketName=bucket)
    assert "TrailAlreadyExistsException" in cloud.refused(TRAIL, name="audit", s3BucketName=bucket)


def test_a_bucket_whose_policy_does_not_let_the_trail_in_is_refused(cloud: Any, bucket: str) -> None:
    s3 = cloud.client("s3")
    s3.put_bucket_policy(Bucket=bucket, Policy=writable(bucket, ARN + "-2"))
    wanted = {"name": "audit", "s3BucketName": bucket}
    assert "InsufficientS3BucketPolicyException" in cloud.refused(TRAIL, **wanted), "the policy names another trail"
    s3.delete_bucket_policy(Bucket=bucket)
    assert "InsufficientS3BucketPolicyException" in cloud.refused(TRAIL, **wanted)
    elsewhere = cloud.refused(TRAIL, name="audit", s3BucketName="nowhere")
    assert "S3BucketDoesNotExistException" in elsewhere


def test_a_prefix_that_the_policy_does_not_name_is_refused(cloud: Any, bucket: str) -> None:
    refusal = cloud.refused(TRAIL, name="audit", s3BucketName=bucket, s3KeyPrefix="elsewhere")
    assert "InsufficientS3BucketPolicyException" in refusal


def test_a_bucket_that_denies_the_trail_is_refused(cloud: Any, bucket: str) -> None:
    policy = json.loads(writable(bucket))
    denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}
    policy["Statement"].append(denial)
    cloud.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert "InsufficientS3BucketPolicyException" in cloud.refused(TRAIL, name="audit", s3BucketName=bucket)


def test_a_key_that_does_not_let_the_trail_encrypt_is_refused(cloud: Any, bucket: str) -> None:
    wanted = {"name": "audit", "s3BucketName": bucket}
    assert "InsufficientEncryptionPolicyException" in cloud.refused(TRAIL, **wanted, kmsKeyId=a_key(cloud))
    encrypt = {"Principal": CLOUDTRAIL, "Action": ["kms:GenerateDataKey*", "kms:DescribeKey"], "Resource": "*"}
    only = {"StringEquals": {"aws:SourceArn": ARN + "-2"}}
    others = a_key(cloud, encrypt | {"Condition": only})
    assert "InsufficientEncryptionPolicyException" in cloud.refused(TRAIL, **wanted, kmsKeyId=others)
    trail = cloud.make(TRAIL, **wanted, kmsKeyId=a_key(cloud, encrypt))
    trail.update(kmsKeyId=None)


def test_a_role_that_cannot_write_the_log_is_refused(cloud: Any, bucket: str) -> None:
    wanted = {"name": "audit", "s3BucketName": bucket, "cloudWatchLogsGroupArn": GROUP}
    missing = f"arn:aws:iam::{ACCOUNT}:role/nobody"
    assert "InvalidCloudWatchLogsRoleArnException" in cloud.refused(TRAIL, **wanted, cloudWatchLogsRoleArn=missing)
    role = a_role(cloud)
    assert "adequate permissions" in cloud.refused(TRAIL, **wanted, cloudWatchLogsRoleArn=role)
    cloud.client("iam").put_role_policy(
        RoleName="deliver",
        PolicyName="deliver",
        PolicyDocument=document({"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": GROUP}),
    )
    trail = cloud.make(TRAIL, **wanted, cloudWatchLogsRoleArn=role)
    trail.update(cloudWatchLogsGroupArn=None, cloudWatchLogsRoleArn=None)


def test_a_role_that_trusts_somebody_else_is_refused(cloud: Any, bucket: str) -> None:
    role = a_role(cloud, "logs:CreateLogStream", "logs:PutLogEvents", trusts="lambda.amazonaws.com")
    wanted = {"name": "audit", "s3BucketName": bucket, "cloudWatchLogsGroupArn": GROUP}
    assert "trust relationships" in cloud.refused(TRAIL, **wanted, cloudWatchLogsRoleArn=role)
