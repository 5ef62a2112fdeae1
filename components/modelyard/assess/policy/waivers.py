"""Waivers: one rule, some resources, a reason, an owner, and a last day; nothing is waived for ever.

A file `waivers.yaml` beside `platform.yaml` lists them. An expired one is a fault, an unused one is reported, and no
waiver speaks of more than one rule.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from modelyard.assess.policy.engine import Result
from modelyard.assess.policy.rule import Rule, is_foreign
from modelyard.core.document import load, read
from modelyard.core.errors import Fault, SpecError
from modelyard.core.spec import Email, Spec

FILE: Final = "waivers.yaml"
WARN: Final = timedelta(days=14)
LONGEST: Final = timedelta(days=366)
"""A year: whoever still needs it then says so again."""


class Waiver(Spec):
    """Lets one rule be broken by the resources that it names, until a day."""

    rule: str = Field(description="The rule's id.")
    urn: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(
        description="The resource's URN; * stands for any text. Not * alone: a waiver names what it is for."
    )
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500)] = Field(description="Why it is right so.")
    owner: Email = Field(description="Who answers for it.")
    until: date = Field(description="The last day (UTC) that it holds, at most a year ahead.")

    def covers(self, result: Result) -> bool:
        """Whether it speaks of this result."""
        return self.rule == result.rule.id and fnmatch.fnmatchcase(result.urn, self.urn)


class WaiversSpec(Spec):
    """The content of `waivers.yaml`."""

    waivers: tuple[Waiver, ...] = Field(default=(), max_length=500, description="The waivers.")

    def faults_on(self, today: date, rules: Iterable[Rule]) -> Iterator[Fault]:
        """Waivers that are over, too long, or of rules that there aren't."""
        known = {rule.id for rule in rules}
        for index, waiver in enumerate(self.waivers):
            where = f"waivers[{index}]"
            if waiver.rule not in known and not is_foreign(waiver.rule):
                yield self.fault(f"{where}.rule", "is no rule", "See what there is: yard rules.", waiver.rule)
            if not waiver.urn.strip("*?"):
                remedy = "Name the resource, or its type and a part of its name."
                yield self.fault(f"{where}.urn", "silences the whole rule", remedy, waiver.urn)
            yield from faults_of_day(self, f"{where}.until", waiver.until, today, LONGEST)


def faults_of_day(spec: Spec, path: str, until: date, today: date, longest: timedelta) -> Iterator[Fault]:
    """What is wrong with the last day, at `path` of `spec`, that something holds: it is over, or too far ahead."""
    if until < today:
        remedy = "Mend what it was for, or say again why it is needed, and until when."
        yield spec.fault(path, "is over", remedy, until.isoformat())
    elif until - today > longest:
        ahead = "a year" if longest == LONGEST else f"{longest.days} days"
        yield spec.fault(path, f"is more than {ahead} ahead", "Name a nearer day.", until.isoformat())


def waivers_of(root: Path, today: date, rules: Iterable[Rule]) -> Sequence[Waiver]:
    """The waivers of the project at `root`; none where there is no file. Raises `SpecError` with all its faults."""
    path = root / FILE
    if not path.exists():
        return ()
    spec = load(read(path), WaiversSpec)
    faults = list(spec.faults_on(today, rules))
    if faults:
        raise SpecError(*faults)
    return spec.waivers


@dataclass(frozen=True, slots=True)
class Waived:
    """A result that a waiver speaks of."""

    result: Result
    waiver: Waiver


def divided(results: Iterable[Result], waivers: Sequence[Waiver]) -> tuple[list[Result], list[Waived]]:
    """The results that stand, and those that a waiver covers: the first one that does."""
    stand, waived = list[Result](), list[Waived]()
    for result in results:
        found = next((waiver for waiver in waivers if waiver.covers(result)), None)
        if found is None:
            stand.append(result)
        else:
            waived.append(Waived(result, found))
    return stand, waived


def unused(waivers: Iterable[Waiver], waived: Iterable[Waived], *, foreign: bool = False) -> list[Waiver]:
    """The waivers that covered nothing. Of a rule that another tool asks that is known where `foreign` ones were."""
    used = {id(each.waiver) for each in waived}
    return [waiver for waiver in waivers if id(waiver) not in used and (foreign or not is_foreign(waiver.rule))]


def ending(waivers: Iterable[Waiver], today: date) -> list[Waiver]:
    """The waivers that end within two weeks."""
    return [waiver for waiver in waivers if today <= waiver.until <= today + WARN]
