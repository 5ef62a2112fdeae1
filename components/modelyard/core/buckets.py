"""What every private bucket has, whoever owns it: shut doors, TLS alone, versions, a key, and access logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Principal, Statement
from modelyard.core.component import Component
from modelyard.core.retention import Classification, retention_for

_UPLOAD_DAYS: Final = 7


def closed(component: Component, role: str, bucket: aws.s3.Bucket) -> None:
    """Shut every public door of `bucket`: no public access, no ACLs (FSBP S3.1, S3.8, S3.12)."""
    aws.s3.BucketPublicAccessBlock(
        component.named(f"{role}-public-access"),
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=component.options(),
    )
    aws.s3.BucketOwnershipControls(
        component.named(f"{role}-ownership"),
        bucket=bucket.bucket,
        rule={"object_ownership": "BucketOwnerEnforced"},
        opts=component.options(),
    )


def versioned(component: Component, role: str, bucket: aws.s3.Bucket) -> aws.s3.BucketVersioning:
    """Keep what is overwritten and deleted as older versions; `role` is the child's."""
    return aws.s3.BucketVersioning(
        component.named(role),
        bucket=bucket.bucket,
        versioning_configuration={"status": "Enabled"},
        opts=component.options(),
    )


def encrypted(
    component: Component, role: str, bucket: aws.s3.Bucket, key_arn: pulumi.Input[str], *, bucket_key: bool = True
) -> None:
    """Encrypt objects under a key of our own; `role` is the child's.

    `bucket_key`: whether S3 asks KMS for a key of the bucket now and then, and not for each object: cheaper.
    """
    aws.s3.BucketServerSideEncryptionConfiguration(
        component.named(role),
        bucket=bucket.bucket,
        rules=[
            {
                "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key_arn},
                "bucket_key_enabled": bucket_key,
            }
        ],
        opts=component.options(),
    )


def logged(
    component: Component, role: str, bucket: aws.s3.Bucket, to: tuple[aws.s3.Bucket, aws.s3.BucketPolicy], prefix: str
) -> None:
    """Write who accesses `bucket` below `prefix` of what `access_log_bucket` made; `role` is the child's."""
    log_bucket, may_log = to
    aws.s3.BucketLogging(
        component.named(role),
        bucket=bucket.bucket,
        target_bucket=log_bucket.bucket,
        target_prefix=prefix,
        opts=component.options(depends_on=[may_log]),
    )


def only_tls(arn: pulumi.Input[str]) -> list[Statement]:
    """Refuses everybody who doesn't come by TLS 1.2 or newer (FSBP S3.5, S3.22)."""
    both = (arn, pulumi.Output.concat(arn, "/*"))
    return [
        Statement(
            ("s3:*",),
            both,
            {"Bool": {"aws:SecureTransport": "false"}},
            "Deny",
            Principal.everyone(),
            "OnlyByTLS",
        ),
        Statement(
            ("s3:*",),
            both,
            {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
            "Deny",
            Principal.everyone(),
            "OnlyByModernTLS",
        ),
    ]


def access_log_bucket(
    component: Component, *, sources: Sequence[str], days: int
) -> tuple[aws.s3.Bucket, aws.s3.BucketPolicy]:
    """The bucket of other buckets' access logs, and the policy that lets S3 deliver them; logs go after `days`.

    `sources` are the ARNs of the logged buckets. S3 delivers only under its own key (SSE-S3), and refuses a target
    whose policy doesn't let it in yet, so logging depends on the policy.
    """
    context = component.context
    bucket = aws.s3.Bucket(
        component.named("access-logs"),
        bucket=component.physical("s3-bucket", "access-logs"),
        force_destroy=not context.production,
        opts=component.options(protect=context.production),
    )
    closed(component, "access-logs", bucket)
    aws.s3.BucketServerSideEncryptionConfiguration(
        component.named("access-logs-encryption"),
        bucket=bucket.bucket,
        rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
        opts=component.options(),
    )
    aws.s3.BucketLifecycleConfiguration(
        component.named("access-logs-lifecycle"),
        bucket=bucket.bucket,
        rules=[{"id": "logs", "status": "Enabled", "filter": {"prefix": ""}, "expiration": {"days": days}}],
        opts=component.options(),
    )
    deliver = Statement(
        ("s3:PutObject",),
        (pulumi.Output.concat(bucket.arn, "/*"),),
        {"ArnEquals": {"aws:SourceArn": sources}, "StringEquals": {"aws:SourceAccount": context.account}},
        principal=Principal.service("logging.s3.amazonaws.com"),
        sid="BucketsDeliverTheirLogs",
    )
    policy = aws.s3.BucketPolicy(
        component.named("access-logs-policy"),
        bucket=bucket.bucket,
        policy=access.policy_json([deliver, *only_tls(bucket.arn)]),
        opts=component.options(),
    )
    return bucket, policy


def store_bucket(
    component: Component,
    *,
    key_arn: pulumi.Input[str],
    logs_at: str,
    log_days: int,
    locked: bool = False,
    older_days: int | None = None,
) -> tuple[aws.s3.Bucket, aws.s3.BucketVersioning]:
    """The only bucket of a component, for confidential objects, and its versioning, which a lock's rule waits for.

    `logs_at`: below which prefix its access logs lie; they go after `log_days`. `locked`: whether its objects can be
    locked. `older_days`: when older versions go; absent: they stay. Uploads that nobody ended go after a week. Its
    policy is the component's.
    """
    context = component.context
    retention = retention_for(Classification.CONFIDENTIAL, production=context.production)
    name = component.physical("s3-bucket")
    logs = access_log_bucket(component, sources=[f"arn:{context.partition}:s3:::{name}"], days=log_days)
    bucket = aws.s3.Bucket(
        component.named("bucket"),
        bucket=name,
        object_lock_enabled=True if locked else None,
        force_destroy=retention.force_destroy,
        opts=component.options(protect=retention.protect),
    )
    closed(component, "bucket", bucket)
    versioning = versioned(component, "versioning", bucket)
    encrypted(component, "encryption", bucket, key_arn)
    rule: aws.s3.BucketLifecycleConfigurationRuleArgsDict = {
        "id": "uploads",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "abort_incomplete_multipart_upload": {"days_after_initiation": _UPLOAD_DAYS},
    }
    if older_days is not None:
        rule["id"] = "older-versions"
        rule["noncurrent_version_expiration"] = {"noncurrent_days": older_days}
    aws.s3.BucketLifecycleConfiguration(
        component.named("lifecycle"),
        bucket=bucket.bucket,
        rules=[rule],
        opts=component.options(depends_on=[versioning]),
    )
    logged(component, "logging", bucket, logs, logs_at)
    return bucket, versioning
