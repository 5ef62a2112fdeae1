"""The platform's cluster of Kubernetes: its charts and pools, and the namespace and queue of each team; wiring only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from modelyard.blueprints.joined_servers import FEATURES, TRACKING
from modelyard.blueprints.spec import PlatformSpec
from modelyard.build.features import feature_ways
from modelyard.build.pipelines import pipeline_fence
from modelyard.build.tracking import tracking_ways
from modelyard.build.training import DatasetFiles
from modelyard.core.context import Context
from modelyard.foundation.cluster import (
    CERTIFICATES_BY_GATEWAYS,
    EXPORTER,
    PROMETHEUS,
    ChartName,
    Charts,
    EksCluster,
    EksClusterSpec,
    ExistingCluster,
    FairSharing,
    GpuPools,
    HyperPod,
    IdleGpus,
    Karpenter,
    Sharer,
    SpotNodes,
    TeamGateways,
    kueue_values,
    measure,
)
from modelyard.foundation.keys import Keys
from modelyard.foundation.network import PlatformNetwork
from modelyard.foundation.tenancy import SERVING_PORTS, ClusterAccess, NamespaceFence, TeamHeader, secret_store

_CALLERS: Final[tuple[ChartName, ...]] = (PROMETHEUS, "envoy-gateway")

MEASURED_RUNS: Final = {
    "controller": {"metricsConfig": {"enabled": True, "honorLabels": True}, "serviceMonitor": {"enabled": True}}
}
"""What the chart of Argo is told where Prometheus is there: a run's own namespace stays its namespace."""
_LAKE: Final = "lake"
"""What a team's stack calls its lake."""


