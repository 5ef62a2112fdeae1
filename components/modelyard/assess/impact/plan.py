"""A plan: the forecasts of several stacks, and what they destroy in one line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from modelyard.assess.impact.forecast import Forecast, Op, Step
from modelyard.assess.impact.state import Loss, Lost

_DESTROYS: Final = "destroys"
_MAY: Final = "may destroy"
_SHORTENS: Final = "keeps less of"


@dataclass(frozen=True, slots=True)
class Planned:
    """The forecast of one stack, as people call it, in one environment. `against`: what it is compared with."""

    stack: str
    environment: str
    against: str
    forecast: Forecast

    def as_json(self) -> dict[str, Any]:
        """The stack as `--json` prints it."""
        return {
            "stack": self.stack,
            "environment": self.environment,
            "against": self.against,
            **self.forecast.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to each stack. `left`: stacks whose files are gone, and that nobody takes down."""

    stacks: tuple[Planned, ...]
    left: tuple[str, ...] = ()

    @property
    def destroying(self) -> list[tuple[Planned, Step]]:
        """The steps that something is lost by, with their stacks."""
        return [(one, step) for one in self.stacks for step in one.forecast.destroying]

    @property
    def summary(self) -> str:
        """One line: what is destroyed, what may be, and how many steps can't be done."""
        refused = sum(len(one.forecast.impossible) for one in self.stacks)
        lost = summary(step for _, step in self.destroying)
        return f"{lost}; can't be done: {refused}" if refused else lost

    def as_json(self) -> dict[str, Any]:
        """The plan as `--json` prints it."""
        return {
            "summary": self.summary,
            "stacks": [one.as_json() for one in self.stacks],
            "left": list(self.left),
        }


def summary(steps: Iterable[Step]) -> str:
    """One line: what the steps destroy, what they may, and what they keep less of; the worst first."""
    by: defaultdict[str, list[Loss]] = defaultdict(list)
    for step in steps:
        if step.loses is not None:
            by[_verb(step.op, step.loses)].append(step.loses)
    said = [f"{verb}: {', '.join(_counted(by[verb]))}" for verb in (_DESTROYS, _MAY, _SHORTENS) if by[verb]]
    return "; ".join(said) or "destroys nothing"


def _verb(op: Op, loss: Loss) -> str:
    if loss.shortens:
        return _SHORTENS
    return _MAY if op is Op.MAY_REPLACE else _DESTROYS


def _counted(losses: Iterable[Loss]) -> Iterator[str]:
    found = Counter((loss.lost, loss.thing) for loss in losses)
    for (lost, thing), count in sorted(
        found.items(), key=lambda each: (list(Lost).index(each[0][0]), -each[1], each[0])
    ):
        said = f"{count} {thing if count == 1 else _plural(thing)}"
        yield said if lost == thing else f"{said} ({lost})"


def _plural(thing: str) -> str:
    if thing.endswith(("s", "sh", "ch")):
        return f"{thing}es"
    return f"{thing[:-1]}ies" if thing.endswith("y") and thing[-2:] not in ("ey", "ay", "oy") else f"{thing}s"
