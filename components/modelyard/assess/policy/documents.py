"""IAM documents, as rules read them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.assess.policy.rule import Undecided
from modelyard.assess.policy.subject import Subject


def read(subject: Subject, path: str) -> Any:
    """The JSON at `path`; nothing where there is none. Raises `Undecided`, for what is no JSON as well."""
    text = subject.get(path, {})
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text or "{}")
    except ValueError:
        raise Undecided(path) from None


def statements(subject: Subject, path: str) -> Iterator[Mapping[str, Any]]:
    """The statements of the document at `path`; nothing where there is none. Raises `Undecided`."""
    found: Any = read(subject, path).get("Statement", ())
    yield from [found] if isinstance(found, Mapping) else found  # pyright: ignore[reportUnknownMemberType]


def words(value: Any) -> list[str]:
    """A text, or a list of texts, as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(each) for each in value]


def principals(statement: Mapping[str, Any]) -> list[str]:
    """Whom a statement speaks of: ARNs, accounts, services, or `*`."""
    found = statement.get("Principal")
    if isinstance(found, Mapping):
        return [word for value in found.values() for word in words(value)]  # pyright: ignore
    return words(found)


def allows(statement: Mapping[str, Any]) -> bool:
    """Whether it allows."""
    return statement.get("Effect") == "Allow"


__all__ = ["Undecided", "allows", "principals", "read", "statements", "words"]
