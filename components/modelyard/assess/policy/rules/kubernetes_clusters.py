"""Rules on clusters of EKS, and on the nodes that they get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from modelyard.assess.policy.examples import Part, part
from modelyard.assess.policy.machines import accelerated
from modelyard.assess.policy.pods import PODS, Pod, each_pod
from modelyard.assess.policy.rule import Domain, Rule, Severity, Undecided, Violation
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import CLUSTER, NODE_GROUP, NODE_POOL
from modelyard.foundation.cluster.versions import READ_ON, STANDARD_SUPPORT_ENDS, numbers

_GPU: Final = "/gpu"
_ACCELERATORS: Final = ("nvidia.com/", "amd.com/gpu", "aws.amazon.com/neuron", "vpc.amazonaws.com/efa")
_CATEGORIES: Final = frozenset({"g", "gr", "p", "inf", "trn", "dl"})
_GPU_LABELS: Final = ("karpenter.k8s.aws/instance-gpu", "karpenter.k8s.aws/instance-accelerator")
_SAYS_INSTANCES: Final = {
    "karpenter.k8s.aws/instance-family": accelerated,
    "node.kubernetes.io/instance-type": accelerated,
    "karpenter.k8s.aws/instance-category": _CATEGORIES.__contains__,
}


def _private(cluster: Subject) -> Iterator[Violation]:
    if cluster.get("vpcConfig.endpointPublicAccess", True) is not False:
        yield Violation("has an API server that the whole internet may call", "vpcConfig.endpointPublicAccess")
    if cluster.get("vpcConfig.endpointPrivateAccess", False) is not True:
        yield Violation("has no API server inside its network", "vpcConfig.endpointPrivateAccess")


def _supported(cluster: Subject) -> Iterator[Violation]:
    version = str(cluster.get("version", ""))
    if not version:
        yield Violation("names no version of Kubernetes: it stays with the one of its first day", "version")
        return
    ends = STANDARD_SUPPORT_ENDS.get(version)
    today = cluster.around.today or READ_ON
    if ends is not None and ends < today:
        yield Violation(f"runs Kubernetes {version}, which left standard support on {ends}", "version")
    elif ends is None and _numbers(version) < _numbers(min(STANDARD_SUPPORT_ENDS, key=_numbers)):
        yield Violation(f"runs Kubernetes {version}, which left standard support long ago", "version")


def _numbers(version: str) -> tuple[int, ...]:
    try:
        return numbers(version)
    except ValueError:
        raise Undecided("version") from None


def _encrypts_secrets(cluster: Subject) -> Iterator[Violation]:
    if "secrets" not in cluster.each("encryptionConfig.resources") or not cluster.says(
        "encryptionConfig.provider.keyArn"
    ):
        yield Violation("keeps Kubernetes secrets under a key that isn't yours", "encryptionConfig")


def _audits(cluster: Subject) -> Iterator[Violation]:
    if "audit" not in cluster.each("enabledClusterLogTypes"):
        yield Violation("keeps no log of who asked its API for what", "enabledClusterLogTypes")


def _gpus(subject: Subject) -> Iterator[Violation]:
    if subject.node.type == NODE_GROUP:
        yield from _of_group(subject)
    elif subject.node.type == NODE_POOL:
        yield from _of_pool(subject)
    else:
        yield from _GPU_PODS(subject)


def _of_group(group: Subject) -> Iterator[Violation]:
    if any(map(accelerated, group.each("instanceTypes"))) and not _repels(group, "taints", "NO_SCHEDULE"):
        yield Violation("lets any pod onto machines with GPUs", "taints")


def _of_pool(pool: Subject) -> Iterator[Violation]:
    template = "spec.template.spec"
    requirements = range(len(pool.get(f"{template}.requirements", [])))
    if not any(_wants_gpus(pool, f"{template}.requirements[{index}]") for index in requirements):
        return
    if not _repels(pool, f"{template}.taints", "NoSchedule"):
        yield Violation("lets any pod onto machines with GPUs", "spec.template.spec.taints")
    limits = cast("Mapping[str, Any]", pool.get("spec.limits", {}))
    if not any(name == "cpu" or name.endswith(_GPU) or name.startswith(_ACCELERATORS) for name in limits):
        yield Violation("starts as many machines with GPUs as pods ask for", "spec.limits")


def _wants_gpus(pool: Subject, requirement: str) -> bool:
    key, operator = pool.get(f"{requirement}.key", ""), pool.get(f"{requirement}.operator")
    if key.startswith(_GPU_LABELS):
        return operator in ("Exists", "Gt", "Gte", "In")
    matches = _SAYS_INSTANCES.get(key)
    return matches is not None and operator == "In" and any(map(matches, pool.each(f"{requirement}.values")))


def _repels(subject: Subject, taints: str, effect: str) -> bool:
    return any(subject.get(f"{taints}[{index}].effect") == effect for index in range(len(subject.get(taints, []))))


def _of_pod(pod: Pod) -> Iterator[Violation]:
    for container in pod.containers():
        requests = cast("Mapping[str, Any]", container.get("resources.requests", {}))
        limits = cast("Mapping[str, Any]", container.get("resources.limits", {}))
        for name in requests:
            if name.startswith(_ACCELERATORS) and name not in limits:
                problem = f"asks for {name} in {container.name} without a limit, which Kubernetes refuses"
                yield Violation(problem, f"{container.path}.resources.limits")


_GPU_PODS: Final = each_pod(_of_pod)


def _cluster(**changes: Any) -> Part:
    network = {"subnetIds": ["subnet-0"], "endpointPrivateAccess": True, "endpointPublicAccess": False}
    return part(CLUSTER, **{"roleArn": "arn:aws:iam::111122223333:role/cluster", "vpcConfig": network, **changes})


def _pool(**spec: Any) -> Part:
    gpus = {"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["g", "p"]}
    template = {"spec": {"requirements": [gpus], "taints": spec.pop("taints", [])}}
    return part(NODE_POOL, "pool", apiVersion="karpenter.sh/v1", kind="NodePool", spec={"template": template, **spec})


_GROUP: Final[dict[str, Any]] = {"clusterName": "ml", "nodeRoleArn": "r", "subnetIds": ["subnet-0"]}
_TAINT: Final = {"key": "nvidia.com/gpu", "value": "true"}

RULES: Final = (
    Rule(
        "eks-private",
        Severity.HIGH,
        Domain.CLUSTER,
        "API servers of clusters are private",
        "Whoever reaches the API server needs one stolen token, or one flaw in it, to have all workloads.",
        "Switch public access off and private access on; people come through a VPN or a session in the network.",
        (CLUSTER,),
        _private,
        bad=(_cluster(vpcConfig={"subnetIds": ["subnet-0"]}),),
        good=(_cluster(),),
        maps=("FSBP EKS.1", "EKS 5.4.2"),
    ),
    Rule(
        "eks-supported-version",
        Severity.MEDIUM,
        Domain.CLUSTER,
        "Clusters run a version that is in standard support",
        "After standard support an hour of the cluster costs six times as much, and after a year AWS moves it on by "
        "itself.",
        "Name a version in standard support, and update to it one minor version at a time.",
        (CLUSTER,),
        _supported,
        bad=(_cluster(version="1.31"),),
        good=(_cluster(version="1.35"),),
        maps=("FSBP EKS.2",),
    ),
    Rule(
        "eks-secrets-kms",
        Severity.MEDIUM,
        Domain.CLUSTER,
        "Kubernetes secrets are under a key of one's own",
        "Only with a key of your own you see who used it, and can take it away.",
        "Set encryptionConfig with the resource secrets and the key's ARN; it can't be taken back.",
        (CLUSTER,),
        _encrypts_secrets,
        bad=(_cluster(),),
        good=(
            _cluster(
                encryptionConfig={
                    "resources": ["secrets"],
                    "provider": {"keyArn": "arn:aws:kms:eu-west-1:111122223333:key/0"},
                }
            ),
        ),
        maps=("FSBP EKS.3", "EKS 5.3.1"),
    ),
    Rule(
        "eks-audit-logs",
        Severity.MEDIUM,
        Domain.CLUSTER,
        "Clusters keep an audit log",
        "CloudTrail sees calls to EKS, not to Kubernetes: who read a secret or opened a shell stands in the audit log "
        "alone.",
        "Add audit to the enabled log types.",
        (CLUSTER,),
        _audits,
        bad=(_cluster(enabledClusterLogTypes=["api"]),),
        good=(_cluster(enabledClusterLogTypes=["audit", "authenticator"]),),
        maps=("FSBP EKS.8",),
    ),
    Rule(
        "gpu-limits-and-taint",
        Severity.MEDIUM,
        Domain.CLUSTER,
        "GPUs are kept for those who ask for them, up to a limit",
        "Without a taint a web server lands on a machine for thirty dollars an hour and keeps it from going; without a "
        "limit a pool grows as long as pods wait.",
        "Taint nodes with GPUs, limit their pool, and let pods ask for GPUs by limits.",
        (NODE_GROUP, NODE_POOL, *PODS),
        _gpus,
        bad=(part(NODE_GROUP, **_GROUP, instanceTypes=["g5.xlarge"]), _pool()),
        good=(
            part(NODE_GROUP, **_GROUP, instanceTypes=["g5.xlarge"], taints=[{**_TAINT, "effect": "NO_SCHEDULE"}]),
            _pool(taints=[{**_TAINT, "effect": "NoSchedule"}], limits={"nvidia.com/gpu": 16}),
        ),
    ),
)
