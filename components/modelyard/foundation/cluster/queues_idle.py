"""Looks for runs that let their GPUs idle, and gives those back: a CronJob of the platform's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.kubernetes import NAMESPACE, PROMETHEUS_AT
from modelyard.foundation.cluster.queues_spec import IdleGpusSpec

if TYPE_CHECKING:
    from pulumi_kubernetes.rbac.v1 import PolicyRuleArgsDict

_MONITORING: Final = "monitoring"
_ASKED_AT: Final = 9090
_API_PORTS: Final = (443, 6443)
"""Where an API server answers: on EKS, and elsewhere."""
_MAY: Final[list[PolicyRuleArgsDict]] = [
    {"api_groups": [""], "resources": ["pods"], "verbs": ["list"]},
    {"api_groups": [""], "resources": ["events"], "verbs": ["create"]},
    {"api_groups": ["kueue.x-k8s.io"], "resources": ["workloads"], "verbs": ["list", "patch"]},
]
_GIVEN_UP: Final = {
    "allow_privilege_escalation": False,
    "capabilities": {"drop": ["ALL"]},
    "read_only_root_filesystem": True,
}
_AMOUNTS: Final = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "128Mi"}}


class IdleGpus(Component):
    """Stops runs whose GPUs all did nothing for too long, and tells their owners; what serves it only tells about.

    `namespaces`: those of the teams. It may read pods and stop workloads there, and nothing else anywhere. `services`:
    CIDRs where the API server answers, by HTTPS. `prometheus`: where the GPUs' use is asked for, in the namespace
    `monitoring`, which lets it in.
    """

    CAPABILITY = "cluster"

    def __init__(
        self,
        name: str,
        spec: IdleGpusSpec,
        *,
        context: Context,
        namespaces: Mapping[str, pulumi.Input[str]],
        services: pulumi.Input[Sequence[str]],
        version: str,
        prometheus: str = PROMETHEUS_AT,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        mode = "pod-security.kubernetes.io/enforce"
        space = kubernetes.core.v1.Namespace(
            self.named("namespace"),
            metadata={
                "name": self.physical("kubernetes"),
                "labels": {mode: "restricted", f"{mode}-version": f"v{version}"},
            },
            opts=self.options(),
        )
        self._called = self.physical("kubernetes", "look")
        self._namespace = space.metadata.apply(lambda found: found.name or "")
        self._account = kubernetes.core.v1.ServiceAccount(
            self.named("account"),
            metadata={"name": self._called, "namespace": self._namespace},
            automount_service_account_token=False,
            opts=self.options(),
        )
        self._separate(pulumi.Output.from_input(services))
        bound = [self._let(team, namespace) for team, namespace in namespaces.items()]
        settings = pulumi.Output.json_dumps(
            {
                "namespaces": list(namespaces.values()),
                "minutes": spec.idle_after,
                "below_percent": spec.below_percent,
                "exempt": list(spec.exempt),
                "prometheus": prometheus,
            },
            sort_keys=True,
        )
        self._look(settings, bound)
        self.register_outputs({})

    def _separate(self, services: pulumi.Output[Sequence[str]]) -> None:
        """Nobody in; out to names, to the API server, and to Prometheus, which lets it in."""

        def space(namespace: pulumi.Input[str]) -> dict[str, Any]:
            return {"namespace_selector": {"match_labels": {NAMESPACE: namespace}}}

        def of(namespace: str, *ports: tuple[str, int]) -> dict[str, Any]:
            said = [{"protocol": protocol, "port": port} for protocol, port in ports]
            return {"to": [space(namespace)], "ports": said}

        https = [{"protocol": "TCP", "port": port} for port in _API_PORTS]
        api = services.apply(lambda cidrs: [{"to": [{"ip_block": {"cidr": each}} for each in cidrs], "ports": https}])
        named = [of("kube-system", ("UDP", 53), ("TCP", 53)), of(_MONITORING, ("TCP", _ASKED_AT))]
        spec: Any = {
            "pod_selector": {},
            "policy_types": ["Ingress", "Egress"],
            "egress": api.apply(lambda found: [*named, *found]),
        }
        kubernetes.networking.v1.NetworkPolicy(
            self.named("nobody"),
            metadata={"name": self.physical("kubernetes", "nobody"), "namespace": self._namespace},
            spec=spec,
            opts=self.options(),
        )
        asked: Any = {
            "pod_selector": {"match_labels": {"app.kubernetes.io/name": "prometheus"}},
            "policy_types": ["Ingress"],
            "ingress": [{"from": [space(self._namespace)], "ports": [{"protocol": "TCP", "port": _ASKED_AT}]}],
        }
        kubernetes.networking.v1.NetworkPolicy(
            self.named("asks"),
            metadata={"name": self.physical("kubernetes", "asks"), "namespace": _MONITORING},
            spec=asked,
            opts=self.options(),
        )

    def _let(self, team: str, namespace: pulumi.Input[str]) -> pulumi.Resource:
        called = self.physical("kubernetes", team)
        role = kubernetes.rbac.v1.Role(
            self.named(f"{team}-role"),
            metadata={"name": called, "namespace": namespace},
            rules=_MAY,
            opts=self.options(),
        )
        return kubernetes.rbac.v1.RoleBinding(
            self.named(f"{team}-account"),
            metadata={"name": called, "namespace": namespace},
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": called},
            subjects=[{"kind": "ServiceAccount", "name": self._called, "namespace": self._namespace}],
            opts=self.options(depends_on=[role]),
        )

    def _look(self, settings: pulumi.Output[str], after: Sequence[pulumi.Resource]) -> None:
        container = {
            "name": "idle",
            "image": self.spec.image,
            "command": ["python", "-m", "modelyard_jobs.idle"],
            "env": [{"name": "MODELYARD_IDLE", "value": settings}],
            "resources": _AMOUNTS,
            "security_context": _GIVEN_UP,
        }
        pod = {
            "service_account_name": self._called,
            "automount_service_account_token": True,
            "restart_policy": "Never",
            "security_context": {
                "run_as_non_root": True,
                "run_as_user": 65532,
                "seccomp_profile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        }
        job = {"backoff_limit": 0, "active_deadline_seconds": 300, "template": {"spec": pod}}
        spec: Any = {
            "schedule": f"*/{self.spec.every} * * * *",
            "concurrency_policy": "Forbid",
            "successful_jobs_history_limit": 1,
            "failed_jobs_history_limit": 3,
            "job_template": {"spec": job},
        }
        kubernetes.batch.v1.CronJob(
            self.named("job"),
            metadata={"name": self._called, "namespace": self._namespace},
            spec=spec,
            opts=self.options(depends_on=[self._account, *after]),
        )
