"""`yard cost`: what the stacks of a project cost in a month, from its files and the price table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from modelyard.assess.cost.bill import Bill, priced
from modelyard.assess.cost.estimates import ESTIMATES
from modelyard.assess.cost.free import FREE
from modelyard.assess.cost.prices import COMPILED, PriceTable, read, shipped
from modelyard.blueprints.project import Project
from modelyard.core.errors import InputError
from modelyard.operate.recorded import PLATFORM, Recorder, stacks_of, surroundings


@dataclass(frozen=True, slots=True)
class Costed:
    """The bill of one stack in one environment."""

    stack: str
    environment: str
    region: str
    bill: Bill

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it: dollars a month."""
        bill = self.bill
        return {
            "stack": self.stack,
            "environment": self.environment,
            "region": self.region,
            "low": round(bill.low, 2),
            "high": round(bill.high, 2),
            "by_quality": {str(quality): round(usd, 2) for quality, usd in bill.by_quality().items()},
            "by_component": {
                name: {"low": round(low, 2), "high": round(high, 2)}
                for name, (low, high) in bill.by_component().items()
            },
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
    tell: Callable[[str], None] = lambda _: None,
) -> list[Costed]:
    """What each stack costs. `prices`: a company's own, over the shipped ones.

    Raises `InputError` for a table that is too old, and what faults of the files raise.
    """
    table = shipped() if prices is None else shipped().over(read(prices, COMPILED))
    faults = table.faults_on(today or datetime.now(UTC).date())
    if faults:
        raise InputError(*faults)
    return list(_costed(project, what, environment, table, tell))


def _costed(
    project: Project, what: str | None, environment: str | None, table: PriceTable, tell: Callable[[str], None]
) -> Iterator[Costed]:
    recorder = Recorder(project)
    for env, names in stacks_of(project, what, environment):
        spec = project.platform(env)
        for name in names:
            tell(f"{name} in {env}")
            usage = spec.usage if name == PLATFORM else project.team(name, env).usage
            bill = priced(
                recorder.graph(name, env),
                surroundings(spec, name, env),
                ESTIMATES,
                FREE,
                prices=table,
                usage=usage,
            )
            yield Costed(name, env, spec.region, bill)


def shown(found: Sequence[Costed], compiled: date, today: date) -> Iterator[str]:
    """The lines of `yard cost`."""
    for one in found:
        bill = one.bill
        yield f"{one.stack} in {one.environment} ({one.region}): {_usd(bill.low, bill.high)} a month"
        for name, (low, high) in bill.by_component().items():
            if high >= 1:
                yield f"  {_usd(low, high):>16}  {name}"
        qualities = bill.by_quality()
        shares = [f"{usd / bill.high:.0%} {quality}" for quality, usd in qualities.items() if bill.high]
        yield f"  Rests on figures that are: {', '.join(shares) or 'none'}"
        if bill.unknown:
            kinds = sorted({each.what for each in bill.unknown})
            yield f"  Not in it, since no price is known: {len(bill.unknown)} of {', '.join(kinds)}"
        yield ""
    yield f"Prices of {compiled.isoformat()}, {(today - compiled).days} days old; before taxes and discounts."
    yield "What each line assumes: yard cost --json. Numbers of your own: usage in the team's file."


def _usd(low: float, high: float) -> str:
    return f"${low:,.0f}" if round(low) == round(high) else f"${low:,.0f} to ${high:,.0f}"
