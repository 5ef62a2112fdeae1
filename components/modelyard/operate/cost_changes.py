"""`yard cost --against`: what the files would add to the price, or take from it, since a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from modelyard.assess.cost.changes import Amount, Change, Difference, difference
from modelyard.assess.cost.figures import added, dollars
from modelyard.blueprints.project import Project
from modelyard.operate.at_ref import project_at
from modelyard.operate.cost_texts import MARKER
from modelyard.operate.costing import Costed, costed, costed_like
from modelyard.operate.recorded import Recorder, stacks_there

_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Against:
    """How the stacks' prices differ from those at a commit: by stack and environment, by the same price table."""

    ref: str
    stacks: tuple[Difference, ...]
    over: tuple[Costed, ...]
    """Stacks over their ceiling now."""

    @property
    def total(self) -> Change:
        """All stacks together."""
        return Change("all stacks", _sum(self.stacks, "before"), _sum(self.stacks, "after"))

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "against": self.ref,
            "currency": "USD",
            "total": self.total.as_json(),
            "over_their_ceiling": [one.name for one in self.over],
            "stacks": [
                {
                    **one.total.as_json(),
                    "components": [change.as_json() for change in one.components],
                    "resources": [change.as_json() for change in one.resources],
                    "unknown": [{"urn": urn, "what": what} for urn, what in one.unknown.items()],
                }
                for one in self.stacks
            ],
        }


def against(
    project: Project,
    ref: str,
    *,
    what: str | None = None,
    environment: str | None = None,
    prices: Path | None = None,
    today: date | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Against:
    """How the prices differ from those at `ref`. Usage is each version's own; the price table is today's for both.

    Raises what `costed` and `project_at` raise.
    """
    with project_at(project, ref) as earlier:
        gone = not any(stacks_there(project, what, environment)) and any(stacks_there(earlier, what, environment))
        now = [] if gone else costed(project, what=what, environment=environment, prices=prices, today=today, tell=tell)

        def told(name: str) -> None:
            tell(f"{name} at {ref}")

        then = costed_like(Recorder(earlier), now, what=what, environment=environment, today=today, tell=told)
    before, after = ({one.name: one.bill for one in each} for each in (then, now))
    stacks = tuple(difference(name, before.get(name), after.get(name)) for name in dict.fromkeys((*after, *before)))
    over = tuple(one for one in now if one.ceiling and one.bill.high > one.ceiling.usd)
    return Against(ref, stacks, over)


def _sum(stacks: Sequence[Difference], side: str) -> Amount:
    amounts: list[Amount] = [amount for one in stacks if (amount := getattr(one.total, side)) is not None]
    return sum(low for low, _ in amounts), sum(high for _, high in amounts)


def shown(found: Against, *, resources: bool = False) -> Iterator[str]:
    """The lines for a terminal: by component, or by resource."""
    for one in found.stacks:
        changes = one.resources if resources else one.components
        if not _differs(one):
            continue
        yield f"{_headline(one.total)}"
        for change in changes:
            yield f"  {added(change.by):>16}  {_name(change)}{_there(change)}"
        yield from (f"  {'?':>16}  {_short(urn)}: no price of {what} is known" for urn, what in one.unknown.items())
    yield f"Against {found.ref}: {_sentence(found.total)}"
    yield from (f"{one.name} is over its ceiling: {_over(one)}" for one in found.over)


def markdown(found: Against) -> str:
    """A comment on a pull request, beginning with a marker by which the next run finds it."""
    lines = [MARKER, f"### Price: {_sentence(found.total)}", "", f"Against `{found.ref}`, at the same prices."]
    rows = [
        f"| {one.total.name} | `{_name(change)}`{_there(change)} | {dollars(change.before or 0)} | "
        f"{dollars(change.after or 0)} | {added(change.by)} |"
        for one in found.stacks
        for change in one.components
    ]
    if rows:
        lines += ["", "| stack | component | before | after | a month |", "|---|---|---|---|---|", *rows[:_MOST]]
        if len(rows) > _MOST:
            lines += ["", f"{len(rows) - _MOST} more are in the log."]
    notes = [f"**{one.name} is over its ceiling**: {_over(one)}" for one in found.over]
    notes += [
        f"`{_short(urn)}` ({one.total.name}) isn't in it: no price of {what} is known"
        for one in found.stacks
        for urn, what in one.unknown.items()
    ]
    if notes:
        lines += ["", *(f"- {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _differs(one: Difference) -> bool:
    return bool(one.resources or one.unknown or one.total.before is None or one.total.after is None)


def _headline(total: Change) -> str:
    if total.before is None:
        return f"{total.name} is new: {dollars(total.after or 0)} a month"
    if total.after is None:
        return f"{total.name} is gone: it cost {dollars(total.before)} a month"
    return f"{total.name}: {dollars(total.before)} a month becomes {dollars(total.after)}"


def _sentence(total: Change) -> str:
    if not total.counts:
        return "nothing changes"
    return f"{added(total.by)} a month, {dollars(total.after or 0)} in all"


def _over(one: Costed) -> str:
    ceiling = one.ceiling.usd if one.ceiling else 0
    return f"{dollars((one.bill.low, one.bill.high))} a month, and it is {dollars(ceiling)}"


def _there(change: Change) -> str:
    return " (new)" if change.before is None else " (gone)" if change.after is None else ""


def _name(change: Change) -> str:
    return _short(change.name)


def _short(name: str) -> str:
    return name.rpartition("::")[2]
