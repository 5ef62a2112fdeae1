"""What a rule is, and the conditions that rules are made of.

A condition takes a value and gives the reason why it is refused, or None. Unknown parts count as present, and are not
judged.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard_sandbox.knowledge.values import UNKNOWN, Failure, select

Condition = Callable[[Any], str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on each value that `property` names (`rules[].expiration`; empty: all inputs of the type)."""

    token: str
    property: str
    refuses: Condition
    source: str

    def failures(self, inputs: Mapping[str, Any]) -> Iterator[Failure]:
        """What the rule refuses of a type's inputs."""
        for path, value in select(inputs, self.property):
            reason = self.refuses(value)
            if reason:
                yield Failure(path, reason, self.source)


def known(values: Mapping[str, Any], name: str) -> Any:
    """A field's value, or None where it is absent or unknown."""
    value = values.get(name)
    return None if value == UNKNOWN else value


def matches(pattern: str, wanted: str) -> Condition:
    """The whole text matches; `wanted` says what it takes."""
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: None if compiled.fullmatch(text) else f"{text!r}: {wanted}"


def avoids(pattern: str, why: str) -> Condition:
    """The pattern is found nowhere in the text."""
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: f"{text!r}: {why}" if compiled.search(text) else None


def length(minimum: int, maximum: int) -> Condition:
    """The text has so many characters."""
    return lambda text: (
        None if minimum <= len(text) <= maximum else f"has {len(text)} characters; {minimum} to {maximum} are allowed"
    )


def size(maximum: int, unit: str) -> Condition:
    """The list or map has at most so many elements."""
    return lambda values: f"has {len(values)} {unit}; at most {maximum} are allowed" if len(values) > maximum else None


def between(minimum: int, maximum: int) -> Condition:
    """The number lies in a range, both ends included."""
    return lambda number: None if minimum <= number <= maximum else f"{number} is not in {minimum} to {maximum}"


def choice(*allowed: Any) -> Condition:
    """The value is one of these."""
    return lambda value: None if value in allowed else f"{value!r} is none of {', '.join(map(str, allowed))}"


def exactly_one(*names: str) -> Condition:
    """One of the fields is given, and only one."""

    def refuses(values: Mapping[str, Any]) -> str | None:
        given = [name for name in names if name in values]
        if len(given) == 1:
            return None
        return f"give exactly one of {', '.join(names)}, not {' and '.join(given) or 'none'}"

    return refuses


def at_most_one(*names: str) -> Condition:
    """No two of the fields are given; what is false or empty doesn't count."""

    def refuses(values: Mapping[str, Any]) -> str | None:
        given = [name for name in names if values.get(name)]
        return f"{' and '.join(given)} exclude one another" if len(given) > 1 else None

    return refuses


def network(shortest: int = 0, longest: int = 32) -> Condition:
    """The text is an IPv4 block in canonical form (no host bits), its prefix within a range."""

    def refuses(text: str) -> str | None:
        try:
            block = ipaddress.IPv4Network(text, strict=False)
        except ValueError:
            return f"{text!r} is no IPv4 block such as 10.0.0.0/16"
        if str(block) != text:
            return f"{text!r} has host bits; write {block}"
        if not shortest <= block.prefixlen <= longest:
            return f"{text!r}: the prefix must be /{shortest} to /{longest}"
        return None

    return refuses


def network6(text: str) -> str | None:
    """The text is an IPv6 block without host bits."""
    try:
        ipaddress.IPv6Network(text)
    except ValueError:
        return f"{text!r} is no IPv6 block such as 2001:db8::/64 without host bits"
    return None
