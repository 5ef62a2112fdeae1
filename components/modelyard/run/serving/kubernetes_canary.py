"""A Rollout of Argo that gives a new version more and more of the calls, while an analysis sees nothing bad.

Sources: argo-rollouts.readthedocs.io/en/stable/features/canary, …/features/analysis,
rollouts-plugin-trafficrouter-gatewayapi.readthedocs.io.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

from modelyard.core.component import Component
from modelyard.core.kubernetes import custom
from modelyard.run.serving.kubernetes_queries import Questions
from modelyard.run.serving.rollout import AllAtOnce, Canary, Linear, RollbackSpec, Rollout

API: Final = "argoproj.io/v1alpha1"
PLUGIN: Final = "argoproj-labs/gatewayAPI"
_HASH: Final = "revision"
_MINUTE: Final = "1m"


def analysis(
    owner: Component,
    spec: RollbackSpec,
    questions: Questions,
    *,
    prometheus: str,
    namespace: pulumi.Input[str],
    after: Sequence[pulumi.Resource],
) -> str:
    """What is asked of the new pods each minute, and its name; two bad answers take the rollout back."""
    name = owner.physical("kubernetes", "analysis")
    asked = {
        "errors": (questions.error_percent("2m"), spec.error_percent),
        "latency": (questions.latency_ms("2m"), spec.latency_ms),
    }
    metrics = [
        {
            "name": metric,
            "interval": _MINUTE,
            "initialDelay": _MINUTE,
            "failureLimit": 1,
            "successCondition": f"len(result) == 0 || isNaN(result[0]) || result[0] <= {limit:g}",
            "provider": {"prometheus": {"address": prometheus, "query": query}},
        }
        for metric, (query, limit) in asked.items()
        if limit is not None
    ]
    custom(
        owner,
        "analysis",
        api_version=API,
        kind="AnalysisTemplate",
        name=name,
        namespace=namespace,
        spec={"args": [{"name": _HASH}], "metrics": metrics},
        after=after,
    )
    return name


def revision() -> str:
    """What stands in a query for the pods of the new version."""
    return f"{{{{args.{_HASH}}}}}"


def rollout(
    owner: Component,
    spec: Rollout,
    *,
    name: str,
    namespace: pulumi.Input[str],
    template: Mapping[str, Any],
    selects: Mapping[str, str],
    pods: int | None,
    judged_by: str,
    services: tuple[str, str] | None,
    route: str,
    after: Any,
) -> pulumi.Resource:
    """The Rollout. `pods`: how many; None: something scales it. `services`: of the old and of the new version, where a
    route gives each its share; without, shares are those of pods."""
    canary: dict[str, Any] = {
        "maxSurge": "100%" if isinstance(spec, AllAtOnce) else 1,
        "maxUnavailable": 0,
        "steps": _steps(spec),
        "analysis": {
            "startingStep": 1,
            "templates": [{"templateName": judged_by}],
            "args": [{"name": _HASH, "valueFrom": {"podTemplateHashValue": "Latest"}}],
        },
        "abortScaleDownDelaySeconds": 30,
    }
    if services is not None:
        stable, tried = services
        canary |= {
            "stableService": stable,
            "canaryService": tried,
            "trafficRouting": {"plugins": {PLUGIN: {"httpRoute": route, "namespace": namespace}}},
        }
    return custom(
        owner,
        "rollout",
        api_version=API,
        kind="Rollout",
        name=name,
        namespace=namespace,
        spec={
            **({"replicas": pods} if pods is not None else {}),
            "revisionHistoryLimit": 3,
            "progressDeadlineAbort": True,
            "progressDeadlineSeconds": _longest(template),
            "selector": {"matchLabels": dict(selects)},
            "template": dict(template),
            "strategy": {"canary": canary},
        },
        after=after,
    )


def _longest(template: Mapping[str, Any]) -> int:
    """Seconds in which a pod must be ready: what its probe gives it, and ten minutes for a machine and the image."""
    probe = template["spec"]["containers"][0]["startupProbe"]
    return probe["failureThreshold"] * probe["periodSeconds"] + 600


def _steps(spec: Rollout) -> list[dict[str, Any]]:
    """Shares and waits; the last share, all, needs no step, and is watched before it is reached."""
    bake = {"pause": {"duration": f"{spec.bake_minutes}m"}}
    match spec:
        case Canary(percent=percent):
            shares = [percent]
        case Linear(step_percent=percent):
            shares = list(range(percent, 100, percent))
        case _:
            shares = [100]
    return [step for share in shares for step in ({"setWeight": share}, bake)]
