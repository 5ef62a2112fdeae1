"""Customer-managed KMS keys that only their owner's roles can use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Grantee, Principal, Statement, Thing, address, identity_of
from modelyard.core.actions import FOR_SERVICES
from modelyard.core.addresses import KeyAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.retention import Classification, retention_for
from modelyard.foundation.keys.spec import DEFAULT_DOMAIN, KeysSpec

_ADMINISTER: Final = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListAliases",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
_USE: Final = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:RetireGrant",
)
DECRYPT: Final = ("kms:Decrypt",)
ENCRYPT_AND_DECRYPT: Final = ("kms:Decrypt", "kms:GenerateDataKey")


class KeysLike(Protocol):
    """Keys by domain, whether this stack makes them or the platform's contract names them."""

    def arn(self, domain: str) -> pulumi.Output[str]:
        """The ARN of the domain's key, or of the default one."""
        ...


def only_roles_of_the_owner(context: Context) -> dict[str, dict[str, str]]:
    """The condition that the caller is a role below the path of the context's owner."""
    roles = f"arn:{context.partition}:iam::{context.account}:role{context.names.path}*"
    return {"ArnLike": {"aws:PrincipalArn": roles}}


def managed(context: Context, administrators: tuple[str, ...]) -> list[Statement]:
    """What every key's policy begins with: the root user keeps it, and administrators manage it without its use."""
    account = Principal.account(context.account, context.partition)
    everybodys_roles = f"arn:{context.partition}:iam::{context.account}:role{context.names.everybodys_path}*"
    only_administrators = (
        {"ArnEquals": {"aws:PrincipalArn": list(administrators)}}
        if administrators
        else {"ArnNotLike": {"aws:PrincipalArn": everybodys_roles}}
    )
    return [
        Statement(
            ("kms:*",),
            ("*",),
            {"StringEquals": {"aws:PrincipalType": "Account"}},
            principal=account,
            sid="RootUserKeepsTheKey",
        ),
        Statement(_ADMINISTER, ("*",), only_administrators, principal=account, sid="AdministratorsManageIt"),
    ]


def key_policy(
    context: Context, administrators: tuple[str, ...] = (), services: Sequence[Statement] = ()
) -> list[Statement]:
    """Who may do what with a key of the context's owner.

    The account's root user alone may do everything, so that no IAM policy opens the key by itself. Administrators
    manage it and can't use it; where none are named, whoever IAM lets, but no role of the platform's or of a team's, so
    that none looks into another's keys. Use is delegated to IAM for roles below the owner's path only, so grants,
    boundaries and denials are obeyed and no other team's role gets in, whatever its policies say. CloudWatch Logs may
    use it for the owner's log groups, and other services as far as `services` say. Source: KMS developer guide, "Key
    policies" and "Default key policy".
    """
    account = Principal.account(context.account, context.partition)
    only_owner = only_roles_of_the_owner(context)
    logs = context.arn("logs", f"log-group:{context.names.path}*")
    return [
        *managed(context, administrators),
        Statement(_USE, ("*",), only_owner, principal=account, sid="OwnersRolesUseIt"),
        Statement(
            ("kms:CreateGrant",),
            ("*",),
            {**only_owner, **FOR_SERVICES},
            principal=account,
            sid="ServicesUseItForOwnersRoles",
        ),
        Statement(
            (
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKey",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
            ),
            ("*",),
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": logs}},
            principal=Principal.service(f"logs.{context.region}.amazonaws.com"),
            sid="OwnersLogsUseIt",
        ),
        *services,
    ]


class Keys(Component):
    """The keys of one owner (the platform, or a team), by domain, each with rotation and an alias.

    `services`: by domain, what services may do with the key by themselves, such as CloudTrail for the audit's trail;
    what has no domain of its own goes to the default key, as its data does.
    """

    CAPABILITY = "keys"

    def __init__(
        self,
        name: str,
        spec: KeysSpec,
        *,
        context: Context,
        services: Mapping[str, Sequence[Statement]] | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        retention = retention_for(Classification.CONFIDENTIAL, production=context.production)
        admitted: dict[str, list[Statement]] = {domain: [] for domain in spec.domains}
        for wanted, statements in (services or {}).items():
            there = admitted[wanted if wanted in admitted else DEFAULT_DOMAIN]
            there += [statement for statement in statements if statement not in there]
        self.arns: dict[str, pulumi.Output[str]] = {}
        for domain, key_spec in spec.domains.items():
            key = aws.kms.Key(
                self.named(domain),
                description=f"{context.owner} {domain} in {context.platform} {context.environment}",
                policy=access.policy_json(key_policy(context, spec.administrators, admitted[domain])),
                enable_key_rotation=True,
                rotation_period_in_days=key_spec.rotation_days,
                deletion_window_in_days=key_spec.deletion_window_days,
                opts=self.options(protect=retention.protect),
            )
            aws.kms.Alias(
                self.named(f"{domain}-alias"),
                name=self.physical("kms-alias", domain),
                target_key_id=key.key_id,
                opts=self.options(),
            )
            self.arns[domain] = key.arn
        self.register_outputs({"arns": self.arns})

    def arn(self, domain: str) -> pulumi.Output[str]:
        """The ARN of the domain's key, or of the default one."""
        return self.arns.get(domain, self.arns[DEFAULT_DOMAIN])

    def grant_use(self, grantee: Grantee, domain: str = DEFAULT_DOMAIN) -> None:
        """Let code of `grantee` encrypt and decrypt with the domain's key by itself."""
        grant_use(self, grantee, self.arn(domain), domain)


class KnownKeys:
    """The keys that the platform's contract names for a team: ARNs by domain."""

    component = "keys"

    def __init__(self, arns: Mapping[str, str]) -> None:
        self._arns = {domain: pulumi.Output.from_input(arn) for domain, arn in arns.items()}

    def arn(self, domain: str) -> pulumi.Output[str]:
        """The ARN of the domain's key, or of the default one."""
        return self._arns.get(domain, self._arns[DEFAULT_DOMAIN])

    def grant_use(self, grantee: Grantee, domain: str = DEFAULT_DOMAIN) -> None:
        """Let code of `grantee` encrypt and decrypt with the domain's key by itself."""
        grant_use(self, grantee, self.arn(domain), domain)


def grant_use(thing: Thing, grantee: Grantee, key_arn: pulumi.Output[str], domain: str) -> None:
    """Let code of `grantee` encrypt and decrypt with one key, and tell it which."""
    identity_of(grantee).allow(
        thing,
        "use",
        [Statement(_USE, (key_arn,))],
        [address(KeyAddress, name=domain, key_arn=key_arn)],
    )


def through_service(context: Context, service: str, actions: tuple[str, ...], key_arn: pulumi.Output[str]) -> Statement:
    """Lets an identity use a key through one service of the context's region only, such as `s3`."""
    return Statement(
        actions, (key_arn,), {"StringEquals": {"kms:ViaService": f"{service}.{context.region}.amazonaws.com"}}
    )
