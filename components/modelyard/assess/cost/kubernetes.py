"""What objects of Kubernetes cost in a month: what they make AWS stand up. All others cost what their nodes do.

So do the charts of the platform's table: as we install them they ask for no disk and no load balancer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from modelyard.assess.cost.bill import HOURS, Estimate, Line, Meter, Unknown
from modelyard.assess.policy.machines import known
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import NODE_CLASS
from modelyard.blueprints.usage import Range
from modelyard.core.kubernetes import GPU, GPUS
from modelyard.foundation.cluster.charts import table

Found = Iterator[Line | Unknown]
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)([KMGT]i?|)")
_GB: Final = {"": 1e-9, "K": 1e-6, "M": 1e-3, "G": 1, "T": 1e3, "Ki": 2**-20, "Mi": 2**-10, "Gi": 1, "Ti": 2**10}
"""What a unit is in the GB of EBS, which are GiB."""
_TYPE: Final = "node.kubernetes.io/instance-type"
_CAPACITY: Final = "karpenter.sh/capacity-type"
_RESERVED: Final = "reserved"
_SERVICE: Final = "spec.provider.kubernetes.envoyService"
_ON_EKS: Final = "service.beta.kubernetes.io/aws-load-balancer"


def _service(subject: Subject, meter: Meter) -> Found:
    if subject.get("spec.type", "ClusterIP") == "LoadBalancer":
        yield from _balancer(meter)


def _proxies(subject: Subject, meter: Meter) -> Found:
    """The service that stands before proxies of Envoy Gateway."""
    annotations = subject.get(f"{_SERVICE}.annotations", {})
    if any(key.startswith(_ON_EKS) for key in annotations):
        yield from _balancer(meter)
    elif subject.get(f"{_SERVICE}.type", "LoadBalancer") == "LoadBalancer":
        yield Unknown(subject.node.urn, "kubernetes: gateway", "the load balancer is another cloud's")


def _balancer(meter: Meter) -> Found:
    yield meter.takes("elb", "network load balancer", HOURS, assumes="all hours")
    yield meter.takes("elb", "nlb nlcu", Range(low=0, high=HOURS), assumes="up to one unit of capacity")


def _claim(subject: Subject, meter: Meter) -> Found:
    """What a claim has made for it; a volume that is there already is paid where it was made."""
    if not subject.says("spec.volumeName"):
        yield from _volume(subject, "spec", 1, meter)


def _claims(subject: Subject, meter: Meter) -> Found:
    """What the pods of a set have made for them, each its own."""
    for index in range(len(subject.get("spec.volumeClaimTemplates", []))):
        yield from _volume(subject, f"spec.volumeClaimTemplates[{index}].spec", subject.get("spec.replicas", 1), meter)


def _volume(subject: Subject, path: str, count: int, meter: Meter) -> Found:
    """Volumes of the size that stands below `path`."""
    size = _SIZE.fullmatch(str(subject.get(f"{path}.resources.requests.storage", "0")))
    if size is None:
        yield Unknown(subject.node.urn, "kubernetes: volume", "its size isn't read here")
        return
    gb = count * float(size[1]) * _GB[size[2]]
    yield meter.takes("ebs", "gp3 storage", gb, assumes=f"{gb:g} GB of gp3, unless its storage class says another")


def _nodes(subject: Subject, meter: Meter) -> Found:
    """From no machine to as many of the dearest kind as its limits let, since both come."""
    requirements = [f"spec.template.spec.requirements[{i}]" for i in range(len(_in_pool(subject, "requirements")))]
    asked = {subject.get(f"{each}.key"): each for each in requirements if subject.get(f"{each}.operator") == "In"}
    types = subject.each(f"{asked[_TYPE]}.values") if _TYPE in asked else []
    kinds = subject.each(f"{asked[_CAPACITY]}.values") if _CAPACITY in asked else []
    if _RESERVED in kinds:
        yield Unknown(subject.node.urn, "kubernetes: nodes", "what was paid for its reservations isn't in the stack")
        return
    most = {kind: _at_most(subject, kind) for kind in types}
    if not types or None in most.values():
        why = "how many machines it starts depends on the pods that wait"
        yield Unknown(subject.node.urn, "kubernetes: nodes", why)
        return
    found: list[Line] = []
    for kind, machines in most.items():
        hours = Range(low=0, high=(machines or 0) * HOURS)
        line = meter.takes("ec2", kind, hours, assumes=f"0 to {machines} machines, all hours")
        if isinstance(line, Unknown):
            yield line
        else:
            found.append(line)
    if not found:
        return
    dearest = max(found, key=lambda line: line.high)
    yield dearest
    disks, machines = _disks(subject), most[dearest.what.removeprefix("ec2: ")] or 0
    if disks:
        yield meter.takes("ebs", "gp3 storage", Range(low=0, high=machines), per=disks, assumes=f"{disks:g} GB each")


def _in_pool(subject: Subject, path: str) -> list[object]:
    return subject.get(f"spec.template.spec.{path}", [])


def _at_most(subject: Subject, kind: str) -> int | None:
    """How many machines of a type fit into a pool's limits; `None`: nobody knows."""
    instance = known(kind)
    if instance is None:
        return None
    limits: dict[str, object] = {**subject.get("spec.limits", {})}
    gpus = subject.get("metadata.annotations", {}).get(GPUS, limits.get(GPU))
    bounds = [(gpus, instance.gpus), (limits.get("cpu"), instance.vcpus), (limits.get("nodes"), 1)]
    fits = [int(float(str(most))) // each for most, each in bounds if most is not None and each]
    return min(fits) if fits else None


def _disks(subject: Subject) -> float:
    """GB of the disks of each machine, as the pool's class of machines says."""
    name = subject.get("spec.template.spec.nodeClassRef.name")
    for node in subject.stack.graph.nodes:
        if node.type == NODE_CLASS and Subject(subject.stack, node).get("metadata.name") == name:
            machine = Subject(subject.stack, node)
            disks = range(len(machine.get("spec.blockDeviceMappings", [])))
            sizes = [machine.get(f"spec.blockDeviceMappings[{index}].ebs.volumeSize", "") for index in disks]
            return sum(float(size[1]) * _GB[size[2]] for said in sizes if (size := _SIZE.fullmatch(str(said))))
    return 0


def _chart(subject: Subject, _: Meter) -> Found:
    name = str(subject.get("chart", "")).rpartition("/")[2]
    if name not in {chart.chart for chart in table().values()}:
        yield Unknown(subject.node.urn, "kubernetes: chart", "what its chart makes isn't in the stack")


ESTIMATES: Final[Mapping[str, Estimate]] = {
    "kubernetes:apps/v1:StatefulSet": _claims,
    "kubernetes:core/v1:PersistentVolumeClaim": _claim,
    "kubernetes:core/v1:Service": _service,
    "kubernetes:gateway.envoyproxy.io/v1alpha1:EnvoyProxy": _proxies,
    "kubernetes:helm.sh/v3:Release": _chart,
    "kubernetes:karpenter.sh/v1:NodePool": _nodes,
}
"""By resource type."""
