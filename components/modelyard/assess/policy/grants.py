"""What IAM policies of a stack allow, and what they ask for in return."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final

from modelyard.assess.policy.documents import allows, statements, words
from modelyard.assess.policy.rule import Undecided
from modelyard.assess.policy.subject import Stack, Subject
from modelyard.assess.policy.types import (
    BOUNDARY_ATTACHMENT,
    GROUP_POLICY,
    GROUP_POLICY_ATTACHMENT,
    PERMISSION_SET_POLICY,
    POLICY,
    ROLE,
    ROLE_POLICY,
    ROLE_POLICY_ATTACHMENT,
    USER,
    USER_POLICY,
    USER_POLICY_ATTACHMENT,
)

Statement = Mapping[str, Any]

_DOCUMENT: Final = {
    GROUP_POLICY: "policy",
    PERMISSION_SET_POLICY: "inlinePolicy",
    POLICY: "policy",
    ROLE_POLICY: "policy",
    USER_POLICY: "policy",
}
GRANTING: Final = (*_DOCUMENT, ROLE)
"""Types that hold policies of somebody who calls. What a bucket or a key says of its callers is another matter."""

_BOUND: Final = (BOUNDARY_ATTACHMENT, ROLE, USER)
_ATTACHED: Final = (GROUP_POLICY_ATTACHMENT, ROLE_POLICY_ATTACHMENT, USER_POLICY_ATTACHMENT)
_BOUNDARY_KEY: Final = "iam:permissionsboundary"
_SAYS_WHAT: Final = re.compile(
    r"(?:String|Numeric|Date|Arn)(?:Equals|EqualsIgnoreCase|Like|LessThan.*|GreaterThan.*)|Bool"
)


@dataclass(frozen=True, slots=True)
class Document:
    """One policy of a resource; `path`: the property that holds it."""

    path: str
    statements: tuple[Statement, ...]

    def allowing(self, action: str = "") -> Iterator[Statement]:
        """The statements that allow `action`, or anything."""
        return (each for each in self.statements if allows(each) and (not action or covers(each, action)))

    def demands(self, statement: Statement, action: str, *keys: str, value: str = "") -> bool:
        """Whether what `statement` allows must come with one of `keys`, as `value` if it is given.

        A statement of the same document that denies `action` without it does as well.
        """
        if any(_demands(statement, key.lower(), value) for key in keys):
            return True
        denied = [each for each in self.statements if each.get("Effect") == "Deny" and covers(each, action)]
        return any(on_everything(each) and _denies_without(each, key.lower(), value) for each in denied for key in keys)


def documents(subject: Subject) -> Iterator[Document]:
    """The policies that `subject` grants; nothing for a boundary, which only limits. Raises `Undecided`."""
    if subject.node.type == ROLE:
        for index in range(len(subject.get("inlinePolicies", []))):
            path = f"inlinePolicies[{index}].policy"
            yield Document(path, tuple(statements(subject, path)))
    elif not is_boundary(subject):
        path = _DOCUMENT[subject.node.type]
        yield Document(path, tuple(statements(subject, path)))


def is_boundary(policy: Subject) -> bool:
    """Whether a policy is a boundary of roles, or must be of those that are made, and attached to nobody."""
    if policy.node.type != POLICY or any(policy.parts(kind, "policyArn") for kind in _ATTACHED):
        return False
    if any(policy.parts(kind, "permissionsBoundary") for kind in _BOUND):
        return True
    return policy.node.outputs.get("arn") in policy.stack.once(_demanded_boundaries)


def _demanded_boundaries(stack: Stack) -> frozenset[str]:
    """The policies that roles must bear as their boundary, as somebody's permission to make them says."""
    found = set[str]()
    for subject in stack.subjects(*_DOCUMENT):
        try:
            for each in statements(subject, _DOCUMENT[subject.node.type]):
                for block in each.get("Condition", {}).values():
                    for key, value in block.items():
                        if key.lower() == _BOUNDARY_KEY:
                            found.update(words(value))
        except Undecided:
            continue
    return frozenset(found)


def covers(statement: Statement, action: str) -> bool:
    """Whether a statement speaks of `action`."""
    if "NotAction" in statement:
        return not _matches(statement["NotAction"], action)
    return _matches(statement.get("Action"), action)


def on_everything(statement: Statement) -> bool:
    """Whether a statement speaks of all resources, or of all but some."""
    return "NotResource" in statement or "*" in words(statement.get("Resource"))


def reaches(statement: Statement, service: str, kind: str) -> bool:
    """Whether a statement speaks of some resource of type `kind`, as ARNs of `service` call it."""
    if on_everything(statement):
        return True
    for resource in words(statement.get("Resource")):
        _, _, of, _, _, what = (*resource.split(":", 5), *[""] * 6)[:6]
        if fnmatchcase(service, of or resource) and fnmatchcase(kind, what.split("/")[0] or "*"):
            return True
    return False


def condition_keys(statement: Statement) -> frozenset[str]:
    """The keys that a statement's conditions ask, in lower case."""
    return frozenset(key.lower() for block in statement.get("Condition", {}).values() for key in block)


def values_of(statement: Statement, key: str) -> list[str]:
    """What conditions that name values compare `key` with."""
    found = [value for _, value in _conditions(statement, key, _SAYS_WHAT)]
    return [word for value in found for word in words(value)]


def _matches(patterns: Any, action: str) -> bool:
    return any(fnmatchcase(action.lower(), _pattern(each)) for each in words(patterns))


@cache
def _pattern(pattern: str) -> str:
    return pattern.lower().replace("[", "[[]")


def _conditions(statement: Statement, key: str, wanted: re.Pattern[str]) -> Iterator[tuple[str, Any]]:
    """The operators that `wanted` fits, with what they compare `key` with."""
    for operator, block in statement.get("Condition", {}).items():
        for name, value in block.items():
            plain = operator.partition(":")[2] or operator
            if name.lower() == key.lower() and wanted.fullmatch(plain.removesuffix("IfExists")):
                yield operator, value


def _demands(statement: Statement, key: str, value: str) -> bool:
    null = [value for _, value in _conditions(statement, key, re.compile("Null"))]
    present = any(str(each).lower() == "false" for each in null)
    compared = list(_conditions(statement, key, _SAYS_WHAT))
    strict = [
        found
        for operator, found in compared
        if present or not (operator.startswith("ForAllValues:") or operator.endswith("IfExists"))
    ]
    if value:
        return any({word.lower() for word in _texts(found)} == {value} for found in strict)
    return present or bool(strict)


def _denies_without(statement: Statement, key: str, value: str) -> bool:
    """Whether a statement that denies does so for whatever lacks `key`, and asks for nothing else."""
    asked = [
        (operator, name, found) for operator, b in statement.get("Condition", {}).items() for name, found in b.items()
    ]
    if len(asked) != 1 or asked[0][1].lower() != key:
        return False
    operator, _, found = asked[0]
    if value:
        opposite = {"true": "false", "false": "true"}.get(value)
        return operator == "BoolIfExists" and {word.lower() for word in _texts(found)} == {opposite}
    return operator == "Null" and str(found).lower() == "true"


def _texts(value: Any) -> list[str]:
    return words(str(value) if isinstance(value, bool | int | float) else value)
