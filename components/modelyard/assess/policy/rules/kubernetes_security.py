"""Rules on what pods may do to their node, and on who may speak to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelyard.assess.policy.examples import Part, part
from modelyard.assess.policy.pods import PODS, Container, Pod, each_pod
from modelyard.assess.policy.rule import Domain, Rule, Severity, Violation
from modelyard.assess.policy.subject import Stack, Subject
from modelyard.assess.policy.types import NAMESPACE, NETWORK_POLICY

ENFORCED: Final = "pod-security.kubernetes.io/enforce"
"""The label by which a namespace says which Pod Security Standard it holds pods to."""

_VOLUMES: Final = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
_SHARED: Final = {"hostNetwork": "network", "hostPID": "processes", "hostIPC": "memory"}
_PROFILES: Final = ("Localhost", "RuntimeDefault")
_SELINUX: Final = ("container_engine_t", "container_init_t", "container_kvm_t", "container_t")
_SYSTEM: Final = ("kube-node-lease", "kube-public", "kube-system")


def _restricted(subject: Subject) -> Iterator[Violation]:
    if subject.node.type == NAMESPACE:
        if _name(subject) not in _SYSTEM and subject.get("metadata.labels", {}).get(ENFORCED) != "restricted":
            problem = "takes pods that may do to their node what they like"
            yield Violation(problem, f"metadata.labels.{ENFORCED}")
    else:
        yield from _PODS_ARE(subject)


def _of_pod(pod: Pod) -> Iterator[Violation]:
    found = list(_host(pod))
    if found:
        yield Violation(" and ".join(found), pod.path)
    for container in pod.containers():
        found = [*_taken(container), *(() if pod.completed else _not_given_up(pod, container))]
        if found:
            yield Violation(f"lets {container.name} {', and '.join(found)}", f"{container.path}.securityContext")


_PODS_ARE: Final = each_pod(_of_pod)


def _host(pod: Pod) -> Iterator[str]:
    """What of its node a pod takes."""
    for key, shared in _SHARED.items():
        if pod.get(key) is True:
            yield f"shares its node's {shared}"
    for index in range(len(pod.get("volumes", []))):
        volume = pod.get(f"volumes[{index}]", {})
        for kind in sorted(volume.keys() - _VOLUMES - {"name"}):
            yield f"mounts a volume of kind {kind}"
    for index in range(len(pod.get("securityContext.sysctls", []))):
        name = pod.get(f"securityContext.sysctls[{index}].name", "")
        if name not in _SYSCTLS:
            yield f"sets {name}"
    yield from _labels(pod)


def _taken(container: Container) -> Iterator[str]:
    """What a container takes that the standard gives to none."""
    if container.get("securityContext.privileged") is True:
        yield "do all that its node may"
    added = container.subject.each(f"{container.path}.securityContext.capabilities.add")
    for capability in added:
        if capability != "NET_BIND_SERVICE":
            yield f"have the capability {capability}"
    for index in range(len(container.get("ports", []))):
        if container.get(f"ports[{index}].hostPort", 0):
            yield "listen on a port of its node"
    if container.get("securityContext.procMount", "Default") != "Default":
        yield "see all of /proc"
    yield from _labels(container)


def _labels(of: Pod | Container) -> Iterator[str]:
    """What a pod or a container changes of the modules that confine it."""
    if of.get("securityContext.windowsOptions.hostProcess") is True:
        yield "run as a process of the host"
    if of.get("securityContext.appArmorProfile.type", "RuntimeDefault") not in _PROFILES:
        yield "go without AppArmor"
    options: Mapping[str, Any] = of.get("securityContext.seLinuxOptions", {})
    if of.get("securityContext.seLinuxOptions.type", "container_t") not in _SELINUX or options.keys() & {
        "user",
        "role",
    }:
        yield "choose its own SELinux label"


def _not_given_up(pod: Pod, container: Container) -> Iterator[str]:
    """What a container may have because nobody says that it hasn't; it says so itself, or its pod for it."""
    if container.get("securityContext.allowPrivilegeEscalation") is not False:
        yield "gain privileges"
    if "ALL" not in container.subject.each(f"{container.path}.securityContext.capabilities.drop"):
        yield "keep capabilities"
    if _either(pod, container, "runAsNonRoot") is not True or _either(pod, container, "runAsUser") == 0:
        yield "run as root"
    if _either(pod, container, "seccompProfile.type") not in _PROFILES:
        yield "make any system call"


