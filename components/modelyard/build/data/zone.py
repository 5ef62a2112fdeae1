"""One zone of a lake: a private, versioned, encrypted bucket with one owner of its policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.build.data.adopting import adopted
from modelyard.build.data.lifecycle import holds, lifecycle_rules
from modelyard.build.data.spec import LakeSpec, ZoneName
from modelyard.core import access
from modelyard.core.access import Grantee, Principal, Statement, address, identity_of
from modelyard.core.addresses import BucketAddress
from modelyard.core.buckets import closed, encrypted, logged, only_tls, versioned
from modelyard.core.component import Component
from modelyard.core.context import Context
from modelyard.core.retention import Retention
from modelyard.foundation.keys import DECRYPT, ENCRYPT_AND_DECRYPT, through_service


def bucket_name(lake: Component, name: ZoneName, spec: LakeSpec) -> str:
    """The physical name of a zone's bucket: ours, or the one that it was adopted with."""
    given = spec.zones[name].adopt
    return lake.physical("s3-bucket", name) if given is None else given.bucket


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
        spec: LakeSpec,
        *,
        key_arn: pulumi.Output[str],
        retention: Retention,
        logs: tuple[aws.s3.Bucket, aws.s3.BucketPolicy],
    ) -> None:
        self.name = name
        self.component = lake.component
        self._context: Context = lake.context
        self.key_arn = key_arn
        given, bucket = spec.zones[name].adopt, bucket_name(lake, name, spec)
        where = spec.zones[name].source()
        self.bucket = aws.s3.Bucket(
            lake.written_at(name, where),
            bucket=bucket,
            force_destroy=retention.force_destroy and given is None,
            opts=lake.options(protect=retention.protect)
            if given is None
            else adopted(lake, "bucket", bucket, given.settings),
        )
        self.arn: pulumi.Output[str] = self.bucket.arn
        closed(lake, name, self.bucket)
        versioned(lake, f"{name}-versioning", self.bucket)
        encrypted(lake, f"{name}-encryption", self.bucket, key_arn)
        aws.s3.BucketLifecycleConfiguration(
            lake.written_at(f"{name}-lifecycle", where),
            bucket=self.bucket.bucket,
            rules=lifecycle_rules(spec, name),
            opts=lake.options(),
        )
        logged(lake, f"{name}-logging", self.bucket, logs, f"{name}/")
        aws.s3.BucketPolicy(
            lake.named(f"{name}-policy"),
            bucket=self.bucket.bucket,
            policy=access.policy_json(
                [*only_tls(self.arn), *_only_with_key(self.arn, key_arn), *holds(spec, name, self.arn)]
            ),
            opts=lake.options(),
        )

    def objects(self, *prefixes: str) -> tuple[pulumi.Output[str], ...]:
        """The ARN patterns of all objects below each prefix; no prefix is the whole zone."""
        return tuple(pulumi.Output.concat(self.arn, f"/{_slashed(prefix)}*") for prefix in prefixes or ("",))

    def may_list(self, *prefixes: str) -> list[Statement]:
        """Lets an identity list what lies below each prefix, and nothing beside it."""
        listed = Statement(("s3:ListBucket",), (self.arn,), _below(prefixes))
        return [Statement(("s3:GetBucketLocation",), (self.arn,)), listed]

    def may_list_versions(self, *prefixes: str) -> list[Statement]:
        """Lets an identity list every version of what lies below each prefix."""
        return [Statement(("s3:ListBucketVersions",), (self.arn,), _below(prefixes))]

    def may_do(self, actions: tuple[str, ...], *prefixes: str) -> list[Statement]:
        """Lets an identity do this to objects below each prefix, and encrypt what it writes."""
        return [
            Statement(actions, self.objects(*prefixes)),
            through_service(self._context, "s3", ENCRYPT_AND_DECRYPT, self.key_arn),
        ]

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

    def may_deliver(self, *prefixes: str) -> list[Statement]:
        """Lets a service add objects below each prefix, and see what it adds; it removes and reads none.

        Source: firehose/latest/dev/controlling-access, "Grant Firehose access to an Amazon S3 destination".
        """
        return [
            Statement(("s3:GetBucketLocation", "s3:ListBucketMultipartUploads"), (self.arn,)),
            Statement(("s3:ListBucket",), (self.arn,), _below(prefixes)),
            Statement(("s3:AbortMultipartUpload", "s3:PutObject"), self.objects(*prefixes)),
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
