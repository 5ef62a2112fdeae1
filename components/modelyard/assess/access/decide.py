"""`decide`: what policies say of one call as far as the graphs tell: who asks and of what are known, the rest is not.

It reads identity policies, boundary, the thing's own policy and the key's. What hangs on a condition that only the call
itself fills (a prefix, a service in between) is `conditional`. Source: IAM/latest/UserGuide
reference_policies_evaluation-logic and reference_policies_elements_condition_operators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, cast

from modelyard.assess.access.model import Access, Identity, Policy, words

Outcome = Literal["allowed", "conditional", "refused"]
_NO, _MAYBE, _YES = 0, 1, 2
_ABSENT: Final = ("aws:requesttag/", "aws:tagkeys", "aws:resourcetag/", "aws:principaltag/")
"""Beginnings of keys that a plain call hasn't, unless the graphs say otherwise."""
_OUTCOMES: Final[tuple[Outcome, Outcome, Outcome]] = ("refused", "conditional", "allowed")


@dataclass(frozen=True, slots=True)
class Decision:
    """What comes of a call, and the statement that refuses it: a policy's name and a Sid, or what is lacking.

    `plainly`: what allows it hangs on no condition; where it is conditional nevertheless, only a denial does.
    """

    outcome: Outcome
    refused_by: str = ""
    plainly: bool = False


def decide(access: Access, identity: Identity, action: str, resource: str) -> Decision:
    """Whether `identity` may do `action` on `resource`: an ARN without wildcards, or `*` for what takes no resource.

    An action that is itself a pattern is `conditional` where only some of what it means is allowed.
    """
    call = _Call(identity, action, resource, access.tags.get(resource, {}))
    own = _Sides(identity.policies, call)
    fence = _Sides((identity.boundary,), call) if identity.boundary else None
    guard = _guard(access, action, resource)
    theirs = _Sides((guard,), call, of_thing=True) if guard else None
    for side in (own, fence, theirs):
        if side is not None and side.denied == _YES:
            return Decision("refused", side.denied_by)
    direct = theirs.direct if theirs else _NO
    within = fence.allowed if fence else _YES
    by_itself = own.allowed
    if action.startswith("sts:AssumeRole") or (resource.split(":")[2:3] == ["kms"] and ":key/" in resource):
        by_itself = min(by_itself, theirs.delegated if theirs else _NO)
        if own.allowed and not by_itself and not direct:
            return Decision("refused", f"{guard.name if guard else 'its own policy'}, which lets in nobody like it")
    said = min(max(by_itself, direct), within)
    if said == _NO:
        lacking = fence is not None and within == _NO and max(by_itself, direct)
        return Decision("refused", f"{identity.boundary.name}, which lacks it" if lacking and identity.boundary else "")
    denials = [side.denied for side in (own, fence, theirs) if side is not None]
    return Decision(_OUTCOMES[_MAYBE if _MAYBE in denials else said], plainly=said == _YES)


def example(resource: str) -> str:
    """An ARN that a statement's resource matches."""
    return resource if resource == "*" else resource.replace("*", "example").replace("?", "x")


def _guard(access: Access, action: str, resource: str) -> Policy | None:
    """The policy on the side of what is called: a role's trust, a key's or another thing's own policy."""
    if action.startswith("sts:AssumeRole"):
        role = access.identities.get(resource)
        return role.trust if role else None
    found = access.policy_of(resource)
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class _Call:
    """Who does what on what, and the tags of that."""

    identity: Identity
    action: str
    resource: str
    tags: Mapping[str, str]


class _Sides:
    """What some policies say of one call: the strongest denial and the strongest permission."""

    def __init__(
        self,
        policies: Iterable[Policy],
        call: _Call,
        *,
        of_thing: bool = False,
    ) -> None:
        self.denied = self.allowed = self.direct = self.delegated = _NO
        self.denied_by = ""
        for policy in policies:
            for statement in policy.statements:
                speaks = _speaks(statement, call)
                if speaks == _NO:
                    continue
                named = _names(statement, call.identity) if of_thing else "itself"
                if named is None:
                    continue
                if statement["Effect"] == "Deny":
                    if speaks > self.denied:
                        self.denied, self.denied_by = speaks, f"{policy.name} {statement.get('Sid', '')}".strip()
                elif named == "account":
                    self.delegated = max(self.delegated, speaks)
                elif of_thing:
                    self.direct = max(self.direct, speaks)
                else:
                    self.allowed = max(self.allowed, speaks)


