"""A team's workbench as its own stack knows it: what it may be granted, and who may open it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi

from modelyard.build.workbench.access import may_open
from modelyard.core.access import Grantee, address, identity_of
from modelyard.core.addresses import COMMA, WorkbenchAddress
from modelyard.core.context import Context
from modelyard.core.errors import Source
from modelyard.core.identity import ExistingRole
from modelyard.foundation.tenancy import same_person

EXECUTION: Final = "execution"
"""The role that work in Studio runs as."""

_AT_ONCE: Final = 16
"""People of one policy: it stays below what IAM takes, however long the names are."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a workbench that grants by itself, since policies have a length."""

    component: str


def grant_open(
    component: str,
    context: Context,
    domain_id: pulumi.Input[str],
    profiles: Mapping[str, str],
    grantee: Grantee,
    people: Iterable[str],
) -> None:
    """Let each of `people` who has a profile open it, in sessions of `grantee` under their own names."""
    mine = [person for known in people for person in profiles if same_person(person, known)]
    identity = identity_of(grantee)
    whose = ",".join(f"{person.replace(',', COMMA)}={profiles[person]}" for person in mine)
    known = [address(WorkbenchAddress, name=component, domain_id=domain_id, profiles=whose)]
    for start in range(0, len(mine), _AT_ONCE):
        some = mine[start : start + _AT_ONCE]
        part = _Part(f"{component}-{start // _AT_ONCE + 1}" if start else component)
        identity.allow(part, "open", may_open(context, domain_id, profiles, some), [] if start else known)


class KnownWorkbench:
    """The workbench that the platform's contract names for a team.

    `context`: the team's. `role_arn`: of the role that work in Studio runs as. `profiles`: by person. What is granted
    to it goes to that role, so `lake.grant_read(workbench, …)` is a grant to whoever works there.
    """

    def __init__(
        self,
        context: Context,
        *,
        domain_id: str,
        role_arn: str,
        profiles: Mapping[str, str],
        component: str = "workbench",
        opts: pulumi.ResourceOptions | None = None,
        written: Source | None = None,
    ) -> None:
        self.component = component
        self.context = context
        self.domain_id = domain_id
        self.profiles = dict(profiles)
        self.identity = ExistingRole(f"{component}-{EXECUTION}", role_arn, context=context, opts=opts, written=written)

    def grant_open(self, grantee: Grantee, people: Sequence[str]) -> None:
        """Let each of `people`, in sessions of `grantee` under their own names, open their own profile."""
        grant_open(self.component, self.context, self.domain_id, self.profiles, grantee, people)
