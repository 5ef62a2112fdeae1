"""Fair sharing by Kueue: each team its own share of the pools, what is idle for whoever wants it, and back at once.

Sources: kueue.sigs.k8s.io/docs/concepts (ClusterQueue, Cohort, Topology Aware Scheduling), v0.15.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.core.kubernetes import DEFAULT_QUEUE, GPU, NAMESPACE, POOL, TEAM, custom
from modelyard.core.names import PLATFORM_TEAM
from modelyard.foundation.cluster.queues_admission import only_queued
from modelyard.foundation.cluster.queues_spec import ClusterQuotaSpec, PoolLimit, SharingSpec, quota_faults

API: Final = "kueue.x-k8s.io/v1beta2"
PRIORITIES: Final[Mapping[str, tuple[int, str]]] = {
    "serving": (1_000_000, "Answers somebody who waits"),
    "urgent": (10_000, "Goes before the team's other runs"),
    "background": (-10_000, "Runs when the team wants nothing else"),
}
"""Levels beside the ordinary one, which is 0 and has no name."""
_LAYERS: Final = (
    *(f"topology.k8s.aws/network-node-layer-{layer}" for layer in (1, 2, 3)),
    "kubernetes.io/hostname",
)
"""How close machines are, the widest first (eks/latest/userguide/ml-workload-topology)."""
_FRAMEWORKS: Final = (
    "batch/job",
    "deployment",
    "jobset.x-k8s.io/jobset",
    "kubeflow.org/mpijob",
    "leaderworkerset.x-k8s.io/leaderworkerset",
    "pod",
    "ray.io/raycluster",
    "ray.io/rayjob",
    "statefulset",
    "trainer.kubeflow.org/trainjob",
)
_UNCOUNTED: Final = ("ephemeral-storage", "hugepages-", "vpc.amazonaws.com/")
"""What pods ask for beside CPUs, memory and GPUs; a queue refuses what it neither counts nor is told to overlook."""


@dataclass(frozen=True, slots=True)
class Sharer:
    """A team that takes part: its quota, and its namespace."""

    quota: ClusterQuotaSpec
    namespace: pulumi.Input[str]


def kueue_values(spec: SharingSpec) -> dict[str, Any]:
    """The values of Kueue's chart: it manages everything that runs in a team's namespace, and nothing elsewhere.

    Source: kueue.sigs.k8s.io/docs/reference/kueue-config.v1beta2.
    """
    of_teams = [
        {"key": TEAM, "operator": "Exists"},
        {"key": TEAM, "operator": "NotIn", "values": [PLATFORM_TEAM]},
    ]
    configuration = {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": ":8081"},
        "metrics": {"bindAddress": ":8443", "enableClusterQueueResources": True},
        "webhook": {"port": 9443},
        "leaderElection": {"leaderElect": True, "resourceName": "c1f6bfd2.kueue.x-k8s.io"},
        "manageJobsWithoutQueueName": True,
        "managedJobsNamespaceSelector": {"matchExpressions": of_teams},
        "integrations": {"frameworks": list(_FRAMEWORKS)},
        "fairSharing": {"preemptionStrategies": ["LessThanOrEqualToFinalShare", "LessThanInitialShare"]},
        "resources": {"excludeResourcePrefixes": list(_UNCOUNTED)},
        "waitForPodsReady": {
            "timeout": f"{spec.ready_minutes}m",
            "recoveryTimeout": f"{spec.ready_minutes}m",
            "blockAdmission": False,
            "requeuingStrategy": {"timestamp": "Eviction", "backoffLimitCount": 10},
        },
    }
    return {"managerConfig": {"controllerManagerConfigYaml": json.dumps(configuration, sort_keys=True)}}


class FairSharing(Component):
    """The queues of all teams of a cluster: quotas that are guaranteed, and what is idle lent to the others.

    `pools`: the cluster's pools by name. `after`: what installs Kueue and its kinds. `priorities` and `queue_name` are
    what a team's workloads say to be run.

    Raises `SpecError` for quotas that the pools can't hold, at the place where each was written.
    """

    CAPABILITY = "cluster"

    def __init__(
        self,
        name: str,
        spec: SharingSpec,
        *,
        context: Context,
        pools: Mapping[str, PoolLimit],
        teams: Mapping[str, Sharer],
        after: Sequence[pulumi.Resource] = (),
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = list(quota_faults({team: sharer.quota for team, sharer in teams.items()}, pools))
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec, self._pools, self._after = spec, pools, list(after)
        self.queue_name: str = DEFAULT_QUEUE
        self.priorities: dict[str, str] = {level: self.physical("kubernetes", level) for level in PRIORITIES}
        self._flavors = {pool: self._flavor_name(pool) for pool in pools}
        self._general = self.physical("kubernetes", "machines")
        self._make_priorities()
        flavors = self._make_flavors()
        self._cohort = self.physical("kubernetes", "teams")
        cohort = self._make("cohort", "Cohort", self._cohort, self._spare(teams), flavors)
        for team, sharer in teams.items():
            self._admit(team, sharer, [*flavors, cohort])
        if teams:
            only_queued(self, [sharer.namespace for sharer in teams.values()])
        self.register_outputs({"priorities": self.priorities})

    def _make(
        self, role: str, kind: str, called: str, spec: Mapping[str, Any], after: Sequence[pulumi.Resource], **more: Any
    ) -> pulumi.Resource:
        return custom(self, role, api_version=API, kind=kind, name=called, spec=spec, after=after, **more)

    def _make_priorities(self) -> None:
        """What goes before what. Kueue takes a run's place in its team's queue from the class of its pods."""
        for level, (value, description) in PRIORITIES.items():
            kubernetes.scheduling.v1.PriorityClass(
                self.named(f"{level}-priority"),
                metadata={"name": self.priorities[level]},
                value=value,
                description=description,
                preemption_policy="Never",
                opts=self.options(),
            )

    def _flavor_name(self, pool: str) -> str:
        """A flavour with a topology never changes, so that its name changes with what it says."""
        says = json.dumps(self._flavor(pool), sort_keys=True) if self._pools[pool].topology else None
        return self.physical("kubernetes", f"pool-{pool}", content=says)

    def _flavor(self, pool: str) -> dict[str, Any]:
        topology = {"topologyName": self.physical("kubernetes", "network")} if self._pools[pool].topology else {}
        tolerations = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
        return {"nodeLabels": {POOL: pool}, "tolerations": tolerations, **topology}

    def _make_flavors(self) -> list[pulumi.Resource]:
        after = list(self._after)
        if any(pool.topology for pool in self._pools.values()):
            levels = {"levels": [{"nodeLabel": label} for label in _LAYERS]}
            after.append(self._make("network", "Topology", self.physical("kubernetes", "network"), levels, self._after))
        return [
            self._make("general", "ResourceFlavor", self._general, {}, self._after),
            *(
                self._make(f"{pool}-flavor", "ResourceFlavor", self._flavors[pool], self._flavor(pool), after)
                for pool in self._pools
            ),
        ]

    def _spare(self, teams: Mapping[str, Sharer]) -> dict[str, Any]:
        """What of the pools is no team's own, and everybody's to borrow."""
        left = {
            name: pool.gpus - sum(each.quota.pools[name].gpus for each in teams.values() if name in each.quota.pools)
            for name, pool in self._pools.items()
        }
        groups = self._by_resource({name: {"nominalQuota": str(gpus)} for name, gpus in left.items() if gpus})
        return {"resourceGroups": groups} if groups else {}

    def _by_resource(self, quotas: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
        """Groups of pools that hand out the same resource, in the pools' order: a run takes the first with room."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for name, quota in quotas.items():
            resource = self._pools[name].resource
            flavor = {"name": self._flavors[name], "resources": [{"name": resource, **quota}]}
            groups.setdefault(resource, []).append(flavor)
        return [{"coveredResources": [resource], "flavors": flavors} for resource, flavors in groups.items()]

    def _admit(self, team: str, sharer: Sharer, after: Sequence[pulumi.Resource]) -> None:
        called = self.physical("kubernetes", team)
        queue = self._make(f"{team}-queue", "ClusterQueue", called, self._queue(sharer), after)
        self._make(
            f"{team}-way-in", "LocalQueue", DEFAULT_QUEUE, {"clusterQueue": called}, [queue], namespace=sharer.namespace
        )

    def _queue(self, sharer: Sharer) -> dict[str, Any]:
        quota = sharer.quota
        general = [("cpu", str(quota.cpus_at_most(self._pools))), ("memory", f"{quota.memory_at_most(self._pools)}Gi")]
        alone = {"borrowingLimit": "0", "lendingLimit": "0"}
        own = [{"name": resource, "nominalQuota": amount, **alone} for resource, amount in general]
        pools: dict[str, dict[str, str]] = {}
        for name, of_pool in quota.pools.items():
            limits = {"borrowingLimit": of_pool.borrow, "lendingLimit": of_pool.lend}
            said = {key: str(value) for key, value in limits.items() if value is not None}
            pools[name] = {"nominalQuota": str(of_pool.gpus), **said}
        return {
            "cohortName": self._cohort,
            "namespaceSelector": {"matchLabels": {NAMESPACE: sharer.namespace}},
            "resourceGroups": [
                {"coveredResources": ["cpu", "memory"], "flavors": [{"name": self._general, "resources": own}]},
                *self._by_resource(pools),
            ],
            "fairSharing": {"weight": str(quota.weight)},
            "preemption": {
                "withinClusterQueue": "LowerPriority",
                "reclaimWithinCohort": "Any" if self.spec.reclaim else "Never",
            },
        }
