"""Grants and IAM documents: the one place where IAM JSON is written.

A thing grants an intent to an identity; the intents of one thing merge into one policy of that identity. Sizes and
counts are summed when the program ends: what no longer fits inline moves to managed policies, and what fits nowhere
is an error that names the grants. Principals are role ARNs or services, never sessions and never `*`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import pulumi

from modelyard.core.addresses import Address
from modelyard.core.context import Context

INLINE_TOTAL: Final = 10_240
"""Characters of all inline policies of a role, white space aside (IAM quotas, not adjustable)."""
MANAGED_LENGTH: Final = 6_144
"""Characters of a managed policy, white space aside (IAM quotas, not adjustable)."""
MANAGED_ATTACHED: Final = 10
"""Managed policies on a role (IAM quotas, the default)."""
PARAMETER_STANDARD: Final = 4_096
PARAMETER_ADVANCED: Final = 8_192
"""Bytes of a parameter's value in the standard and the advanced tier (Systems Manager quotas)."""
UNKNOWN_LENGTH: Final = 120
"""Characters counted for a value that deployment alone knows, so that preview and deployment decide alike."""

Conditions = Mapping[str, Mapping[str, "pulumi.Input[str] | Sequence[pulumi.Input[str]]"]]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a statement on the resource's side speaks of: role ARNs, services, or the account's own IAM policies."""

    kind: Literal["AWS", "Service", "Federated", "*"]
    values: tuple[pulumi.Input[str], ...] = ()

    @staticmethod
    def roles(*arns: pulumi.Input[str]) -> Principal:
        """Roles by ARN."""
        return Principal("AWS", arns)

    @staticmethod
    def service(*names: str) -> Principal:
        """Services, such as `logs.eu-west-1.amazonaws.com`."""
        return Principal("Service", names)

    @staticmethod
    def federated(arn: pulumi.Input[str]) -> Principal:
        """An identity provider of the account: OpenID Connect, or SAML."""
        return Principal("Federated", (arn,))

    @staticmethod
    def account(account: str, partition: str = "aws") -> Principal:
        """The account: whoever its IAM policies allow, boundaries obeyed, as far as the conditions reach."""
        return Principal("AWS", (f"arn:{partition}:iam::{account}:root",))

    @staticmethod
    def whoever_passes() -> Principal:
        """Anyone, in the policy of a VPC endpoint: it grants nothing, and narrows what IAM allows through the endpoint.

        Gateway endpoints take no other principal (vpc/latest/privatelink/vpc-endpoints-access).
        """
        return Principal("AWS", ("*",))

    @staticmethod
    def everyone() -> Principal:
        """Anyone at all; only a denial may speak of everyone."""
        return Principal("*")


@dataclass(frozen=True, slots=True)
class Statement:
    """One IAM statement. `principal` is absent in the policies of an identity."""

    actions: tuple[str, ...]
    resources: tuple[pulumi.Input[str], ...]
    conditions: Conditions = field(default_factory=dict[str, Any])
    effect: Literal["Allow", "Deny"] = "Allow"
    principal: Principal | None = None
    sid: str = ""
    except_resources: bool = False
    """The statement speaks of every resource but `resources`."""
    except_actions: bool = False
    """The statement speaks of every action but `actions`."""

    def __post_init__(self) -> None:
        if self.effect == "Allow" and self.principal is not None and self.principal.kind == "*":
            raise ValueError("only a denial may speak of everyone")


def trust_service(*services: str, context: Context, source_arn: str | None = None) -> Statement:
    """Lets services assume a role, on behalf of this account only (the confused-deputy guard of the IAM guide).

    `source_arn`: a pattern of the resources on whose behalf the service may act. Absent: any of this account.
    """
    conditions: dict[str, dict[str, str]] = {"StringEquals": {"aws:SourceAccount": context.account}}
    if source_arn is not None:
        conditions["ArnLike"] = {"aws:SourceArn": source_arn}
    return Statement(("sts:AssumeRole",), (), conditions, principal=Principal.service(*services))


def named_sessions(trust: Statement) -> Statement:
    """Lets the same principals carry a source identity into the role's sessions; without it, what was begun in a
    session that has one can't assume the role (IAM/latest/UserGuide/id_credentials_temp_control-access_monitor)."""
    return Statement(("sts:SetSourceIdentity",), (), trust.conditions, principal=trust.principal)


