"""A team's share of the platform's cluster, as its own stack uses it: accounts, people's way in, pools; wiring only."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

import pulumi

from modelyard.blueprints import joined_servers as servers
from modelyard.blueprints import joined_serving as serving
from modelyard.blueprints.granting import Made
from modelyard.blueprints.spec import TeamSpec
from modelyard.build.data import DataLake
from modelyard.build.features import KubernetesFeatures, KubernetesFeaturesSpec
from modelyard.build.pipelines import CONDUCTOR, JUDGE, WORKER, ClusterPipeline
from modelyard.build.tracking import KubernetesTracking, KubernetesTrackingSpec
from modelyard.build.training import ClusterTrainingPool, KubernetesTraining, MachinePool
from modelyard.core.context import Context
from modelyard.core.contract import ClusterContract, TeamContract
from modelyard.core.errors import Fault, Source, SpecError
from modelyard.foundation.cluster import PROMETHEUS, KnownCluster, PoolLimit
from modelyard.foundation.keys import KeysLike
from modelyard.foundation.secrets import Secrets, SecretsSpec
from modelyard.foundation.tenancy import ClusterAccess, Member, Personas, ServiceAccountRole, SyncedSecrets

CHART_OF: Final = {"trainer": "trainer", "ray": "kuberay", "jobset": "jobset"}
"""What the platform installs for jobs of each runtime."""
SECRETS_CHART: Final = "external-secrets"
"""What copies secrets into namespaces."""
PIPELINES_CHART: Final = "argo-workflows"
"""What runs pipelines."""


class JoinedCluster:
    """The platform's cluster, entered as the team's deployment role; `opts` lead to the team's account."""

    def __init__(
        self,
        contract: ClusterContract,
        fence: TeamContract,
        *,
        context: Context,
        opts: pulumi.ResourceOptions,
    ) -> None:
        self._contract, self._fence, self._context, self._opts = contract, fence, context, opts
        self._cluster = KnownCluster("cluster", contract, context=context, role_arn=fence.deployment_role_arn)
        self._brings: list[pulumi.Resource] = []
        """What brings Secrets that servers start from."""
        self._both = pulumi.ResourceOptions.merge(opts, self._cluster.into())

    @property
    def pools(self) -> dict[str, MachinePool]:
        """The cluster's machines with GPUs, by name."""
        return {
            name: MachinePool(
                PoolLimit(pool.gpus, pool.resource, pool.topology), pool.instance_types, pool.efa, pool.spot
            )
            for name, pool in self._contract.pools.items()
        }

    def admit(self, personas: Personas, spec: TeamSpec) -> None:
        """Let the team's people and pipelines in, each as what it is in the team."""
        roles: dict[Member, pulumi.Input[str]] = {persona: personas[persona].arn for persona in personas}
        if roles and self._contract.kind == "eks":
            ClusterAccess(
                "cluster-access",
                roles,
                context=self._context,
                cluster=self._contract.name,
                opts=self._opts,
                written=spec.source("people"),
            )

    def refuse_lacking(self, spec: TeamSpec) -> None:
        """Raise `SpecError` for what the file asks of the cluster and the cluster hasn't."""
        faults = [
            *self._training_lacks(spec),
            *self._pipelines_lack(spec),
            *self._secrets_lack(spec),
            *self._serving_lacks(spec),
            *servers.lacking(spec, self._contract.kind, self._fence.ways),
        ]
        if faults:
            raise SpecError(*faults)

    def secrets(self, spec: SecretsSpec, secrets: Secrets) -> SyncedSecrets:
        """Those of the team's secrets that its pods mount."""
        made = SyncedSecrets(
            "synced",
            secrets,
            names=spec.in_cluster,
            context=self._context,
            cluster=self._contract.name,
            issuer=self._contract.issuer,
            opts=self._both,
        )
        self._brings.append(made)
        return made

    def tracking(self, spec: TeamSpec, keys: KeysLike) -> KubernetesTracking | None:
        """The team's MLflow there; None where its file asks for none."""
        if not isinstance(spec.tracking, KubernetesTrackingSpec):
            return None
        account = partial(self._account, written=spec.source("tracking"))
        return servers.tracking(
            spec.tracking, context=self._context, account=account, keys=keys, after=self._brings, opts=self._both
        )

    def features(self, spec: TeamSpec, lake: DataLake | None) -> KubernetesFeatures | None:
        """The team's Feast store there; None where its file asks for none."""
        if not isinstance(spec.features, KubernetesFeaturesSpec):
            return None
        account = partial(self._account, written=spec.source("features"))
        return servers.features(
            spec.features, context=self._context, account=account, lake=lake, after=self._brings, opts=self._both
        )

    def training(self, spec: TeamSpec, lake: DataLake, tracking: KubernetesTracking | None) -> ClusterTrainingPool:
        """Where the team's jobs run; those that log sign in to `tracking`."""
        assert spec.training is not None
        account = self._account(WORKER, f"Training jobs of {spec.team} on Kubernetes", spec.source("training"))
        return ClusterTrainingPool(
            "training",
            spec.training,
            context=self._context,
            lake=lake,
            cluster=self._cluster,
            account=account,
            pools=self.pools,
            quota=spec.quota,
            datasets=self._fence.dataset_claims,
            variables=servers.signed_in(tracking, spec.jobs.track if spec.jobs else None),
            opts=self._both,
        )

    def serve(self, spec: TeamSpec, made: Made) -> None:
        """The team's models that are served there, and what watches them."""
        serving.serve(
            spec, made, context=self._context, cluster=self._contract.name, pools=self._limits, opts=self._both
        )

    @property
    def _limits(self) -> dict[str, PoolLimit]:
        return {name: pool.limit for name, pool in self.pools.items()}

    def pipelines(self, spec: TeamSpec, made: Made, keys: KeysLike) -> dict[str, ClusterPipeline]:
        """The team's pipelines, whose steps are pods of its pool there; they share who registers and who judges."""
        pool, lake, written = made.cluster_training, made.lake, spec.source("pipelines")
        assert pool is not None and lake is not None, "a pool stands on a lake"
        if not spec.pipelines:
            return {}
        conductor = self._account(CONDUCTOR, f"Has versions of {spec.team} registered", written)
        judge = self._account(JUDGE, f"Measures for {spec.team} what gates ask", written)
        return {
            name: ClusterPipeline(
                name,
                pipeline,
                context=self._context,
                pool=pool,
                conductor=conductor,
                judge=judge,
                lake=lake,
                keys=keys,
                features=made.features,
                registry=made.registry,
                images=made.images,
                measured=PROMETHEUS in self._contract.charts,
                opts=self._both,
            )
            for name, pipeline in spec.pipelines.items()
        }

    def _account(self, name: str, description: str, written: Source) -> ServiceAccountRole:
        return ServiceAccountRole(
            name,
            context=self._context,
            cluster=self._contract.name,
            description=description,
            opts=self._both,
            written=written,
        )

    def _training_lacks(self, spec: TeamSpec) -> Iterator[Fault]:
        training = spec.training
        if training is None or not isinstance(training.flavour, KubernetesTraining):
            return
        if self._contract.kind != "eks":
            problem = "gives its pods roles of AWS, and only a cluster of EKS can"
            remedy = (
                "Train on SageMaker or Batch, or compose ClusterTrainingPool in Python with an account of your own."
            )
            yield training.fault("flavour.kind", problem, remedy, training.flavour.kind)
        for name, program in training.flavour.programs.items():
            chart = CHART_OF[program.runtime.kind]
            if chart not in self._contract.charts:
                path, problem, remedy = f"programs.{name}.runtime", f"runs by {chart}, {self._has}", _install(chart)
                yield training.flavour.fault(path, problem, remedy, program.runtime.kind)

    def _pipelines_lack(self, spec: TeamSpec) -> Iterator[Fault]:
        for name, pipeline in spec.pipelines.items():
            if pipeline.flavour.kind == "argo" and PIPELINES_CHART not in self._contract.charts:
                problem = f"runs by {PIPELINES_CHART}, {self._has}"
                yield spec.fault(f"pipelines.{name}.flavour.kind", problem, _install(PIPELINES_CHART), "argo")

    def _secrets_lack(self, spec: TeamSpec) -> Iterator[Fault]:
        secrets = spec.secrets
        if secrets is None or not secrets.in_cluster:
            return
        if self._contract.kind != "eks":
            problem = "come into a cluster by roles of AWS, and only accounts of EKS get them"
            yield secrets.fault("in_cluster", problem, 'Remove it: code reads them by "secrets" of its access.')
        elif SECRETS_CHART not in self._contract.charts:
            problem = f"come into a cluster by {SECRETS_CHART}, {self._has}"
            yield secrets.fault("in_cluster", problem, _install(SECRETS_CHART))

    def _serving_lacks(self, spec: TeamSpec) -> Iterator[Fault]:
        yield from serving.misplaced(spec, self._contract.kind, self._limits)
        yield from serving.outside(spec, self._contract.gateways)
        for need in serving.needs(spec):
            if not any(chart in self._contract.charts for chart in need.charts):
                problem = f"{need.says} by {' or '.join(need.charts)}, {self._has}"
                yield spec.fault(need.path, problem, _install(need.charts[0]), need.value)

    @property
    def _has(self) -> str:
        return f"and the platform's cluster has {', '.join(self._contract.charts) or 'none'}"


def _install(chart: str) -> str:
    return f'Add it to "cluster.charts.install" of the platform\'s file: [{chart}].'
