"""The bucket of evidence: locked, versioned, encrypted; one role writes bundles, once, and nobody takes them away."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Principal, Statement
from modelyard.core.buckets import only_tls, store_bucket
from modelyard.core.component import Component
from modelyard.core.evidence import BUNDLES, INDEX, INFRASTRUCTURE, POLICY
from modelyard.core.incidents import INCIDENTS
from modelyard.foundation.keys import DECRYPT, ENCRYPT_AND_DECRYPT, through_service
from modelyard.run.governance.spec import GovernanceSpec


class Store:
    """The bucket, and statements about parts of it. `writer`: the ARN of the only role that writes bundles."""

    def __init__(
        self, evidence: Component, spec: GovernanceSpec, *, key_arn: pulumi.Output[str], writer: pulumi.Input[str]
    ) -> None:
        self._context = evidence.context
        self.key_arn = key_arn
        self.bucket, versioning = store_bucket(
            evidence, key_arn=key_arn, logs_at="evidence/", log_days=spec.access_log_days, locked=True
        )
        self.name, self.arn = self.bucket.bucket, self.bucket.arn
        lock = aws.s3.BucketObjectLockConfiguration(
            evidence.written_at("lock", spec.source("lock")),
            bucket=self.name,
            rule={"default_retention": {"mode": spec.mode, "years": spec.retention_years}},
            opts=evidence.options(depends_on=[versioning]),
        )
        fence = aws.s3.BucketPolicy(
            evidence.named("policy"),
            bucket=self.name,
            policy=access.policy_json([*only_tls(self.arn), *self._fence(writer)]),
            opts=evidence.options(),
        )
        self.fenced: tuple[pulumi.Resource, ...] = (fence, lock)
        """What must stand before the first object."""

    def objects(self, *patterns: str) -> tuple[pulumi.Output[str], ...]:
        """The ARN of objects of these patterns."""
        return tuple(pulumi.Output.concat(self.arn, "/", pattern) for pattern in patterns)

    def may_list(self, *patterns: str) -> list[Statement]:
        """Lets an identity list objects, and every version of them."""
        below = {"StringLike": {"s3:prefix": list(patterns)}}
        return [Statement(("s3:ListBucket", "s3:ListBucketVersions"), (self.arn,), below)]

    def may_read(self, *patterns: str) -> list[Statement]:
        """Lets an identity list and read objects, every version of them, and see how they are locked."""
        return [
            *self.may_list(*patterns),
            Statement(("s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectVersion"), self.objects(*patterns)),
            through_service(self._context, "s3", DECRYPT, self.key_arn),
        ]

    def may_put(self, *patterns: str) -> list[Statement]:
        """Lets an identity put objects down, and neither delete nor unlock them."""
        return [
            Statement(("s3:PutObject",), self.objects(*patterns)),
            through_service(self._context, "s3", ENCRYPT_AND_DECRYPT, self.key_arn),
        ]

    def _fence(self, writer: pulumi.Input[str]) -> list[Statement]:
        """Whatever a role's own policies say. Source: AmazonS3/latest/userguide/conditional-writes-enforce."""
        bundles = self.objects(f"{BUNDLES}/*", f"{INDEX}/*")
        records = (*bundles, *self.objects(f"{INCIDENTS}/*"))
        everyone = Principal.everyone()
        return [
            Statement(
                ("s3:PutObject",),
                bundles,
                {"ArnNotEquals": {"aws:PrincipalArn": writer}},
                "Deny",
                everyone,
                "OneWritesEvidence",
            ),
            Statement(
                ("s3:PutObject",),
                records,
                {"Bool": {"s3:ObjectCreationOperation": "true"}, "Null": {"s3:if-none-match": "true"}},
                "Deny",
                everyone,
                "WrittenOnce",
            ),
            Statement(
                ("s3:PutObject",),
                (*records, *self.objects(INFRASTRUCTURE, POLICY)),
                effect="Deny",
                principal=everyone,
                sid="NothingElseLiesHere",
                except_resources=True,
            ),
            Statement(
                ("s3:DeleteObject", "s3:DeleteObjectVersion"),
                records,
                effect="Deny",
                principal=everyone,
                sid="NobodyTakesEvidenceAway",
            ),
            Statement(
                ("s3:BypassGovernanceRetention", "s3:PutObjectRetention"),
                records,
                effect="Deny",
                principal=everyone,
                sid="NobodyLiftsTheLock",
            ),
        ]
