"""What IAM policies of a stack allow, and what they ask for in return."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final

from modelyard.assess.graph.model import Node
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

    subject: Subject
    path: str
    statements: tuple[Statement, ...]

    def allowing(self, action: str = "") -> Iterator[Statement]:
        """The statements that allow `action`, or anything."""
        return (each for each in self.statements if allows(each) and (not action or covers(each, action)))

    def denied(self, action: str) -> bool:
        """Whether those who hold the policy are denied `action` anyhow, by it or by another of theirs."""
        return all(any(not each.get("Condition") for each in denials) for denials in self._denials(action))

    def demands(self, statement: Statement, action: str, *keys: str, value: str = "") -> bool:
        """Whether what `statement` allows must come with one of `keys`, as `value` if it is given.

        What denies `action` without it demands it as well: a statement beside it, or of the holders' other policies.
        """
        names = [key.lower() for key in keys]
        if any(_demands(statement, name, value) for name in names):
            return True
        return all(
            any(_denies_without(each, name, value) for each in denials for name in names)
            for denials in self._denials(action)
        )

    def _denials(self, action: str) -> list[list[Statement]]:
        """The statements that deny `action` on everything, by who holds the policy."""
        held = [[*self.statements, *_other_statements(self.subject, role)] for role in _holders(self.subject)]
        return [
            [each for each in found if each.get("Effect") == "Deny" and covers(each, action) and on_everything(each)]
            for found in held or [list(self.statements)]
        ]


def documents(subject: Subject) -> Iterator[Document]:
    """The policies that `subject` grants; nothing for a boundary, which only limits. Raises `Undecided`."""
    if subject.node.type == ROLE:
        for index in range(len(subject.get("inlinePolicies", []))):
            path = f"inlinePolicies[{index}].policy"
            yield Document(subject, path, tuple(statements(subject, path)))
    elif not is_boundary(subject):
        path = _DOCUMENT[subject.node.type]
        yield Document(subject, path, tuple(statements(subject, path)))


def _holders(policy: Subject) -> list[Node]:
    """The roles of the stack that a policy belongs to."""
    if policy.node.type == ROLE:
        return [policy.node]
    if policy.node.type == POLICY:
        return [role for each in policy.parts(ROLE_POLICY_ATTACHMENT, "policyArn") for role in _pointed(each, "role")]
    return list(_pointed(policy, "role"))


def _other_statements(policy: Subject, role: Node) -> Iterator[Statement]:
    """What a role's other policies say, its boundary included."""
    held = Subject(policy.stack, role)
    found = [*held.parts(ROLE_POLICY, "role"), *_named(held, "permissionsBoundary")]
    for attached in held.parts(ROLE_POLICY_ATTACHMENT, "role"):
        found += _named(attached, "policyArn")
    for each in found:
        if each.node.urn != policy.node.urn:
            yield from statements(each, "policy")


def _named(subject: Subject, by: str) -> list[Subject]:
    return [Subject(subject.stack, node) for node in _pointed(subject, by) if node.type == POLICY]


def _pointed(subject: Subject, by: str) -> Iterator[Node]:
    """The nodes that the property `by` comes from."""
    graph = subject.stack.graph
    return (graph.by_urn[urn] for urn in subject.node.property_dependencies.get(by, ()) if urn in graph.by_urn)


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
    if not statement.get("Condition"):
        return True
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
