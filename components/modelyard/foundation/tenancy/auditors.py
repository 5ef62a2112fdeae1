"""The platform's auditors: people who read what happened in all teams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi

from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.contract import SignInContract
from modelyard.core.errors import Source
from modelyard.core.identity import Role
from modelyard.foundation.tenancy.people_spec import Leavers, has_left
from modelyard.foundation.tenancy.personas import end_sessions, persona_role, trust_people


class Auditors(Component):
    """One role of the platform's own, which can do what it was granted, and who may assume it.

    Teams have auditors of their own, inside their boundaries; what tells of all teams is nothing for those. `people`:
    the names under which they sign in; `leavers`: who no longer is one of them. Raises `AccessError` for more people
    than a trust policy takes.
    """

    CAPABILITY = "tenancy"

    def __init__(
        self,
        name: str,
        people: Sequence[str],
        *,
        context: Context,
        sign_in: SignInContract,
        leavers: Leavers | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        written: Source | None = None,
    ) -> None:
        super().__init__(name, None, context=context, transform=transform, opts=opts, written=written)
        here = [person for person in people if not has_left(person, leavers or {})]
        self.identity: Role = persona_role(
            self, "auditor", [trust_people(context, "auditor", here, sign_in)], self.written
        )
        end_sessions(self, self.identity, leavers or {})
        self.register_outputs({"arn": self.identity.arn})