def _speaks(statement: Mapping[str, Any], call: _Call) -> int:
    """Whether a statement is about the call, principals aside: no, if its conditions hold, or yes."""
    action, resource = call.action, call.resource
    if "Action" in statement:
        about = max((_about(pattern, action) for pattern in words(statement["Action"])), default=_NO)
    else:
        about = _YES - max((_about(pattern, action) for pattern in words(statement["NotAction"])), default=_NO)
    if "Resource" in statement and not any(reaches(pattern, resource) for pattern in words(statement["Resource"])):
        return _NO
    if "NotResource" in statement and any(reaches(pattern, resource) for pattern in words(statement["NotResource"])):
        return _NO
    return min((about, *(_holds(*test, call) for test in tests(statement))))


def _about(pattern: str, action: str) -> int:
    """Whether a pattern covers an action; of an action that is itself a pattern, perhaps only a part."""
    if covers(pattern, action, ignore_case=True):
        return _YES
    return _MAYBE if "*" in action and covers(action, pattern, ignore_case=True) else _NO


def tests(statement: Mapping[str, Any]) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    """A statement's conditions: operator, key, values."""
    conditions = cast(Mapping[str, Mapping[str, Any]], statement.get("Condition", {}))
    for operator, keys in conditions.items():
        for key, values in keys.items():
            yield operator, key, words(values)


def _holds(operator: str, key: str, values: tuple[str, ...], call: _Call) -> int:
    """Whether a condition holds for a plain call of the identity; `_MAYBE` where only the call itself tells.

    A plain call sets no tags; what would be, is refused or not by the statements about tags.
    """
    identity = call.identity
    known = {
        "aws:principalarn": identity.arn,
        "aws:principalaccount": identity.account,
        "aws:principaltype": "AssumedRole",
        "aws:principalisawsservice": "false",
        "aws:securetransport": "true",
        **{f"aws:principaltag/{name.lower()}": value for name, value in identity.tags.items()},
        **{f"aws:resourcetag/{name.lower()}": value for name, value in call.tags.items()},
    }
    value = known.get(key.lower())
    plain = operator.removesuffix("IfExists")
    if value is None:
        if not key.lower().startswith(_ABSENT):
            return _MAYBE
        if plain == "Null":
            return _YES if "true" in values else _NO
        return _YES if operator.endswith("IfExists") or "Not" in plain else _NO
    if plain == "Null":
        return _YES if "false" in values else _NO
    if plain not in _TESTS:
        return _MAYBE
    wanted, negated = _TESTS[plain]
    matched = any(wanted(each, value) for each in values)
    return _YES if matched != negated else _NO


def _names(statement: Mapping[str, Any], identity: Identity) -> Literal["itself", "account"] | None:
    """How a statement of a thing's policy names the identity: itself (or everybody), its account, or not at all."""
    principal = statement.get("Principal")
    if principal == "*":
        return "itself"
    if not isinstance(principal, Mapping):
        return None
    named = words(cast(Mapping[str, Any], principal).get("AWS", ()))
    if identity.arn in named or "*" in named:
        return "itself"
    account = (identity.account, f":iam::{identity.account}:root")
    return "account" if any(each == account[0] or each.endswith(account[1]) for each in named) else None


def covers(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Whether an IAM pattern (`*`: anything, `?`: one character) matches the whole of `value`."""
    return bool(_regex(pattern, ignore_case).fullmatch(value))


def reaches(pattern: str, arn: str) -> bool:
    """Whether a statement's resource stands for `arn`.

    A wildcard in the place of the resource's type (`*/a`) stands for any type, though IAM's guide doesn't promise it
    (IAM/latest/UserGuide/reference-arns): policies that AWS itself keeps are written so, and who asks who can do
    something must not be told of too few.
    """
    if pattern == "*" or arn == "*":
        return pattern == arn or pattern == "*"
    return covers(pattern, arn)


@lru_cache(maxsize=8192)
def _regex(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.IGNORECASE if ignore_case else 0)


def _same(pattern: str, value: str) -> bool:
    return pattern == value


_TESTS: Final = {
    "ArnEquals": (covers, False),
    "ArnLike": (covers, False),
    "ArnNotEquals": (covers, True),
    "ArnNotLike": (covers, True),
    "Bool": (_same, False),
    "StringEquals": (_same, False),
    "StringLike": (covers, False),
    "StringNotEquals": (_same, True),
    "StringNotLike": (covers, True),
}
