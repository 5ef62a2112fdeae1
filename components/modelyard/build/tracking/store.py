"""The bucket of a server: what runs leave behind, below one prefix, under the team's key."""

from __future__ import annotations

from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.build.tracking.kubernetes_spec import BucketFiles
from modelyard.build.tracking.spec import TrackingSpec
from modelyard.core import access
from modelyard.core.access import Statement
from modelyard.core.buckets import only_tls, store_bucket
from modelyard.core.component import Component
from modelyard.foundation.keys import DECRYPT, ENCRYPT_AND_DECRYPT, through_service

RUNS: Final = "runs"


class Store:
    """The bucket, and statements about the runs in it."""

    def __init__(self, tracking: Component, spec: TrackingSpec | BucketFiles, *, key_arn: pulumi.Output[str]) -> None:
        self._context = tracking.context
        self.key_arn = key_arn
        self.bucket, _ = store_bucket(
            tracking,
            key_arn=key_arn,
            logs_at="tracking/",
            log_days=spec.access_log_days,
            older_days=spec.noncurrent_days,
        )
        self.arn = self.bucket.arn
        self.policy = aws.s3.BucketPolicy(
            tracking.named("policy"),
            bucket=self.bucket.bucket,
            policy=access.policy_json(only_tls(self.arn)),
            opts=tracking.options(),
        )
        self.root: pulumi.Output[str] = pulumi.Output.concat("s3://", self.bucket.bucket, f"/{RUNS}")
        """Where runs keep their files."""

    def may_read(self) -> list[Statement]:
        """Lets an identity list and read what runs left behind."""
        return [
            Statement(("s3:ListBucket",), (self.arn,), {"StringLike": {"s3:prefix": [RUNS, f"{RUNS}/*"]}}),
            Statement(("s3:GetObject",), (self._objects,)),
            through_service(self._context, "s3", DECRYPT, self.key_arn),
        ]

    def may_write(self) -> list[Statement]:
        """Lets an identity put files down beside reading them; what lay there stays as an older version."""
        return [
            *self.may_read(),
            Statement(("s3:AbortMultipartUpload", "s3:PutObject"), (self._objects,)),
            through_service(self._context, "s3", ENCRYPT_AND_DECRYPT, self.key_arn),
        ]

    def may_delete(self) -> list[Statement]:
        """Lets an identity delete files; they stay as older versions for a while."""
        return [Statement(("s3:DeleteObject",), (self._objects,))]

    @property
    def _objects(self) -> pulumi.Output[str]:
        return pulumi.Output.concat(self.arn, f"/{RUNS}/*")
