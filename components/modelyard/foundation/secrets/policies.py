"""What may be done with a secret, as statements: by readers, by what rotates it, and by nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pulumi

from modelyard.core.access import Principal, Statement
from modelyard.core.context import Context

READ: Final = ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue")
ROTATE: Final = (
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
)
_VALUES: Final = (
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecret",
    "secretsmanager:UpdateSecretVersionStage",
)
"""Actions on the value itself; who manages the secret without them sees and changes nothing of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A secret in one region: its ARN there, and the key that encrypts it there; None is the account's own key."""

    region: str
    arn: pulumi.Output[str]
    key_arn: pulumi.Output[str] | None


@dataclass(slots=True)
class Kept:
    """A secret as grants see it: where it lies, its own region first, and the ARNs of those who read it so far."""

    name: str
    places: tuple[Place, ...]
    readers: list[pulumi.Output[str]] = field(default_factory=list[pulumi.Output[str]])
    strangers: list[pulumi.Output[str]] = field(default_factory=list[pulumi.Output[str]])
    """Those of the readers that don't lie below the owner's path, which the policy must let through by name."""

    @property
    def arn(self) -> pulumi.Output[str]:
        """Its ARN in its own region."""
        return self.places[0].arn

    @property
    def key_arn(self) -> pulumi.Output[str] | None:
        """The key in its own region."""
        return self.places[0].key_arn


def may_read(place: Place) -> list[Statement]:
    """Lets an identity read a secret in one region: this secret alone, and its key for nothing else."""
    return [Statement(READ, (place.arn,)), *_through_key(place, ("kms:Decrypt",))]


def may_rotate(place: Place) -> list[Statement]:
    """Lets an identity make a new value, and declare it the current one."""
    return [
        Statement(ROTATE, (place.arn,)),
        Statement(("secretsmanager:GetRandomPassword",), ("*",)),
        *_through_key(place, ("kms:Decrypt", "kms:GenerateDataKey")),
    ]


def _through_key(place: Place, actions: tuple[str, ...]) -> list[Statement]:
    """Use of the key through Secrets Manager, for this secret alone, whose ARN is the encryption context.

    Source: Secrets Manager user guide, "Secret encryption and decryption". The account's own `aws/secretsmanager`
    needs no grant.
    """
    if place.key_arn is None:
        return []
    same = {
        "kms:EncryptionContext:SecretARN": place.arn,
        "kms:ViaService": f"secretsmanager.{place.region}.amazonaws.com",
    }
    return [Statement(actions, (place.key_arn,), {"StringEquals": same})]


def only_the_owner(context: Context, strangers: Sequence[pulumi.Input[str]]) -> list[Statement]:
    """Refuses the value to everybody who is neither below the owner's path nor one of the named `strangers`.

    It allows nothing: what the owner's roles may do, their own policies say. AWS's services pass when they act for
    themselves (replication). Source: Secrets Manager user guide, "Resource-based policies".
    """
    owners = f"arn:{context.partition}:iam::{context.account}:role{context.names.path}*"
    return [
        Statement(
            _VALUES,
            ("*",),
            {"ArnNotLike": {"aws:PrincipalArn": [owners, *strangers]}, "Bool": {"aws:PrincipalIsAWSService": "false"}},
            "Deny",
            Principal.everyone(),
            "OnlyTheOwnersRoles",
        )
    ]
