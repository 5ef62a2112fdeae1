"""What the API server itself refuses of a team's jobs: other images, longer runs, more machines than its pool allows.

The objects belong to no namespace, so the platform makes them. Source:
kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from modelyard.build.training.kubernetes_jobs import LONGEST_LABEL
from modelyard.core.component import Component
from modelyard.core.kubernetes import refused_by

_PODS: Final = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods", "pods/ephemeralcontainers"]}
_RUNS: Final = (
    {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["jobs"]},
    {"apiGroups": ["jobset.x-k8s.io"], "apiVersions": ["*"], "resources": ["jobsets"]},
    {"apiGroups": ["ray.io"], "apiVersions": ["*"], "resources": ["rayjobs"]},
    {"apiGroups": ["trainer.kubeflow.org"], "apiVersions": ["*"], "resources": ["trainjobs"]},
)
_IMAGES: Final = " + ".join(
    f"(has(object.spec.{kind}) ? object.spec.{kind}.map(c, c.image) : [])"
    for kind in ("containers", "initContainers", "ephemeralContainers")
)
_LABELLED: Final = f"has(object.metadata.labels) && '{LONGEST_LABEL}' in object.metadata.labels"
_SECONDS: Final = (
    f"{_LABELLED} ? int(object.metadata.labels['{LONGEST_LABEL}']) : "
    "(object.kind in ['Job', 'RayJob'] && has(object.spec.activeDeadlineSeconds) ? "
    "object.spec.activeDeadlineSeconds : 0)"
)
_NODES: Final = (
    "object.kind == 'Job' ? (has(object.spec.parallelism) ? object.spec.parallelism : 1) : "
    "object.kind == 'JobSet' ? object.spec.replicatedJobs.map(j, (has(j.replicas) ? j.replicas : 1) * "
    "(has(j.template.spec.parallelism) ? j.template.spec.parallelism : 1)).sum() : "
    "object.kind == 'RayJob' ? (has(object.spec.rayClusterSpec) && has(object.spec.rayClusterSpec.workerGroupSpecs) ? "
    "object.spec.rayClusterSpec.workerGroupSpecs.map(g, has(g.maxReplicas) ? g.maxReplicas : 1).sum() : 0) : "
    "(has(object.spec.trainer) && has(object.spec.trainer.numNodes) ? object.spec.trainer.numNodes : 1)"
)


@dataclass(frozen=True, slots=True)
class TrainingLimits:
    """What runs in a namespace are held to. `registries`: what images begin with, up to a slash."""

    registries: tuple[str, ...]
    max_runtime_minutes: int
    most_instances: int


def training_policy(limits: TrainingLimits, namespace: str) -> dict[str, Any]:
    """The spec of a ValidatingAdmissionPolicy for one namespace, as the API writes it.

    Runs that a controller of another namespace makes are parts of a run that was let in, and aren't asked again; pods
    are, whoever makes them.
    """
    seconds = limits.max_runtime_minutes * 60
    own = f"system:serviceaccount:{namespace}:"
    controlled = (
        "request.userInfo.username.startsWith('system:serviceaccount:') && "
        f"!request.userInfo.username.startsWith('{own}')"
    )
    approved = " || ".join(f"i.startsWith('{registry}')" for registry in limits.registries)
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [{**kind, "operations": ["CREATE", "UPDATE"]} for kind in (_PODS, *_RUNS)]
        },
        "variables": [
            {"name": "counts", "expression": f"object.kind != 'Pod' && !({controlled})"},
            {"name": "images", "expression": f"object.kind == 'Pod' ? {_IMAGES} : []"},
            {"name": "seconds", "expression": _SECONDS},
            {"name": "nodes", "expression": _NODES},
        ],
        "validations": [
            {
                "expression": f"variables.images.all(i, ({approved}) && i.contains('@sha256:'))",
                "message": f"runs images by digest of {', '.join(limits.registries)} alone",
                "reason": "Forbidden",
            },
            {
                "expression": f"!variables.counts || (variables.seconds > 0 && variables.seconds <= {seconds})",
                "message": f"may run {seconds} seconds; say so as the label {LONGEST_LABEL}, or less",
                "reason": "Forbidden",
            },
            {
                "expression": f"!variables.counts || variables.nodes <= {limits.most_instances}",
                "message": f"may have {limits.most_instances} machines",
                "reason": "Forbidden",
            },
        ],
    }


def training_fence(component: Component, limits: TrainingLimits, *, namespace: str, role: str = "training") -> None:
    """The policy and its binding, as children of `component`, of the platform's stack."""
    called = component.physical("kubernetes", role)
    refused_by(component, role, training_policy(limits, namespace), name=called, namespaces=[namespace])
