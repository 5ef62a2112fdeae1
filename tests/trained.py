"""A team's pool on Kubernetes, with a program of each kind of runtime, recorded."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from tests.ground import FRAUD, PLATFORM, a_role, ground, recording

from modelyard.assess.graph import Graph
from modelyard.build.training import (
    ClusterTrainingPool,
    MachinePool,
    TrainingLimits,
    TrainingSpec,
    training_fence,
)
from modelyard.core.component import Component
from modelyard.foundation.cluster import ClusterQuotaSpec, PoolLimit
from modelyard.foundation.tenancy import ServiceAccountRole

DIGEST = f"sha256:{'0' * 64}"
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-train@{DIGEST}"
POOLS = {
    "a100": MachinePool(PoolLimit(16, topology=True), ("p4d.24xlarge",), efa=True),
    "small": MachinePool(PoolLimit(8), ("g5.xlarge", "g5.12xlarge"), spot=True),
    "slices": MachinePool(PoolLimit(14, "nvidia.com/mig-3g.20gb"), ("p4d.24xlarge",)),
}
QUOTA = ClusterQuotaSpec.model_validate({"pools": {"a100": {"gpus": 8, "borrow": 8}, "small": {"gpus": 4}}})
ONE: dict[str, Any] = {"image": IMAGE, "command": ["train.py"]}
PROGRAMS: dict[str, Any] = {
    "one": ONE,
    "tune": {**ONE, "nodes": 2, "command": ["train.py", "--resume"]},
    "mpi": {**ONE, "nodes": 2, "runtime": {"kind": "trainer", "launcher": "mpi"}},
    "deep": {**ONE, "nodes": 2, "runtime": {"kind": "trainer", "launcher": "deepspeed"}},
    "search": {**ONE, "nodes": 2, "command": ["python", "a b.py"], "runtime": {"kind": "ray", "version": "2.49.2"}},
    "plain": {**ONE, "nodes": 2, "command": ["python", "train.py"], "runtime": {"kind": "jobset"}},
}
VOLUMES = {"fast": {"storage_class": "lustre", "size_gib": 1200, "path": "/data"}}


def given(programs: dict[str, Any] | None = None, pool: str = "a100", **more: Any) -> TrainingSpec:
    """A pool on Kubernetes; `flavour` in `more` adds to its flavour."""
    flavour = {"kind": "kubernetes", "pool": pool, "programs": programs or {"one": ONE}, **more.pop("flavour", {})}
    return TrainingSpec.model_validate(
        {
            "flavour": flavour,
            "instance_types": ["p4d.24xlarge"],
            "offered_anyway": ["p4d.24xlarge"],
            "network_isolation": False,
            "inter_container_encryption": False,
            "distributed": {"most_instances": 2},
            **more,
        }
    )


def whole() -> TrainingSpec:
    return given(
        PROGRAMS,
        flavour={"volumes": VOLUMES},
        checkpoints={"prefix": "checkpoints"},
        distributed={"most_instances": 2, "efa": True},
        max_runtime_minutes=90,
    )


class Cluster:
    """A cluster that exists."""

    cluster_name = "ml-dev-platform-cluster"

    def into(self, **options: Any) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(providers=[kubernetes.Provider("cluster", kubeconfig="{}")], **options)


def recorded(spec: TrainingSpec, **more: Any) -> Graph:
    def program() -> None:
        cluster, base = Cluster(), ground()
        opts = cluster.into()
        account = ServiceAccountRole(
            "trainer",
            context=FRAUD,
            cluster=cluster.cluster_name,
            description="Trains models",
            opts=pulumi.ResourceOptions.merge(opts, None),
        )
        pool = ClusterTrainingPool(
            "training",
            spec,
            context=FRAUD,
            lake=base.lake,
            cluster=cluster,
            account=account,
            opts=opts,
            **{"pools": POOLS, "quota": QUOTA, **more},
        )
        pool.grant_submit(a_role("submitter"))

    return recording(program)


LIMITS = TrainingLimits(
    ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/", "quay.io/ours/"),
    max_runtime_minutes=90,
    most_instances=2,
)


def walled(namespace: str) -> Graph:
    """What the platform makes so that jobs of this namespace keep to `LIMITS`."""

    class Wall(Component):
        CAPABILITY = "training"

    def program() -> None:
        wall = Wall("wall", None, context=PLATFORM, opts=Cluster().into())
        training_fence(wall, LIMITS, namespace=namespace)
        wall.register_outputs({})

    return recording(program)