class PlatformCluster:
    """The cluster of a platform; `opts` lead to the platform's own account."""

    def __init__(
        self,
        spec: PlatformSpec,
        *,
        context: Context,
        keys: Keys,
        network: PlatformNetwork,
        opts: pulumi.ResourceOptions,
    ) -> None:
        assert spec.cluster is not None
        self.spec, self._context, self._network, self._opts = spec.cluster, context, network, opts
        self._wanted, self._files = spec.dataset_files, dict[str, list[DatasetFiles]]()
        self._ways = spec.ways
        if isinstance(spec.cluster, EksClusterSpec):
            self._cluster = EksCluster(
                "cluster",
                spec.cluster,
                context=context,
                keys=keys,
                network=network,
                deployers=spec.deployers,
                opts=opts,
            )
        else:
            self._cluster = ExistingCluster("cluster", spec.cluster, context=context, opts=opts)
        self._charts = Charts(
            "charts", spec.cluster.charts, context=context, version=spec.cluster.version, opts=self._cluster.into()
        )
        if isinstance(self._cluster, EksCluster):
            self._start_machines(self._cluster, keys)
        elif EXPORTER in spec.cluster.charts.install:
            measure(self._charts)
        if any(gateway.issuer is not None for gateway in spec.cluster.gateways.values()):
            self._charts.install("cert-manager", CERTIFICATES_BY_GATEWAYS)
        wanted = spec.cluster.charts.install
        if PROMETHEUS in wanted and "argo-workflows" in wanted:
            self._charts.install("argo-workflows", MEASURED_RUNS, after=[self._charts.install(PROMETHEUS)])
        for chart in wanted:
            self._charts.install(chart)

    def _start_machines(self, cluster: EksCluster, keys: Keys) -> None:
        both = pulumi.ResourceOptions.merge(self._opts, cluster.into())
        if cluster.spec.hyperpod is not None:
            HyperPod(
                "hyperpod",
                cluster.spec.hyperpod,
                context=self._context,
                cluster=cluster,
                network=self._network,
                keys=keys,
                opts=both,
            )
            measure(self._charts)
        if not cluster.spec.pools:
            return
        karpenter = Karpenter(
            "karpenter",
            context=self._context,
            cluster=cluster,
            charts=self._charts,
            network=self._network,
            keys=keys,
            opts=both,
        )
        GpuPools(
            "pools",
            cluster.spec.pools,
            context=self._context,
            karpenter=karpenter,
            charts=self._charts,
            network=self._network,
            keys=keys,
            opts=both,
        )

    def file_systems(self, teams: Mapping[str, TeamHeader]) -> dict[str, list[pulumi.Output[str]]]:
        """Make the file systems before datasets of teams; their ids, by team."""
        if isinstance(self._cluster, EksCluster):
            both = pulumi.ResourceOptions.merge(self._opts, self._cluster.into())
            for team in (name for name in self._wanted if name in teams):
                self._files[team] = [
                    DatasetFiles(
                        f"{team}-{dataset}-files",
                        files,
                        context=self._context.for_team(team),
                        dataset=dataset,
                        network=self._network,
                        groups=self._cluster.security_groups[:1],
                        opts=both,
                    )
                    for dataset, files in self._wanted[team].items()
                ]
        return {team: [files.id for files in each] for team, each in self._files.items()}

    def claims(self, team: str) -> dict[str, str]:
        """By which claims the team's datasets are files, by dataset."""
        return {files.dataset: files.claim for files in self._files.get(team, ())}

    def opened(self, team: str) -> list[str]:
        """For which of the team's servers ways are open."""
        said = self._ways.get(team)
        return [] if said is None else [part for part in ("features", "tracking") if getattr(said, part) is not None]

    def admit(self, teams: Mapping[str, TeamHeader], fences: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """Make the namespace and the queue of each team that asks for a quota; their namespaces, by team.

        `fences`: what `fences()` made of the teams.
        """
        sharers: dict[str, Sharer] = {}
        spaces: dict[str, str] = {}
        copying = self._copy_secrets() if any(header.quota for header in teams.values()) else []
        for team, header in teams.items():
            if header.quota is None:
                continue
            context = self._context.for_team(team)
            fence = NamespaceFence(
                f"{team}-namespace",
                header.quota,
                context=context,
                version=self.spec.version,
                pools=self.spec.limits,
                services=self._network.reachable,
                callers=self._callers(),
                opts=self._cluster.into(),
            )
            if copying:
                secret_store(fence, context=context, namespace=fence.namespace, after=copying)
            for files in self._files.get(team, ()):
                files.link(context.names.of("s3-bucket", _LAKE, files.spec.zone), fence.namespace)
            self._open(team, fence)
            if "argo-workflows" in self._charts.installed:
                pipeline_fence(fence, namespace=fence.namespace)
            sharers[team] = Sharer(header.quota, fence.namespace)
            spaces[team] = context.names.namespace
            if isinstance(self._cluster, EksCluster):
                ClusterAccess(
                    f"{team}-cluster-access",
                    {"deployers": fences[team]["deployment_role_arn"]},
                    context=context,
                    cluster=self._cluster.made,
                    opts=self._opts,
                    written=header.source("quota"),
                )
        if sharers:
            self._share(sharers)
            self._look_for_idle(spaces)
        if self.spec.gateways:
            self._let_in({team: sharer.namespace for team, sharer in sharers.items()})
        return spaces

    def _open(self, team: str, fence: NamespaceFence) -> None:
        said = self._ways.get(team)
        if said is not None and said.tracking is not None:
            tracking_ways(fence, said.tracking, server_name=TRACKING, namespace=fence.namespace)
        if said is not None and said.features is not None:
            feature_ways(fence, said.features, store=FEATURES, namespace=fence.namespace)

    def _callers(self) -> dict[str, tuple[int, ...]]:
        """The namespaces of what measures pods of teams, and of what lets calls in."""
        spaces = (self._charts.namespace_of(name) for name in _CALLERS)
        return {space: SERVING_PORTS for space in spaces if space is not None}

    def _copy_secrets(self) -> list[pulumi.Resource]:
        """What copies secrets into namespaces, and what makes IAM believe it; nothing where it isn't installed."""
        if not isinstance(self._cluster, EksCluster) or "external-secrets" not in self._charts.installed:
            return []
        return [self._charts.install("external-secrets"), self._cluster.trust_tokens()]

    def _share(self, teams: Mapping[str, Sharer]) -> None:
        kueue = self._charts.install("kueue", kueue_values(self.spec.sharing))
        FairSharing(
            "sharing",
            self.spec.sharing,
            context=self._context,
            pools=self.spec.limits,
            teams=teams,
            after=[kueue],
            opts=self._cluster.into(),
        )

    def _let_in(self, teams: Mapping[str, pulumi.Input[str]]) -> None:
        issued = any(gateway.issuer is not None for gateway in self.spec.gateways.values())
        charts: list[ChartName] = ["envoy-gateway", *(["cert-manager"] if issued else [])]
        TeamGateways(
            "gateways",
            self.spec.gateways,
            context=self._context,
            teams=teams,
            eks=isinstance(self._cluster, EksCluster),
            after=[self._charts.install(chart) for chart in charts],
            opts=self._cluster.into(),
        )

    def _look_for_idle(self, spaces: Mapping[str, str]) -> None:
        if self.spec.sharing.idle is None:
            return
        if isinstance(self.spec, EksClusterSpec):
            answers = pulumi.Output.all(self._network.cidr)
        else:
            answers = pulumi.Output.from_input(list(self.spec.api_servers))
        IdleGpus(
            "idle",
            self.spec.sharing.idle,
            context=self._context,
            namespaces=spaces,
            services=answers,
            version=self.spec.version,
            opts=self._cluster.into(depends_on=[self._charts.install(PROMETHEUS)]),
        )

    def contract(self) -> dict[str, Any]:
        """What a `ClusterContract` says of the cluster; its values may still be unknown."""
        pools = {
            name: {
                "gpus": limit.gpus,
                "resource": limit.resource,
                "topology": limit.topology,
                **self._machines_of(name),
            }
            for name, limit in self.spec.limits.items()
        }
        return {
            **self._cluster.contract(),
            "pools": pools,
            "charts": dict(self._charts.installed),
            "gateways": {name: gateway.domain for name, gateway in self.spec.gateways.items()},
        }

    def _machines_of(self, name: str) -> dict[str, Any]:
        if not isinstance(self.spec, EksClusterSpec):
            return {}
        if self.spec.hyperpod is not None and name in self.spec.hyperpod.groups:
            group = self.spec.hyperpod.groups[name]
            return {"instance_types": [group.instance_type], "efa": bool(group.instance and group.instance.efa)}
        pool = self.spec.pools[name]
        return {
            "instance_types": list(pool.instance_types),
            "efa": pool.efa,
            "spot": isinstance(pool.capacity, SpotNodes),
        }
