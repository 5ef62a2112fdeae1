"""The policy of keys that sign: one role signs, many verify, and nobody who manages the key does either."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from modelyard.core.access import Principal, Statement
from modelyard.core.context import Context
from modelyard.foundation.keys.aws import managed, only_roles_of_the_owner

_VERIFY = ("kms:DescribeKey", "kms:GetPublicKey", "kms:Verify")


def signing_key_policy(
    context: Context,
    *,
    signer: pulumi.Input[str],
    administrators: tuple[str, ...] = (),
    accounts: Sequence[str] = (),
) -> list[Statement]:
    """Who may do what with a key that signs.

    The role `signer` alone signs, as far as IAM lets it; a denial keeps it so, whatever else the policy comes to say.
    The owner's roles read the public key, and so do roles of the platform's names in other `accounts`. Source: KMS
    developer guide, "Default key policy", "Allows key users to use a KMS key".
    """
    account = Principal.account(context.account, context.partition)
    return [
        *managed(context, administrators),
        Statement(
            ("kms:Sign",), ("*",), {"ArnEquals": {"aws:PrincipalArn": signer}}, principal=account, sid="OneRoleSigns"
        ),
        Statement(
            ("kms:Sign",),
            ("*",),
            {"ArnNotEquals": {"aws:PrincipalArn": signer}},
            "Deny",
            Principal.everyone(),
            "NobodyElseSigns",
        ),
        Statement(_VERIFY, ("*",), only_roles_of_the_owner(context), principal=account, sid="OwnersRolesVerify"),
        *(
            Statement(
                _VERIFY,
                ("*",),
                {"ArnLike": {"aws:PrincipalArn": f"arn:{context.partition}:iam::{other}:role/modelyard/*"}},
                principal=Principal.account(other, context.partition),
                sid=f"Account{other}Verifies",
            )
            for other in sorted(accounts)
        ),
    ]
