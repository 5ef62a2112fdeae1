"""The doors through which a team's people reach its personas: permission sets, groups and assignments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Statement
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.contract import SignInContract
from modelyard.foundation.tenancy.people_spec import (
    HumanPersona,
    IdentityCenterSpec,
    Leavers,
    OidcSpec,
    RolesSpec,
    SamlSpec,
    has_left,
)
from modelyard.foundation.tenancy.personas import DOES, door_name, persona_arn


def sign_in_contract(spec: IdentityCenterSpec | SamlSpec | OidcSpec | RolesSpec) -> SignInContract:
    """What a persona's trust must know of how people sign in."""
    match spec:
        case IdentityCenterSpec():
            return SignInContract(kind=spec.kind)
        case SamlSpec():
            return SignInContract(kind=spec.kind, provider=spec.provider, audience=spec.audience)
        case OidcSpec():
            return SignInContract(kind=spec.kind, provider=spec.issuer, audience=spec.audience)
        case RolesSpec():
            return SignInContract(kind=spec.kind, roles=spec.roles)


class IdentityCenterDoors(Component):
    """For each persona of a team, or of the platform, a permission set that can do one thing: assume that persona.

    `context` is the team's; `people` says who is in which persona, and `leavers` who no longer is. `boundary`: the name
    of the team's, which is on every permission set; it lives in the team's account. Absent: none, as for the platform.
    `opts` lead to the account that administers Identity Center.
    """

    CAPABILITY = "tenancy"

    def __init__(
        self,
        name: str,
        spec: IdentityCenterSpec,
        *,
        context: Context,
        people: Mapping[HumanPersona, Sequence[str]],
        boundary: pulumi.Input[str] | None = None,
        leavers: Leavers | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self._boundary = boundary
        self._users: dict[str, pulumi.Output[str]] = {}
        doors: dict[str, pulumi.Output[str]] = {}
        for persona, named in people.items():
            here = [person for person in named if not has_left(person, leavers or {})]
            doors[persona] = self._door(persona, here)
        self.register_outputs({"doors": doors})

    def _door(self, persona: HumanPersona, people: list[str]) -> pulumi.Output[str]:
        spec, context = self.spec, self.context
        door = aws.ssoadmin.PermissionSet(
            self.named(persona),
            name=door_name(context, persona),
            description=f"{context.owner} in {context.environment}: {DOES[persona]}",
            instance_arn=spec.instance_arn,
            session_duration=f"PT{spec.session_hours}H",
            region=spec.region,
            opts=self.options(),
        )
        ceiling: list[pulumi.Resource] = []
        if self._boundary is not None:
            ceiling.append(self._ceiling(persona, door, self._boundary))
        assume = Statement(("sts:AssumeRole",), (persona_arn(context, persona),), sid="ThePersona")
        policy = aws.ssoadmin.PermissionSetInlinePolicy(
            self.named(f"{persona}-access"),
            instance_arn=spec.instance_arn,
            permission_set_arn=door.arn,
            inline_policy=access.policy_json([assume]),
            region=spec.region,
            opts=self.options(depends_on=ceiling),
        )
        if spec.assign == "groups":
            group = self._group(persona, people)
            self._assign(f"{persona}-group", door, policy, "GROUP", group)
        else:
            for person in people:
                self._assign(f"{persona}-{_key(person)}", door, policy, "USER", self._user(person))
        return door.arn

    def _ceiling(
        self, persona: HumanPersona, door: aws.ssoadmin.PermissionSet, boundary: pulumi.Input[str]
    ) -> aws.ssoadmin.PermissionsBoundaryAttachment:
        return aws.ssoadmin.PermissionsBoundaryAttachment(
            self.named(f"{persona}-boundary"),
            instance_arn=self.spec.instance_arn,
            permission_set_arn=door.arn,
            permissions_boundary={
                "customer_managed_policy_reference": {"name": boundary, "path": self.context.names.path}
            },
            region=self.spec.region,
            opts=self.options(),
        )

    def _group(self, persona: HumanPersona, people: list[str]) -> pulumi.Output[str]:
        group = aws.identitystore.Group(
            self.named(f"{persona}-people"),
            identity_store_id=self.spec.identity_store_id,
            display_name=self.context.names.of("directory-group", persona),
            description=f"{self.context.owner} in {self.context.environment}: {DOES[persona]}",
            region=self.spec.region,
            opts=self.options(),
        )
        for person in people:
            aws.identitystore.GroupMembership(
                self.named(f"{persona}-{_key(person)}"),
                identity_store_id=self.spec.identity_store_id,
                group_id=group.group_id,
                member_id=self._user(person),
                region=self.spec.region,
                opts=self.options(),
            )
        return group.group_id

    def _assign(
        self,
        role: str,
        door: aws.ssoadmin.PermissionSet,
        policy: aws.ssoadmin.PermissionSetInlinePolicy,
        kind: str,
        principal: pulumi.Output[str],
    ) -> None:
        aws.ssoadmin.AccountAssignment(
            self.named(f"{role}-assignment"),
            instance_arn=self.spec.instance_arn,
            permission_set_arn=door.arn,
            principal_type=kind,
            principal_id=principal,
            target_type="AWS_ACCOUNT",
            target_id=self.context.account,
            region=self.spec.region,
            opts=self.options(depends_on=[policy]),
        )

    def _user(self, person: str) -> pulumi.Output[str]:
        """The directory's id of a person. The deployment fails for somebody whom the directory doesn't know."""
        if person not in self._users:
            found = aws.identitystore.get_user_output(
                identity_store_id=self.spec.identity_store_id,
                alternate_identifier=aws.identitystore.GetUserAlternateIdentifierArgs(
                    unique_attribute=aws.identitystore.GetUserAlternateIdentifierUniqueAttributeArgs(
                        attribute_path="UserName", attribute_value=person
                    )
                ),
                region=self.spec.region,
                opts=pulumi.InvokeOutputOptions(parent=self),
            )
            self._users[person] = found.user_id
        return self._users[person]


def _key(person: str) -> str:
    """A person in a logical name: the same on every run, whatever their place in the list."""
    return person.casefold()
