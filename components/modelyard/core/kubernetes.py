"""What every object of Kubernetes has in common: labels, the cluster it goes to, and how one of any kind is made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from modelyard.core.tags import MANAGED_BY

if TYPE_CHECKING:
    import pulumi
    import pulumi_kubernetes as kubernetes

    from modelyard.core.component import Component
    from modelyard.core.context import Context

TOKEN: Final = "kubernetes:"
"""How type tokens of pulumi-kubernetes begin."""
DOMAIN: Final = "modelyard.dev"
TEAM: Final = f"{DOMAIN}/team"
POOL: Final = f"{DOMAIN}/pool"
GPUS: Final = f"{DOMAIN}/gpus"
"""The annotation of a pool that says how many whole GPUs it has at most, however they are shared."""
MONTHLY_USD: Final = f"{DOMAIN}/monthly-usd"
"""The annotation of a pool that says what it may cost in a month."""
OWNER: Final = "app.kubernetes.io/managed-by"
QUEUE: Final = "kueue.x-k8s.io/queue-name"
"""A run's label: the LocalQueue that it waits in (kueue.sigs.k8s.io/docs/tasks/run/jobs)."""
DEFAULT_QUEUE: Final = "default"
"""A team's LocalQueue in its namespace: what names none gets the one that is called so (Kueue)."""
GPU: Final = "nvidia.com/gpu"
"""The resource that pods ask for, and the key of the taint that keeps all others away."""
NAMESPACE: Final = "kubernetes.io/metadata.name"
"""The label by which policies know a namespace; the API server writes it."""
POD_IDENTITY: Final = "169.254.170.23/32"
"""Where the agent of EKS Pod Identity answers on each machine (eks/latest/userguide/pod-id-how-it-works)."""
PROMETHEUS_AT: Final = "http://prometheus-operated.monitoring.svc.cluster.local:9090"
"""Where the operator's Prometheus answers, in the namespace of the chart."""
_OUTSIDE: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_VALUE: Final = 63


class ClusterLike(Protocol):
    """A cluster that objects can be put into."""

    @property
    def cluster_name(self) -> str:
        """What it is called."""
        ...

    def into(self, **options: Any) -> pulumi.ResourceOptions:
        """The options of a component whose objects go into this cluster."""
        ...


class WorkloadIdentity(Protocol):
    """Whom a pod acts as: a service account of the team's namespace, whose grants are those of a role on AWS."""

    @property
    def namespace(self) -> str:
        """The namespace that the account lives in."""
        ...

    @property
    def service_account(self) -> pulumi.Input[str]:
        """The account's name."""
        ...


def labels(context: Context, component: str) -> dict[str, str]:
    """The labels of an object of `component`, cut to what a label's value may be.

    Source: kubernetes.io/docs/concepts/overview/working-with-objects/common-labels.
    """
    return {
        OWNER: MANAGED_BY,
        "app.kubernetes.io/part-of": label_value(context.platform),
        "app.kubernetes.io/component": label_value(component),
        f"{DOMAIN}/environment": label_value(context.environment),
        TEAM: label_value(context.owner),
    }


def label_value(text: str) -> str:
    """`text` as a label's value: letters, digits, `-`, `_` and `.`, at most 63."""
    return _OUTSIDE.sub("-", text)[:_LONGEST_VALUE].strip("-_.")


def labelled(metadata: Mapping[str, Any] | None, ours: Mapping[str, str]) -> dict[str, Any]:
    """`metadata` with our labels, which win over the user's, sorted by key."""
    given = dict(metadata or {})
    theirs: Mapping[str, str] = given.get("labels") or {}
    return {**given, "labels": dict(sorted({**theirs, **ours}.items()))}


def custom(
    component: Component,
    role: str,
    *,
    api_version: str,
    kind: str,
    name: str,
    spec: Mapping[str, Any],
    namespace: pulumi.Input[str] | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    after: pulumi.Input[Sequence[pulumi.Resource]] = (),
    **options: Any,
) -> kubernetes.apiextensions.CustomResource:
    """An object of a kind that a CustomResourceDefinition brings; `after` names what installs that definition.

    Keys of `spec` are written as the API spells them.
    """
    import pulumi_kubernetes as kubernetes

    metadata = {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations}
    return kubernetes.apiextensions.CustomResource(
        component.named(role),
        api_version=api_version,
        kind=kind,
        metadata={key: value for key, value in metadata.items() if value is not None},
        spec=dict(spec),
        opts=component.options(depends_on=list(after) if isinstance(after, Sequence) else after, **options),
    )


def refused_by(
    component: Component, role: str, policy: Mapping[str, Any], *, name: str, namespaces: Sequence[pulumi.Input[str]]
) -> None:
    """A ValidatingAdmissionPolicy, bound to namespaces; `policy`: its spec, with the API's keys.

    Source: kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy.
    """
    import pulumi_kubernetes as kubernetes

    spec: Any = policy
    made = kubernetes.admissionregistration.v1.ValidatingAdmissionPolicy(
        component.named(role), metadata={"name": name}, spec=spec, opts=component.options()
    )
    here = {"key": NAMESPACE, "operator": "In", "values": list(namespaces)}
    binding: Any = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchExpressions": [here]}},
    }
    kubernetes.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
        component.named(f"{role}-here"),
        metadata={"name": name},
        spec=binding,
        opts=component.options(depends_on=[made]),
    )
