"""IAM seconded: a LocalStack that judges requests to S3 and KMS by the policies that the components write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Role
from modelyard.core.access import trust_service
from modelyard.testing import Deployment, deploy
from modelyard_sandbox.localstack.host import ENDPOINT, ENFORCE

CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD = CONTEXT.for_team("fraud")
DATASET = {"classification": "internal", "owner": "a@acme.example", "columns": [{"name": "id", "type": "string"}]}
KEY = "events/day=1/a"


def program() -> None:
    spec = LakeSpec.model_validate({"datasets": {"events": DATASET, "labels": DATASET}})
    lake = DataLake("lake", spec, context=FRAUD, keys=Keys("keys", KeysSpec(), context=FRAUD))
    trusted = [trust_service("sagemaker.amazonaws.com", context=FRAUD)]
    lake.grant_read(Role("reader", context=FRAUD, trusted=trusted, description="reads"), datasets=["events"])
    lake.grant_write(Role("writer", context=FRAUD, trusted=trusted, description="writes"), datasets=["events"])
    churn = CONTEXT.for_team("churn")
    spec = LakeSpec.model_validate({"datasets": {"visits": DATASET}})
    other = DataLake("other", spec, context=churn, keys=Keys("other-keys", KeysSpec(), context=churn))
    other.grant_read(Role("stranger", context=churn, trusted=trusted, description="reads its own team's"))


@pytest.fixture(scope="module")
def stack(localstack_there: None) -> Iterator[Deployment]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENFORCE, "1")
        patch.delenv(ENDPOINT, raising=False)
        with deploy(program, region="eu-west-1", emulator="localstack") as made:
            made.client("s3").put_object(Bucket=bucket(made), Key=KEY, Body=b"1")
            yield made


def bucket(stack: Deployment) -> str:
    return stack.resource("lake-raw").properties["bucket"]


def key_of(stack: Deployment) -> str:
    return stack.resource("keys-default").properties["arn"]


def as_role(stack: Deployment, name: str, service: str) -> Any:
    arn = stack.resource(f"{name}-role").properties["arn"]
    sts = stack.client("sts")
    got = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return boto3.client(
        service,
        region_name="eu-west-1",
        endpoint_url=sts.meta.endpoint_url,
        aws_access_key_id=got["AccessKeyId"],
        aws_secret_access_key=got["SecretAccessKey"],
        aws_session_token=got["SessionToken"],
    )


def refused(error: pytest.ExceptionInfo[ClientError], action: str) -> bool:
    said = error.value.response["Error"]
    return said["Code"].startswith("AccessDenied") and f"to perform: {action} " in said["Message"]


def test_a_granted_role_reads_and_its_key_decrypts(stack: Deployment):
    found = as_role(stack, "reader", "s3").get_object(Bucket=bucket(stack), Key=KEY)
    assert found["Body"].read() == b"1"
    assert found["SSEKMSKeyId"] == key_of(stack), "under the team's key, which the grant covers through S3"


def test_a_granted_role_writes_what_it_cannot_read(stack: Deployment):
    writer = as_role(stack, "writer", "s3")
    writer.put_object(Bucket=bucket(stack), Key="events/day=2/b", Body=b"2")
    with pytest.raises(ClientError) as error:
        writer.get_object(Bucket=bucket(stack), Key=KEY)
    assert refused(error, "s3:GetObject")


def test_a_granted_role_gets_no_further_than_its_dataset(stack: Deployment):
    stack.client("s3").put_object(Bucket=bucket(stack), Key="labels/a", Body=b"1")
    with pytest.raises(ClientError) as error:
        as_role(stack, "reader", "s3").get_object(Bucket=bucket(stack), Key="labels/a")
    assert refused(error, "s3:GetObject")


def test_another_teams_role_is_refused_the_object(stack: Deployment):
    with pytest.raises(ClientError) as error:
        as_role(stack, "stranger", "s3").get_object(Bucket=bucket(stack), Key=KEY)
    assert refused(error, "s3:GetObject")


def test_another_teams_role_that_was_given_the_bucket_by_mistake_still_lacks_the_key(stack: Deployment):
    name = stack.resource("stranger-role").properties["name"]
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = stack.client("iam")
    iam.put_role_policy(RoleName=name, PolicyName="mistake", PolicyDocument=document)
    try:
        with pytest.raises(ClientError) as error:
            as_role(stack, "stranger", "s3").get_object(Bucket=bucket(stack), Key=KEY)
        assert refused(error, "kms:Decrypt")
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="mistake")


def test_the_key_serves_its_grantee_through_s3_only(stack: Deployment):
    blob = stack.client("kms").encrypt(KeyId=key_of(stack), Plaintext=b"1")["CiphertextBlob"]
    for who in ("reader", "stranger"):
        with pytest.raises(ClientError) as error:
            as_role(stack, who, "kms").decrypt(CiphertextBlob=blob)
        assert refused(error, "kms:Decrypt")
    assert stack.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"1", "an administrator is not judged"


def test_a_key_policy_decides_who_may_decrypt(stack: Deployment):
    kms, reader = stack.client("kms"), stack.resource("reader-role").properties["arn"]
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    only = {**root, "Principal": {"AWS": reader}, "Action": "kms:Decrypt"}
    key = kms.create_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [only]}))["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"1")["CiphertextBlob"]
    assert as_role(stack, "reader", "kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"1"
    with pytest.raises(ClientError) as error:
        as_role(stack, "stranger", "kms").decrypt(CiphertextBlob=blob)
    assert refused(error, "kms:Decrypt")
    kms.put_key_policy(
        KeyId=key, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": [root]})
    )
    with pytest.raises(ClientError) as error:
        as_role(stack, "reader", "kms").decrypt(CiphertextBlob=blob)
    assert refused(error, "kms:Decrypt"), "the account decides then, and its policies give the reader nothing"
