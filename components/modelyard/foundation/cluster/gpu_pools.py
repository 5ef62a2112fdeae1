"""Pools of machines with GPUs as Karpenter takes them, and what pods need to find the GPUs on a machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.core.kubernetes import GPU, GPUS, MONTHLY_USD, POOL, custom
from modelyard.foundation.cluster.charts import EXPORTER, PROMETHEUS
from modelyard.foundation.cluster.gpus import PRESENT, bottlerocket_settings, divisible, plugin_settings
from modelyard.foundation.cluster.karpenter import Karpenter
from modelyard.foundation.cluster.machines import DATA_DISK
from modelyard.foundation.cluster.pools import BlockNodes, PoolSpec, ReservedNodes, SpotNodes, adapters, pools_that_fail
from modelyard.foundation.cluster.releases import Charts
from modelyard.foundation.keys import KeysLike
from modelyard.foundation.network import PlatformNetwork

EFA: Final = "modelyard.dev/efa"
_PLUGIN: Final = "nvidia.com/device-plugin.config"
_ROOT_GIB: Final = 4
_TOLERATES: Final = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]


class GpuPools(Component):
    """Pools of machines with GPUs, each a NodePool and an EC2NodeClass, and the agents that such machines need.

    A machine comes when a pod waits that tolerates the taint `nvidia.com/gpu` and fits a pool's label
    `modelyard.dev/pool`. Raises `SpecError` with the faults of all pools.
    """

    CAPABILITY = "cluster"

    def __init__(
        self,
        name: str,
        pools: Mapping[str, PoolSpec],
        *,
        context: Context,
        karpenter: Karpenter,
        charts: Charts,
        network: PlatformNetwork,
        keys: KeysLike,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [fault for pool in pools.values() for fault in pool.all_faults()]
        faults += pools_that_fail(pools, network.zones("private"))
        if faults:
            raise SpecError(*faults)
        super().__init__(name, None, context=context, transform=transform, opts=opts, written=karpenter.written)
        self._karpenter = karpenter
        self._key = keys.arn("cluster")
        self._subnets = network.subnet_ids("private")
        self.node_pools: dict[str, kubernetes.apiextensions.CustomResource] = {}
        """The NodePools, by the names of pools."""
        for pool, spec in pools.items():
            self.node_pools[pool] = self._pool(pool, spec)
        self._agents(pools, charts)
        self.register_outputs({"pools": sorted(pools)})

    def _pool(self, pool: str, spec: PoolSpec) -> kubernetes.apiextensions.CustomResource:
        name = self.physical("kubernetes", pool)
        nodes = custom(
            self,
            self._at(f"{pool}-nodes", spec),
            api_version="karpenter.k8s.aws/v1",
            kind="EC2NodeClass",
            name=name,
            spec=self._machines(pool, spec),
            after=[self._karpenter.release],
        )
        limits = {GPUS: str(spec.limits.gpus)}
        if spec.limits.monthly_usd is not None:
            limits[MONTHLY_USD] = f"{spec.limits.monthly_usd:g}"
        return custom(
            self,
            self._at(pool, spec),
            api_version="karpenter.sh/v1",
            kind="NodePool",
            name=name,
            labels={POOL: pool},
            annotations=limits,
            spec=_node_pool(pool, name, spec),
            after=[self._karpenter.release, nodes],
        )

    def _at(self, role: str, spec: PoolSpec) -> str:
        self.written_at(role, spec.source())
        return role

    def _machines(self, pool: str, spec: PoolSpec) -> dict[str, Any]:
        """What an EC2NodeClass says."""
        groups = self._karpenter.security_groups if spec.efa else self._karpenter.security_groups[:-1]
        found: dict[str, Any] = {
            "amiSelectorTerms": [{"alias": f"{spec.image.family}@{spec.image.version}"}],
            "instanceProfile": self._karpenter.profile,
            "subnetSelectorTerms": [{"id": subnet} for subnet in self._subnets],
            "securityGroupSelectorTerms": [{"id": group} for group in groups],
            "associatePublicIPAddress": False,
            "metadataOptions": {
                "httpEndpoint": "enabled",
                "httpProtocolIPv6": "disabled",
                "httpPutResponseHopLimit": 1,
                "httpTokens": "required",
            },
            "blockDeviceMappings": self._disks(spec),
            "detailedMonitoring": False,
            "tags": {**self.context.tags_for(self.component), "pool": pool, "Name": self.physical("kubernetes", pool)},
        }
        if spec.on_local_disks:
            found["instanceStorePolicy"] = "RAID0"
        if spec.efa:
            found["networkInterfaces"] = _interfaces(spec)
        if isinstance(spec.capacity, ReservedNodes | BlockNodes):
            found["capacityReservationSelectorTerms"] = [{"id": each} for each in spec.capacity.reservations]
        if spec.placed:
            found["placementGroupSelector"] = {"name": self._placement(pool).name}
        if spec.image.family == "bottlerocket":
            models = {into.model for each in spec.instances if (into := divisible(each))}
            said = bottlerocket_settings(spec.sharing, sorted(models))
            found.update({"userData": said} if said else {})
        return found

    def _disks(self, spec: PoolSpec) -> list[dict[str, Any]]:
        ebs = {"volumeType": "gp3", "encrypted": True, "kmsKeyID": self._key, "deleteOnTermination": True}
        data = {"deviceName": DATA_DISK[spec.image.family], "ebs": {**ebs, "volumeSize": f"{spec.volume_gib}Gi"}}
        if spec.image.family == "al2023":
            return [data]
        return [{"deviceName": "/dev/xvda", "ebs": {**ebs, "volumeSize": f"{_ROOT_GIB}Gi"}}, data]

    def _placement(self, pool: str) -> aws.ec2.PlacementGroup:
        return aws.ec2.PlacementGroup(
            self.named(f"{pool}-placement"),
            name=self.physical("placement-group", pool),
            strategy="cluster",
            opts=self.options(),
        )

    def _agents(self, pools: Mapping[str, PoolSpec], charts: Charts) -> None:
        """What machines of these pools need beside their image, in releases of their own."""
        plain = {name: spec for name, spec in pools.items() if spec.image.family == "al2023"}
        if plain:
            configured = {name: json.dumps(plugin_settings(spec.sharing)) for name, spec in plain.items()}
            charts.install(
                "nvidia-device-plugin",
                {
                    "affinity": {"nodeAffinity": _required({"key": _PLUGIN, "operator": "Exists"})},
                    "tolerations": _TOLERATES,
                    "config": {"map": configured, "default": next(iter(sorted(configured)))},
                },
            )
        if pools:
            measure(charts)
        if any(spec.efa for spec in pools.values()):
            charts.install(
                "efa-device-plugin",
                {"supportedInstanceLabels": {"keys": [EFA], "values": ["true"]}, "tolerations": _TOLERATES},
            )


def measure(charts: Charts) -> None:
    """Install what tells how busy GPUs are; Prometheus reads it where the platform's file has one installed."""
    read = PROMETHEUS in charts.spec.install
    monitor = {"enabled": True, "additionalLabels": {"release": PROMETHEUS}} if read else {"enabled": False}
    charts.install(
        EXPORTER,
        {
            "nodeSelector": {PRESENT: "true"},
            "tolerations": _TOLERATES,
            "serviceMonitor": monitor,
            "securityContext": {"privileged": True, "runAsNonRoot": False, "runAsUser": 0},
        },
        after=[charts.install(PROMETHEUS)] if read else [],
    )


