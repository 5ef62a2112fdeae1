"""What CloudTrail asks of a bucket, a key and a role before it writes: tests of `refusals.REFUSALS`.

Sources: awscloudtrail/latest/userguide, "Amazon S3 bucket policy for CloudTrail", "Configure AWS KMS key policies for
CloudTrail", "Role policy document for CloudTrail to use CloudWatch Logs for monitoring".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from modelyard_sandbox.moto_extensions.conditions import met

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_SERVICE: Final = "cloudtrail.amazonaws.com"


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    if principal == "*":
        return True
    named = [name for kind in ("Service", "AWS") for name in _many(principal.get(kind, []))]
    return _SERVICE in named or "*" in named


def admits(policy: str, action: str, resource: str, carried: Mapping[str, str]) -> bool:
    """Whether a resource's policy lets CloudTrail do something; a denial that is met wins."""
    verdict = False
    for statement in _many(json.loads(policy)["Statement"]):
        actions = [name.lower() for name in _many(statement.get("Action", []))]
        resources = _many(statement.get("Resource", "*"))
        if not (
            _names(statement)
            and any(fnmatchcase(action.lower(), pattern) for pattern in actions)
            and any(fnmatchcase(resource, pattern) for pattern in resources)
            and met(statement.get("Condition", {}), carried)
        ):
            continue
        if statement["Effect"] == "Deny":
            return False
        verdict = True
    return verdict


def _trail(live: Live) -> tuple[str, dict[str, str]]:
    """The trail's ARN, and the keys that its requests carry."""
    arn = f"arn:{live.partition}:cloudtrail:{live.region}:{live.account}:trail/{live.inputs['name']}"
    keys = {"aws:SourceArn": arn, "aws:SourceAccount": live.account, "aws:SecureTransport": "true"}
    keys |= {"s3:TlsVersion": "1.3", "s3:x-amz-acl": "bucket-owner-full-control", "aws:PrincipalIsAWSService": "true"}
    keys |= {"aws:PrincipalServiceName": _SERVICE, "kms:EncryptionContext:aws:cloudtrail:arn": arn}
    if live.inputs.get("kmsKeyId"):
        keys["s3:x-amz-server-side-encryption"] = "aws:kms"
        keys["s3:x-amz-server-side-encryption-aws-kms-key-id"] = live.inputs["kmsKeyId"]
    return arn, {key.lower(): value for key, value in keys.items()}


def bucket_lets_nobody_write(live: Live) -> str | None:
    """The trail's bucket lets CloudTrail read its ACL and write below `AWSLogs/<account>/`."""
    bucket = live.inputs["s3BucketName"]
    refused = f"Incorrect S3 bucket policy is detected for bucket: {bucket}"
    try:
        policy = live.call("get_bucket_policy", "s3", Bucket=bucket)["Policy"]
    except live.error as error:
        return refused if live.code(error) == "NoSuchBucketPolicy" else None
    _, carried = _trail(live)
    arn = f"arn:{live.partition}:s3:::{bucket}"
    prefix = f"{live.inputs['s3KeyPrefix']}/" if live.inputs.get("s3KeyPrefix") else ""
    written = f"{arn}/{prefix}AWSLogs/{live.account}/CloudTrail/a"
    may = admits(policy, "s3:GetBucketAcl", arn, carried) and admits(policy, "s3:PutObject", written, carried)
    return None if may else refused


def key_lets_nobody_encrypt(live: Live) -> str | None:
    """The trail's key lets CloudTrail make data keys for this trail."""
    key = live.inputs.get("kmsKeyId")
    if not key:
        return None
    policy = live.call("get_key_policy", "kms", KeyId=key, PolicyName="default")["Policy"]
    _, carried = _trail(live)
    if admits(policy, "kms:GenerateDataKey", "*", carried) and admits(policy, "kms:DescribeKey", "*", carried):
        return None
    return f"Insufficient permissions to access S3 bucket {live.inputs['s3BucketName']} or KMS key {key}."


def role_writes_no_logs(live: Live) -> str | None:
    """Log group and role go together, and the role lets CloudTrail create streams and put events."""
    group, role = live.inputs.get("cloudWatchLogsGroupArn"), live.inputs.get("cloudWatchLogsRoleArn")
    if not group and not role:
        return None
    if not group or not role:
        return "You must specify both a log group and a role ARN."
    denied = "Access denied. Check the trust relationships for your role."
    name = role.rpartition("/")[2]
    try:
        trust = live.call("get_role", "iam", RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    except live.error as error:
        if live.is_gone(error):
            return denied
        raise
    _, carried = _trail(live)
    trusted = trust if isinstance(trust, str) else json.dumps(trust)
    if not admits(unquote(trusted), "sts:AssumeRole", "*", carried):
        return denied
    documents = [
        live.call("get_role_policy", "iam", RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in live.call("list_role_policies", "iam", RoleName=name)["PolicyNames"]
    ]
    statements = [
        {**statement, "Principal": "*"} for document in documents for statement in _many(document["Statement"])
    ]
    policy = json.dumps({"Statement": statements})
    stream = f"{group.removesuffix(':*')}:log-stream:{live.account}_CloudTrail_{live.region}"
    if all(admits(policy, f"logs:{action}", stream, carried) for action in ("CreateLogStream", "PutLogEvents")):
        return None
    return "Access denied. Verify in IAM that the role has adequate permissions."
