"""One zone of a lake: a private, versioned, encrypted bucket with one owner of its policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.build.data.spec import DatasetSpec, ZoneName, ZoneSpec
from modelyard.core import access
from modelyard.core.access import Grantee, Principal, Statement, address, identity_of
from modelyard.core.addresses import BucketAddress
from modelyard.core.buckets import closed, only_tls
from modelyard.core.component import Component
from modelyard.core.context import Context
from modelyard.core.retention import Retention
from modelyard.foundation.keys import DECRYPT, ENCRYPT_AND_DECRYPT, through_service

UNFINISHED_UPLOAD_DAYS = 7
"""Days until the parts of an upload that nobody finished go."""


def _only_with_key(arn: pulumi.Input[str], key_arn: pulumi.Output[str]) -> list[Statement]:
    """Refuses objects that ask for another encryption than the bucket's own key."""
    objects = (pulumi.Output.concat(arn, "/*"),)
    header, key_header = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
    return [
        Statement(
            ("s3:PutObject",),
            objects,
            {"Null": {header: "false"}, "StringNotEquals": {header: "aws:kms"}},
            "Deny",
            Principal.everyone(),
            "OnlyEncrypted",
        ),
        Statement(
            ("s3:PutObject",),
            objects,
            {"Null": {key_header: "false"}, "StringNotEquals": {key_header: key_arn}},
            "Deny",
            Principal.everyone(),
            "OnlyWithOwnKey",
        ),
    ]


class Zone:
    """A zone's bucket, and the grants on parts of it.

    `name` is the zone's, `component` the lake's; both name what a grant leads to.
    """

    def __init__(
        self,
        lake: Component,
        name: ZoneName,
        spec: ZoneSpec,
        *,
        datasets: dict[str, DatasetSpec],
        result_days: int,
        key_arn: pulumi.Output[str],
        retention: Retention,
        log_bucket: aws.s3.Bucket,
        may_log: aws.s3.BucketPolicy,
    ) -> None:
        self.name = name
        self.component = lake.component
        self._context: Context = lake.context
        self.key_arn = key_arn
        self.bucket = aws.s3.Bucket(
            lake.written_at(name, spec.source()),
            bucket=lake.physical("s3-bucket", name),
            force_destroy=retention.force_destroy,
            opts=lake.options(protect=retention.protect),
        )
        self.arn: pulumi.Output[str] = self.bucket.arn
        closed(lake, name, self.bucket)
        aws.s3.BucketVersioning(
            lake.named(f"{name}-versioning"),
            bucket=self.bucket.bucket,
            versioning_configuration={"status": "Enabled"},
            opts=lake.options(),
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            lake.named(f"{name}-encryption"),
            bucket=self.bucket.bucket,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": key_arn,
                    },
                    "bucket_key_enabled": True,
                }
            ],
            opts=lake.options(),
        )
        aws.s3.BucketLifecycleConfiguration(
            lake.written_at(f"{name}-lifecycle", spec.source()),
            bucket=self.bucket.bucket,
            rules=lifecycle_rules(spec, datasets, result_days if name == "artifacts" else None),
            opts=lake.options(),
        )
        aws.s3.BucketLogging(
            lake.named(f"{name}-logging"),
            bucket=self.bucket.bucket,
            target_bucket=log_bucket.bucket,
            target_prefix=f"{name}/",
            opts=lake.options(depends_on=[may_log]),
        )
        aws.s3.BucketPolicy(
            lake.named(f"{name}-policy"),
            bucket=self.bucket.bucket,
            policy=access.policy_json([*only_tls(self.arn), *_only_with_key(self.arn, key_arn)]),
            opts=lake.options(),
        )

    def objects(self, *prefixes: str) -> tuple[pulumi.Output[str], ...]:
        """The ARN patterns of all objects below each prefix; no prefix is the whole zone."""
        return tuple(pulumi.Output.concat(self.arn, f"/{_slashed(prefix)}*") for prefix in prefixes or ("",))

    def may_list(self, *prefixes: str) -> list[Statement]:
        """Lets an identity list what lies below each prefix, and nothing beside it."""
        listed = Statement(("s3:ListBucket",), (self.arn,), _below(prefixes))
        return [Statement(("s3:GetBucketLocation",), (self.arn,)), listed]

    def may_read(self, *prefixes: str) -> list[Statement]:
        """Lets an identity list and read what lies below each prefix, every version of it."""
        return [
            *self.may_list(*prefixes),
            Statement(("s3:GetObject", "s3:GetObjectVersion"), self.objects(*prefixes)),
            through_service(self._context, "s3", DECRYPT, self.key_arn),
        ]

    def may_write(self, *prefixes: str) -> list[Statement]:
        """Lets an identity list, add, overwrite and remove what lies below each prefix; versions survive that."""
        return [
            *self.may_list(*prefixes),
            Statement(("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"), self.objects(*prefixes)),
            through_service(self._context, "s3", ENCRYPT_AND_DECRYPT, self.key_arn),
        ]

    def grant_read(self, grantee: Grantee, prefix: str = "") -> None:
        """Let `grantee` read what lies below `prefix` in this zone; no prefix is the whole zone."""
        self._grant(grantee, "read", self.may_read(prefix), prefix)

    def grant_write(self, grantee: Grantee, prefix: str = "") -> None:
        """Let `grantee` write below `prefix` in this zone; no prefix is the whole zone."""
        self._grant(grantee, "write", self.may_write(prefix), prefix)

    def _grant(self, grantee: Grantee, intent: str, statements: Sequence[Statement], prefix: str) -> None:
        name = f"{self.name}/{_slashed(prefix)}".rstrip("/")
        found = address(
            BucketAddress, name=name, bucket=self.bucket.bucket, prefix=_slashed(prefix), key_arn=self.key_arn
        )
        identity_of(grantee).allow(self, f"{intent} {name}", statements, [found])


def _slashed(prefix: str) -> str:
    return f"{prefix.strip('/')}/" if prefix.strip("/") else ""


def _below(prefixes: Sequence[str]) -> dict[str, Any]:
    wanted = [f"{_slashed(prefix)}*" for prefix in prefixes if _slashed(prefix)]
    return {"StringLike": {"s3:prefix": wanted}} if wanted else {}


def lifecycle_rules(
    spec: ZoneSpec, datasets: dict[str, DatasetSpec], result_days: int | None
) -> list[aws.s3.BucketLifecycleConfigurationRuleArgsDict]:
    """A rule for the whole zone, one for each dataset with a retention, and one for query results."""
    versions: aws.s3.BucketLifecycleConfigurationRuleArgsDict = {
        "id": "versions",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "noncurrent_version_expiration": {"noncurrent_days": spec.noncurrent_days},
        "abort_incomplete_multipart_upload": {"days_after_initiation": UNFINISHED_UPLOAD_DAYS},
    }
    if spec.expire_after_days is not None:
        versions["expiration"] = {"days": spec.expire_after_days}
    expiring = {f"{name}/": dataset.retention_days for name, dataset in sorted(datasets.items())}
    if result_days is not None:
        expiring["athena/"] = result_days
    return [
        versions,
        *(_expire(prefix, days) for prefix, days in expiring.items() if days is not None),
    ]


def _expire(prefix: str, days: int) -> aws.s3.BucketLifecycleConfigurationRuleArgsDict:
    return {
        "id": prefix.rstrip("/"),
        "status": "Enabled",
        "filter": {"prefix": prefix},
        "expiration": {"days": days},
    }
