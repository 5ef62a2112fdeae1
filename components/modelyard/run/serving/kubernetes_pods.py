"""Pods that serve: a container that brings the model and checks its bytes, and the server beside nothing else.

They keep to the restricted Pod Security Standard, and stand apart from one another as far as machines allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import pulumi

from modelyard.core.access import Acts
from modelyard.core.component import Component
from modelyard.core.kubernetes import DOMAIN, GPU, POOL, WorkloadIdentity, label_value, labels
from modelyard.core.pods import ASIDE_SECONDS, GIVEN_UP, apart, restricted
from modelyard.foundation.cluster import PoolLimit
from modelyard.run.serving.kubernetes_spec import PodNeedsSpec

ENDPOINT: Final = f"{DOMAIN}/endpoint"
TRACK: Final = f"{DOMAIN}/track"
"""Whether a pod is of the release (`champion`) or of what is tried beside it (`candidate`)."""
VERSION: Final = f"{DOMAIN}/version"
CHAMPION: Final = "champion"
CANDIDATE: Final = "candidate"
PORT_NAME: Final = "http"
_PERIOD: Final = 10
"""Seconds between two looks at a server that starts."""


class ServingIdentity(WorkloadIdentity, Acts, Protocol):
    """Whom pods act as: a service account that takes grants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a pod runs, and what it needs. `source` is the S3 URI of the version's object, `digest` its SHA-256.

    `shared_gib`: GiB of memory that processes share, of the pod's own. Nothing: the 64 MiB of the container runtime.
    `drain_seconds`: how long a pod that goes may still answer what it began.
    """

    container: str
    image: str
    fetcher: str
    source: pulumi.Input[str]
    digest: str
    needs: PodNeedsSpec
    port: int
    ready: str
    start_seconds: int
    model_at: str
    model_gib: int
    command: Sequence[str] = ()
    arguments: Sequence[str] = ()
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, "pulumi.Input[str]"])
    shared_gib: int = 0
    drain_seconds: int = 60


def marked(owner: Component, *, version: int, track: str = CHAMPION) -> dict[str, str]:
    """The labels of a pod: who made it, and what it serves."""
    return {**labels(owner.context, owner.component), **chosen(owner, track), VERSION: str(version)}


def chosen(owner: Component, track: str | None = None) -> dict[str, str]:
    """What selects the pods of an endpoint, or those of one track."""
    return {ENDPOINT: label_value(owner.component), **({TRACK: track} if track else {})}


def pod(
    server: Server,
    identity: ServingIdentity,
    *,
    selects: Mapping[str, str],
    region: str,
    pools: Mapping[str, PoolLimit],
) -> dict[str, Any]:
    """The pod as the API writes it; `selects`: the labels of all pods that it is to stand apart from."""
    mounts = [{"name": "model", "mountPath": server.model_at}, {"name": "tmp", "mountPath": "/tmp"}]
    volumes: list[dict[str, Any]] = [
        {"name": "model", "emptyDir": {"sizeLimit": f"{2 * server.model_gib}Gi"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}},
    ]
    seen = [{**mounts[0], "readOnly": True}, mounts[1]]
    if server.shared_gib:
        volumes.append({"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{server.shared_gib}Gi"}})
        seen.append({"name": "dshm", "mountPath": "/dev/shm"})
    environment = {"AWS_REGION": region, "HOME": "/tmp", **server.environment}
    probe = {"httpGet": {"path": server.ready, "port": PORT_NAME}, "periodSeconds": _PERIOD, "timeoutSeconds": 5}
    fetches: dict[str, Any] = {
        "name": "model",
        "image": server.fetcher,
        "command": ["python", "-m", "modelyard_jobs.fetch"],
        "args": [server.source, server.digest, server.model_at],
        "env": [{"name": "AWS_REGION", "value": region}, {"name": "HOME", "value": "/tmp"}],
        "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": dict(GIVEN_UP),
        "volumeMounts": mounts,
    }
    serves: dict[str, Any] = {
        "name": server.container,
        "image": server.image,
        **({"command": list(server.command)} if server.command else {}),
        **({"args": list(server.arguments)} if server.arguments else {}),
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "ports": [{"name": PORT_NAME, "containerPort": server.port, "protocol": "TCP"}],
        "resources": _resources(server.needs, pools),
        "securityContext": dict(GIVEN_UP),
        "startupProbe": {**probe, "failureThreshold": max(1, -(-server.start_seconds // _PERIOD))},
        "readinessProbe": {**probe, "failureThreshold": 2},
        "livenessProbe": {**probe, "failureThreshold": 6},
        "lifecycle": {"preStop": {"sleep": {"seconds": ASIDE_SECONDS}}},
        "volumeMounts": seen,
    }
    placed: dict[str, Any] = {}
    if server.needs.pool is not None:
        placed = {
            "nodeSelector": {POOL: server.needs.pool},
            "tolerations": [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}],
        }
    return {
        "serviceAccountName": identity.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": server.drain_seconds + ASIDE_SECONDS,
        "securityContext": restricted(),
        "topologySpreadConstraints": apart(selects),
        **placed,
        "initContainers": [fetches],
        "containers": [serves],
        "volumes": volumes,
    }


def _resources(needs: PodNeedsSpec, pools: Mapping[str, PoolLimit]) -> dict[str, Any]:
    """Requests, and limits of all but processors, whose limit would only slow calls down."""
    held = {"memory": f"{needs.memory_mib}Mi"}
    if needs.pool is not None:
        held[pools[needs.pool].resource] = str(needs.gpus)
    return {"requests": {"cpu": f"{needs.cpus:g}", **held}, "limits": held}
