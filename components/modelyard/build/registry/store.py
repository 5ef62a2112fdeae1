"""The registry's bucket: versioned, lockable, and with a policy that says who writes where."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from modelyard.build.registry.spec import RegistrySpec
from modelyard.core import access
from modelyard.core.access import Principal, Statement
from modelyard.core.buckets import only_tls, store_bucket
from modelyard.core.component import Component
from modelyard.foundation.keys import DECRYPT, ENCRYPT_AND_DECRYPT, through_service

_PULLED = ("gates", "lineage", "models", "releases")


class Store:
    """The bucket, and statements about parts of it. `signer`: the only role that puts down releases."""

    def __init__(self, registry: Component, spec: RegistrySpec, *, key_arn: pulumi.Output[str], signer: str) -> None:
        self._context = registry.context
        self.key_arn = key_arn
        self.bucket, _ = store_bucket(
            registry, key_arn=key_arn, logs_at="registry/", log_days=spec.access_log_days, locked=True
        )
        self.name, self.arn = self.bucket.bucket, self.bucket.arn
        aws.s3.BucketPolicy(
            registry.named("policy"),
            bucket=self.name,
            policy=access.policy_json([*only_tls(self.arn), *self._fence(signer), *self._pulls(spec)]),
            opts=registry.options(),
        )

    def objects(self, *patterns: str) -> tuple[pulumi.Output[str], ...]:
        """The ARN of objects of these patterns."""
        return tuple(pulumi.Output.concat(self.arn, "/", pattern) for pattern in patterns)

    def may_read(self, *patterns: str) -> list[Statement]:
        """Lets an identity read objects, every version of them."""
        return [
            Statement(("s3:GetObject", "s3:GetObjectVersion"), self.objects(*patterns)),
            through_service(self._context, "s3", DECRYPT, self.key_arn),
        ]

    def may_list(self, *patterns: str) -> list[Statement]:
        """Lets an identity list objects and their versions, and nothing beside them."""
        return [
            Statement(
                ("s3:ListBucket", "s3:ListBucketVersions"), (self.arn,), {"StringLike": {"s3:prefix": list(patterns)}}
            )
        ]

    def may_put(self, *patterns: str) -> list[Statement]:
        """Lets an identity put objects down; what lay there stays as an older version."""
        return [
            Statement(("s3:AbortMultipartUpload", "s3:PutObject"), self.objects(*patterns)),
            through_service(self._context, "s3", ENCRYPT_AND_DECRYPT, self.key_arn),
        ]

    def _fence(self, signer: str) -> list[Statement]:
        """Whatever a role's own policies say: decisions lie below who took them, and one role puts down releases.

        Artifacts and lineage are written once: an endpoint reads the newest version of its artifact, so a second one
        would serve what nobody released. Source: AmazonS3/latest/userguide/conditional-writes-enforce.
        """
        own_places = self.objects("decisions/${aws:userid}/*", "gates/*", "lineage/*", "models/*", "releases/*")
        once = self.objects("lineage/*", "models/*")
        return [
            Statement(
                ("s3:PutObject",),
                own_places,
                effect="Deny",
                principal=Principal.everyone(),
                sid="DecisionsInOwnNameOnly",
                except_resources=True,
            ),
            Statement(
                ("s3:PutObject", "s3:PutObjectRetention"),
                self.objects("releases/*"),
                {"ArnNotEquals": {"aws:PrincipalArn": signer}},
                "Deny",
                Principal.everyone(),
                "OnePutsDownReleases",
            ),
            Statement(
                ("s3:PutObject",),
                once,
                {"Bool": {"s3:ObjectCreationOperation": "true"}, "Null": {"s3:if-none-match": "true"}},
                "Deny",
                Principal.everyone(),
                "WrittenOnce",
            ),
            Statement(
                ("s3:DeleteObject",),
                once,
                effect="Deny",
                principal=Principal.everyone(),
                sid="NobodyHidesWhatWasWritten",
            ),
            Statement(
                ("s3:DeleteObject", "s3:DeleteObjectVersion"),
                self.objects("releases/*"),
                effect="Deny",
                principal=Principal.everyone(),
                sid="NobodyTakesReleasesAway",
            ),
        ]

    def _pulls(self, spec: RegistrySpec) -> list[Statement]:
        partition = self._context.partition
        found: list[Statement] = []
        for account in spec.pulled_by:
            models = sorted(name for name, model in spec.models.items() if account in model.pulled_by)
            found.append(
                Statement(
                    ("s3:GetObject", "s3:GetObjectVersion"),
                    self.objects(*(f"{place}/{name}/*" for name in models for place in _PULLED)),
                    {"ArnLike": {"aws:PrincipalArn": f"arn:{partition}:iam::{account}:role/modelyard/*"}},
                    principal=Principal.account(account, partition),
                    sid=f"Account{account}Pulls",
                )
            )
        return found