def _either(pod: Pod, container: Container, path: str) -> Any:
    own = container.get(f"securityContext.{path}")
    return pod.get(f"securityContext.{path}") if own is None else own


def _name(namespace: Subject) -> str:
    return str(namespace.get("metadata.name", namespace.name))


def _denies_first(namespace: Subject) -> Iterator[Violation]:
    if _name(namespace) in _SYSTEM:
        return
    for policy in namespace.stack.once(_policies):
        if _lies_in(policy, namespace) and _denies_all(policy):
            return
    yield Violation("lets every pod of the cluster speak to its own")


def _policies(stack: Stack) -> list[Subject]:
    return list(stack.subjects(NETWORK_POLICY))


def _lies_in(policy: Subject, namespace: Subject) -> bool:
    if policy.get("metadata.namespace", "default") == _name(namespace):
        return True
    return namespace.node.urn in policy.node.property_dependencies.get("metadata", ())


def _denies_all(policy: Subject) -> bool:
    """Whether it speaks of all pods and lets nobody in."""
    selector = policy.get("spec.podSelector", {})
    if selector.get("matchLabels") or selector.get("matchExpressions"):
        return False
    return "Ingress" in policy.each("spec.policyTypes") and not policy.get("spec.ingress", [])


_POD: Final = "kubernetes:core/v1:Pod"
_GIVEN_UP: Final[dict[str, Any]] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
_OF_POD: Final[dict[str, Any]] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def _space(**labels: str) -> Part:
    return part(NAMESPACE, "fraud", metadata={"name": "fraud", "labels": labels})


def _pod(of_pod: Mapping[str, Any], of_container: Mapping[str, Any]) -> Part:
    container = {"name": "train", "image": "train", "securityContext": of_container}
    return part(_POD, spec={"securityContext": of_pod, "containers": [container]})


_DENIES: Final = part(
    NETWORK_POLICY,
    "denies",
    metadata={"name": "denies", "namespace": "fraud"},
    spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
)

RULES: Final = (
    Rule(
        "pss-restricted",
        Severity.HIGH,
        Domain.CLUSTER,
        "Pods are held to the restricted Pod Security Standard",
        "Jobs run code of many, and libraries of strangers: a pod that may do to its node what it likes has all pods "
        "there, and their identities.",
        "Label the namespace pod-security.kubernetes.io/enforce: restricted; let containers run as another user than "
        "root, without capabilities or privilege escalation, under RuntimeDefault. Agents that need their node belong "
        "into a namespace of their own, with a waiver.",
        (NAMESPACE, *PODS),
        _restricted,
        bad=(_space(), _pod({}, {"privileged": True})),
        good=(_space(**{ENFORCED: "restricted"}), _pod(_OF_POD, _GIVEN_UP)),
        maps=("Pod Security Standards: restricted", "EKS 4.2.1"),
    ),
    Rule(
        "default-deny-netpol",
        Severity.MEDIUM,
        Domain.CLUSTER,
        "Namespaces let nobody in unless a policy says so",
        "Without a policy every pod of the cluster reaches every other: one that is taken over reaches the models of "
        "all teams.",
        "Add a NetworkPolicy with an empty podSelector, the type Ingress and no rule; then one for each way in.",
        (NAMESPACE,),
        _denies_first,
        bad=(_space(),),
        good=(_space(), _DENIES),
        maps=("EKS 5.4.4",),
    ),
)
