"""What rotates secrets: functions and schedules, and the roles that they work under."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.core.access import Statement, trust_service
from modelyard.core.component import Component
from modelyard.core.functions import Worker, function, worker
from modelyard.core.identity import ExistingRole, Role
from modelyard.foundation.network import NetworkLike
from modelyard.foundation.secrets.policies import Kept, may_rotate
from modelyard.foundation.secrets.rotation import (
    CodeRotation,
    FunctionRotation,
    RenewalRotation,
    RotationSpec,
    StateMachineRotation,
)

_IN_A_NETWORK: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
"""What Lambda does as the function's role to place it in a VPC (lambda/latest/dg/configuration-vpc)."""


class Rotating:
    """The rotations of one component's secrets.

    Roles are made at once, so that they are granted to like any other; what works under them is made when every policy
    is written, since the first rotation may come with its creation.
    """

    def __init__(self, owner: Component, key_arn: pulumi.Output[str], network: NetworkLike | None) -> None:
        self._owner = owner
        self._key = key_arn
        self._network = network
        self._starts: list[Callable[[], None]] = []
        self._schedules: aws.scheduler.ScheduleGroup | None = None

    def prepare(
        self, kept: Kept, spec: RotationSpec, code: Mapping[str, str], value: pulumi.Resource
    ) -> Role | ExistingRole:
        """Make the role that rotates a secret, and give it what that takes.

        `code`: the function's files, where it is made from code. `value`: the first value, which comes before.
        """
        if isinstance(spec, CodeRotation | RenewalRotation):
            return self._by_code(kept, spec, code, value)
        owner = self._owner
        role = ExistingRole(owner.named(f"{kept.name}-rotator"), spec.role, context=owner.context, opts=owner.options())
        self._allow(role, kept)
        if isinstance(spec, FunctionRotation):
            self._starts.append(lambda: self._rotate(kept, spec, spec.arn, [role, value]))
        else:
            self._by_state_machine(kept, spec)
        return role

    def start(self) -> None:
        """Make what rotates; the policies of all roles are written."""
        for start in self._starts:
            start()

    def _allow(self, role: Role | ExistingRole, kept: Kept, *more: Statement) -> None:
        role.allow(self._owner, f"rotate {kept.name}", [*may_rotate(kept.places[0]), *more])

    def _rotate(
        self,
        kept: Kept,
        spec: FunctionRotation | CodeRotation | RenewalRotation,
        function_arn: pulumi.Input[str],
        after: list[pulumi.Resource],
    ) -> None:
        owner = self._owner
        rules: aws.secretsmanager.SecretRotationRotationRulesArgsDict = (
            {"automatically_after_days": spec.every_days}
            if spec.every_hours is None
            else {"schedule_expression": spec.rate}
        )
        aws.secretsmanager.SecretRotation(
            owner.written_at(f"{kept.name}-rotation", spec.source()),
            secret_id=kept.arn,
            rotation_lambda_arn=function_arn,
            rotation_rules=rules,
            rotate_immediately=spec.rotate_immediately,
            opts=owner.options(depends_on=after),
        )

    def _by_code(
        self, kept: Kept, spec: CodeRotation | RenewalRotation, code: Mapping[str, str], value: pulumi.Resource
    ) -> Role:
        owner, context, part = self._owner, self._owner.context, f"{kept.name}-rotator"
        made = worker(
            owner,
            part,
            says=f"{context.owner}: rotates {kept.name}",
            key_arn=self._key,
            written=spec.source(),
            log_days=spec.log_days,
        )
        self._allow(made.role, kept, made.logs, *([Statement(_IN_A_NETWORK, ("*",))] if spec.inside_network else []))

        def start() -> None:
            rotator = self._function(part, spec, code, made)
            permission = aws.lambda_.Permission(
                owner.named(f"{part}-permission"),
                function=rotator.name,
                action="lambda:InvokeFunction",
                principal="secretsmanager.amazonaws.com",
                source_account=context.account,
                source_arn=kept.arn,
                statement_id="SecretsManagerRotates",
                opts=owner.options(),
            )
            self._rotate(kept, spec, rotator.arn, [made.role, permission, value])

        self._starts.append(start)
        return made.role

    def _function(
        self, part: str, spec: CodeRotation | RenewalRotation, code: Mapping[str, str], made: Worker
    ) -> aws.lambda_.Function:
        owner, region = self._owner, self._owner.context.region
        placed: aws.lambda_.FunctionVpcConfigArgsDict | None = None
        if spec.inside_network and self._network is not None:
            placed = {
                "subnet_ids": self._network.subnet_ids("private"),
                "security_group_ids": [self._network.security_group("workload")],
            }
        service = {"SECRETS_MANAGER_ENDPOINT": f"https://secretsmanager.{region}.amazonaws.com"}
        return function(
            owner,
            part,
            worker=made,
            says=f"Rotates a secret of {owner.context.owner}",
            files=code,
            handler=spec.handler,
            seconds=spec.timeout_seconds,
            memory_mib=spec.memory_mib,
            settings={**service, **spec.variables},
            key_arn=self._key,
            runtime=spec.runtime,
            placed=placed,
            written=spec.source(),
            after=[made.role],
        )

    def _by_state_machine(self, kept: Kept, spec: StateMachineRotation) -> None:
        owner, context = self._owner, self._owner.context
        starter = Role(
            owner.named(f"{kept.name}-starter"),
            context=context,
            trusted=[trust_service("scheduler.amazonaws.com", context=context)],
            description=f"{context.owner}: starts the rotation of {kept.name}",
            opts=owner.options(),
            written=spec.source(),
        )
        intent = f"start the rotation of {kept.name}"
        starter.allow(owner, intent, [Statement(("states:StartExecution",), (spec.arn,))])
        if self._schedules is None:
            self._schedules = aws.scheduler.ScheduleGroup(
                owner.named("schedules"), name=owner.physical("schedule"), opts=owner.options()
            )
        schedules = self._schedules

        def start() -> None:
            aws.scheduler.Schedule(
                owner.written_at(f"{kept.name}-schedule", spec.source()),
                name=owner.physical("schedule", kept.name),
                group_name=schedules.name,
                description=f"Rotates {kept.name}",
                flexible_time_window={"mode": "OFF"},
                schedule_expression=spec.rate,
                target={
                    "arn": spec.arn,
                    "role_arn": starter.arn,
                    "input": kept.arn.apply(lambda arn: json.dumps({"SecretId": arn})),
                },
                opts=owner.options(depends_on=[starter]),
            )

        self._starts.append(start)
