"""What pods of servers have in common: the restricted Pod Security Standard, and that they stand apart.

Sources: kubernetes.io/docs/concepts/security/pod-security-standards, …/scheduling-eviction/topology-spread-constraints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

USER: Final = 1000
"""Pods run as nobody in particular."""
GIVEN_UP: Final[Mapping[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
}
"""`runAsNonRoot` stands at containers, too: templates that operators merge ours with say otherwise there."""
ASIDE_SECONDS: Final = 5
"""How long a pod goes on after it was asked to go: until nobody sends it calls any more."""


def restricted() -> dict[str, Any]:
    """The security context of a pod."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def apart(selects: Mapping[str, str]) -> list[dict[str, Any]]:
    """The spread over zones and machines, as far as they allow, of all pods that have these labels."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(selects)},
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def variables(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Variables of a container, in their order by name."""
    return [{"name": name, "value": value} for name, value in sorted(values.items())]
