"""What machines cost in a month: EC2, EKS, ECS, Batch, and the databases, caches and disks beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from modelyard.assess.cost.bill import HOURS, Estimate, Line, Meter, Unknown
from modelyard.assess.cost.prices import ON_DEMAND, SPOT
from modelyard.assess.cost.resting import standing
from modelyard.assess.policy.machines import known
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import INSTANCE, NODE_GROUP
from modelyard.blueprints.usage import Range

Found = Iterator[Line | Unknown]
_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
_TASK: Final = "aws:ecs/taskDefinition:TaskDefinition"
_EKS_DISK_GB: Final = 20
_ROOT_DISK_GB: Final = 8


def _hours(meter: Meter, kind: str, hours: Range, assumes: str, *, spot: bool = False) -> Found:
    """Hours of a machine; on spot from the median spot price to the price on demand, which spot never exceeds."""
    yield meter.takes("ec2", kind, hours, assumes=assumes, least_kind=SPOT if spot else ON_DEMAND)


def _all_hours(least: float, most: float) -> Range:
    return Range(low=least * HOURS, high=most * HOURS)


def _disk(subject: Subject, meter: Meter, path: str, machines: Range, default: float) -> Found:
    size = subject.get(path, default)
    yield meter.takes("ebs", "gp3 storage", machines, per=size, assumes=f"{size:g} GB for each machine")


def _instance(subject: Subject, meter: Meter) -> Found:
    template = _template_of(subject)
    kind = subject.get("instanceType") or (template.get("instanceType") if template else None)
    spot = subject.get("instanceMarketOptions.marketType") == "spot"
    yield from _of_type(subject, meter, kind, Range(low=1, high=1), spot=spot)
    yield from _disk(subject, meter, "rootBlockDevice.volumeSize", Range(low=1, high=1), _ROOT_DISK_GB)


def _of_type(subject: Subject, meter: Meter, kind: object, machines: Range, *, spot: bool = False) -> Found:
    if not kind:
        yield Unknown(subject.node.urn, "ec2: machines", "AWS chooses their type")
        return
    hours = _all_hours(machines.low, machines.high)
    yield from _hours(meter, str(kind), hours, f"{machines.low:g} to {machines.high:g} machines, all hours", spot=spot)


def _template_of(subject: Subject) -> Subject | None:
    """The launch template that a machine or a group of them is made by, where the stack has it."""
    for urn in subject.node.property_dependencies.get("launchTemplate", ()):
        node = subject.stack.graph.by_urn.get(urn)
        if node is not None and node.type == _TEMPLATE:
            return Subject(subject.stack, node)
    return None


def _group(subject: Subject, meter: Meter) -> Found:
    machines = Range(low=subject.get("minSize", 0), high=subject.get("maxSize", 0))
    if subject.says("mixedInstancesPolicy"):
        yield Unknown(subject.node.urn, "ec2: machines", "the group chooses among several types")
        return
    template = _template_of(subject)
    spot = template is not None and template.get("instanceMarketOptions.marketType") == "spot"
    yield from _of_type(subject, meter, template.get("instanceType") if template else None, machines, spot=spot)


def _node_group(subject: Subject, meter: Meter) -> Found:
    least, most = subject.get("scalingConfig.minSize", 0), subject.get("scalingConfig.maxSize", 0)
    template = _template_of(subject)
    types = subject.get("instanceTypes", []) or ([template.get("instanceType")] if template else ["t3.medium"])
    spot = subject.get("capacityType", "ON_DEMAND") == "SPOT"
    machines = Range(low=least, high=most)
    found = [each for kind in types for each in _of_type(subject, meter, kind, machines, spot=spot)]
    lines = [each for each in found if isinstance(each, Line)]
    yield from (each for each in found if isinstance(each, Unknown))
    if lines:
        yield _one_of(lines)
    yield from _disk(subject, meter, "diskSize", machines, _EKS_DISK_GB)


def _one_of(lines: list[Line]) -> Line:
    """The line of a group that takes any of these types: from the cheapest to the dearest."""
    dearest = max(lines, key=lambda line: line.high)
    return dearest.from_least(min(line.low for line in lines))


def _cluster(subject: Subject, meter: Meter) -> Found:
    yield meter.takes("eks", "cluster standard support", HOURS, assumes="all hours, in standard support")
    if subject.get("computeConfig.enabled", False) is True:
        yield Unknown(subject.node.urn, "eks: auto mode", "what its machines are isn't in the stack")


def _hyperpod(subject: Subject, meter: Meter) -> Found:
    """Machines that stand all the time, at the price of training: HyperPod has none of its own in the table."""
    for index in range(len(subject.get("InstanceGroups", []))):
        group = f"InstanceGroups[{index}]"
        if subject.says(f"{group}.TrainingPlanArn"):
            yield Unknown(subject.node.urn, "sagemaker: hyperpod", "what its training plan costs isn't in the stack")
            continue
        machines, kind = subject.get(f"{group}.InstanceCount", 0), str(subject.get(f"{group}.InstanceType"))
        yield meter.takes("sagemaker-training", kind, machines * HOURS, assumes=f"{machines} machines, all hours")
        disks = range(len(subject.get(f"{group}.InstanceStorageConfigs", [])))
        size = sum(
            subject.get(f"{group}.InstanceStorageConfigs[{disk}].EbsVolumeConfig.VolumeSizeInGB", 0) for disk in disks
        )
        yield meter.takes("sagemaker", "ml storage gp2 training/hosting/notebook", machines, per=size)


def _compute_environment(subject: Subject, meter: Meter) -> Found:
    types, most = subject.get("computeResources.instanceTypes", []), subject.get("computeResources.maxVcpus", 0)
    least = subject.get("computeResources.minVcpus", 0)
    spot = subject.get("computeResources.type", "EC2") == "SPOT"
    lines: list[Line] = []
    for kind in types:
        instance = known(str(kind))
        if instance is None:
            yield Unknown(subject.node.urn, f"ec2: {kind}", "nobody here knows how many CPUs it has")
            continue
        machines = max(1, most // instance.vcpus)
        standing = -(-least // instance.vcpus) * HOURS
        hours = Range(low=standing, high=max(standing, machines * meter.usage.training_hours.high))
        for found in _hours(meter, str(kind), hours, f"up to {machines:g} machines while jobs run", spot=spot):
            if isinstance(found, Line):
                lines.append(found)
            else:
                yield found
    if lines:
        yield _one_of(lines)


def _service(subject: Subject, meter: Meter) -> Found:
    if subject.get("launchType", "FARGATE") != "FARGATE":
        return
    task = next(
        (
            Subject(subject.stack, node)
            for urn in subject.node.property_dependencies.get("taskDefinition", ())
            if (node := subject.stack.graph.by_urn.get(urn)) is not None and node.type == _TASK
        ),
        None,
    )
    if task is None:
        yield Unknown(subject.node.urn, "fargate: tasks", "their definition isn't in the stack")
        return
    count = subject.get("desiredCount", 1)
    hours = _all_hours(count, count)
    yield meter.takes("fargate", "linux x86 vcpu", hours, per=float(task.get("cpu", 256)) / 1024)
    yield meter.takes("fargate", "linux x86 memory", hours, per=float(task.get("memory", 512)) / 1024)


def _database(subject: Subject, meter: Meter) -> Found:
    if subject.get("engine") != "postgres":
        yield Unknown(subject.node.urn, f"rds: {subject.get('engine')}", "there is no price of it here")
        return
    zones = 2 if subject.get("multiAz", False) is True else 1
    hours, told = standing(subject, str(subject.get("identifier", "")))
    yield meter.takes(
        "rds-postgresql", str(subject.get("instanceClass")), zones * hours, assumes=f"{told}, in {zones} zones"
    )
    size = subject.get("allocatedStorage", 0)
    disk = Range(low=size, high=max(size, subject.get("maxAllocatedStorage", 0)))
    yield meter.takes("rds-postgresql", "gp3 storage single-az", disk, per=zones)


def _cache(subject: Subject, meter: Meter) -> Found:
    engine, usage = subject.get("engine", "redis"), meter.usage
    most = subject.get("cacheUsageLimits.dataStorage.maximum", usage.stored_features_gb.high)
    stored = Range(low=min(usage.stored_features_gb.low, most) * HOURS, high=most * HOURS)
    yield meter.takes("elasticache", f"serverless {engine} storage", stored)
    yield meter.takes("elasticache", f"serverless {engine} units", usage.feature_requests_m)


def _lustre(subject: Subject, meter: Meter) -> Found:
    kind, size = subject.get("deploymentType", "SCRATCH_1"), subject.get("storageCapacity", 0)
    speed = subject.get("perUnitStorageThroughput", 0)
    items = {"SCRATCH_2": "scratch-2 ssd", "PERSISTENT_2": f"persistent-2 ssd {speed:g} MB/s/TiB"}
    yield meter.takes("fsx-lustre", items.get(kind, str(kind)), size, assumes=f"{size:g} GB, all month")


def _balancer(subject: Subject, meter: Meter) -> Found:
    kind = subject.get("loadBalancerType", "application")
    yield meter.takes("elb", f"{kind} load balancer", HOURS, assumes="all hours")
    unit = {"application": "alb lcu", "network": "nlb nlcu"}.get(kind, f"{kind} capacity")
    yield meter.takes("elb", unit, Range(low=0, high=HOURS), assumes="up to one unit of capacity")


def _address(subject: Subject, meter: Meter) -> Found:
    yield meter.takes("vpc", "public ipv4 address", HOURS, assumes="all hours")


def _volume(subject: Subject, meter: Meter) -> Found:
    if subject.get("type", "gp2") != "gp3":
        yield Unknown(subject.node.urn, f"ebs: {subject.get('type', 'gp2')}", "there is no price of it here")
        return
    yield meter.takes("ebs", "gp3 storage", subject.get("size", 0))


ESTIMATES: Final[Mapping[str, Estimate]] = {
    INSTANCE: _instance,
    NODE_GROUP: _node_group,
    "aws:autoscaling/group:Group": _group,
    "aws:batch/computeEnvironment:ComputeEnvironment": _compute_environment,
    "aws:ebs/volume:Volume": _volume,
    "aws:ec2/eip:Eip": _address,
    "aws:ecs/service:Service": _service,
    "aws:eks/cluster:Cluster": _cluster,
    "AWS::SageMaker::Cluster": _hyperpod,
    "aws:elasticache/serverlessCache:ServerlessCache": _cache,
    "aws:fsx/lustreFileSystem:LustreFileSystem": _lustre,
    "aws:lb/loadBalancer:LoadBalancer": _balancer,
    "aws:rds/instance:Instance": _database,
}
"""By resource type; a machine's type is called as EC2 calls it."""
