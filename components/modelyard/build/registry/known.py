"""A registry of another environment or account, known by its names: what a role here needs to pull its releases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from modelyard.core.access import Grantee, Statement, identity_of
from modelyard.core.context import Context

_PULLED: Final = ("gates", "lineage", "models", "releases")


class KnownRegistry:
    """The registry called `component` of a team in another environment; `context` is that environment's, the team's.

    That side lets the account in by `pulled_by`; this gives a role here the other half. `keys_component` is what the
    platform there calls the keys of the team's releases. Absent: as the platform's blueprint does.
    """

    def __init__(self, context: Context, *, component: str = "registry", keys_component: str | None = None) -> None:
        self.context = context
        self.component = f"{component}-{context.environment}"
        names = context.names
        self.bucket = names.of("s3-bucket", component)
        self.signing_alias = names.of("kms-alias", keys_component or f"{context.owner}-release-keys", "signing")
        self._registry = component

    def group(self, model: str) -> str:
        """The name of a model's package group."""
        return self.context.names.of("sagemaker", self._registry, model)

    def grant_pull(self, grantee: Grantee, *, models: Sequence[str]) -> None:
        """Let `grantee` see released versions of `models`, read what belongs to them, and verify their records.

        Keys of the other account are known to nobody here by their ARN: S3's use of them is told by the service that
        asks, the signing key by its alias (kms/latest/developerguide/conditions-kms, kms:ResourceAliases).
        """
        context = self.context
        objects = tuple(
            f"arn:{context.partition}:s3:::{self.bucket}/{place}/{model}/*"
            for model in sorted(models)
            for place in _PULLED
        )
        packages = tuple(context.arn("sagemaker", f"model-package/{self.group(model)}/*") for model in sorted(models))
        keys = (context.arn("kms", "key/*"),)
        statements = [
            Statement(("sagemaker:DescribeModelPackage",), packages),
            Statement(("s3:GetObject", "s3:GetObjectVersion"), objects),
            Statement(
                ("kms:Decrypt",), keys, {"StringEquals": {"kms:ViaService": f"s3.{context.region}.amazonaws.com"}}
            ),
            Statement(
                ("kms:GetPublicKey",), keys, {"ForAnyValue:StringEquals": {"kms:ResourceAliases": self.signing_alias}}
            ),
        ]
        identity_of(grantee).allow(self, "pull", statements)
