"""Who may do what, by IAM's rules for one account: identity policies, boundary, and the resource's own policy.

The rules are those of "Policy evaluation logic" in the IAM user guide
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html). Sessions' own policies,
organizations and other accounts are left out. A second opinion: the isolation tests have a whole simulator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from modelyard_sandbox.moto_extensions.conditions import met

Document = Mapping[str, Any]
Reach = Literal["", "account", "role", "anyone"]
"""Whom a statement of a resource's policy allows: nobody, the account (which then decides itself), the role, all."""

_ALLOW: Final = "Allow"
_DENY: Final = "Deny"


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a role wants to do. `carried`: condition keys in lower case and their values."""

    action: str
    resource: str
    role: str
    session: str = ""
    carried: Mapping[str, str] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The role's account as a principal."""
        return ":".join([*self.role.split(":")[:5], "root"])


@dataclass(frozen=True, slots=True)
class Standing:
    """What the role has: its policies and, where it has one, its boundary."""

    policies: Sequence[Document]
    boundary: Document | None = None


def allowed(asked: Asked, standing: Standing, resource: Document | None = None, *, sovereign: bool = False) -> bool:
    """Whether the role may. `sovereign`: without its resource's policy nobody may, as with a key of KMS."""
    everything = [*standing.policies, *([standing.boundary] if standing.boundary else [])]
    if any(_says(policy, _DENY, asked) for policy in everything):
        return False
    if resource is not None and any(_reach(statement, asked) for statement in _statements(resource, _DENY)):
        return False
    reach = _widest(resource, asked)
    if reach == "anyone":
        return True
    if standing.boundary is not None and not _says(standing.boundary, _ALLOW, asked):
        return False
    if reach == "role":
        return True
    if sovereign and reach != "account":
        return False
    return any(_says(policy, _ALLOW, asked) for policy in standing.policies)


def _widest(resource: Document | None, asked: Asked) -> Reach:
    order: tuple[Reach, ...] = ("anyone", "role", "account")
    found = {_reach(statement, asked) for statement in _statements(resource or {}, _ALLOW)}
    for reach in order:
        if reach in found:
            return reach
    return ""


def _says(policy: Document, effect: str, asked: Asked) -> bool:
    return any(_concerns(statement, asked) for statement in _statements(policy, effect))


def _statements(policy: Document, effect: str) -> Iterable[Document]:
    given = policy.get("Statement", [])
    for statement in given if isinstance(given, list) else [given]:
        if statement["Effect"] == effect:
            yield statement


def _concerns(statement: Document, asked: Asked) -> bool:
    return (
        _named(statement, "Action", asked.action.lower(), lower=True)
        and _named(statement, "Resource", asked.resource)
        and met(statement.get("Condition") or {}, asked.carried)
    )


def _named(statement: Document, element: str, value: str, *, lower: bool = False) -> bool:
    negated = f"Not{element}"
    if negated in statement:
        return not _any_like(statement[negated], value, lower)
    return element not in statement or _any_like(statement[element], value, lower)


def _any_like(patterns: Any, value: str, lower: bool = False) -> bool:
    listed = patterns if isinstance(patterns, list) else [patterns]
    return any(_like(pattern.lower() if lower else pattern, value) for pattern in listed)


def _like(pattern: str, value: str) -> bool:
    written = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(written, value, re.DOTALL) is not None


def _reach(statement: Document, asked: Asked) -> Reach:
    if not _concerns(statement, asked):
        return ""
    if "NotPrincipal" in statement:
        return "" if _principal(statement["NotPrincipal"], asked) else "anyone"
    return _principal(statement.get("Principal"), asked)


def _principal(given: Any, asked: Asked) -> Reach:
    if given == "*":
        return "anyone"
    named = given.get("AWS", []) if isinstance(given, Mapping) else []
    listed = named if isinstance(named, list) else [named]
    if "*" in listed or (asked.session and asked.session in listed):
        return "anyone"
    if asked.role in listed:
        return "role"
    if asked.account in listed or asked.account.split(":")[4] in listed:
        return "account"
    return ""
