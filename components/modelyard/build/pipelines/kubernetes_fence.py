"""What the platform makes in a team's namespace for its pipelines: their accounts may say what steps left, and nobody
else is them.

Sources: argo-workflows.readthedocs.io/en/release-3.7 (workflow-rbac, workflow-restrictions);
kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy.
"""

from __future__ import annotations

from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.core.component import Component
from modelyard.core.kubernetes import refused_by

WORKER: Final = "trainer"
CONDUCTOR: Final = "conductor"
JUDGE: Final = "judge"
"""The components whose service accounts steps run as, in every team: the platform knows the accounts by their names."""
CONTROLLER: Final = "system:serviceaccount:argo:argo-workflows-workflow-controller"
"""Who makes the pods of steps, as a user of Kubernetes."""
_GIVEN: Final = ("arguments", "workflowTemplateRef")
"""All that a run may say of itself. Secure referencing alone lets a run change the account, the pod, and what comes
after it (argo-workflows: CVE-2026-31892, GHSA-3775-99mw-8rp4, CVE-2026-54526)."""
_MADE: Final = {"": "pods", "argoproj.io": "workflows"}
_RBAC: Final = "rbac.authorization.k8s.io"


def pipeline_policy(guarded: tuple[str, ...]) -> dict[str, Any]:
    """The spec of a ValidatingAdmissionPolicy, as the API writes it.

    `guarded`: accounts whose word others trust, which only pods of Argo's controller are.
    """
    accounts, keys = ", ".join(f"'{each}'" for each in guarded), ", ".join(f"'{each}'" for each in _GIVEN)
    by_argo = f"request.userInfo.username == '{CONTROLLER}'"
    spoken_for = f"has(object.spec.serviceAccountName) && object.spec.serviceAccountName in [{accounts}]"
    referring = f"has(object.spec.workflowTemplateRef) && object.spec.all(key, key in [{keys}])"
    rules = [
        {"apiGroups": [group], "apiVersions": ["*"], "resources": [resource], "operations": ["CREATE", "UPDATE"]}
        for group, resource in _MADE.items()
    ]
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": rules},
        "validations": [
            {
                "expression": f"object.kind != 'Pod' || request.operation != 'CREATE' || !({spoken_for}) || {by_argo}",
                "message": f"may not be {', '.join(guarded)}: only steps of a pipeline are",
                "reason": "Forbidden",
            },
            {
                "expression": f"object.kind != 'Workflow' || {by_argo} || ({referring})",
                "message": "runs a template of the team's stack, by workflowTemplateRef and arguments alone",
                "reason": "Forbidden",
            },
        ],
    }


def pipeline_fence(component: Component, *, namespace: pulumi.Input[str], role: str = "pipelines") -> None:
    """The right of the accounts of the component's team, and the policy that keeps others from being two of them."""
    names = component.context.names
    metadata: Any = {"name": component.physical("kubernetes", role), "namespace": namespace}
    steps = kubernetes.rbac.v1.Role(
        component.named(f"{role}-steps"),
        metadata=metadata,
        rules=[{"api_groups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}],
        opts=component.options(),
    )
    kubernetes.rbac.v1.RoleBinding(
        component.named(f"{role}-accounts"),
        metadata=metadata,
        role_ref={
            "api_group": _RBAC,
            "kind": "Role",
            "name": steps.metadata.apply(lambda found: found.name or ""),
        },
        subjects=[
            {"kind": "ServiceAccount", "name": names.of("kubernetes", each), "namespace": namespace}
            for each in (WORKER, CONDUCTOR, JUDGE)
        ],
        opts=component.options(),
    )
    called = component.physical("kubernetes", role)
    guarded = (names.of("kubernetes", CONDUCTOR), names.of("kubernetes", JUDGE))
    refused_by(component, role, pipeline_policy(guarded), name=called, namespaces=[names.namespace])
