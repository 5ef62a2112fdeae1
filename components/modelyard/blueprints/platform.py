"""The platform's stack: network, keys, audit, and a fence for every team; wiring only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pulumi

from modelyard.blueprints.fences import fences
from modelyard.blueprints.project import Project
from modelyard.blueprints.spec import PlatformSpec
from modelyard.build.pipelines import ImageCache, ImageRepositories
from modelyard.core.context import Context
from modelyard.core.contract import OUTPUT, VERSION
from modelyard.core.errors import Fault, SpecError
from modelyard.foundation.audit import AuditTrail, key_statements
from modelyard.foundation.budgets import Budget
from modelyard.foundation.cluster import EksClusterSpec, disks_use_key
from modelyard.foundation.keys import Keys
from modelyard.foundation.network import network_from
from modelyard.foundation.tenancy import Capability, CiFederation, TeamHeader, provider_in, sign_in_contract
from modelyard.run.serving import DoorAccount

SERVICES_OF_EVERY_TEAM = ("kms", "logs", "monitoring", "secretsmanager", "ssm", "sts")
SERVICES: Final[Mapping[Capability, tuple[str, ...]]] = {
    "batch": ("ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry"),
    "data": ("athena", "glue"),
    "features": ("sagemaker.api", "sagemaker.featurestore-runtime"),
    "registry": ("sagemaker.api", "states"),
    "serving": ("ecr.api", "ecr.dkr", "sagemaker.api", "sagemaker.runtime"),
    "tracking": ("ecr.api", "ecr.dkr"),
    "training": ("ecr.api", "ecr.dkr", "sagemaker.api"),
    "workbench": ("ecr.api", "ecr.dkr", "sagemaker.api", "sagemaker.runtime"),
}
"""What the teams' work calls; without NAT it reaches them through interface endpoints, each paid by the hour."""

_ON_CLUSTER: Final = {"dataset_files": "are files for jobs", "ways": "are for servers"}
"""Parts of the platform's file that speak of teams' work on its cluster, by part."""


def platform_context(spec: PlatformSpec, environment: str) -> Context:
    """Where the platform's own components live."""
    return Context(
        organization=spec.organization,
        platform=spec.platform,
        environment=environment,
        region=spec.region,
        account=spec.account,
        production=spec.production,
        tags=spec.tags,
    )


def platform(spec: PlatformSpec, teams: dict[str, TeamHeader], environment: str) -> None:
    """The platform of one environment; exports the contract that the teams' stacks read."""
    refuse_quotas(spec, teams)
    context = platform_context(spec, environment)
    teams = {team: _with_workbench(spec, header) for team, header in teams.items()}
    opts = provider_in("aws", context)
    services = key_statements(context)
    if isinstance(spec.cluster, EksClusterSpec):
        services["cluster"] = disks_use_key(context)
    keys = Keys("keys", spec.keys, context=context, services=services, opts=opts)
    network = network_from("network", spec.network, context=context, keys=keys, opts=opts)
    for service in _services(teams):
        network.use(service)
    cluster = None
    if spec.cluster is not None:
        # The SDK of Kubernetes takes most of a second to load, and most platforms have no cluster.
        from modelyard.blueprints.clusters import PlatformCluster

        cluster = PlatformCluster(spec, context=context, keys=keys, network=network, opts=opts)
    audit = AuditTrail("audit", spec.audit, context=context, keys=keys, opts=opts)
    ci = CiFederation("ci", spec.ci, context=context, opts=opts) if spec.ci else None
    if spec.budget is not None:
        Budget("budget", spec.budget, context=context, owners=spec.audit.notify, opts=opts)
    if spec.images is not None:
        ImageRepositories("images", spec.images, context=context, keys=keys, opts=opts)
    if spec.image_cache is not None:
        ImageCache("image-cache", spec.image_cache, context=context, opts=opts)
    if spec.door_account and any(header.uses("doors") and not header.account for header in teams.values()):
        DoorAccount("door-account", context=context, opts=opts, written=spec.source("door_account"))
    systems = cluster.file_systems(teams) if cluster else {}
    made = fences(spec, teams, context=context, audit=audit, ci=ci, network=network, systems=systems, opts=opts)
    spaces = cluster.admit(teams, made) if cluster else {}
    sign_in = sign_in_contract(spec.sign_in) if spec.sign_in else None
    pulumi.export(
        OUTPUT,
        {
            "version": VERSION,
            "organization": spec.organization,
            "platform": spec.platform,
            "environment": environment,
            "account": spec.account,
            "region": spec.region,
            "production": spec.production,
            "sandbox": spec.sandbox,
            "network": network.contract(),
            "cluster": cluster.contract() if cluster else None,
            "teams": {
                team: {
                    **fence,
                    "namespace": spaces.get(team),
                    "dataset_claims": cluster.claims(team) if cluster else {},
                    "ways": cluster.opened(team) if cluster else [],
                }
                for team, fence in made.items()
            },
            "sign_in": sign_in.model_dump() if sign_in else None,
            "ci": {kind: system.model_dump() for kind, system in ci.systems.items()} if ci else {},
            "leavers": spec.leavers,
        },
    )


def refuse_quotas(spec: PlatformSpec, teams: Mapping[str, TeamHeader]) -> None:
    """Raise `SpecError` for teams that ask for a quota of a cluster that isn't there, or isn't theirs to use."""
    faults = list(_faults(spec, teams))
    if faults:
        raise SpecError(*faults)


def _faults(spec: PlatformSpec, teams: Mapping[str, TeamHeader]) -> Iterator[Fault]:
    for header in teams.values():
        if header.quota is None:
            for part, are in _ON_CLUSTER.items():
                if header.team in getattr(spec, part):
                    problem = f"{are} on the cluster, where the team has no quota"
                    yield spec.fault(f"{part}.{header.team}", problem, 'Give the team a "quota", or remove them.')
            continue
        if spec.cluster is None:
            remedy = 'Remove it, or add "cluster: {kind: eks, …}" to the platform\'s file.'
            yield header.fault("quota", "asks for a share of a cluster, and the platform has none", remedy)
        elif header.account not in (None, spec.account):
            problem = "asks for a share of a cluster in another account than the team's"
            yield header.fault("quota", problem, "Remove it, or account.", header.account)


def _with_workbench(spec: PlatformSpec, header: TeamHeader) -> TeamHeader:
    """The team as the platform sees it: whom it gives a workbench uses one, though the team's file can't say so."""
    if header.team not in spec.workbenches or header.capabilities is None:
        return header
    return header.model_copy(update={"capabilities": (*header.capabilities, "workbench")})


def _services(teams: Mapping[str, TeamHeader]) -> list[str]:
    """The services that some team's work calls."""
    used = [
        service
        for capability, services in SERVICES.items()
        if any(header.capabilities and capability in header.capabilities for header in teams.values())
        for service in services
    ]
    return sorted({*SERVICES_OF_EVERY_TEAM, *used})


def platform_of(project: Project, environment: str) -> None:
    """The platform that the project's files describe for `environment`."""
    platform(project.platform(environment), project.headers(environment), environment)
