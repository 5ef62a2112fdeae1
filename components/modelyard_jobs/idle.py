"""Gives GPUs back that nobody uses: a run that lets all of its own idle is stopped, and can be begun again.

It runs in the cluster, every few minutes, and reads what NVIDIA's exporter told Prometheus. Stopping is Kueue's: a
workload that is not active is evicted, and its owner makes it active again. What serves is told about and left: it
scales by itself, and stopping it would be an outage. What nobody measured for the whole time isn't idle.

Settings are the JSON of `MODELYARD_IDLE`, as `Settings` says. It ends with 1 where something couldn't be asked or done.

Sources: docs.nvidia.com/datacenter/cloud-native/gpu-telemetry (DCGM_FI_DEV_GPU_UTIL, percent);
kueue.sigs.k8s.io/docs/concepts/workload, "Active".
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

WORKLOAD: Final = "kueue.x-k8s.io/workload"
"""The annotation by which Kueue tells a pod its workload."""
_QUEUE: Final = "kueue.x-k8s.io/v1beta2"
_METRIC: Final = "DCGM_FI_DEV_GPU_UTIL"
_GPUS: Final = "nvidia.com/"
_SERVED_BY: Final = ("ReplicaSet", "StatefulSet")
_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PATIENCE: Final = 30

Pod = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What counts as idle, and where it is looked for."""

    namespaces: tuple[str, ...]
    minutes: int
    below_percent: float
    exempt: tuple[str, ...]
    """Patterns of `namespace/run` that are never stopped."""
    prometheus: str
    """Where it answers, as `http://…:9090`."""

    @classmethod
    def read(cls, text: str) -> Settings:
        """The settings that `text` holds. Raises `ValueError` for other fields than these."""
        given: dict[str, Any] = json.loads(text)
        for key in {"namespaces", "exempt"} & given.keys():
            given[key] = tuple(given[key])
        try:
            return cls(**given)
        except TypeError as error:
            raise ValueError(f"MODELYARD_IDLE: {error}") from None


@dataclass(frozen=True, slots=True)
class Run:
    """What holds GPUs: a workload of Kueue's, and its pods."""

    namespace: str
    workload: str
    name: str
    """Of the job, or whatever else the workload is made of."""
    pods: tuple[str, ...]
    began: datetime
    """When the last of its pods did."""
    serves: bool


def question(settings: Settings) -> str:
    """The busiest moment of each pod's GPUs, in percent, for pods that were measured at its beginning, too."""
    each = "(namespace, pod, exported_namespace, exported_pod)"
    span = f"{settings.minutes}m"
    return f"max by {each} (max_over_time({_METRIC}[{span}])) and on {each} count by {each} ({_METRIC} offset {span})"


def busiest(answer: Mapping[str, Any]) -> dict[Pod, float]:
    """What Prometheus answered, by pod. A pod that Prometheus renamed beside its exporter's goes by its own name."""
    found: dict[Pod, float] = {}
    for series in answer["data"]["result"]:
        labels = series["metric"]
        pod = (
            labels.get("exported_namespace") or labels.get("namespace", ""),
            labels.get("exported_pod") or labels.get("pod", ""),
        )
        found[pod] = max(found.get(pod, 0.0), float(series["value"][1]))
    return found


def runs(namespace: str, pods: Sequence[Mapping[str, Any]], workloads: Sequence[Mapping[str, Any]]) -> list[Run]:
    """What holds GPUs in a namespace, and isn't stopped already."""
    active = {each["metadata"]["name"]: each for each in workloads if each["spec"].get("active", True)}
    held: dict[str, list[Mapping[str, Any]]] = {}
    for pod in pods:
        workload = pod["metadata"].get("annotations", {}).get(WORKLOAD)
        if workload in active and pod["status"].get("phase") == "Running" and _has_gpus(pod):
            held.setdefault(workload, []).append(pod)
    return [
        Run(
            namespace,
            workload,
            _owner(active[workload]),
            tuple(sorted(pod["metadata"]["name"] for pod in of_it)),
            max(datetime.fromisoformat(pod["status"]["startTime"]) for pod in of_it),
            any(_owned_by(pod) in _SERVED_BY for pod in of_it),
        )
        for workload, of_it in sorted(held.items())
    ]


def idle(found: Sequence[Run], busy: Mapping[Pod, float], settings: Settings, now: datetime) -> list[Run]:
    """The runs whose GPUs all did next to nothing, in all that time."""
    since = now - timedelta(minutes=settings.minutes)
    return [
        run
        for run in found
        if run.began <= since
        and not any(fnmatchcase(f"{run.namespace}/{run.name}", pattern) for pattern in settings.exempt)
        and all(busy.get((run.namespace, pod), 100.0) < settings.below_percent for pod in run.pods)
    ]


