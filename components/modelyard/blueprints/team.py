"""A team's stack: everything that its file describes, inside the fence that the platform made; wiring only."""

from __future__ import annotations

from pathlib import Path

import pulumi

from modelyard.blueprints.project import PLATFORM_PROJECT, Project
from modelyard.blueprints.spec import PersonaAccessSpec, TeamSpec
from modelyard.build.data import DataLake, LakeSpec, data_role
from modelyard.core.context import Context
from modelyard.core.contract import OUTPUT, PlatformContract, read_contract
from modelyard.core.identity import Role
from modelyard.foundation.audit import KnownAudit
from modelyard.foundation.keys import KnownKeys
from modelyard.foundation.network import KnownNetwork
from modelyard.foundation.secrets import Secrets
from modelyard.foundation.tenancy import Personas, provider_in


def team_context(spec: TeamSpec, contract: PlatformContract) -> Context:
    """Where the team's components live; its roles carry the boundary that the platform made."""
    return Context(
        organization=contract.organization,
        platform=contract.platform,
        environment=contract.environment,
        region=contract.region,
        account=contract.account_of(spec.team),
        production=contract.production,
        team=spec.team,
        boundary=contract.team(spec.team).boundary_arn,
        tags={**({"cost-center": spec.cost_center} if spec.cost_center else {}), **spec.tags},
    )


def team(spec: TeamSpec, contract: PlatformContract, folder: Path | None = None) -> None:
    """The stack of one team in one environment; `folder`: what the file's own paths are below."""
    context = team_context(spec, contract)
    fence = contract.team(spec.team)
    opts = provider_in("aws", context, fence.deployment_role_arn)
    keys = KnownKeys(fence.keys)
    audit = KnownAudit(context, account=contract.account)
    personas = Personas(
        "personas",
        spec,
        context=context,
        sign_in=contract.sign_in,
        ci=contract.ci,
        leavers=contract.leavers,
        opts=opts,
    )
    secrets = None
    if spec.secrets is not None:
        network = KnownNetwork(contract.network_of(spec.team)) if context.account == contract.account else None
        secrets = Secrets(
            "secrets", spec.secrets, context=context, keys=keys, network=network, folder=folder, opts=opts
        )
    lake = None
    if spec.data is not None:
        lake = DataLake("lake", spec.data, context=context, keys=keys, opts=opts)
        _data_roles(spec.data, lake, secrets, context, opts)
        pulumi.export("buckets", {zone: made.bucket.bucket for zone, made in lake.zones.items()})
        pulumi.export("database", lake.database.name)
        pulumi.export("workgroup", lake.workgroup.name)
        if lake.legal_holds:
            pulumi.export("legal_holds", lake.legal_holds)
    for persona, access in spec.personas.items():
        _grant(personas[persona], access, lake, secrets, audit, spec.team)
    if personas:
        pulumi.export("personas", {persona: personas[persona].arn for persona in personas})
    if secrets is not None:
        pulumi.export("secrets", secrets.arns)
        pulumi.export("secret_consumers", secrets.consumers())


def _grant(
    persona: Role,
    access: PersonaAccessSpec,
    lake: DataLake | None,
    secrets: Secrets | None,
    audit: KnownAudit,
    team: str,
) -> None:
    """Give a persona what the file says; the spec has seen to it that all of it exists."""
    if lake is not None:
        if access.read:
            lake.grant_read(persona, datasets=access.read)
        if access.write:
            lake.grant_write(persona, datasets=access.write)
        if access.publish:
            lake.grant_publish(persona, datasets=access.publish)
        if access.query:
            lake.grant_query(persona)
        if access.snapshot:
            lake.grant_snapshot(persona, datasets=access.snapshot)
        if access.erase:
            lake.grant_erase(persona, datasets=access.erase)
    if secrets is not None and access.secrets:
        secrets.grant_read(persona, secrets=access.secrets)
    if access.events:
        audit.grant_publish(persona, team=team)


def _data_roles(
    spec: LakeSpec, lake: DataLake, secrets: Secrets | None, context: Context, opts: pulumi.ResourceOptions
) -> None:
    roles: dict[str, pulumi.Output[str]] = {}
    for name, access in spec.access.items():
        role = data_role(name, access, context=context, lake=lake, opts=opts)
        if secrets is not None and access.secrets:
            secrets.grant_read(role, secrets=access.secrets)
        roles[name] = role.arn
    pulumi.export("roles", roles)


async def contract_of(environment: str) -> PlatformContract:
    """The contract of the platform's stack of `environment`, in the organization of the running stack."""
    name = f"{pulumi.get_organization()}/{PLATFORM_PROJECT}/{environment}"
    reference = pulumi.StackReference("platform", stack_name=name)
    details = await reference.get_output_details(OUTPUT)
    return read_contract(details.value, environment)


async def team_of(project: Project, name: str, environment: str) -> None:
    """The stack that the project's files describe for one team in one environment."""
    spec = project.team(name, environment)
    team(spec, await contract_of(environment), project.team_file(name).parent)