def trust_roles(*arns: pulumi.Input[str]) -> Statement:
    """Lets roles assume a role; a role is named by its ARN, never by a session."""
    return Statement(("sts:AssumeRole",), (), principal=Principal.roles(*arns))


def trust_account(context: Context) -> Statement:
    """Lets whoever the account's own IAM policies allow assume a role."""
    return Statement(("sts:AssumeRole",), (), principal=Principal.account(context.account, context.partition))


def trust_federated(context: Context, issuer: str, audience: str, *, subjects: Sequence[str]) -> Statement:
    """Lets bearers of tokens of an OpenID Connect issuer assume a role: of this audience, and these `sub` claims only.

    `issuer` is the URL of a provider that the context's account has. A subject with `*` or `?` is a pattern; mixed with
    exact ones, all are compared as patterns. Without subjects the role would be open to everybody whom the issuer
    knows: `ValueError`. Source: IAM/latest/UserGuide/id_roles_create_for-idp_oidc.
    """
    if not subjects:
        raise ValueError("name the subjects that may assume the role")
    name = issuer.removeprefix("https://")
    wild = any(set(subject) & set("*?") for subject in subjects)
    conditions: dict[str, dict[str, Any]] = {"StringEquals": {f"{name}:aud": audience}}
    conditions.setdefault("StringLike" if wild else "StringEquals", {})[f"{name}:sub"] = list(subjects)
    provider = Principal.federated(context.arn("iam", f"oidc-provider/{name}", regional=False))
    return Statement(("sts:AssumeRoleWithWebIdentity",), (), conditions, principal=provider)


def trust_sessions_named(
    principal: Principal, people: Sequence[str], conditions: Conditions | None = None
) -> Statement:
    """Lets sessions that bear a person's name assume a role, and bear the same name there.

    The name is the caller's own session's (`aws:userid` ends in it), so nobody takes another's. `conditions` say more
    of the callers. Source: IAM/latest/UserGuide/reference_policies_iam-condition-keys, sts:RoleSessionName.
    """
    if not people:
        raise ValueError("name the people who may assume the role")
    own: dict[str, dict[str, Any]] = {
        "StringEquals": {"sts:RoleSessionName": list(people)},
        "StringLike": {"aws:userid": "*:${sts:RoleSessionName}"},
    }
    return Statement(("sts:AssumeRole",), (), {**own, **(conditions or {})}, principal=principal)


def trust_saml(context: Context, provider: str, audience: str, people: Sequence[str]) -> Statement:
    """Lets people assume a role whom a SAML provider of the account vouches for; it names their sessions.

    Source: IAM/latest/UserGuide/id_roles_create_for-idp_saml.
    """
    if not people:
        raise ValueError("name the people who may assume the role")
    conditions = {"StringEquals": {"SAML:aud": audience, "sts:RoleSessionName": list(people)}}
    principal = Principal.federated(context.arn("iam", f"saml-provider/{provider}", regional=False))
    return Statement(("sts:AssumeRoleWithSAML",), (), conditions, principal=principal)


def trust_nobody() -> Statement:
    """Lets nobody assume a role: IAM takes no empty trust policy."""
    return Statement(("sts:AssumeRole",), (), effect="Deny", principal=Principal.everyone())


@dataclass(frozen=True, slots=True)
class PendingAddress:
    """An address whose values may be known only after deployment."""

    kind: type[Address]
    fields: Mapping[str, pulumi.Input[str]]


def address(kind: type[Address], **fields: pulumi.Input[str]) -> PendingAddress:
    """An address of type `kind` with these fields. Raises `TypeError` for fields that the type hasn't, or lacks."""
    wanted = {name for name in kind.model_fields if name != "kind"}
    required = {name for name in wanted if kind.model_fields[name].is_required()}
    if not (required <= fields.keys() <= wanted):
        raise TypeError(f"{kind.__name__} takes {json.dumps(sorted(wanted))}, got {json.dumps(sorted(fields))}")
    return PendingAddress(kind, fields)


