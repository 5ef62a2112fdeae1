"""A team's pipeline on Kubernetes, from data to a version that waits for approval, recorded."""

from __future__ import annotations

import copy
from typing import Any

import pulumi
from tests.ground import FRAUD, GATED, OWNER, TRANSACTIONS, ground, recording
from tests.trained import DIGEST, IMAGE, Cluster

from modelyard.assess.graph import Graph
from modelyard.build.pipelines import ClusterPipeline, PipelineSpec
from modelyard.build.training import ClusterTrainingPool, MachinePool, TrainingSpec
from modelyard.foundation.cluster import PoolLimit
from modelyard.foundation.tenancy import ServiceAccountRole

TOOLS = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-tools@{DIGEST}"
PYTHON = {"image": IMAGE, "command": ["python", "step.py"]}
STEPS: dict[str, Any] = {
    "check": {
        "kind": "validate_data",
        **PYTHON,
        "arguments": ["--strict"],
        "inputs": {"rows": {"kind": "dataset", "name": "transactions"}},
        "outputs": {"good": {}},
    },
    "train": {
        "kind": "train",
        "image": IMAGE,
        "command": ["train.py"],
        "arguments": ["--epochs", "3"],
        "launcher": "torchrun",
        "inputs": {"train": {"kind": "output", "of": "check.good"}},
        "parameters": {"rate": {"of": "rate"}},
        "timeout_minutes": 30,
    },
    "measure": {
        "kind": "evaluate",
        **PYTHON,
        "inputs": {"model": {"kind": "output", "of": "train.model"}},
        "outputs": {"report": {}},
        "resources": {"instance_type": "g5.xlarge", "volume_gib": 20},
    },
    "register": {
        "kind": "register",
        "image": IMAGE,
        "model": "scores",
        "artifact": "train.model",
        "report": "measure.report",
    },
}
POOL = {
    "flavour": {"kind": "kubernetes", "pool": "small", "programs": {"train": {"image": IMAGE, "command": ["t.py"]}}},
    "instance_types": ["g5.xlarge", "g5.12xlarge"],
    "network_isolation": False,
    "max_runtime_minutes": 60,
}


def given(**changes: Any) -> PipelineSpec:
    return PipelineSpec.model_validate(
        {
            "owner": OWNER,
            "commit": "a1b2c3d",
            "flavour": {"kind": "argo", "tools_image": TOOLS},
            "parameters": {"rate": "0.1"},
            "steps": STEPS,
            "triggers": {"nightly": {"kind": "schedule", "expression": "cron(30 5 ? * 2-6 *)"}},
            **changes,
        }
    )


def changed(step: str, **changes: Any) -> dict[str, Any]:
    steps = copy.deepcopy(STEPS)
    steps[step] |= changes
    return steps


def recorded(spec: PipelineSpec, *, judged: bool = True) -> Graph:
    def program() -> None:
        base = ground(registry=GATED, datasets=TRANSACTIONS)
        cluster = Cluster()
        into = cluster.into()

        def account(name: str) -> ServiceAccountRole:
            opts = pulumi.ResourceOptions.merge(into, None)
            return ServiceAccountRole(name, context=FRAUD, cluster=cluster.cluster_name, description=name, opts=opts)

        pool = ClusterTrainingPool(
            "training",
            TrainingSpec.model_validate(POOL),
            context=FRAUD,
            lake=base.lake,
            cluster=cluster,
            account=account("worker"),
            pools={"small": MachinePool(PoolLimit(8), ("g5.xlarge", "g5.12xlarge"))},
            opts=pulumi.ResourceOptions.merge(into, None),
        )
        ClusterPipeline(
            "nightly",
            spec,
            context=FRAUD,
            pool=pool,
            conductor=account("conductor"),
            judge=account("judge") if judged else None,
            lake=base.lake,
            keys=base.keys,
            registry=base.registry,
            opts=pulumi.ResourceOptions.merge(into, None),
        )

    return recording(program)
