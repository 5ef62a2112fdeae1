"""The header of a team's file: who the team is, who answers for it, who works in it, and whose account it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, StringConstraints

from modelyard.core.context import Context
from modelyard.core.errors import Fault
from modelyard.core.names import PLATFORM_TEAM
from modelyard.core.spec import REPLACES, AccountId, Email, Spec
from modelyard.foundation.budgets import BudgetSpec
from modelyard.foundation.cluster import ClusterQuotaSpec
from modelyard.foundation.tenancy.federation_spec import CiRun
from modelyard.foundation.tenancy.people_spec import AUTHORS, HumanPersona, Person, Reason, named_twice, same_person

Capability = Literal[
    "batch", "data", "doors", "features", "images", "kubernetes", "lustre", "monitoring", "pipelines", "registry",
    "retraining", "secrets", "serving", "tracking", "training", "workbench",
]  # fmt: skip
CAPABILITIES: Final[tuple[Capability, ...]] = get_args(Capability)
"""What a fence may admit: parts of a team's file, what its training runs on, the workbench that the platform makes."""
PARTS: Final[Mapping[Capability, tuple[str, ...]]] = {
    "kubernetes": ("quota",),
    "monitoring": ("serving",),
    "serving": ("serving", "language_models", "batch_inference"),
}
"""The parts of a team's file that ask for a capability. Absent: the one that is called like it."""
ORDINARY: Final[tuple[Capability, ...]] = tuple(
    name for name in CAPABILITIES if name not in ("batch", "doors", "kubernetes", "lustre")
)
"""What a fence admits where nobody says: with machines of its own as well, a boundary is too long for IAM."""

TeamName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*$", max_length=16)]
"""Lower-case letters and digits; no hyphen, since every policy of team `a` speaks of names that begin with `a-`."""


class Owner(Spec):
    """A person, or a group of people, who answers for the team."""

    name: str = Field(min_length=1, max_length=128, description="What people call them.")
    email: Email = Field(description="Where they read mail.")


class TeamHeader(Spec):
    """What the platform's stack reads of a team's file; nothing here lets a team loosen its own fence."""

    team: Annotated[TeamName, REPLACES] = Field(
        description=(
            "The team's name, as the file is called: letters and digits, at most 16, since it is part of every name. "
            "No hyphen: the names of team `a-b` would be among those of team `a`."
        )
    )
    owners: tuple[Owner, ...] = Field(min_length=1, description="Who answers for the team; two survive a holiday.")
    cost_center: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9 _.:/=+@-]+$",
        max_length=256,
        description="Where the team's costs are booked. Absent: they show under the team's name only.",
    )
    budget: BudgetSpec | None = Field(
        default=None,
        description="What the team may cost in a month. Absent: what the platform's file says for teams.",
    )
    account: Annotated[AccountId | None, REPLACES] = Field(
        default=None,
        description=(
            "The AWS account that is the team's alone: it hides names, metrics and quotas from the others too. "
            "Absent: the platform's own, which all teams share, since an account costs upkeep."
        ),
    )
    capabilities: tuple[Capability, ...] | None = Field(
        default=None,
        description=(
            "What the team's fence admits, where its stack makes more than its file says. Absent: what the file "
            "declares, so that the fence is as narrow as can be."
        ),
    )
    quota: ClusterQuotaSpec | None = Field(
        default=None,
        description=(
            "What the team may use of the platform's cluster of Kubernetes. Absent: it has no namespace there; small "
            "teams need none."
        ),
    )
    people: dict[HumanPersona, Annotated[tuple[Person, ...], Field(min_length=1)]] = Field(
        default_factory=dict[HumanPersona, tuple[Person, ...]],
        description=(
            "Who works in the team, by persona: the names under which they sign in, as the directory writes them. "
            "A name that goes from here goes from the persona's trust and from the directory's group."
        ),
    )
    not_separated: dict[Person, Reason] = Field(
        default_factory=dict[Person, Reason],
        description=(
            "Who approves what they may have made themselves, and why that must be; production refuses everybody else. "
            "Reported at each deployment."
        ),
    )
    ci_runs: tuple[CiRun, ...] = Field(
        default=(),
        max_length=10,
        description="Runs of a CI system that act as the persona `pipeline`. Absent: there is no such persona.",
    )
    deployed_by: tuple[CiRun, ...] = Field(
        default=(),
        max_length=10,
        description=(
            "Runs of a CI system that may assume the team's deployment role, below what the platform's file lets teams "
            "name. Absent: only the platform's own deployers may."
        ),
    )

    def check(self) -> Iterator[Fault]:
        """One name is the platform's own; nobody is in a persona twice."""
        if self.team == PLATFORM_TEAM:
            yield self.fault("team", "is the platform's own name", "Choose another.", self.team)
        for persona, people in self.people.items():
            yield from named_twice(self, f"people.{persona}", people)

    def uses(self, capability: Capability) -> bool:
        """Whether the fence admits it."""
        return capability in (ORDINARY if self.capabilities is None else self.capabilities)

    def separation_faults(self, *, production: bool) -> Iterator[Fault]:
        """Who approves what they make, in production, and is no exception.

        Source: NIST SP 800-53 AC-5, separation of duties.
        """
        both = self.approvers_who_make() if production else []
        for index, person in enumerate(self.people.get("approver", ())):
            if person in both and not any(same_person(person, known) for known in self.not_separated):
                yield self.fault(
                    f"people.approver[{index}]",
                    "approves what they make themselves, in production",
                    f'Name another approver, or say why under "not_separated: {{{person}: …}}".',
                    person,
                )

    def approvers_who_make(self) -> list[str]:
        """The approvers who are data scientists or engineers as well."""
        makers = [person for persona in AUTHORS for person in self.people.get(persona, ())]
        return [one for one in self.people.get("approver", ()) if any(same_person(one, other) for other in makers)]


class AdoptedSpec(Spec):
    """What exists under names of its own and comes into a team's reach; the platform says so, never the team."""

    buckets: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")], ...] = Field(
        default=(), description="Buckets that a zone of the team's lake takes over."
    )
    databases: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,255}$")], ...] = Field(
        default=(), description="Databases of the Glue catalog that the team's lake takes over, with their tables."
    )

    def arns(self, context: Context) -> tuple[str, ...]:
        """The ARNs in the context's account."""
        buckets = [f"arn:{context.partition}:s3:::{name}" for name in self.buckets]
        databases = [
            context.arn("glue", part) for name in self.databases for part in (f"database/{name}", f"table/{name}/*")
        ]
        return (*buckets, *(f"{bucket}/*" for bucket in buckets), *databases)


class AccountsSpec(Spec):
    """How the platform's deployment enters the accounts that teams have for themselves."""

    access_role: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@/-]+$", max_length=576)] = Field(
        default="OrganizationAccountAccessRole",
        description=(
            "The name (with its path) of the role that the platform's deployment assumes in a team's account, to make "
            "the fence and the keys there. The one that AWS Organizations makes in each new account."
        ),
    )

    def role_in(self, context: Context) -> str:
        """The ARN of the role in the context's account."""
        return context.arn("iam", f"role/{self.access_role}", regional=False)
