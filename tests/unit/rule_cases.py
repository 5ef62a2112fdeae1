"""What holds of every table of rules: each rule refuses one of its cases, and is among all rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge import rules, shapes

Case = tuple[str, str, Mapping[str, Any], Mapping[str, Any]]
"""A sentence, a type, changes of its ordinary inputs that are refused, and the neighbour's that are accepted."""


def rules_without_a_case(
    table: Sequence[Any], ordinary: Mapping[str, Mapping[str, Any]], cases: Iterable[Case]
) -> list[str]:
    """The rules of `table` that refuse none of the cases, or that nobody asks; None removes a property."""
    left = list(table)
    for _, token, refused, _ in cases:
        given = {key: value for key, value in {**ordinary[token], **refused}.items() if value is not None}
        values, _ = shapes.read(token, given)
        left = [rule for rule in left if rule.token != token or not list(rule.failures(values))]
    unasked = [rule for rule in table if rule not in rules.RULES]
    return [f"{rule.token} {rule.property}" for rule in (*left, *unasked)]
