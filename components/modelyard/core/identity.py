"""Identities that act in AWS: roles of ours and roles that exist; each collects its grants into policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Grant, PendingAddress, Statement, Thing
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import AccessError, Fault, Source
from modelyard.core.settle import at_program_end

ADDRESSES: Final = "addresses"
_THEIRS_UNTIL_OURS: Final = (
    "assumeRolePolicy",
    "description",
    "maxSessionDuration",
    "permissionsBoundary",
    "tags",
    "tagsAll",
)
"""What an adopted role keeps as it was found."""


class _CollectsGrants(Component):
    """What roles of ours and existing ones share: grants in, policies and addresses out."""

    CAPABILITY = "access"

    def _begin(self, role_name: pulumi.Input[str], arn: pulumi.Input[str]) -> None:
        self.role_name: pulumi.Output[str] = pulumi.Output.from_input(role_name)
        self.arn: pulumi.Output[str] = pulumi.Output.from_input(arn)
        self._grants: dict[str, Grant] = {}
        self._settled = False
        self.resources_path: str = self.context.names.of("ssm-parameter", self.component)
        """What `MODELYARD_RESOURCES` must say where this identity's code runs."""
        at_program_end(self._settle)

    def allow(
        self,
        thing: Thing,
        intent: str,
        statements: Sequence[Statement],
        addresses: Sequence[PendingAddress] = (),
    ) -> None:
        """Take a grant from `thing`. Raises `AccessError` once the program has ended."""
        if self._settled:
            raise AccessError(
                Fault(
                    f"{thing.component} grants {intent} after the policies were written",
                    "Grant in the program itself, never inside apply().",
                    self.written,
                )
            )
        grant = self._grants.setdefault(thing.component, Grant(thing.component))
        if intent not in grant.intents:
            grant.intents.append(intent)
        grant.statements += statements
        known = {(address.kind, address.fields["name"]) for address in grant.addresses}
        grant.addresses += [a for a in addresses if (a.kind, a.fields["name"]) not in known]

    def _settle(self) -> None:
        self._settled = True
        if any(grant.addresses for grant in self._grants.values()):
            self._grants[ADDRESSES] = Grant(ADDRESSES, ["read"], [self._may_read_addresses()])
        inline, managed = self._divided()
        for grant in inline:
            aws.iam.RolePolicy(
                self.named(f"{grant.thing}-access"),
                name=grant.thing,
                role=self.role_name,
                policy=access.policy_json(grant.statements),
                opts=self.options(),
            )
        for index, grants in enumerate(managed):
            role = f"more-{index + 1}"
            policy = aws.iam.Policy(
                self.named(role),
                name=self.physical("iam-policy", role),
                path=self.context.names.path,
                policy=access.policy_json(s for grant in grants for s in grant.statements),
                opts=self.options(),
            )
            aws.iam.RolePolicyAttachment(
                self.named(f"{role}-attachment"),
                role=self.role_name,
                policy_arn=policy.arn,
                opts=self.options(),
            )
        for grant in self._grants.values():
            if grant.addresses:
                self._publish(grant)

    def _may_read_addresses(self) -> Statement:
        parameter = self.context.arn("ssm", f"parameter{self.resources_path}")
        return Statement(("ssm:GetParametersByPath",), (parameter, f"{parameter}/*"))

    def _divided(self) -> tuple[list[Grant], list[list[Grant]]]:
        """The grants that fit inline, in their order, and the rest packed into managed policies."""
        inline: list[Grant] = []
        managed: list[list[Grant]] = []
        room = access.INLINE_TOTAL
        for grant in self._grants.values():
            length = access.size(access.policy(grant.statements))
            if length <= room:
                room -= length
                inline.append(grant)
                continue
            for part in self._parts(grant):
                for packed in managed:
                    together = [s for g in (*packed, part) for s in g.statements]
                    if access.size(access.policy(together)) <= access.MANAGED_LENGTH:
                        packed.append(part)
                        break
                else:
                    managed.append([part])
        if len(managed) > access.MANAGED_ATTACHED:
            excess = [grant for packed in managed[access.MANAGED_ATTACHED :] for grant in packed]
            raise AccessError(
                self._too_much(excess, f"needs {len(managed)} managed policies, {access.MANAGED_ATTACHED} fit")
            )
        return inline, managed

    def _parts(self, grant: Grant) -> list[Grant]:
        """A grant by statements, in parts that each fit a managed policy."""
        parts: list[Grant] = []
        for statement in grant.statements:
            length = access.size(access.policy([statement]))
            if length > access.MANAGED_LENGTH:
                raise AccessError(self._too_much([grant], f"needs a policy of {length} characters"))
            last = parts[-1] if parts else None
            if last and access.size(access.policy([*last.statements, statement])) <= access.MANAGED_LENGTH:
                last.statements.append(statement)
            else:
                parts.append(Grant(grant.thing, grant.intents, [statement]))
        return parts

    def _too_much(self, grants: Sequence[Grant], problem: str) -> Fault:
        named = ", ".join(f"{grant.thing} ({', '.join(grant.intents)})" for grant in grants)
        return Fault(
            f"the role {self.component} {problem}; over the limit: {named}",
            "Grant whole zones instead of single datasets, or split the work between two roles.",
            self.written,
        )

    def _publish(self, grant: Grant) -> None:
        shown: dict[str, Any] = {
            "thing": grant.thing,
            "intents": grant.intents,
            "addresses": [{"kind": a.kind.model_fields["kind"].default, **a.fields} for a in grant.addresses],
        }
        length = access.size(shown)
        if length > access.PARAMETER_ADVANCED:
            raise AccessError(self._too_much([grant], f"needs an address parameter of {length} bytes"))
        aws.ssm.Parameter(
            self.named(f"{grant.thing}-address"),
            name=self.context.names.of("ssm-parameter", self.component, grant.thing),
            description=f"Where {self.component} finds what {grant.thing} granted it",
            type="String",
            tier="Standard" if length <= access.PARAMETER_STANDARD else "Advanced",
            insecure_value=pulumi.Output.json_dumps(shown, sort_keys=True),
            opts=self.options(),
        )


