"""What the platform's stack makes for each team: keys, boundary, deployment role, doors for people, and budget; and
the platform's own auditors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from modelyard.blueprints.spec import PlatformSpec
from modelyard.build.data import alarm_key_use
from modelyard.build.registry import ReleaseKeys
from modelyard.build.training import lustre_uses_key
from modelyard.build.workbench import Workbench, key_use
from modelyard.core.access import Statement
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.foundation.audit import AuditTrail
from modelyard.foundation.budgets import Budget
from modelyard.foundation.keys import Keys
from modelyard.foundation.network import NetworkLike
from modelyard.foundation.tenancy import (
    Auditors,
    CiFederation,
    IdentityCenterDoors,
    IdentityCenterSpec,
    SignInSpec,
    TeamFence,
    TeamHeader,
    deployment_trust,
    provider_in,
    sign_in_contract,
    trust_runs,
)
from modelyard.run.serving import DoorAccount


class Fences:
    """The fences of all teams of a platform; `opts` lead to the platform's own account."""

    def __init__(
        self,
        spec: PlatformSpec,
        *,
        context: Context,
        audit: AuditTrail,
        ci: CiFederation | None,
        network: NetworkLike,
        systems: Mapping[str, Sequence[pulumi.Output[str]]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        self._network, self._systems = network, systems
        self._spec, self._context, self._audit, self._ci, self._opts = spec, context, audit, ci, opts
        self._accounts = {context.account: opts}
        self._directory: pulumi.ResourceOptions | None = None

    def add(self, header: TeamHeader) -> dict[str, Any]:
        """Make the fence of one team; its part of the contract."""
        context = self._context.for_team(header.team, account=header.account)
        workbench = self._spec.workbenches.get(header.team)
        opts = self._in_account(context.account, doors=header.uses("doors"))
        audit, spec = self._audit, self._spec
        adopted = spec.adopted.get(header.team)
        if context.account == self._context.account:
            audit.watch_team(header.team)
            audit.watch_buckets(*(f"{bucket}/" for bucket in (adopted.buckets if adopted else ())))
        keys = Keys(
            f"{header.team}-keys",
            spec.team_keys,
            context=context,
            services={
                "data": [*alarm_key_use(context), *self._files_use_key(header, context)],
                "models": alarm_key_use(context),
                "workbench": key_use(context) if workbench else (),
            },
            opts=opts,
        )
        systems = self._ci.systems if self._ci else {}
        runs = trust_runs(context, systems, header.deployed_by) if header.deployed_by else []
        fence = TeamFence(
            f"{header.team}-fence",
            header,
            context=context,
            keys=keys,
            trusted=deployment_trust(context, self._context, spec.deployers, runs),
            leavers=spec.leavers,
            platform=self._context if context.account != self._context.account else None,
            adopted=adopted,
            opts=opts,
        )
        made = None
        if workbench is not None:
            made = Workbench(
                f"{header.team}-workbench",
                workbench,
                context=dataclasses.replace(context, boundary=fence.boundary),
                keys=keys,
                network=self._network if context.account == self._context.account else None,
                people=header.people,
                leavers=spec.leavers,
                opts=opts,
            )
        if isinstance(spec.sign_in, IdentityCenterSpec) and header.people:
            IdentityCenterDoors(
                f"{header.team}-doors",
                spec.sign_in,
                context=context,
                people=header.people,
                boundary=fence.boundary_name,
                leavers=spec.leavers,
                opts=self._directory_opts(spec.sign_in),
            )
        budget = header.budget or spec.team_budget
        if budget is not None:
            Budget(
                f"{header.team}-budget",
                budget,
                context=context,
                owners=[owner.email for owner in header.owners],
                roles=[fence.deployment_role_arn],
                opts=opts,
            )
        releases = None
        if header.uses("registry"):
            releases = ReleaseKeys(
                f"{header.team}-release-keys",
                context=context,
                administrators=spec.team_keys.administrators,
                pulled_by=spec.pulled_by,
                written=header.source("registry"),
                opts=opts,
            )
        return {
            "boundary_arn": fence.boundary_arn,
            "deployment_role_arn": fence.deployment_role_arn,
            "keys": keys.arns,
            "account": header.account,
            "releases": releases.contract() if releases else None,
            "workbench": made.contract() if made else None,
        }

    def add_auditors(self, sign_in: SignInSpec) -> None:
        """Let the platform's auditors read the trail, which tells of all teams."""
        spec = self._spec
        auditors = Auditors(
            "platform-auditors",
            spec.auditors,
            context=self._context,
            sign_in=sign_in_contract(sign_in),
            leavers=spec.leavers,
            opts=self._opts,
            written=spec.source("auditors"),
        )
        self._audit.grant_read(auditors)
        pulumi.export("auditor", auditors.identity.arn)
        if isinstance(sign_in, IdentityCenterSpec):
            IdentityCenterDoors(
                "platform-doors",
                sign_in,
                context=self._context,
                people={"auditor": spec.auditors},
                leavers=spec.leavers,
                opts=self._directory_opts(sign_in),
            )

    def _files_use_key(self, header: TeamHeader, context: Context) -> list[Statement]:
        if header.uses("lustre"):
            return [lustre_uses_key(context)]
        systems = self._systems.get(header.team)
        return [lustre_uses_key(context, systems)] if systems else []

    def _in_account(self, account: str, *, doors: bool = False) -> pulumi.ResourceOptions:
        """Options that lead to an account; what it has once, however many teams live there, comes with the first."""
        if account not in self._accounts:
            context = dataclasses.replace(self._context, account=account)
            opts = provider_in(f"aws-{account}", context, self._spec.accounts.role_in(context))
            if self._spec.ci:
                CiFederation(f"ci-{account}", self._spec.ci, context=context, opts=opts)
            if self._spec.door_account and doors:
                written = self._spec.source("door_account")
                DoorAccount(f"door-account-{account}", context=context, opts=opts, written=written)
            self._audit.admit_account(account)
            self._accounts[account] = opts
        return self._accounts[account]

    def _directory_opts(self, spec: IdentityCenterSpec) -> pulumi.ResourceOptions:
        if spec.access_role is None:
            return self._opts
        if self._directory is None:
            account = spec.access_role.split(":")[4]
            context = dataclasses.replace(self._context, account=account)
            self._directory = provider_in("aws-directory", context, spec.access_role)
        return self._directory


def fences(
    spec: PlatformSpec,
    teams: Mapping[str, TeamHeader],
    *,
    context: Context,
    audit: AuditTrail,
    ci: CiFederation | None,
    network: NetworkLike,
    systems: Mapping[str, Sequence[pulumi.Output[str]]],
    opts: pulumi.ResourceOptions,
) -> dict[str, Any]:
    """Make the fence of every team, and the platform's auditors; the teams' part of the contract.

    `systems`: by team, the ids of file systems that read its datasets.
    """
    parts = ("adopted", "dataset_files", "ways", "workbenches")
    named = [(part, name) for part in parts for name in getattr(spec, part) if name not in teams]
    if named:
        has = ", ".join(teams) or "none"
        problem = f"is no team of this environment; there are: {has}"
        raise SpecError(*(spec.fault(f"{part}.{name}", problem, "Name a team.", name) for part, name in named))
    made = Fences(spec, context=context, audit=audit, ci=ci, network=network, systems=systems, opts=opts)
    if spec.auditors and spec.sign_in is not None:
        made.add_auditors(spec.sign_in)
    return {team: made.add(header) for team, header in teams.items()}