def _has_gpus(pod: Mapping[str, Any]) -> bool:
    limits = (container.get("resources", {}).get("limits", {}) for container in pod["spec"]["containers"])
    return any(name.startswith(_GPUS) for each in limits for name in each)


def _owned_by(pod: Mapping[str, Any]) -> str:
    owners = pod["metadata"].get("ownerReferences", [])
    return next((owner["kind"] for owner in owners if owner.get("controller")), "")


def _owner(workload: Mapping[str, Any]) -> str:
    owners = workload["metadata"].get("ownerReferences", [])
    return owners[0]["name"] if owners else workload["metadata"]["name"]


class Server:
    """The API server, asked as this pod's own account."""

    def __init__(self, address: str, token: str, trusted: ssl.SSLContext | None) -> None:
        self._address, self._token, self._trusted = address, token, trusted

    @classmethod
    def of_this_pod(cls) -> Server:
        """As Kubernetes tells each pod (kubernetes.io/docs/tasks/run-application/access-api-from-pod)."""
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        trusted = ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt"))
        return cls(f"https://{host}:{port}", (_ACCOUNT / "token").read_text(), trusted)

    def pods(self, namespace: str) -> list[dict[str, Any]]:
        """All pods of a namespace."""
        return self._ask("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]

    def workloads(self, namespace: str) -> list[dict[str, Any]]:
        """All workloads of Kueue's in a namespace."""
        return self._ask("GET", f"/apis/{_QUEUE}/namespaces/{namespace}/workloads")["items"]

    def stop(self, run: Run) -> None:
        """Let Kueue evict a run; it isn't started again by itself."""
        path = f"/apis/{_QUEUE}/namespaces/{run.namespace}/workloads/{run.workload}"
        self._ask("PATCH", path, {"spec": {"active": False}}, "application/merge-patch+json")

    def tell(self, run: Run, message: str, now: datetime) -> None:
        """Write an event beside a run, where its owner looks."""
        when = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "metadata": {"generateName": f"{run.workload}-", "namespace": run.namespace},
            "involvedObject": {
                "apiVersion": _QUEUE,
                "kind": "Workload",
                "namespace": run.namespace,
                "name": run.workload,
            },
            "reason": "IdleGpus",
            "message": message,
            "type": "Warning",
            "source": {"component": "modelyard-idle"},
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": 1,
        }
        self._ask("POST", f"/api/v1/namespaces/{run.namespace}/events", event)

    def _ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._address}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=_PATIENCE, context=self._trusted) as answer:
            return json.loads(answer.read())


def ask_prometheus(settings: Settings) -> dict[Pod, float]:
    """The busiest moments of all pods."""
    asked = urllib.parse.urlencode({"query": question(settings)})
    with urllib.request.urlopen(f"{settings.prometheus}/api/v1/query?{asked}", timeout=_PATIENCE) as answer:
        return busiest(json.loads(answer.read()))


def look(settings: Settings, server: Server, now: datetime) -> Iterator[dict[str, Any]]:
    """Stop what is idle, and say of each run what was done; one that can't be stopped keeps no other from it."""
    busy = ask_prometheus(settings)
    for namespace in settings.namespaces:
        found = runs(namespace, server.pods(namespace), server.workloads(namespace))
        for run in idle(found, busy, settings, now):
            said = {"namespace": namespace, "run": run.name, "workload": run.workload, "pods": list(run.pods)}
            why = f"its GPUs were idle for {settings.minutes} minutes"
            try:
                if run.serves:
                    server.tell(run, f"{why}; let it scale to none, or give it fewer GPUs", now)
                    yield {**said, "done": "told"}
                else:
                    server.stop(run)
                    server.tell(run, f"stopped, for {why}; set spec.active to true to run it again", now)
                    yield {**said, "done": "stopped"}
            except urllib.error.URLError as error:
                yield {**said, "done": "failed", "because": str(error)}


def main() -> int:
    """Look once; a line of JSON for each idle run."""
    try:
        settings = Settings.read(os.environ["MODELYARD_IDLE"])
        said = list(look(settings, Server.of_this_pod(), datetime.now(UTC)))
    except (urllib.error.URLError, ValueError, KeyError) as error:
        print(json.dumps({"done": "failed", "because": f"{type(error).__name__}: {error}"}), file=sys.stderr)
        return 1
    for line in said:
        print(json.dumps(line, sort_keys=True))
    return 1 if any(line["done"] == "failed" for line in said) else 0


if __name__ == "__main__":
    sys.exit(main())
