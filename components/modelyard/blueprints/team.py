"""A team's stack: everything that its file describes, inside the fence that the platform made; wiring only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from modelyard.blueprints.granting import Made
from modelyard.blueprints.project import PLATFORM_PROJECT, Project
from modelyard.blueprints.requirements import without_cluster
from modelyard.blueprints.running import running
from modelyard.blueprints.spec import TeamSpec
from modelyard.build.data import DataLake, LakeSpec, data_role
from modelyard.build.features import FeaturesSpec, FeatureStore
from modelyard.build.pipelines import ImageRepositories, TrainingPipeline
from modelyard.build.registry import ModelRegistry
from modelyard.build.tracking import ExperimentTracking, TrackingSpec
from modelyard.build.training import TrainingPool
from modelyard.build.workbench import KnownWorkbench
from modelyard.core.context import Context
from modelyard.core.contract import OUTPUT, PlatformContract, TeamContract, read_contract
from modelyard.core.deployed_from import revision
from modelyard.core.errors import InputError, SpecError
from modelyard.foundation.audit import KnownAudit
from modelyard.foundation.keys import KnownKeys
from modelyard.foundation.network import ExistingNetwork, KnownNetwork, NetworkLike
from modelyard.foundation.secrets import Secrets
from modelyard.foundation.tenancy import Personas, provider_in
from modelyard.run.governance import EvidenceStore

if TYPE_CHECKING:
    from modelyard.blueprints.joined import JoinedCluster


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
    cluster = _cluster(spec, contract, context, opts)
    if cluster is not None:
        cluster.admit(personas, spec)
    if spec.secrets is not None:
        made.secrets = Secrets(
            "secrets", spec.secrets, context=context, keys=keys, network=network, folder=folder, opts=opts
        )
        pulumi.export("secrets", made.secrets.arns)
        if cluster is not None and spec.secrets.in_cluster:
            pulumi.export("mounted_secrets", cluster.secrets(spec.secrets, made.secrets).mounted)
    if isinstance(spec.tracking, TrackingSpec):
        made.tracking = ExperimentTracking(
            "tracking", spec.tracking, context=context, keys=keys, network=network, opts=opts
        )
        _say_tracking(made.tracking)
    elif cluster is not None:
        made.cluster_tracking = cluster.tracking(spec, keys)
    if spec.data is not None:
        made.lake = DataLake("lake", spec.data, context=context, keys=keys, opts=opts)
        _data_roles(spec.data, made.lake, made.secrets, context, opts)
        _say_lake(made.lake)
        _build(spec, made, made.lake, context, network, cluster, opts)
    if spec.registry is not None:
        made.registry = ModelRegistry(
            "registry", spec.registry, context=context, keys=keys, audit=audit, release_keys=fence.releases, opts=opts
        )
        _say_registry(made.registry)
    if spec.governance is not None and made.registry is not None:
        made.evidence = EvidenceStore(
            "evidence",
            spec.governance,
            context=context,
            keys=keys,
            registry=made.registry,
            audit=audit,
            infrastructure=revision(folder or Path.cwd()),
            opts=opts,
        )
        pulumi.export("evidence", {"bucket": made.evidence.bucket.bucket})
    if cluster is not None:
        made.cluster_features = cluster.features(spec, made.lake)
    _pipelines(spec, made, context, keys, cluster, opts)
    running(spec, made, context=context, keys=keys, network=network, opts=opts)
    if cluster is not None:
        cluster.serve(spec, made)
    made.workbench = _workbench(spec, fence, context, opts)
    jobs = made.training or made.cluster_training
    if jobs is not None and spec.jobs is not None:
        made.grant(jobs, spec.jobs)
    if made.workbench is not None and spec.workbench is not None:
        made.grant(made.workbench, spec.workbench)
    for persona, access in spec.personas.items():
        made.grant(personas[persona], access)
        if made.workbench is not None and access.workbench and persona != "pipeline":
            made.workbench.grant_open(personas[persona], spec.people[persona])
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


def _cluster(
    spec: TeamSpec, contract: PlatformContract, context: Context, opts: pulumi.ResourceOptions
) -> JoinedCluster | None:
    """The team's share of the platform's cluster; the SDK of Kubernetes is loaded where there is one.

    Raises `SpecError` for parts of the file that need a share where there is none, or what the cluster hasn't.
    """
    fence = contract.team(spec.team)
    if contract.cluster is None or fence.namespace is None:
        faults = list(without_cluster(spec))
        if faults:
            raise SpecError(*faults)
        return None
    from modelyard.blueprints.joined import JoinedCluster

    cluster = JoinedCluster(contract.cluster, fence, context=context, opts=opts)
    cluster.refuse_lacking(spec)
    return cluster


def _build(
    spec: TeamSpec,
    made: Made,
    lake: DataLake,
    context: Context,
    network: NetworkLike | None,
    cluster: JoinedCluster | None,
    opts: pulumi.ResourceOptions,
) -> None:
    """What models are built with, on the team's lake."""
    if isinstance(spec.features, FeaturesSpec):
        made.features = FeatureStore("features", spec.features, context=context, lake=lake, network=network, opts=opts)
        pulumi.export("features", made.features.views)
    if spec.training is not None and spec.training.flavour.kind == "kubernetes":
        assert cluster is not None, "a team without one is refused before"
        made.cluster_training = cluster.training(spec, lake, made.cluster_tracking)
        said = {"templates": made.cluster_training.templates, "role": made.cluster_training.identity.arn}
        pulumi.export("training", said)
    elif spec.training is not None:
        made.training = TrainingPool("training", spec.training, context=context, lake=lake, network=network, opts=opts)
        pulumi.export("training", {"job_name": made.training.job_name, "role": made.training.identity.arn})


