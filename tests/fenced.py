"""Teams on a cluster, recorded: the fence of one, what its stack makes there, and the queues of two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from tests.ground import ACCOUNT, FRAUD, NETWORK, PLATFORM, REGION, TRANSACTIONS, ground, known_keys, recording

from modelyard import Context, KnownNetwork, Secrets, SecretsSpec
from modelyard.assess.graph import Graph
from modelyard.build.pipelines import pipeline_fence
from modelyard.build.training import DatasetFiles, DatasetFilesSpec
from modelyard.core.component import Component
from modelyard.foundation.cluster import (
    ClusterQuotaSpec,
    FairSharing,
    IdleGpus,
    IdleGpusSpec,
    PoolLimit,
    Sharer,
    SharingSpec,
)
from modelyard.foundation.tenancy import (
    ClusterAccess,
    Member,
    NamespaceFence,
    ServiceAccountRole,
    SyncedSecrets,
    persona_arn,
    secret_store,
)

CLUSTER = "ml-dev-platform-cluster"
ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
S3 = "52.218.0.0/17"
POOLS = {
    "a100": PoolLimit(16),
    "h100": PoolLimit(64, topology=True),
    "slices": PoolLimit(14, "nvidia.com/mig-3g.40gb"),
}
QUOTA = ClusterQuotaSpec.model_validate({"pools": {"a100": {"gpus": 8, "borrow": 4}}, "cpus": 96, "memory_gib": 768})
SHARED = {
    "fraud": {"pools": {"a100": {"gpus": 8, "borrow": 4, "lend": 2}, "h100": {"gpus": 16}}, "cpus": 64, "weight": 2},
    "churn": {"pools": {"a100": {"gpus": 4}, "slices": {"gpus": 2}}, "cpus": 32, "memory_gib": 256},
}


class Served(Component):
    """A place for what the platform puts into a team's namespace for secrets and pipelines alone."""

    CAPABILITY = "tenancy"

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, None, **options)
        secret_store(self, context=self.context, namespace=self.context.names.namespace)
        pipeline_fence(self, namespace=self.context.names.namespace)
        self.register_outputs({})


def _inside() -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(providers=[kubernetes.Provider("cluster", kubeconfig="{}")])


def fence(context: Context = FRAUD, quota: ClusterQuotaSpec = QUOTA, **options: Any) -> Graph:
    """The fence of a team, which nothing outside calls and which calls nothing, unless `options` say so."""

    def program() -> None:
        NamespaceFence("fraud-space", quota, context=context, version="1.35", pools=POOLS, opts=_inside(), **options)

    return recording(program)


def fenced() -> Graph:
    """The fence of a team whose pods call AWS, and are measured and called by the platform's."""
    return fence(services=["10.20.0.0/16", S3], callers={"monitoring": [8080], "gateway": [8080, 9000]})


def acting() -> Graph:
    """A team that enters the cluster, has an account that reads its lake, and a secret there."""

    def program() -> None:
        provider = kubernetes.Provider("cluster", kubeconfig="{}")

        def inside() -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(providers=[provider])

        base = ground(datasets=TRANSACTIONS)
        account = ServiceAccountRole(
            "trainer", context=FRAUD, cluster=CLUSTER, description="Trains models", opts=inside()
        )
        base.lake.grant_read(account, datasets=["transactions"])
        entries = {"vendor": {"kind": "generated"}, "other": {"kind": "generated"}}
        secrets = Secrets("secrets", SecretsSpec.model_validate({"entries": entries}), context=FRAUD, keys=known_keys())
        SyncedSecrets("synced", secrets, names=["vendor"], context=FRAUD, cluster=CLUSTER, issuer=ISSUER, opts=inside())
        Served("served", context=FRAUD, opts=inside())
        roles: dict[Member, str] = {
            "auditor": persona_arn(FRAUD, "auditor"),
            "deployers": f"{persona_arn(FRAUD, 'auditor')}-d",
        }
        ClusterAccess("people", roles, context=FRAUD, cluster=CLUSTER)

    return recording(program)


def filed() -> Graph:
    """A file system before a dataset of a team, and the claim that mounts it."""

    def program() -> None:
        said = {"capacity_gib": 1200, "ends": datetime.now(UTC).date() + timedelta(days=30)}
        files = DatasetFiles(
            "fraud-transactions-files",
            DatasetFilesSpec.model_validate(said),
            context=FRAUD,
            dataset="transactions",
            network=KnownNetwork(NETWORK),
            groups=[pulumi.Output.from_input("sg-0123456789abcdef0")],
            opts=_inside(),
        )
        files.link("ml-dev-fraud-lake-curated", FRAUD.names.namespace)

    return recording(program)


def shared(pools: dict[str, PoolLimit] = POOLS, **sharing: Any) -> Graph:
    """The queues of two teams."""

    def program() -> None:
        teams = {
            team: Sharer(ClusterQuotaSpec.model_validate(quota), PLATFORM.for_team(team).names.namespace)
            for team, quota in SHARED.items()
        }
        spec = SharingSpec.model_validate(sharing)
        FairSharing("queues", spec, context=PLATFORM, pools=pools, teams=teams, opts=_inside())

    return recording(program)


def idling(**idle: Any) -> Graph:
    """What looks for idle GPUs in the namespaces of two teams."""

    def program() -> None:
        namespaces = {team: PLATFORM.for_team(team).names.namespace for team in SHARED}
        spec = IdleGpusSpec.model_validate(
            {"image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/jobs@sha256:{'0' * 64}", **idle}
        )
        IdleGpus(
            "idle",
            spec,
            context=PLATFORM,
            namespaces=namespaces,
            services=["10.20.0.0/16"],
            version="1.35",
            opts=_inside(),
        )

    return recording(program)