@dataclass(slots=True)
class Grant:
    """What one thing allows one identity: its intents, merged."""

    thing: str
    intents: list[str] = field(default_factory=list[str])
    statements: list[Statement] = field(default_factory=list[Statement])
    addresses: list[PendingAddress] = field(default_factory=list[PendingAddress])


class Thing(Protocol):
    """Whatever grants: a component, known by its name."""

    @property
    def component(self) -> str:
        """The component's logical name."""
        ...


class Identity(Protocol):
    """Whoever acts: a role of ours, an existing role, a service account through pod identity."""

    @property
    def arn(self) -> pulumi.Output[str]:
        """The ARN of the role behind the identity."""
        ...

    def allow(
        self,
        thing: Thing,
        intent: str,
        statements: Sequence[Statement],
        addresses: Sequence[PendingAddress] = (),
    ) -> None:
        """Take a grant; `thing.grant_<intent>` calls this."""
        ...


class Acts(Protocol):
    """A component that acts through an identity of its own, such as a training pool."""

    @property
    def identity(self) -> Identity:
        """The identity that the component's work runs as."""
        ...


Grantee = Identity | Acts


def identity_of(grantee: Grantee) -> Identity:
    """The identity behind whatever may receive a grant."""
    acting: Identity | None = getattr(grantee, "identity", None)
    return acting if acting is not None else grantee  # pyright: ignore[reportReturnType]


def merged(statements: Iterable[Statement]) -> list[Statement]:
    """Statements that differ only in their actions, joined; order of first appearance, actions sorted."""
    joined: dict[tuple[object, ...], tuple[Statement, set[str]]] = {}
    for statement in statements:
        key = (
            statement.effect,
            statement.sid,
            statement.except_resources,
            statement.except_actions,
            _key(statement.resources),
            _key(statement.conditions),
            _key(statement.principal.values if statement.principal else ()),
            statement.principal.kind if statement.principal else None,
        )
        joined.setdefault(key, (statement, set()))[1].update(statement.actions)
    return [_with_actions(statement, actions) for statement, actions in joined.values()]


def _with_actions(statement: Statement, actions: set[str]) -> Statement:
    return Statement(
        tuple(sorted(actions)),
        statement.resources,
        statement.conditions,
        statement.effect,
        statement.principal,
        statement.sid,
        statement.except_resources,
        statement.except_actions,
    )


def _key(value: Any) -> object:
    if isinstance(value, pulumi.Output):
        return id(value)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, Mapping):
        return tuple((key, _key(item)) for key, item in sorted(value.items()))  # pyright: ignore
    if isinstance(value, list | tuple):
        return tuple(_key(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
    return value


def _one_or_many(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _as_json(statement: Statement) -> dict[str, Any]:
    shown: dict[str, Any] = {"Sid": statement.sid} if statement.sid else {}
    shown["Effect"] = statement.effect
    if statement.principal is not None:
        kind = statement.principal.kind
        shown["Principal"] = "*" if kind == "*" else {kind: _one_or_many(statement.principal.values)}
    shown["NotAction" if statement.except_actions else "Action"] = _one_or_many(statement.actions)
    if statement.resources:
        shown["NotResource" if statement.except_resources else "Resource"] = _one_or_many(statement.resources)
    if statement.conditions:
        shown["Condition"] = {
            operator: {
                key: list(value) if isinstance(value, list | tuple) else value for key, value in sorted(tests.items())
            }
            for operator, tests in sorted(statement.conditions.items())
        }
    return shown


def policy(statements: Iterable[Statement]) -> dict[str, Any]:
    """The IAM document of `statements`; its values may still be unknown."""
    return {"Version": "2012-10-17", "Statement": [_as_json(statement) for statement in merged(statements)]}


def policy_json(statements: Iterable[Statement]) -> pulumi.Output[str]:
    """The IAM document of `statements` as compact JSON."""
    return pulumi.Output.json_dumps(policy(statements), separators=(",", ":"))


def size(value: Any) -> int:
    """Characters of a document as IAM counts them; what isn't known yet counts `UNKNOWN_LENGTH`."""
    return len(json.dumps(_sized(value), separators=(",", ":")))


def _sized(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return "x" * UNKNOWN_LENGTH
    if isinstance(value, Mapping):
        return {key: _sized(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return [_sized(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value
