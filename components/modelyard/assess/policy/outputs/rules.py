"""The rules that a report lists."""

from __future__ import annotations

from collections.abc import Iterable

from modelyard.assess.policy.engine import Result
from modelyard.assess.policy.rule import Rule
from modelyard.assess.policy.waivers import Waived


def every_rule(rules: Iterable[Rule], results: Iterable[Result], waived: Iterable[Waived]) -> list[Rule]:
    """The rules that were asked, and those of other tools that found something, by their ids."""
    found = {rule.id: rule for rule in rules}
    for result in (*results, *(each.result for each in waived)):
        found.setdefault(result.rule.id, result.rule)
    return [found[name] for name in sorted(found)]