def _pipelines(
    spec: TeamSpec,
    made: Made,
    context: Context,
    keys: KnownKeys,
    cluster: JoinedCluster | None,
    opts: pulumi.ResourceOptions,
) -> None:
    """Image repositories, and the pipelines whose steps run from their images."""
    if spec.images is not None:
        made.images = ImageRepositories("images", spec.images, context=context, keys=keys, opts=opts)
        pulumi.export("images", {name: made.images.uri(name) for name in spec.images.repositories})
    if made.cluster_training is not None and cluster is not None:
        made.cluster_pipelines = cluster.pipelines(spec, made, keys)
        if made.cluster_pipelines:
            pulumi.export("workflows", {name: each.workflow_name for name, each in made.cluster_pipelines.items()})
    if made.training is None or made.lake is None:
        return
    for name, pipeline in spec.pipelines.items():
        made.pipelines[name] = TrainingPipeline(
            name,
            pipeline,
            context=context,
            pool=made.training,
            lake=made.lake,
            keys=keys,
            features=made.features,
            registry=made.registry,
            images=made.images,
            audit=made.audit,
            opts=opts,
        )


def _workbench(
    spec: TeamSpec, fence: TeamContract, context: Context, opts: pulumi.ResourceOptions
) -> KnownWorkbench | None:
    """The workbench that the platform made. Raises `InputError` where the file speaks of one that isn't there."""
    if fence.workbench is not None:
        known = fence.workbench.model_dump()
        return KnownWorkbench(context, **known, opts=opts, written=spec.source("workbench"))
    asked = [f"personas.{name}.workbench" for name, access in spec.personas.items() if access.workbench]
    asked += ["workbench"] if spec.workbench is not None else []
    if asked:
        remedy = f'Add "workbenches: {{{spec.team}: {{}}}}" to the platform\'s file, and update the platform first.'
        raise InputError(
            *(spec.fault(path, "but the platform makes no workbench for the team", remedy) for path in asked)
        )
    return None


def _say_tracking(tracking: ExperimentTracking) -> None:
    said = {
        "uri": tracking.tracking_uri,
        "artifacts": tracking.artifact_root,
        "balancer": tracking.balancer_name,
        "client_group": tracking.client_group,
    }
    pulumi.export("tracking", {name: value for name, value in said.items() if value is not None})


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
