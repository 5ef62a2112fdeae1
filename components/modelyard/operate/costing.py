"""`yard cost`: what the stacks of a project cost in a month, from its files and the price table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from modelyard.assess.cost.bill import Bill
from modelyard.assess.cost.changes import NOTHING, Amount, amount_as_json
from modelyard.assess.cost.prices import PriceTable, outdated
from modelyard.assess.cost.pricing import bill_of
from modelyard.assess.policy.around import surroundings
from modelyard.assess.policy.subject import Stack
from modelyard.blueprints.ceilings import Ceiling
from modelyard.blueprints.project import Project
from modelyard.core.errors import InputError
from modelyard.operate.recorded import Recorder, stacks_of, stacks_there


@dataclass(frozen=True, slots=True)
class Costed:
    """The bill of one stack in one environment, by `prices`."""

    stack: str
    environment: str
    region: str
    bill: Bill
    ceiling: Ceiling | None
    prices: PriceTable

    @property
    def compiled(self) -> date:
        """The day of its prices."""
        return self.prices.compiled

    @property
    def name(self) -> str:
        """The stack in its environment: `fraud in prod`."""
        return f"{self.stack} in {self.environment}"

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it: dollars a month."""
        bill = self.bill
        return {
            "stack": self.stack,
            "environment": self.environment,
            "region": self.region,
            "low": round(bill.low, 2),
            "high": round(bill.high, 2),
            "ceiling": self.ceiling.usd if self.ceiling else None,
            "by_quality": {str(quality): round(usd, 2) for quality, usd in bill.by_quality().items()},
            "by_component": {name: amount_as_json(amount) for name, amount in bill.by_component().items()},
            "by_resource": {urn: amount_as_json(amount) for urn, amount in bill.by_resource().items()},
            "lines": [line.as_json() for line in bill.lines],
            "unknown": [each.as_json() for each in bill.unknown],
        }


def costed(
    project: Project,
    *,
    what: str | None = None,
    environment: str | None = None,
    prices: Path | None = None,
    today: date | None = None,
    recorder: Recorder | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Costed]:
    """What each stack costs. `prices`: a company's own, over all others. `tell` hears of each stack.

    `recorder`: the project's, where one has recorded stacks already.

    Raises `InputError` where every price table is too old, and what faults of the files raise.
    """
    asked = list(stacks_of(project, what, environment))
    return list(_costed(recorder or Recorder(project), asked, prices, today or datetime.now(UTC).date(), tell))


def costed_like(
    recorder: Recorder,
    others: Sequence[Costed],
    *,
    what: str | None = None,
    environment: str | None = None,
    today: date | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Costed]:
    """What those stacks cost that an earlier version of a project has, by the price tables of `others`."""
    asked = stacks_there(recorder.project, what, environment)
    prices = {one.environment: one.prices for one in others}
    return list(_costed(recorder, asked, None, today or datetime.now(UTC).date(), tell, prices))


def _costed(
    recorder: Recorder,
    asked: Iterable[tuple[str, list[str]]],
    prices: Path | None,
    today: date,
    tell: Callable[[str], None],
    instead: Mapping[str, PriceTable] | None = None,
) -> Iterator[Costed]:
    """`instead`: price tables by environment, in place of the project's own."""
    project = recorder.project
    for env, names in asked:
        spec = project.platform(env)
        for name in names:
            tell(f"{name} in {env}")
            around = surroundings(project, spec, name, env, today=today, prices=prices)
            table = (instead or {}).get(env, around.prices)
            assert table is not None
            around = replace(around, prices=table)
            faults = outdated(table)
            if faults:
                raise InputError(*faults)
            bill = bill_of(Stack(recorder.graph(name, env), around))
            yield Costed(name, env, spec.region, bill, around.ceiling, table)


def summed(found: Iterable[Costed], key: Callable[[Costed], str]) -> dict[str, Amount]:
    """Least and most of what has the same `key`, in the order in which it comes."""
    sums: defaultdict[str, Amount] = defaultdict(lambda: NOTHING)
    for one in found:
        low, high = sums[key(one)]
        sums[key(one)] = low + one.bill.low, high + one.bill.high
    return dict(sums)


def total(found: Iterable[Costed]) -> Amount:
    """Least and most of all."""
    return summed(found, lambda _: "").get("", NOTHING)


def as_json(found: list[Costed]) -> dict[str, Any]:
    """All of it, as `--json` prints it."""
    by_team = summed(found, lambda one: one.stack)
    by_environment = summed(found, lambda one: one.environment)
    return {
        "compiled": min(one.compiled for one in found).isoformat() if found else None,
        "currency": "USD",
        "low": round(total(found)[0], 2),
        "high": round(total(found)[1], 2),
        "unknown": sum(len(one.bill.unknown) for one in found),
        "by_environment": {name: amount_as_json(amount) for name, amount in by_environment.items()},
        "by_team": {name: amount_as_json(amount) for name, amount in by_team.items()},
        "stacks": [one.as_json() for one in found],
    }
