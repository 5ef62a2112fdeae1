"""Policies of buckets in moto, judged as IAM judges them: conditions, who asks, variables."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from modelyard_sandbox import moto_extensions
from modelyard_sandbox.moto_extensions.conditions import met

CARRIED = {"aws:securetransport": "true", "s3:tlsversion": "1.3", "s3:prefix": "events/day=1"}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, False),
        ({"StringLike": {"s3:prefix": ["labels/*", "events/*"]}}, True),
        ({"StringLike": {"s3:prefix": ["labels/*"]}}, False),
        ({"StringEquals": {"s3:prefix": "events/*"}}, False),
        ({"Null": {"s3:x-amz-server-side-encryption": "false"}}, False),
        ({"Null": {"s3:x-amz-server-side-encryption": "true"}}, True),
        ({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}, True),
        ({"StringEqualsIfExists": {"aws:PrincipalTag/team": "fraud"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": "fraud"}}, False),
        ({"StringNotLike": {"s3:prefix": "events/*"}}, False),
        ({"DateLessThan": {"aws:CurrentTime": "2030-01-01"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}, "StringLike": {"s3:prefix": "labels/*"}}, False),
    ],
)
def test_conditions_are_met_as_iam_meets_them(conditions: dict, expected: bool):
    assert met(conditions, CARRIED) is expected


class Bucket:
    """A bucket of an emulator, its policy, and roles that ask for its objects."""

    def __init__(self) -> None:
        self.iam, self.sts = client("iam"), client("sts")
        self.s3 = client("s3")
        self.s3.create_bucket(Bucket="files", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def deny(self, **statement: Any) -> None:
        said = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", **statement}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [said]})
        self.s3.put_bucket_policy(Bucket="files", Policy=policy)

    def session(self, role: str, name: str) -> tuple[str, Any]:
        """The caller's user id, and its S3."""
        arn = f"arn:aws:iam::123456789012:role/{role}"
        if role not in [known["RoleName"] for known in self.iam.list_roles()["Roles"]]:
            self.iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
        got = self.sts.assume_role(RoleArn=arn, RoleSessionName=name)
        return got["AssumedRoleUser"]["AssumedRoleId"], client("s3", got["Credentials"])


def client(service: str, got: dict[str, str] | None = None) -> Any:
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    values = [got[name] for name in names] if got else ["sandbox", "sandbox", None]
    keys = dict(zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), values, strict=True))
    return boto3.client(service, region_name="eu-west-1", **keys)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    moto_extensions.install()
    with mock_aws():
        yield Bucket()


def puts(s3: Any, key: str, **how: Any) -> bool:
    try:
        s3.put_object(Bucket="files", Key=key, Body=b"x", **how)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        return False
    return True


def test_a_role_is_known_by_its_arn_whatever_its_session_is_called(bucket: Bucket):
    signer = "arn:aws:iam::123456789012:role/signer"
    bucket.deny(Resource="arn:aws:s3:::files/releases/*", Condition={"ArnNotEquals": {"aws:PrincipalArn": signer}})
    assert puts(bucket.session("signer", "any")[1], "releases/1")
    assert not puts(bucket.session("other", "signer")[1], "releases/1")
    assert not puts(bucket.s3, "releases/1")
    assert puts(bucket.session("other", "any")[1], "models/1")


def test_a_variable_stands_for_who_asks_and_for_nothing_else(bucket: Bucket):
    bucket.deny(NotResource=["arn:aws:s3:::files/decisions/${aws:userid}/*", "arn:aws:s3:::files/models/*"])
    ada, as_ada = bucket.session("approver", "ada")
    grace, _ = bucket.session("approver", "grace")
    assert puts(as_ada, f"decisions/{ada}/1")
    assert not puts(as_ada, f"decisions/{grace}/1")
    assert not puts(as_ada, "decisions/*/1")
    assert puts(as_ada, "models/1")


def test_an_object_is_written_once_where_the_policy_asks_for_it(bucket: Bucket):
    bucket.deny(
        Resource="arn:aws:s3:::files/models/*",
        Condition={"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
    )
    assert not puts(bucket.s3, "models/1")
    assert puts(bucket.s3, "models/1", IfNoneMatch="*")
    begun = bucket.s3.create_multipart_upload(Bucket="files", Key="models/2")
    assert begun["UploadId"]
