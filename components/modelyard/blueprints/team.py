"""A team's stack: everything that its file describes, inside the fence that the platform made; wiring only."""

from __future__ import annotations

from pathlib import Path

import pulumi

from modelyard.blueprints.granting import Made
from modelyard.blueprints.project import PLATFORM_PROJECT, Project
from modelyard.blueprints.spec import TeamSpec
from modelyard.build.data import DataLake, LakeSpec, data_role
from modelyard.build.features import FeatureStore
from modelyard.build.registry import ModelRegistry
from modelyard.build.training import TrainingPool
from modelyard.core.context import Context
from modelyard.core.contract import OUTPUT, PlatformContract, read_contract
from modelyard.foundation.audit import KnownAudit
from modelyard.foundation.keys import KnownKeys
from modelyard.foundation.network import ExistingNetwork, KnownNetwork, NetworkLike
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
    made = Made(spec.team, audit)
    network = _network(spec, contract, context, opts)
    if spec.secrets is not None:
        made.secrets = Secrets(
            "secrets", spec.secrets, context=context, keys=keys, network=network, folder=folder, opts=opts
        )
        pulumi.export("secrets", made.secrets.arns)
    if spec.data is not None:
        made.lake = DataLake("lake", spec.data, context=context, keys=keys, opts=opts)
        _data_roles(spec.data, made.lake, made.secrets, context, opts)
        _say_lake(made.lake)
        _build(spec, made, made.lake, context, network, opts)
    if spec.registry is not None:
        made.registry = ModelRegistry(
            "registry", spec.registry, context=context, keys=keys, audit=audit, release_keys=fence.releases, opts=opts
        )
        _say_registry(made.registry)
    if made.training is not None and spec.jobs is not None:
        made.grant(made.training, spec.jobs)
    for persona, access in spec.personas.items():
        made.grant(personas[persona], access)
    if personas:
        pulumi.export("personas", {persona: personas[persona].arn for persona in personas})
    if made.secrets is not None:
        pulumi.export("secret_consumers", made.secrets.consumers())


def _network(
    spec: TeamSpec, contract: PlatformContract, context: Context, opts: pulumi.ResourceOptions
) -> NetworkLike | None:
    if spec.network is not None:
        return ExistingNetwork("network", spec.network, context=context, opts=opts)
    return KnownNetwork(contract.network_of(spec.team)) if context.account == contract.account else None


def _build(
    spec: TeamSpec,
    made: Made,
    lake: DataLake,
    context: Context,
    network: NetworkLike | None,
    opts: pulumi.ResourceOptions,
) -> None:
    """What models are built with, on the team's lake."""
    if spec.features is not None:
        made.features = FeatureStore("features", spec.features, context=context, lake=lake, network=network, opts=opts)
        pulumi.export("features", made.features.views)
    if spec.training is not None:
        made.training = TrainingPool("training", spec.training, context=context, lake=lake, network=network, opts=opts)
        pulumi.export("training", {"job_name": made.training.job_name, "role": made.training.identity.arn})


def _say_lake(lake: DataLake) -> None:
    pulumi.export("buckets", {zone: made.bucket.bucket for zone, made in lake.zones.items()})
    pulumi.export("database", lake.database.name)
    pulumi.export("workgroup", lake.workgroup.name)
    if lake.legal_holds:
        pulumi.export("legal_holds", lake.legal_holds)


def _say_registry(registry: ModelRegistry) -> None:
    groups = {model: group.model_package_group_name for model, group in registry.groups.items()}
    pulumi.export(
        "registry",
        {
            "bucket": registry.bucket.bucket,
            "groups": groups,
            "promotion": registry.promotion_arn,
            "signing_key": registry.signing_key_arn,
        },
    )


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
