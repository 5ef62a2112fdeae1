"""A cluster of EKS with pools of GPUs of each kind, recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard import Context, Keys, KeysSpec, Network, VpcSpec
from modelyard.assess.graph import Graph, record
from modelyard.foundation.cluster import Charts, ChartsSpec, EksCluster, EksClusterSpec, GpuPools, Karpenter, PoolSpec

BOTTLEROCKET = {"version": "1.50.0"}
POOLS: dict[str, dict[str, Any]] = {
    "a100": {
        "instance_types": ["p4d.24xlarge"],
        "limits": {"gpus": 32, "monthly_usd": 90_000},
        "image": BOTTLEROCKET,
        "zones": ["eu-west-1a"],
        "efa": True,
    },
    "shared": {
        "instance_types": ["g6.xlarge", "g6.2xlarge"],
        "limits": {"gpus": 4},
        "image": BOTTLEROCKET,
        "capacity": {"kind": "spot", "or_on_demand": True},
        "sharing": {"kind": "time-slicing", "replicas": 4},
        "drain_hours": 2,
    },
    "parts": {
        "instance_types": ["p5.48xlarge"],
        "limits": {"gpus": 8},
        "image": BOTTLEROCKET,
        "capacity": {"kind": "block", "reservations": ["cr-0123456789abcdef0"], "zone": "eu-west-1b"},
        "sharing": {"kind": "mig", "profile": "1g.10gb"},
    },
    "plain": {
        "instance_types": ["g6e.xlarge"],
        "limits": {"gpus": 2},
        "image": {"family": "al2023", "version": "v20260101"},
        "sharing": {"kind": "time-slicing", "replicas": 2},
        "local_disks": False,
    },
}


def recorded(said: Mapping[str, Mapping[str, Any]] = POOLS) -> Graph:
    """The platform's stack with the cluster and these pools, in the zones a and b of eu-west-1."""
    context = Context(
        organization="acme",
        platform="ml",
        environment="prod",
        region="eu-west-1",
        account="123456789012",
        production=True,
    )

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=context)
        zones = ("eu-west-1a", "eu-west-1b")
        network = Network("network", VpcSpec(cidr="10.20.0.0/16", zones=zones), context=context, keys=keys)
        spec = EksClusterSpec.model_validate({"version": "1.35"})
        cluster = EksCluster("cluster", spec, context=context, keys=keys, network=network)
        charts = Charts("charts", ChartsSpec(), context=context, version=spec.version, opts=cluster.into())
        karpenter = Karpenter("karpenter", context=context, cluster=cluster, charts=charts, network=network, keys=keys)
        pools = {name: PoolSpec.model_validate(pool) for name, pool in said.items()}
        GpuPools(
            "gpu",
            pools,
            context=context,
            karpenter=karpenter,
            charts=charts,
            network=network,
            keys=keys,
            opts=cluster.into(),
        )

    return record(program, project="modelyard-platform", stack="prod", region="eu-west-1")