class Role(_CollectsGrants):
    """An IAM role of ours, below the owner's path and boundary; it can do what it was granted and nothing else.

    `trusted`: who may assume it. `longest_session`: seconds, 3,600 to 43,200.
    """

    def __init__(
        self,
        name: str,
        *,
        context: Context,
        trusted: Sequence[Statement],
        description: str,
        longest_session: int = 3600,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        written: Source | None = None,
    ) -> None:
        super().__init__(name, None, context=context, transform=transform, opts=opts, written=written)
        role = aws.iam.Role(
            self.named("role"),
            name=self.physical("iam-role"),
            path=context.names.path,
            description=description,
            assume_role_policy=access.policy_json(trusted),
            permissions_boundary=context.boundary,
            max_session_duration=longest_session,
            opts=self.options(),
        )
        self._begin(role.name, role.arn)
        self.register_outputs({"arn": role.arn})


class AdoptedRole(_CollectsGrants):
    """A role that exists and comes under the stack's management: it keeps its name and path, and outlives the stack.

    Until it is `ours`, it keeps its trust, boundary and tags, so that taking it over changes nothing; then it is
    brought to what `trusted` and the context say, in place.
    """

    def __init__(
        self,
        name: str,
        *,
        role: str,
        ours: bool,
        context: Context,
        trusted: Sequence[Statement],
        description: str,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        written: Source | None = None,
    ) -> None:
        super().__init__(name, None, context=context, transform=transform, opts=opts, written=written)
        made = aws.iam.Role(
            self.named("role"),
            name=role,
            description=description,
            assume_role_policy=access.policy_json(trusted),
            permissions_boundary=context.boundary,
            opts=self.options(
                import_=role,
                ignore_changes=["path", *(() if ours else _THEIRS_UNTIL_OURS)],
                retain_on_delete=True,
            ),
        )
        self._begin(made.name, made.arn)
        self.register_outputs({"arn": made.arn})


class ExistingRole(_CollectsGrants):
    """A role that somebody else made, such as a person's; grants become policies on it."""

    def __init__(
        self,
        name: str,
        arn: str,
        *,
        context: Context,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        written: Source | None = None,
    ) -> None:
        super().__init__(name, None, context=context, transform=transform, opts=opts, written=written)
        self._begin(arn.rsplit("/", 1)[-1], arn)
        self.register_outputs({"arn": arn})
