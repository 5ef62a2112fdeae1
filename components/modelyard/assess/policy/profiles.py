"""Which results stop a change, by the profile of the environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from modelyard.assess.policy.engine import Result, Verdict
from modelyard.assess.policy.rule import Rule, Severity, is_foreign
from modelyard.blueprints.enforcement import PolicySpec, Profile
from modelyard.core.errors import Fault

_STOPS: Final[dict[Profile, frozenset[Severity]]] = {
    "sandbox": frozenset({Severity.CRITICAL}),
    "baseline": frozenset({Severity.CRITICAL, Severity.HIGH}),
    "regulated": frozenset({Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM}),
}
_MUST_BE_DECIDED: Final = frozenset({Severity.CRITICAL, Severity.HIGH})


def stops(profile: Profile, result: Result, tightened: Iterable[str] = ()) -> bool:
    """Whether a result that nothing waives stops the change. Undecided, it does so under `regulated` alone."""
    severity = result.rule.severity
    if result.verdict is Verdict.UNDECIDED:
        return profile == "regulated" and (severity in _MUST_BE_DECIDED or result.rule.id in tightened)
    return severity in _STOPS[profile] or result.rule.id in tightened


def unknown_rules(spec: PolicySpec, rules: Iterable[Rule]) -> Iterator[Fault]:
    """Faults of rules that an environment wants enforced, and that there aren't."""
    known = {rule.id for rule in rules}
    for index, rule in enumerate(spec.stops):
        if rule not in known and not is_foreign(rule):
            yield spec.fault(f"stops[{index}]", "is no rule", "See what there is: yard rules.", rule)
