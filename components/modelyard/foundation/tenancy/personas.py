"""A team's personas: what its people, and its pipelines, may do, whatever their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pulumi

from modelyard.core import access
from modelyard.core.access import (
    Principal,
    Statement,
    trust_federated,
    trust_nobody,
    trust_saml,
    trust_sessions_named,
)
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.contract import CiContract, SignInContract
from modelyard.core.errors import AccessError, Fault, InputError, Source, SpecError
from modelyard.core.identity import Role
from modelyard.foundation.tenancy.federation import trust_runs, wildcards
from modelyard.foundation.tenancy.people_spec import Leavers, Persona, has_left, same_person
from modelyard.foundation.tenancy.spec import TeamHeader

DOES: Final[Mapping[Persona, str]] = {
    "data-scientist": "explores data and trains models",
    "ml-engineer": "builds and runs what models need",
    "approver": "decides which models are released, and makes none",
    "auditor": "reads what happened, and changes nothing",
    "pipeline": "is what CI runs as",
}
TRUST_LENGTH: Final = 2_048
"""Characters of a role's trust policy, white space aside (IAM quotas; AWS raises it to 4,096 on request)."""


def component_of(persona: Persona) -> str:
    """The logical name of a persona's role; its physical name follows, so that a door in another stack knows it."""
    return f"persona-{persona}"


def persona_arn(context: Context, persona: Persona) -> str:
    """The ARN of a team's persona, known before it exists."""
    name = context.names.of("iam-role", component_of(persona))
    return context.arn("iam", f"role{context.names.path}{name}", regional=False)


def door_name(context: Context, persona: Persona) -> str:
    """The name of the permission set through which a team's people reach a persona."""
    return context.names.of("permission-set", persona)


def trust_people(context: Context, persona: Persona, people: Sequence[str], sign_in: SignInContract) -> Statement:
    """Lets these people, and nobody else, assume a persona: as they sign in, under their own names."""
    if not people:
        return trust_nobody()
    match sign_in.kind:
        case "identity-center":
            door = f"role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_{door_name(context, persona)}_*"
            through = {"ArnLike": {"aws:PrincipalArn": context.arn("iam", door, regional=False)}}
            return trust_sessions_named(Principal.account(context.account, context.partition), people, through)
        case "saml":
            return trust_saml(context, sign_in.provider, sign_in.audience, people)
        case "oidc":
            token = trust_federated(context, sign_in.provider, sign_in.audience, subjects=people)
            subject = f"${{{sign_in.provider.removeprefix('https://')}:sub}}"
            conditions = {operator: dict(tests) for operator, tests in token.conditions.items()}
            conditions["StringEquals"]["sts:RoleSessionName"] = subject
            return Statement(token.actions, (), conditions, principal=token.principal)
        case "roles":
            return trust_sessions_named(Principal.roles(*sign_in.roles), people)


def persona_role(
    component: Component, persona: Persona, trusted: Sequence[Statement], written: Source, remedy: str = "Name fewer."
) -> Role:
    """The role of a persona, a child of `component`. Raises `AccessError` for a trust that is longer than IAM takes."""
    length = access.size(access.policy(trusted))
    if length > TRUST_LENGTH:
        problem = f"gives a trust policy of {length} characters, and IAM takes {TRUST_LENGTH}"
        raise AccessError(Fault(problem, remedy, written))
    return Role(
        component_of(persona),
        context=component.context,
        trusted=trusted,
        description=f"{component.context.owner}: {DOES[persona]}",
        opts=component.options(),
        written=written,
    )


def end_sessions(component: Component, role: Role, leavers: Leavers) -> None:
    """As "Revoke sessions" does (IAM/latest/UserGuide/id_roles_use_revoke-sessions), for whoever left last."""
    if leavers:
        old = {"DateLessThan": {"aws:TokenIssueTime": f"{max(leavers.values())}T00:00:00Z"}}
        role.allow(component, "end sessions", [Statement(("*",), ("*",), old, "Deny", sid="EndedSessions")])


class Personas(Component):
    """Roles of a team's people and pipelines, inside the team's boundary; each can do what it was granted.

    `header`: the team's. `sign_in`: how people sign in, and `ci`: the CI systems that the account trusts, both from the
    platform's contract. `leavers`: who has left, and on which day; they are in no trust, and sessions that began
    before the last of those days can do nothing. Raises `SpecError` for people without a way to sign in, and, in
    production, for people who approve what they make.
    """

    CAPABILITY = "tenancy"

    def __init__(
        self,
        name: str,
        header: TeamHeader,
        *,
        context: Context,
        sign_in: SignInContract | None = None,
        ci: Mapping[str, CiContract] | None = None,
        leavers: Leavers | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, header, context=context, transform=transform, opts=opts)
        gone = leavers or {}
        faults = list(header.separation_faults(production=context.production))
        if header.people and sign_in is None:
            remedy = 'Add "sign_in: {kind: identity-center, …}" to the platform\'s file.'
            faults.append(header.fault("people", "have no way to sign in", remedy))
        if faults:
            raise SpecError(*faults)
        self._roles: dict[Persona, Role] = {}
        for persona, people in header.people.items():
            assert sign_in is not None
            here = [person for person in people if not has_left(person, gone)]
            self._add(persona, [trust_people(context, persona, here, sign_in)], header.source(f"people.{persona}"))
        if header.ci_runs:
            self._add("pipeline", trust_runs(context, ci or {}, header.ci_runs), header.source("ci_runs"))
        for persona, role in self._roles.items():
            if persona != "pipeline":
                end_sessions(self, role, gone)
        self.exceptions: tuple[str, ...] = tuple(_exceptions(header))
        for exception in self.exceptions:
            pulumi.warn(exception, self)
        arns = {persona: role.arn for persona, role in self._roles.items()}
        self.register_outputs({"arns": arns, "exceptions": list(self.exceptions)})

    def __getitem__(self, persona: Persona) -> Role:
        """The identity of a persona, for grants. Raises `InputError` for one that the team hasn't."""
        if persona not in self._roles:
            known = ", ".join(self._roles) or "none"
            where = '"ci_runs"' if persona == "pipeline" else f'"people: {{{persona}: [...]}}"'
            raise InputError(
                Fault(f"the team has no such persona; it has: {known}", f"Declare {where}.", self.written, persona)
            )
        return self._roles[persona]

    def __contains__(self, persona: object) -> bool:
        return persona in self._roles

    def __iter__(self) -> Iterator[Persona]:
        """The personas that the team has."""
        return iter(self._roles)

    def _add(self, persona: Persona, trusted: Sequence[Statement], written: Source) -> None:
        self._roles[persona] = persona_role(self, persona, trusted, written, "Split the team, or name fewer.")


def _exceptions(header: TeamHeader) -> Iterator[str]:
    """What somebody spelled out and a reviewer must see."""
    both = header.approvers_who_make()
    for person, reason in header.not_separated.items():
        if any(same_person(person, other) for other in both):
            yield f"{header.team}: {person} may approve what they make: {reason}"
        else:
            yield f"{header.team}: not_separated names {person}, and nothing needs it any more; take it away"
    for what, runs in (("pipeline", header.ci_runs), ("deployment", header.deployed_by)):
        for wildcard in wildcards(runs):
            yield f"{header.team}: the {what} trusts a pattern, {wildcard}"
