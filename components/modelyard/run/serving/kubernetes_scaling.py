"""How many pods an endpoint has: by KEDA, which asks Prometheus, and can go to none.

Sources: keda.sh/docs/2.21/concepts/scaling-deployments, …/scalers/prometheus;
kserve.github.io/website/docs/model-serving, "Autoscaling with KEDA".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.core.component import Component
from modelyard.core.kubernetes import custom
from modelyard.run.serving.kinds import ConcurrencyTarget
from modelyard.run.serving.kubernetes_pods import chosen
from modelyard.run.serving.kubernetes_queries import Questions
from modelyard.run.serving.kubernetes_spec import CpuTarget, PodScalingSpec

_LOOK_SECONDS = 15


def _asked(scaling: PodScalingSpec, questions: Questions) -> tuple[str, float]:
    """The query, and how much of its answer a pod is to have."""
    target = scaling.target
    if isinstance(target, ConcurrencyTarget):
        return questions.in_progress(), target.per_instance
    assert not isinstance(target, CpuTarget)
    return target.query, target.per_pod


def kserve_scaling(scaling: PodScalingSpec | None, pods: int, questions: Questions, prometheus: str) -> dict[str, Any]:
    """The part of a component of KServe that says how many pods there are; KServe writes the ScaledObject."""
    if scaling is None:
        return {"minReplicas": pods, "maxReplicas": pods}
    if isinstance(scaling.target, CpuTarget):
        held = {"type": "Utilization", "averageUtilization": scaling.target.percent}
        metric = {"type": "Resource", "resource": {"name": "cpu", "target": held}}
    else:
        query, per_pod = _asked(scaling, questions)
        asked = {"backend": "prometheus", "serverAddress": prometheus, "query": query}
        metric = {
            "type": "External",
            "external": {"metric": asked, "target": {"type": "Value", "value": f"{per_pod:g}"}},
        }
    return {
        "minReplicas": scaling.least,
        "maxReplicas": scaling.most,
        "autoScaling": {
            "metrics": [metric],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": scaling.in_seconds}},
        },
    }


def scaled_object(
    owner: Component,
    scaling: PodScalingSpec,
    questions: Questions,
    *,
    prometheus: str,
    target: tuple[str, str, str],
    namespace: pulumi.Input[str],
    after: Sequence[pulumi.Resource],
) -> None:
    """A ScaledObject for what is no InferenceService: `target` is its API version, its kind and its name."""
    api_version, kind, name = target
    if isinstance(scaling.target, CpuTarget):
        trigger: dict[str, Any] = {
            "type": "cpu",
            "metricType": "Utilization",
            "metadata": {"value": str(scaling.target.percent)},
        }
    else:
        query, per_pod = _asked(scaling, questions)
        metadata = {"serverAddress": prometheus, "query": query, "threshold": f"{per_pod:g}"}
        trigger = {"type": "prometheus", "metadata": metadata}
    behavior = {"scaleDown": {"stabilizationWindowSeconds": scaling.in_seconds}}
    custom(
        owner,
        "scaling",
        api_version="keda.sh/v1alpha1",
        kind="ScaledObject",
        name=owner.physical("kubernetes", "scaling"),
        namespace=namespace,
        spec={
            "scaleTargetRef": {"apiVersion": api_version, "kind": kind, "name": name},
            "pollingInterval": _LOOK_SECONDS,
            "cooldownPeriod": scaling.in_seconds,
            "minReplicaCount": scaling.least,
            "maxReplicaCount": scaling.most,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
            "triggers": [trigger],
        },
        after=after,
    )


def disruption_budget(owner: Component, *, namespace: pulumi.Input[str]) -> None:
    """Lets machines be drained one pod at a time."""
    kubernetes.policy.v1.PodDisruptionBudget(
        owner.named("disruption"),
        metadata={"name": owner.physical("kubernetes"), "namespace": namespace},
        spec={
            "max_unavailable": 1,
            "selector": {"match_labels": chosen(owner)},
            "unhealthy_pod_eviction_policy": "AlwaysAllow",
        },
        opts=owner.options(),
    )
