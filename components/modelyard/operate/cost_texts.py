"""The lines of `yard cost`, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final, Literal

from modelyard.assess.cost.changes import Amount
from modelyard.assess.cost.figures import dollars
from modelyard.operate.costing import Costed, summed, total

By = Literal["component", "resource", "team", "environment"]
MARKER: Final = "<!-- modelyard-cost -->"
"""Stands first in a comment, so that the next run finds it and edits it."""
LEAST_SHOWN: Final = 1
"""Dollars a month below which a part has no line of its own."""


def shown(found: Sequence[Costed], today: date, by: By = "component") -> Iterator[str]:
    """The lines of `yard cost`: each stack with its parts, or the sums of teams or environments; then all together."""
    if by in ("component", "resource"):
        for one in found:
            yield from _stack(one, by)
            yield ""
    else:
        yield from _parts(summed(found, lambda one: one.stack if by == "team" else one.environment), least=0)
    yield from _together(found)
    if found:
        compiled = min(one.compiled for one in found)
        yield f"Prices of {compiled.isoformat()}, {(today - compiled).days} days old; before taxes."
        yield "What each line assumes: yard cost --json. Numbers of your own: usage in the team's file."


def _stack(one: Costed, by: By) -> Iterator[str]:
    bill = one.bill
    ceiling = f", its ceiling is {dollars(one.ceiling.usd)}" if one.ceiling else ""
    yield f"{one.name} ({one.region}): {dollars((bill.low, bill.high))} a month{ceiling}"
    if by == "resource":
        names = {urn: f"{bill.graph.by_urn[urn].name} ({bill.graph.by_urn[urn].kind})" for urn in bill.by_resource()}
        yield from _parts({names[urn]: amount for urn, amount in bill.by_resource().items()})
    else:
        yield from _parts(bill.by_component())
    shares = [f"{usd / bill.high:.0%} {quality}" for quality, usd in bill.by_quality().items() if bill.high]
    yield f"  Rests on figures that are: {', '.join(shares) or 'none'}"
    if bill.unknown:
        kinds = sorted({each.what for each in bill.unknown})
        yield f"  Not in it, since no price is known: {len(bill.unknown)} of {', '.join(kinds)}"


def _parts(amounts: Mapping[str, Amount], least: float = LEAST_SHOWN) -> Iterator[str]:
    for name, amount in amounts.items():
        if amount[1] >= least:
            yield f"  {dollars(amount):>16}  {name}"


def _together(found: Sequence[Costed]) -> Iterator[str]:
    if len(found) < 2:
        return
    unknown = sum(len(one.bill.unknown) for one in found)
    without = f", without the {unknown} resources that have no price" if unknown else ""
    environments = summed(found, lambda one: one.environment)
    each = "; ".join(f"{name} {dollars(amount)}" for name, amount in environments.items())
    yield f"All {len(found)} stacks: {dollars(total(found))} a month{without} ({each})"


def markdown(found: Sequence[Costed]) -> str:
    """A table of the stacks, as a comment."""
    rows = [
        f"| {one.name} | {dollars((one.bill.low, one.bill.high))} | "
        f"{dollars(one.ceiling.usd) if one.ceiling else ''} | {len(one.bill.unknown) or ''} |"
        for one in found
    ]
    head = ["| stack | a month | ceiling | without a price |", "|---|---|---|---|"]
    return "\n".join((MARKER, f"### Price: {dollars(total(found))} a month", "", *head, *rows)) + "\n"
