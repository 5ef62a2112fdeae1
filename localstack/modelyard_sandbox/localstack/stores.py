"""Inside LocalStack: bridged services find the buckets, keys and topics that LocalStack itself keeps.

CloudTrail asks for its bucket and topic, Athena writes its results, RDS asks for its key, SageMaker for the alarms of a
rollback: moto's services look into moto's own S3, KMS, SNS and CloudWatch, which nobody fills here.
"""

# LocalStack lies in an environment of its own, which the type checker doesn't see.
# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from moto.kms.models import KmsBackend
from moto.s3.exceptions import MissingBucket, MissingKey
from moto.s3.models import S3Backend
from moto.sns.exceptions import TopicNotFound
from moto.sns.models import SNSBackend

from modelyard_sandbox.moto_extensions import sagemaker_serving


def _client(backend: Any, service: str, region: str = "") -> Any:
    from localstack.aws.connect import connect_to

    where = region or getattr(backend, "region_name", "us-east-1")
    factory = connect_to(aws_access_key_id=backend.account_id, region_name="us-east-1" if where == "aws" else where)
    return factory.get_client(service)


def get_bucket(self: Any, bucket_name: str) -> Any:
    """A bucket's name. Raises moto's error where there is no such bucket."""
    try:
        _client(self, "s3").head_bucket(Bucket=bucket_name)
    except ClientError:
        raise MissingBucket(bucket=bucket_name) from None
    return SimpleNamespace(name=bucket_name)


def create_bucket(self: Any, bucket_name: str, region_name: str, *_: Any, **__: Any) -> Any:
    """A new bucket."""
    where = {} if region_name == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region_name}}
    _client(self, "s3", region_name).create_bucket(Bucket=bucket_name, **where)
    return SimpleNamespace(name=bucket_name)


def get_object(self: Any, bucket_name: str, key_name: str, *_: Any, **__: Any) -> Any:
    """An object's bytes as `value`. Raises moto's error where there is no such object."""
    try:
        found = _client(self, "s3").get_object(Bucket=bucket_name, Key=key_name)
    except ClientError:
        raise MissingKey(key=key_name) from None
    return SimpleNamespace(name=key_name, value=found["Body"].read())


def put_object(self: Any, bucket_name: str, key_name: str, value: bytes, *_: Any, **__: Any) -> Any:
    """Write an object."""
    _client(self, "s3").put_object(Bucket=bucket_name, Key=key_name, Body=value)
    return SimpleNamespace(name=key_name, value=value)


def describe_key(self: Any, key_id: str) -> Any:
    """A key's `id`, `arn`, state and kind. Raises KeyError where there is no such key, as moto does."""
    try:
        found = _client(self, "kms").describe_key(KeyId=key_id)["KeyMetadata"]
    except ClientError:
        raise KeyError(key_id) from None
    state, kind = found["KeyState"], found["KeySpec"]
    return SimpleNamespace(id=found["KeyId"], arn=found["Arn"], key_state=state, key_spec=kind)


def get_topic(self: Any, arn: str) -> Any:
    """A topic's `arn`. Raises moto's error where there is no such topic."""
    try:
        _client(self, "sns").get_topic_attributes(TopicArn=arn)
    except ClientError:
        raise TopicNotFound from None
    return SimpleNamespace(arn=arn)


def alarm_states(backend: Any, names: Iterable[str]) -> dict[str, str]:
    """The states of those alarms that exist."""
    kinds = {"MetricAlarm": "MetricAlarms", "CompositeAlarm": "CompositeAlarms"}
    found = _client(backend, "cloudwatch").describe_alarms(AlarmNames=list(names), AlarmTypes=list(kinds))
    return {alarm["AlarmName"]: alarm["StateValue"] for kind in kinds.values() for alarm in found.get(kind, ())}


def install() -> None:
    """Lead moto's own S3, KMS, SNS and alarms, which answer nobody here, to LocalStack's."""
    sagemaker_serving.alarm_states = alarm_states
    for function in (get_bucket, create_bucket, get_object, put_object):
        setattr(S3Backend, function.__name__, function)
    KmsBackend.describe_key = describe_key
    SNSBackend.get_topic = get_topic
