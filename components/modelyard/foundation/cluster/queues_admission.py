"""Nothing runs past the queues: the API server refuses runs that name none.

Source: kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.core.component import Component

QUEUE_NAME: Final = "kueue.x-k8s.io/queue-name"
_RUNS: Final = (
    ("batch", ("jobs",)),
    ("jobset.x-k8s.io", ("jobsets",)),
    ("kubeflow.org", ("mpijobs",)),
    ("ray.io", ("rayclusters", "rayjobs")),
    ("trainer.kubeflow.org", ("trainjobs",)),
)
_NAMED: Final = f"has(object.metadata.labels) && '{QUEUE_NAME}' in object.metadata.labels"
_OWNERS: Final = "object.metadata.ownerReferences"
_PART_OF_ANOTHER: Final = f"has({_OWNERS}) && {_OWNERS}.exists(o, has(o.controller) && o.controller)"


def only_queued(component: Component, namespaces: Sequence[pulumi.Input[str]]) -> None:
    """Refuse runs in these namespaces that name no queue, unless they are part of another run.

    Kueue names the queue of those that don't, before this is asked: what is left came past it.
    """
    called = component.physical("kubernetes", "only-queued")
    policy = kubernetes.admissionregistration.v1.ValidatingAdmissionPolicy(
        component.named("only-queued"),
        metadata={"name": called},
        spec={
            "failure_policy": "Fail",
            "match_constraints": {
                "resource_rules": [
                    {
                        "api_groups": [group],
                        "api_versions": ["*"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": list(resources),
                    }
                    for group, resources in _RUNS
                ]
            },
            "validations": [
                {
                    "expression": f"({_NAMED}) || ({_PART_OF_ANOTHER})",
                    "message": f"names no queue; set the label {QUEUE_NAME}: default",
                    "reason": "Invalid",
                }
            ],
        },
        opts=component.options(),
    )
    kubernetes.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
        component.named("only-queued-here"),
        metadata={"name": called},
        spec={
            "policy_name": called,
            "validation_actions": ["Deny"],
            "match_resources": {
                "namespace_selector": {
                    "match_expressions": [
                        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(namespaces)}
                    ]
                }
            },
        },
        opts=component.options(depends_on=[policy]),
    )
