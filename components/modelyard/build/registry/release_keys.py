"""The keys of a team's releases: one that signs, and one for artifacts that other accounts pull."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Principal, Statement
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Source
from modelyard.foundation.keys import key_policy, signing_key_policy

_DELETION_DAYS: Final = 30


def promoter_role(context: Context, registry: str = "registry") -> str:
    """The ARN of the role that signs for the registry of this name, known before it exists."""
    name = context.names.of("iam-role", f"{registry}-promoter")
    return context.arn("iam", f"role{context.names.path}{name}", regional=False)


class ReleaseKeys(Component):
    """A key that only the promotion of one registry signs with and, where other accounts pull, a key of artifacts.

    The platform makes them next to the team's fence, so that whoever deploys the team's stack can't change who signs.
    `administrators`: ARNs of roles that manage the keys and can't use them. Absent: whom IAM lets, but no team's role.
    `pulled_by`: ids of accounts whose roles of the platform's names decrypt artifacts through S3 and verify.
    """

    CAPABILITY = "registry"

    def __init__(
        self,
        name: str,
        *,
        context: Context,
        registry: str = "registry",
        administrators: tuple[str, ...] = (),
        pulled_by: Sequence[str] = (),
        written: Source | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, None, context=context, transform=transform, opts=opts, written=written)
        self.pulled_by = tuple(sorted(pulled_by))
        policy = signing_key_policy(
            context, signer=promoter_role(context, registry), administrators=administrators, accounts=self.pulled_by
        )
        key = aws.kms.Key(
            self.named("signing-key"),
            description=f"{context.owner} signs releases in {context.platform} {context.environment}",
            key_usage="SIGN_VERIFY",
            customer_master_key_spec="ECC_NIST_P256",
            policy=access.policy_json(policy),
            deletion_window_in_days=_DELETION_DAYS,
            opts=self.options(protect=context.production),
        )
        aws.kms.Alias(
            self.named("signing-key-alias"),
            name=self.physical("kms-alias", "signing"),
            target_key_id=key.key_id,
            opts=self.options(),
        )
        self.signing: pulumi.Output[str] = key.arn
        self.artifacts: pulumi.Output[str] | None = self._of_artifacts(administrators) if self.pulled_by else None
        self.register_outputs(self.contract())

    def contract(self) -> dict[str, object]:
        """What the platform's contract says of them."""
        return {"signing": self.signing, "artifacts": self.artifacts, "pulled_by": list(self.pulled_by)}

    def _of_artifacts(self, administrators: tuple[str, ...]) -> pulumi.Output[str]:
        """A key that other accounts' roles decrypt with through S3, which a team's own key lets nobody."""
        context = self.context
        pulls = [
            Statement(
                ("kms:Decrypt",),
                ("*",),
                {
                    "ArnLike": {"aws:PrincipalArn": f"arn:{context.partition}:iam::{account}:role/modelyard/*"},
                    "StringEquals": {"kms:ViaService": f"s3.{context.region}.amazonaws.com"},
                },
                principal=Principal.account(account, context.partition),
                sid=f"Account{account}Pulls",
            )
            for account in self.pulled_by
        ]
        key = aws.kms.Key(
            self.named("artifacts-key"),
            description=f"{context.owner} artifacts that other accounts pull",
            policy=access.policy_json(key_policy(context, administrators, pulls)),
            enable_key_rotation=True,
            deletion_window_in_days=_DELETION_DAYS,
            opts=self.options(protect=context.production),
        )
        return key.arn
