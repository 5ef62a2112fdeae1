"""Checks that many rules make."""

from __future__ import annotations

from collections.abc import Iterator

from modelyard.assess.policy.rule import Check, Violation
from modelyard.assess.policy.subject import Subject


def asks(path: str, problem: str, *, where: str = "") -> Check:
    """A check that something stands at `path`; `where`: only where something stands there."""

    def check(subject: Subject) -> Iterator[Violation]:
        if (not where or subject.says(where)) and not subject.says(path):
            yield Violation(problem, path)

    return check


def true(path: str, problem: str) -> Check:
    """A check that `path` is true."""
    return equal(path, True, problem)


def equal(path: str, wanted: object, problem: str) -> Check:
    """A check that `wanted` stands at `path`."""

    def check(subject: Subject) -> Iterator[Violation]:
        found = subject.get(path)
        if type(found) is not type(wanted) or found != wanted:
            yield Violation(problem, path)

    return check
