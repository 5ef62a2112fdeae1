"""A team's namespace: what it may use, who may speak to it, and who may do what in it.

Sources: kubernetes.io/docs/concepts/security/pod-security-admission, …/services-networking/network-policies,
…/policy/resource-quotas, …/policy/limit-range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.kubernetes import NAMESPACE, POD_IDENTITY
from modelyard.foundation.cluster import ClusterQuotaSpec, PoolLimit
from modelyard.foundation.tenancy.kubernetes_roles import RULES, group_of

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import LimitRangeItemArgsDict
    from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict
    from pulumi_kubernetes.rbac.v1 import PolicyRuleArgsDict

_SECURITY: Final = "pod-security.kubernetes.io"
_HTTPS: Final = {"protocol": "TCP", "port": 443}
_DNS: Final = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
SERVING_PORTS: Final = (8000, 8080)
"""Where pods of teams answer calls, and say how they are: what measures them and lets calls in reaches no other."""
_OF_THE_CLUSTER: Final = ("system-cluster-critical", "system-node-critical")
_CONTAINER: Final[LimitRangeItemArgsDict] = {
    "type": "Container",
    "default": {"memory": "2Gi"},
    "default_request": {"cpu": "250m", "memory": "2Gi"},
}
"""What a container gets that says nothing. A limit of CPU would only slow it down."""


class NamespaceFence(Component):
    """What holds a team inside its namespace: the platform makes it, and the team can't loosen it.

    `context` is the team's, and `quota` what the header of its file asks for. `version`: the cluster's, as 1.35, by
    which pods are judged. `pools`: the cluster's GPUs. `services`: CIDRs that pods may call by HTTPS: those of the
    network, where the API server and AWS's endpoints answer, and of what has no address there, such as S3. Absent:
    none. `callers`: namespaces of the platform whose pods may call the team's, and on which ports, such as what
    measures them and what lets requests in.
    """

    CAPABILITY = "tenancy"

    def __init__(
        self,
        name: str,
        quota: ClusterQuotaSpec,
        *,
        context: Context,
        version: str,
        pools: Mapping[str, PoolLimit],
        services: pulumi.Input[Sequence[str]] = (),
        callers: Mapping[str, Sequence[int]] | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, quota, context=context, transform=transform, opts=opts)
        self.spec = quota
        modes = ("audit", "enforce", "warn")
        security = {
            **{f"{_SECURITY}/{mode}": "restricted" for mode in modes},
            **{f"{_SECURITY}/{mode}-version": f"v{version}" for mode in modes},
        }
        space = kubernetes.core.v1.Namespace(
            self.named("namespace"),
            metadata={"name": context.names.namespace, "labels": security},
            opts=self.options(protect=context.production),
        )
        self.namespace: pulumi.Output[str] = space.metadata.apply(lambda found: found.name or "")
        self._limit(pools)
        self._separate(pulumi.Output.from_input(services), callers or {})
        for member, rules in RULES.items():
            self._let(member, group_of(context, member), rules)
        self.register_outputs({"namespace": self.namespace})

    def _metadata(self, role: str) -> ObjectMetaArgsDict:
        return {"name": self.physical("kubernetes", role), "namespace": self.namespace}

    def _limit(self, pools: Mapping[str, PoolLimit]) -> None:
        quota = self.spec
        gpus = {f"requests.{resource}": str(most) for resource, most in quota.gpus_at_most(pools).items()}
        memory = f"{quota.memory_at_most(pools)}Gi"
        hard = {
            "requests.cpu": str(quota.cpus_at_most(pools)),
            "requests.memory": memory,
            "limits.memory": memory,
            "requests.storage": f"{quota.storage_gib}Gi",
            "persistentvolumeclaims": str(quota.volumes),
            "pods": str(quota.pods),
            "services.loadbalancers": "0",
            "services.nodeports": "0",
            **gpus,
        }
        self._quota("quota", {"hard": hard})
        critical = [{"scope_name": "PriorityClass", "operator": "In", "values": list(_OF_THE_CLUSTER)}]
        self._quota("nothing-critical", {"hard": {"pods": "0"}, "scope_selector": {"match_expressions": critical}})
        kubernetes.core.v1.LimitRange(
            self.named("containers"),
            metadata=self._metadata("containers"),
            spec={"limits": [_CONTAINER]},
            opts=self.options(),
        )

    def _quota(self, role: str, spec: Any) -> None:
        kubernetes.core.v1.ResourceQuota(
            self.named(role), metadata=self._metadata(role), spec=spec, opts=self.options()
        )

    def _separate(self, services: pulumi.Output[Sequence[str]], callers: Mapping[str, Sequence[int]]) -> None:
        """Nobody in, nobody out; and then the few ways that work needs."""
        every: dict[str, Any] = {}
        names = {"namespace_selector": {"match_labels": {NAMESPACE: "kube-system"}}}
        reached = services.apply(lambda cidrs: [{"ip_block": {"cidr": cidr}} for cidr in cidrs])
        agent = {"to": [{"ip_block": {"cidr": POD_IDENTITY}}], "ports": [{"protocol": "TCP", "port": 80}]}
        self._policy("nobody", ["Ingress", "Egress"])
        self._policy(
            "each-other",
            ["Ingress", "Egress"],
            ingress=[{"from_": [{"pod_selector": every}]}],
            egress=[{"to": [{"pod_selector": every}]}],
        )
        self._policy("names", ["Egress"], egress=[{"to": [names], "ports": _DNS}])
        self._policy("identity", ["Egress"], egress=[agent])
        self._policy(
            "services",
            ["Egress"],
            egress=reached.apply(lambda peers: [{"to": peers, "ports": [_HTTPS]}] if peers else []),
        )
        for namespace, ports in callers.items():
            caller = {"namespace_selector": {"match_labels": {NAMESPACE: namespace}}}
            taken = [{"protocol": "TCP", "port": port} for port in ports]
            self._policy(f"from-{namespace}", ["Ingress"], ingress=[{"from_": [caller], "ports": taken}])

    def _policy(self, role: str, types: list[str], **ways: Any) -> None:
        """A policy on all pods; without `ways` it lets nothing through (of these types)."""
        spec: Any = {"pod_selector": {}, "policy_types": types, **ways}
        kubernetes.networking.v1.NetworkPolicy(
            self.named(role),
            metadata=self._metadata(role),
            spec=spec,
            opts=self.options(),
        )

    def _let(self, member: str, group: str, rules: Sequence[PolicyRuleArgsDict]) -> None:
        role = kubernetes.rbac.v1.Role(
            self.named(member),
            metadata=self._metadata(member),
            rules=rules,
            opts=self.options(),
        )
        kubernetes.rbac.v1.RoleBinding(
            self.named(f"{member}-group"),
            metadata=self._metadata(member),
            role_ref={
                "api_group": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": role.metadata.apply(lambda found: found.name or ""),
            },
            subjects=[{"api_group": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
            opts=self.options(),
        )
