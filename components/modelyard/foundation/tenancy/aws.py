"""A team's permissions boundary and deployment role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Statement, trust_account
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import AccessError, Fault
from modelyard.foundation.keys import Keys
from modelyard.foundation.tenancy.admitted import admitted
from modelyard.foundation.tenancy.boundary import boundary
from modelyard.foundation.tenancy.deployment import manages, within
from modelyard.foundation.tenancy.people_spec import Leavers, has_left
from modelyard.foundation.tenancy.reach import Reach
from modelyard.foundation.tenancy.spec import ORDINARY, AdoptedSpec, TeamHeader


class TeamFence(Component):
    """What holds a team inside its names: the boundary of its roles, and the role that deploys its stack.

    `context` is the team's. `keys`: the team's own. `trusted`: who may assume the deployment role; the platform says
    so, never the team. Absent: whoever IAM lets, in this account. `leavers`: who has left; the boundary denies them
    everything, in every session. `platform`: the platform's context, where the team has an account of its own; its
    roles put events on the platform's bus there. `adopted`: what the team takes over from outside
    its own names.

    Raises `AccessError` for names so long that the boundary or the deployment role's policy is longer than IAM takes.
    """

    CAPABILITY = "tenancy"

    def __init__(
        self,
        name: str,
        header: TeamHeader,
        *,
        context: Context,
        keys: Keys,
        trusted: Sequence[Statement] | None = None,
        leavers: Leavers | None = None,
        platform: Context | None = None,
        adopted: AdoptedSpec | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, header, context=context, transform=transform, opts=opts)
        wanted = ORDINARY if header.capabilities is None else header.capabilities
        reach = Reach(context, adopted.arns(context) if adopted else (), admitted(wanted))
        statements = boundary(reach, _spelled(header, leavers or {}), platform)
        out = ', or take those out of "leavers" whom no team names any more' if leavers else ""
        self._refuse_longer(statements, access.MANAGED_LENGTH, "a boundary", out)
        managed, deploys = manages(reach), within(reach, list(keys.arns.values()))
        limits = [(policy, access.MANAGED_LENGTH) for policy in managed.values()] + [(deploys, access.INLINE_TOTAL)]
        for policy, limit in limits:
            self._refuse_longer(policy, limit, "a policy of the deployment role", ", or adopt less")
        tags = {"cost-center": header.cost_center} if header.cost_center is not None else None
        ceiling = aws.iam.Policy(
            self.named("boundary"),
            name=reach.boundary_name,
            path=context.names.path,
            description=f"What the roles of {header.team} can do at most",
            policy=access.policy_json(statements),
            tags=tags,
            opts=self.options(),
        )
        role = aws.iam.Role(
            self.named("deployment-role"),
            name=reach.deployment_role_name,
            path=context.names.path,
            description=f"Deploys the stack of {header.team}",
            assume_role_policy=access.policy_json([trust_account(context)] if trusted is None else trusted),
            tags=tags,
            opts=self.options(),
        )
        aws.iam.RolePolicy(
            self.named("deployment-access"),
            name="deployment",
            role=role.name,
            policy=access.policy_json(deploys),
            opts=self.options(),
        )
        for part, policy in managed.items():
            made = aws.iam.Policy(
                self.named(f"{part}-policy"),
                name=reach.fence_policy_name(part),
                path=context.names.path,
                description=f"What the deployment of {header.team} makes",
                policy=access.policy_json(policy),
                tags=tags,
                opts=self.options(),
            )
            aws.iam.RolePolicyAttachment(
                self.named(f"{part}-policy-attachment"),
                role=role.name,
                policy_arn=made.arn,
                opts=self.options(),
            )
        self.boundary = reach.boundary
        """The boundary's ARN, known before it exists."""
        self.boundary_name: pulumi.Output[str] = ceiling.name
        self.boundary_arn: pulumi.Output[str] = ceiling.arn
        self.deployment_role_arn: pulumi.Output[str] = role.arn
        self.register_outputs({"boundary_arn": ceiling.arn, "deployment_role_arn": role.arn})

    def _refuse_longer(self, statements: Sequence[Statement], limit: int, what: str, or_else: str) -> None:
        """Names that make `what` longer than IAM takes; `or_else` ends the remedy."""
        length = access.size(access.policy(statements))
        if length > limit:
            problem = f"gives {what} of {length} characters, and IAM takes {limit}"
            remedy = f"Shorten the name of the team, the environment or the platform{or_else}."
            raise AccessError(Fault(problem, remedy, self.written.at("team"), self.context.owner))


def _spelled(header: TeamHeader, leavers: Leavers) -> set[str]:
    """Those who left, as they and the team's file write them: IAM compares patterns letter by letter."""
    named = {person for people in header.people.values() for person in people}
    return {*leavers, *(person for person in named if has_left(person, leavers))}