def _required(expression: Mapping[str, Any]) -> dict[str, Any]:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [dict(expression)]}]}
    return {"requiredDuringSchedulingIgnoredDuringExecution": terms}


def _node_pool(pool: str, nodes: str, spec: PoolSpec) -> dict[str, Any]:
    labels = {POOL: pool, PRESENT: "true"}
    if spec.efa:
        labels[EFA] = "true"
    if spec.image.family == "al2023":
        labels[_PLUGIN] = pool
    template: dict[str, Any] = {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": nodes},
        "requirements": _requirements(spec),
        "taints": [{"key": GPU, "value": "true", "effect": "NoSchedule"}],
        "expireAfter": f"{spec.expire_days * 24}h",
    }
    if spec.drain_hours is not None:
        template["terminationGracePeriod"] = f"{spec.drain_hours}h"
    return {
        "template": {"metadata": {"labels": labels}, "spec": template},
        "limits": {name: str(count) for name, count in spec.most.items()},
        "disruption": {
            "consolidationPolicy": "WhenEmpty",
            "consolidateAfter": f"{spec.idle_minutes}m",
            "budgets": [{"nodes": "100%", "reasons": ["Empty"]}, {"nodes": "1", "reasons": ["Drifted"]}],
        },
    }


def _requirements(spec: PoolSpec) -> list[dict[str, Any]]:
    capacity = spec.capacity
    kinds = ["reserved" if isinstance(capacity, ReservedNodes | BlockNodes) else capacity.kind]
    if isinstance(capacity, SpotNodes | ReservedNodes) and capacity.or_on_demand:
        kinds.append("on-demand")
    found = [
        _among("node.kubernetes.io/instance-type", spec.instance_types),
        _among("karpenter.sh/capacity-type", kinds),
        _among("kubernetes.io/os", ["linux"]),
    ]
    if isinstance(capacity, BlockNodes):
        found.append(_among("karpenter.k8s.aws/capacity-reservation-type", ["capacity-block"]))
    if spec.stands_in:
        found.append(_among("topology.kubernetes.io/zone", spec.stands_in))
    return found


def _among(key: str, values: Any) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": list(values)}


def _interfaces(spec: PoolSpec) -> list[dict[str, Any]]:
    """One interface for addresses, and one per adapter for EFA alone."""
    return [
        {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"},
        *(
            {"networkCardIndex": card, "deviceIndex": device, "interfaceType": "efa-only"}
            for card, device in adapters(spec.instances[0])
        ),
    ]
