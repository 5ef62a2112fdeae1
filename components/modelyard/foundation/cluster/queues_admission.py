"""Nothing runs past the queues: the API server refuses runs that name none.

Source: kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pulumi

from modelyard.core.component import Component
from modelyard.core.kubernetes import DEFAULT_QUEUE, QUEUE, refused_by

_RUNS: Final = (
    ("batch", ("jobs",)),
    ("jobset.x-k8s.io", ("jobsets",)),
    ("kubeflow.org", ("mpijobs",)),
    ("ray.io", ("rayclusters", "rayjobs")),
    ("trainer.kubeflow.org", ("trainjobs",)),
)
_NAMED: Final = f"has(object.metadata.labels) && '{QUEUE}' in object.metadata.labels"
_OWNERS: Final = "object.metadata.ownerReferences"
_PART_OF_ANOTHER: Final = f"has({_OWNERS}) && {_OWNERS}.exists(o, has(o.controller) && o.controller)"


def only_queued(component: Component, namespaces: Sequence[pulumi.Input[str]]) -> None:
    """Refuse runs in these namespaces that name no queue, unless they are part of another run.

    Kueue names the queue of those that don't, before this is asked: what is left came past it.
    """
    rules = [
        {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": list(resources)}
        for group, resources in _RUNS
    ]
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": rules},
        "validations": [
            {
                "expression": f"({_NAMED}) || ({_PART_OF_ANOTHER})",
                "message": f"names no queue; set the label {QUEUE}: {DEFAULT_QUEUE}",
                "reason": "Invalid",
            }
        ],
    }
    called = component.physical("kubernetes", "only-queued")
    refused_by(component, "only-queued", policy, name=called, namespaces=namespaces)
