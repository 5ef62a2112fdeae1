"""What a platform's or a team's file says about where people work: on which machines, for how long, with what space."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.build.workbench.types import STUDIO_TYPES
from modelyard.core.errors import Fault
from modelyard.core.retention import Retention
from modelyard.core.spec import REPLACES, Spec
from modelyard.foundation.tenancy import Person, same_person

Editor = Literal["jupyterlab", "code-editor"]
InstanceType = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
"""As SageMaker writes it: `ml.t3.medium`."""

SHORTEST_IDLE: Final = 60
LONGEST_IDLE: Final = 525_600
"""Minutes that SageMaker takes (sagemaker/latest/APIReference/API_IdleSettings)."""
LONGEST_SCRIPT: Final = 12_288
"""Characters of ASCII whose base64 is as long as SageMaker takes (API_CreateStudioLifecycleConfig: 16,384)."""


class WorkbenchSpec(Spec):
    """Notebooks and editors for the people of a team, inside the network, each person in a space of their own."""

    people: tuple[Person, ...] | None = Field(
        default=None,
        description="Who gets a profile, of the team's people. Absent: every data scientist and ML engineer.",
    )
    editors: tuple[Editor, ...] = Field(
        default=("jupyterlab", "code-editor"),
        min_length=1,
        description="What people work in; each person has one space for each. No other app starts.",
    )
    instance_types: tuple[InstanceType, ...] = Field(
        default=("ml.t3.medium",),
        min_length=1,
        max_length=30,
        description="Types that people may start, enforced by IAM. The cheapest useful one alone: larger ones are "
        "asked for here, where a reviewer sees them, and heavy work belongs in jobs.",
    )
    default_instance_type: InstanceType = Field(
        default="ml.t3.medium", description="What an app starts on where nobody chose. The cheapest useful one."
    )
    idle_minutes: int = Field(
        default=60,
        ge=SHORTEST_IDLE,
        le=LONGEST_IDLE,
        description="Minutes without work after which an app is stopped. The least that SageMaker takes: what is "
        "forgotten overnight costs an hour. It can't be switched off.",
    )
    most_idle_minutes: int | None = Field(
        default=None,
        ge=SHORTEST_IDLE,
        le=LONGEST_IDLE,
        description="Minutes that people may raise it to for their own space. Absent: no more than idle_minutes.",
    )
    volume_gib: int = Field(
        default=5, ge=5, le=16_384, description="GiB of a new space's disk, paid while the space exists. The least."
    )
    most_volume_gib: int = Field(
        default=50, ge=5, le=16_384, description="GiB that people may raise it to; a disk never shrinks."
    )
    start_script: str | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_SCRIPT,
        description="A shell script that runs whenever an app starts, such as one that sets a package mirror; "
        "SageMaker ends it after five minutes. No secrets: whoever works there reads it. Absent: none.",
    )
    retention: Annotated[Retention | None, REPLACES] = Field(
        default=None,
        description="What becomes of the home file system when the domain goes. Absent: kept in production, where "
        "nobody gets it back, else deleted.",
    )

    @property
    def longest_idle(self) -> int:
        """Minutes that an app may idle at most, whatever its owner chose."""
        return self.idle_minutes if self.most_idle_minutes is None else self.most_idle_minutes

    @property
    def hidden_types(self) -> list[str]:
        """Types that Studio doesn't show, since nobody may start them."""
        return [name for name in STUDIO_TYPES if name not in self.instance_types]

    def check(self) -> Iterator[Fault]:
        """Types that don't exist, a default that isn't allowed, and limits below what they limit."""
        for index, name in enumerate(self.instance_types):
            if name in self.instance_types[:index]:
                yield self.fault(f"instance_types[{index}]", "is listed twice", "Remove one.", name)
            elif name not in STUDIO_TYPES:
                close = difflib.get_close_matches(name, STUDIO_TYPES, n=1)
                hint = f'Did you mean "{close[0]}"?' if close else "Use one such as ml.t3.medium."
                yield self.fault(f"instance_types[{index}]", "is no type that Studio runs on", hint, name)
        if self.default_instance_type not in self.instance_types:
            allowed = ", ".join(self.instance_types)
            yield self.fault(
                "default_instance_type",
                f"isn't among instance_types: {allowed}",
                "Use one of those, or add it there.",
                self.default_instance_type,
            )
        if self.most_idle_minutes is not None and self.most_idle_minutes < self.idle_minutes:
            yield self.fault(
                "most_idle_minutes",
                f"is less than idle_minutes, {self.idle_minutes}",
                f"Use {self.idle_minutes} or more.",
                self.most_idle_minutes,
            )
        if self.most_volume_gib < self.volume_gib:
            yield self.fault(
                "most_volume_gib",
                f"is less than volume_gib, {self.volume_gib}",
                f"Use {self.volume_gib} or more.",
                self.most_volume_gib,
            )
        for index, editor in enumerate(self.editors):
            if editor in self.editors[:index]:
                yield self.fault(f"editors[{index}]", "is listed twice", "Remove one.", editor)
        if self.start_script is not None and not self.start_script.isascii():
            yield self.fault("start_script", "holds characters other than ASCII", "Use ASCII.")

    def strangers(self, team: Iterable[str]) -> Iterator[Fault]:
        """People named here who aren't the team's, and names that are there twice."""
        known = tuple(team)
        for index, person in enumerate(self.people or ()):
            if any(same_person(person, other) for other in (self.people or ())[:index]):
                yield self.fault(f"people[{index}]", "is there twice", "Remove one.", person)
            elif person not in known:
                near = next((other for other in known if same_person(person, other)), None)
                hint = (
                    f'Write "{near}", as the team does.' if near else "Add them to the team's people, or remove them."
                )
                yield self.fault(f"people[{index}]", "is nobody of the team's", hint, person)
