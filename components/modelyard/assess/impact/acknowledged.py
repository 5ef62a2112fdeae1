"""Acknowledgements: one resource may be replaced, deleted, or keep less than it did; who says so, why, and until when.

A file `acknowledged.yaml` at the project's root lists them. It names each resource in full, so that no pattern lets
through more than was meant; an expired one is a fault, an unused one is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.assess.impact.forecast import Op, Step
from modelyard.assess.impact.plan import Plan, Planned
from modelyard.assess.policy.waivers import faults_of_day
from modelyard.core.document import load, read
from modelyard.core.errors import Fault, InputError, SpecError
from modelyard.core.spec import Email, Spec

FILE: Final = "acknowledged.yaml"
LONGEST: Final = timedelta(days=31)
"""A month: what was meant for one deployment doesn't let the next one through."""
SUGGESTED: Final = timedelta(days=7)


class Acknowledgement(Spec):
    """Lets one resource be replaced or deleted, or keep less than it did, until a day."""

    resource: Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^*?]+$")] = Field(
        description="The resource's URN; its name is enough where one change alone has it. No pattern."
    )
    does: Literal["replace", "delete", "shorten"] = Field(
        description="What may happen to it; `shorten`: it stays, and keeps less."
    )
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500)] = Field(
        description="Why that is right, and what becomes of what it holds."
    )
    owner: Email = Field(description="Who answers for it.")
    until: date = Field(description="The last day (UTC) that it holds, at most 31 days ahead.")

    def covers(self, step: Step) -> bool:
        """Whether it speaks of this step."""
        same = self.resource in (step.urn, step.was, step.name)
        return same and self.does == does(step)


def does(step: Step) -> str:
    """What an acknowledgement calls that which the step does."""
    if step.loses is not None and step.loses.shortens:
        return "shorten"
    return "delete" if step.op is Op.DELETE else "replace"


class AcknowledgedSpec(Spec):
    """The content of `acknowledged.yaml`."""

    acknowledged: tuple[Acknowledgement, ...] = Field(default=(), max_length=200, description="The acknowledgements.")

    def faults_on(self, today: date) -> Iterator[Fault]:
        """Acknowledgements that are over, or too long."""
        for index, one in enumerate(self.acknowledged):
            yield from faults_of_day(self, f"acknowledged[{index}].until", one.until, today, LONGEST)


def acknowledgements_of(path: Path, today: date) -> Sequence[Acknowledgement]:
    """The acknowledgements of a file; none where there is none. Raises `SpecError` with all its faults."""
    if not path.is_file():
        return ()
    spec = load(read(path), AcknowledgedSpec)
    faults = list(spec.faults_on(today))
    if faults:
        raise SpecError(*faults)
    return spec.acknowledged


@dataclass(frozen=True, slots=True)
class Guarded:
    """What a guard says of a plan: what it refuses, what was acknowledged, and acknowledgements that cover nothing.

    `impossible`: what the service would refuse, whoever acknowledges it. `file`: where acknowledgements stand.
    `suggested`: a day to write there.
    """

    refused: tuple[tuple[Planned, Step], ...]
    impossible: tuple[tuple[Planned, Step], ...]
    accepted: tuple[tuple[Planned, Step, Acknowledgement], ...]
    unused: tuple[Acknowledgement, ...]
    file: str
    suggested: date

    def as_json(self) -> dict[str, Any]:
        """The verdict as `--json` prints it."""
        return {
            "refused": [
                {"stack": one.stack, "environment": one.environment, "urn": step.urn, "op": str(step.op)}
                for one, step in self.refused
            ],
            "impossible": [
                {"stack": one.stack, "environment": one.environment, "urn": step.urn, "because": step.impossible}
                for one, step in self.impossible
            ],
            "acknowledged": [
                {"urn": step.urn, "op": str(step.op), "owner": said.owner, "until": said.until.isoformat()}
                for _, step, said in self.accepted
            ],
            "unused": [{"resource": said.resource, "does": said.does} for said in self.unused],
        }


def guarded(plan: Plan, acknowledgements: Sequence[Acknowledgement], today: date, *, file: str = FILE) -> Guarded:
    """What of the plan needs an acknowledgement, and has one.

    State is what the plan says is lost, but for identities and what its component calls ephemeral. Raises `InputError`
    where a name alone could mean several resources of the plan.
    """
    asked = [
        (one, step)
        for one, step in plan.destroying
        if step.loses is not None and step.loses.lost.is_state and not step.loses.ephemeral
    ]
    faults = list(_ambiguous(asked, acknowledgements))
    if faults:
        raise InputError(*faults)
    refused: list[tuple[Planned, Step]] = []
    accepted: list[tuple[Planned, Step, Acknowledgement]] = []
    for one, step in asked:
        said = next((each for each in acknowledgements if each.covers(step)), None)
        if said is None:
            refused.append((one, step))
        else:
            accepted.append((one, step, said))
    used = {id(said) for _, _, said in accepted}
    unused = tuple(said for said in acknowledgements if id(said) not in used)
    cannot = tuple((one, step) for one in plan.stacks for step in one.forecast.impossible)
    return Guarded(tuple(refused), cannot, tuple(accepted), unused, file, today + SUGGESTED)


def _ambiguous(asked: Sequence[tuple[Planned, Step]], acknowledgements: Sequence[Acknowledgement]) -> Iterator[Fault]:
    for said in acknowledgements:
        meant = [step.urn for _, step in asked if said.covers(step)]
        if len(meant) > 1:
            problem = f"could mean {len(meant)} resources: {', '.join(meant)}"
            yield said.fault("resource", problem, "Write the URN of the one that is meant.", said.resource)
