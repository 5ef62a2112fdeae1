"""What a change does to a price: a bill against another, by component and by resource, in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelyard.assess.cost.bill import Bill

Amount = tuple[float, float]
"""Least and most dollars in a month."""
NOTHING: Final[Amount] = (0.0, 0.0)
_CENT: Final = 0.005


@dataclass(frozen=True, slots=True)
class Change:
    """What a component or a resource cost, and costs; None where it isn't there, or costs nothing."""

    name: str
    before: Amount | None
    after: Amount | None

    @property
    def by(self) -> Amount:
        """What is added to the least and to the most; below zero, what is saved."""
        before, after = self.before or NOTHING, self.after or NOTHING
        return after[0] - before[0], after[1] - before[1]

    @property
    def counts(self) -> bool:
        """Whether it is a cent or more, at either end."""
        return max(map(abs, self.by)) >= _CENT

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "name": self.name,
            "before": amount_as_json(self.before),
            "after": amount_as_json(self.after),
            "by": amount_as_json(self.by),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """Two bills of a stack, from the one to the other; None: the stack isn't there.

    `components` and `resources` (by URN) hold what changes by a cent or more, what grows the most first.
    `unknown`: resources without a price that only the later has, by URN, with what they are.
    """

    total: Change
    components: tuple[Change, ...]
    resources: tuple[Change, ...]
    unknown: Mapping[str, str]


def difference(name: str, before: Bill | None, after: Bill | None) -> Difference:
    """How the bill `after` differs from the bill `before`."""
    known = {(each.urn, each.what) for each in before.unknown} if before else set[tuple[str, str]]()
    later = after.unknown if after else ()
    return Difference(
        Change(name, _total(before), _total(after)),
        _changes(before.by_component() if before else {}, after.by_component() if after else {}),
        _changes(before.by_resource() if before else {}, after.by_resource() if after else {}),
        {each.urn: each.what for each in later if (each.urn, each.what) not in known},
    )


def _total(bill: Bill | None) -> Amount | None:
    return (bill.low, bill.high) if bill else None


def _changes(before: Mapping[str, Amount], after: Mapping[str, Amount]) -> tuple[Change, ...]:
    def found() -> Iterator[Change]:
        for name in before.keys() | after.keys():
            change = Change(name, before.get(name), after.get(name))
            if change.counts:
                yield change

    return tuple(sorted(found(), key=lambda change: (-change.by[1], -change.by[0], change.name)))


def amount_as_json(amount: Amount | None) -> dict[str, float] | None:
    """Least and most, to the cent."""
    return None if amount is None else {"low": round(amount[0], 2), "high": round(amount[1], 2)}
