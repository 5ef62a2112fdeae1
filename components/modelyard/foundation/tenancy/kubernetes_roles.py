"""What a team's people, pipelines and deployment may do in its namespace: nothing anywhere else.

Nobody reads secrets, opens a shell in a pod, changes who may what, or touches what holds the namespace together: its
quota, its policies, its way into the queue. Source: kubernetes.io/docs/concepts/security/rbac-good-practices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

from modelyard.core.context import Context

if TYPE_CHECKING:
    from pulumi_kubernetes.rbac.v1 import PolicyRuleArgsDict

Member = Literal["data-scientist", "ml-engineer", "approver", "auditor", "pipeline", "deployers"]
"""The personas, and whoever deploys the team's stack."""
PEOPLE: Final[tuple[Member, ...]] = ("data-scientist", "ml-engineer", "approver", "auditor", "pipeline")
"""Those whom the team's own stack lets in."""

_Kinds = Mapping[str, tuple[str, ...]]
"""Resources by API group, as the API writes them."""

_LOOK: Final = ("get", "list", "watch")
_MANAGE: Final = ("create", "delete", "patch", "update")

DEPLOYED: Final[_Kinds] = {
    "": ("configmaps", "persistentvolumeclaims", "serviceaccounts", "services"),
    "apps": ("deployments", "statefulsets"),
    "argoproj.io": ("analysistemplates", "cronworkflows", "rollouts", "workflowtemplates"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "external-secrets.io": ("externalsecrets",),
    "gateway.envoyproxy.io": ("backendtrafficpolicies", "securitypolicies"),
    "gateway.networking.k8s.io": ("grpcroutes", "httproutes"),
    "inference.networking.k8s.io": ("inferencepools",),
    "inference.networking.x-k8s.io": ("inferenceobjectives",),
    "jobset.x-k8s.io": ("jobsets",),
    "keda.sh": ("scaledobjects",),
    "kubeflow.org": ("mpijobs",),
    "leaderworkerset.x-k8s.io": ("leaderworkersets",),
    "monitoring.coreos.com": ("alertmanagerconfigs", "podmonitors", "prometheusrules", "servicemonitors"),
    "policy": ("poddisruptionbudgets",),
    "ray.io": ("rayclusters", "rayjobs", "rayservices"),
    "serving.kserve.io": ("inferencegraphs", "inferenceservices", "llminferenceservices", "servingruntimes"),
    "trainer.kubeflow.org": ("trainingruntimes", "trainjobs"),
}
"""What a team's stack puts into the namespace."""

SEEN: Final[_Kinds] = {
    "": ("events", "limitranges", "pods", "resourcequotas"),
    "apps": ("replicasets",),
    "argoproj.io": ("analysisruns", "workflows"),
    "discovery.k8s.io": ("endpointslices",),
    "events.k8s.io": ("events",),
    "external-secrets.io": ("secretstores",),
    "kueue.x-k8s.io": ("localqueues", "workloads"),
    "networking.k8s.io": ("networkpolicies",),
}
"""What controllers and the platform put there, and people look at when they ask why something doesn't run."""

RUNS: Final[_Kinds] = {
    "argoproj.io": ("workflows",),
    "batch": ("jobs",),
    "jobset.x-k8s.io": ("jobsets",),
    "kubeflow.org": ("mpijobs",),
    "ray.io": ("rayjobs",),
    "trainer.kubeflow.org": ("trainjobs",),
}
"""What somebody starts and stops by hand."""


def _rules(kinds: _Kinds, verbs: Sequence[str]) -> list[PolicyRuleArgsDict]:
    return [
        {"api_groups": [group], "resources": list(resources), "verbs": list(verbs)}
        for group, resources in kinds.items()
    ]


_READ: Final = [*_rules(DEPLOYED, _LOOK), *_rules(SEEN, _LOOK)]
_LOGS: Final = _rules({"": ("pods/log",)}, ("get",))
_RUN: Final = _rules(RUNS, ("create", "delete"))
_MEND: Final = [*_rules({"": ("pods",)}, ("delete",)), *_rules({"": ("pods/portforward",)}, ("create", "get"))]

RULES: Final[Mapping[Member, list[PolicyRuleArgsDict]]] = {
    "data-scientist": [*_READ, *_LOGS, *_RUN],
    "ml-engineer": [*_READ, *_LOGS, *_RUN, *_MEND],
    "approver": _READ,
    "auditor": _READ,
    "pipeline": [*_READ, *_LOGS, *_RUN],
    "deployers": [*_READ, *_rules(DEPLOYED, _MANAGE)],
}
"""The rules of each member's Role, as RBAC takes them."""


def group_of(context: Context, member: Member) -> str:
    """The group of Kubernetes that stands for a member of the context's team, in every place that admits people."""
    return f"modelyard:{context.names.namespace}:{member}"
