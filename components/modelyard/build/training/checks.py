"""What a pool can't be: types, spot, quotas and flavours that don't go together."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

from modelyard.build.training.flavours import BatchTraining, KubernetesTraining, SageMakerTraining
from modelyard.core.errors import Fault
from modelyard.core.instances import Instance, InstanceCatalogue

if TYPE_CHECKING:
    from modelyard.build.training.spec import TrainingSpec

SMALLEST_DISK: Final = 30
"""GiB of an ECS-optimized image of Amazon Linux 2023 (AmazonECS/latest/developerguide/ecs-optimized_AMI)."""

LONGEST_WAIT: Final = 1440
"""Minutes that Batch waits at most before it cancels what can't start (batch/latest/APIReference,
JobStateTimeLimitAction)."""


_SAID: Final = {"batch": "Batch", "kubernetes": "Kubernetes"}
_HOLDS: Final = {"batch": "the security group", "kubernetes": "the namespace's network policy"}


def types_that_fail(spec: TrainingSpec) -> Iterator[Fault]:
    """Types that don't exist, are called otherwise, or lack what is required."""
    for index, name in enumerate(spec.instance_types):
        yield from _type(spec, f"instance_types[{index}]", name, index)


def _type(spec: TrainingSpec, path: str, name: str, index: int) -> Iterator[Fault]:
    if name in spec.instance_types[:index]:
        yield spec.fault(path, "is listed twice", "Remove one.", name)
        return
    ec2, example = not isinstance(spec.flavour, SageMakerTraining), "ml.g5.xlarge"
    if ec2:
        example = "g5.xlarge"
        if name.startswith("ml."):
            short = name.removeprefix("ml.")
            runs = _SAID[spec.flavour.kind]
            yield spec.fault(path, f"is SageMaker's name, and {runs} runs EC2 instances", f'Write "{short}".', name)
            return
    elif not name.startswith("ml."):
        yield spec.fault(path, "is EC2's name, and SageMaker's begins with ml.", f'Write "ml.{name}".', name)
        return
    catalogue = InstanceCatalogue.shipped()
    known = catalogue.get(name)
    if known is None or not (known.trains or ec2):
        close = catalogue.closest(name, ec2=ec2)
        problem = "is no instance type that is known" if known is None else "is no type that SageMaker trains on"
        hint = f'Did you mean "{close}"?' if close and close != name else f"Use one such as {example}."
        yield spec.fault(path, problem, hint, name)
        return
    if spec.gpu == "required" and not known.gpus:
        yield spec.fault(
            path, "has no GPU, and gpu is required", f'Use one such as {example}, or "gpu: optional".', name
        )
    if ec2 and known.accelerator and not known.gpus:
        yield spec.fault(
            path,
            f"has accelerators that {_SAID[spec.flavour.kind]} hands to no container",
            "Use a type with GPUs, or SageMaker.",
            name,
        )
    if spec.distributed.efa and not known.efa:
        large = ("g5.48xlarge", "p4d.24xlarge") if ec2 else ("ml.g5.48xlarge", "ml.p4d.24xlarge")
        yield spec.fault(
            path,
            "has no Elastic Fabric Adapter, and distributed.efa asks for it",
            f'Use one such as {large[0]} or {large[1]}, or "efa: false".',
            name,
        )


def types_not_offered(spec: TrainingSpec, region: str) -> Iterator[Fault]:
    """Types that `region` isn't known to sell; of EC2's own regions only SageMaker's are known."""
    catalogue = InstanceCatalogue.shipped()
    ec2 = not isinstance(spec.flavour, SageMakerTraining)
    instead = catalogue.with_gpu_in(region)
    for index, name in enumerate(spec.instance_types):
        known = catalogue.get(name)
        if known is None or not (known.trains or ec2) or known.offered_in(region) or name in spec.offered_anyway:
            continue
        enough = [i for i in instead if i.accelerator_memory_gib >= known.accelerator_memory_gib] or instead[-1:]
        other = (enough[0].name if ec2 else enough[0].sagemaker) if enough else ""
        hint = f"{region} has {other}; or" if known.gpus and other else "Use another type, or"
        yield spec.fault(
            f"instance_types[{index}]",
            f"isn't offered in {region}, as far as is known (as of {known.as_of})",
            f'{hint} add it to "offered_anyway" if AWS has brought it there since.',
            name,
        )


def spot_that_fails(spec: TrainingSpec) -> Iterator[Fault]:
    """Spot without checkpoints, with a warm pool, or with a wait that can't be."""
    if spec.spot is None:
        return
    if spec.checkpoints is None and not _on_a_volume(spec):
        yield spec.fault(
            "spot",
            "without checkpoints loses all work whenever the capacity is taken back",
            'Add "checkpoints: {prefix: checkpoints}", or remove "spot".',
        )
    wait = spec.spot.max_wait_minutes
    if isinstance(spec.flavour, BatchTraining):
        if not 10 <= wait <= LONGEST_WAIT:
            yield spec.fault(
                "spot.max_wait_minutes",
                "is no time that Batch waits for capacity",
                f"Use 10 to {LONGEST_WAIT}; a job's run time isn't in it.",
                wait,
            )
        return
    if not isinstance(spec.flavour, SageMakerTraining):
        return
    if spec.flavour.warm_seconds:
        yield spec.fault(
            "flavour.warm_seconds",
            "can't be used with spot: machines of a warm pool are kept on demand",
            'Remove it, or remove "spot".',
            spec.flavour.warm_seconds,
        )
    if wait < spec.max_runtime_minutes:
        yield spec.fault(
            "spot.max_wait_minutes",
            f"is less than max_runtime_minutes, {spec.max_runtime_minutes}",
            f"Use {spec.max_runtime_minutes} or more.",
            wait,
        )


def quota_that_fails(spec: TrainingSpec) -> Iterator[Fault]:
    """Quotas of types that aren't allowed, that exceed the GPUs, or without the queue that counts."""
    quota, flavour = spec.quota, spec.flavour
    if isinstance(flavour, SageMakerTraining):
        yield from _queue(spec, flavour)
    if quota is None or isinstance(flavour, KubernetesTraining):
        return
    for name, count in quota.instances.items():
        if name not in spec.instance_types:
            allowed = ", ".join(spec.instance_types)
            yield spec.fault(f"quota.instances.{name}", "is no allowed type", f"Those are: {allowed}.", count)
    for name in spec.instance_types:
        if name not in quota.instances:
            yield spec.fault(
                "quota.instances", f"has no {name}, so that its jobs wait for ever", "Add it, or stop allowing it."
            )
    catalogue = InstanceCatalogue.shipped()
    known = {name: catalogue[name] for name in quota.instances if name in catalogue}
    if quota.most_gpus is not None:
        possible = gpus_at_most(spec, known)
        if possible > quota.most_gpus:
            yield spec.fault(
                "quota.most_gpus",
                f"is less than the {possible} GPUs that could run at a time",
                f"Lower the instances, or use {possible}.",
                quota.most_gpus,
            )


def gpus_at_most(spec: TrainingSpec, known: dict[str, Instance]) -> int:
    """GPUs that a quota lets run: SageMaker's counts by type, Batch's only vCPUs, of whatever type."""
    assert spec.quota is not None
    counts = {name: spec.quota.instances[name] for name in known}
    if isinstance(spec.flavour, SageMakerTraining):
        return sum(known[name].gpus * count for name, count in counts.items())
    vcpus = sum(known[name].vcpus * count for name, count in counts.items())
    return max((instance.gpus * (vcpus // instance.vcpus) for instance in known.values()), default=0)


def _queue(spec: TrainingSpec, flavour: SageMakerTraining) -> Iterator[Fault]:
    if spec.quota is not None and flavour.queue is None:
        yield spec.fault(
            "quota",
            "is counted by a queue, and SageMaker has none by itself",
            'Add "queue: {walls: convention}" to "flavour" if the walls may be a convention, or remove "quota".',
        )
    if flavour.queue is None:
        return
    if spec.quota is None:
        yield spec.fault("flavour.queue", "has nothing to count", 'Add "quota", or remove it.')
    else:
        for share, given in spec.quota.split().items():
            if not any(given.values()):
                yield spec.fault(
                    f"quota.shares.{share}",
                    "gets no instance at all, and its jobs would wait for ever",
                    "Raise its weight or the instances, or remove it.",
                    spec.quota.shares[share],
                )
    if flavour.queue.borrow and spec.checkpoints is None:
        yield spec.fault(
            "flavour.queue.borrow",
            "without checkpoints loses all work whenever the owner comes back",
            'Add "checkpoints: {prefix: checkpoints}", or remove it.',
        )
    if flavour.warm_seconds:
        yield spec.fault(
            "flavour.warm_seconds",
            "can't be used with a queue: kept machines would go to whoever comes next",
            "Remove it.",
            flavour.warm_seconds,
        )


def own_machines_that_fail(spec: TrainingSpec, flavour: BatchTraining | KubernetesTraining) -> Iterator[Fault]:
    """Walls that containers on instances of one's own haven't."""
    runs, holds = _SAID[flavour.kind], _HOLDS[flavour.kind]
    of = "its instance" if isinstance(flavour, BatchTraining) else "the cluster"
    if not spec.vpc:
        yield spec.fault("vpc", f"can't be false: {runs}'s instances stand in a network", 'Remove "vpc: false".')
    if spec.network_isolation:
        yield spec.fault(
            "network_isolation",
            f"can't be held by {runs}: a container uses {of}'s network",
            f'Say "network_isolation: false"; {holds} alone limits what it reaches.',
        )
    if spec.inter_container_encryption and any(program.nodes > 1 for program in flavour.programs.values()):
        yield spec.fault(
            "inter_container_encryption",
            f"can't be held by {runs}: nodes of one job talk as their program does",
            'Say "inter_container_encryption: false"; newer types encrypt between instances by hardware.',
        )


def batch_that_fails(spec: TrainingSpec, flavour: BatchTraining) -> Iterator[Fault]:
    """What Batch can't do."""
    several = any(program.nodes > 1 for program in flavour.programs.values())
    if spec.volume_gib < SMALLEST_DISK:
        yield spec.fault(
            "volume_gib", "is less than Amazon's image takes", f"Use {SMALLEST_DISK} or more.", spec.volume_gib
        )
    if spec.spot is not None and flavour.capacity is not None:
        yield spec.fault("spot", "and reserved capacity exclude one another", "Remove one of them.")
    if spec.spot is not None and several:
        yield spec.fault("spot", "runs no multi-node jobs", 'Remove "spot", or use programs of one node.')
    if flavour.capacity is not None and len(spec.instance_types) > 1:
        yield spec.fault("flavour.capacity", "is of one instance type", "Allow that type alone.", flavour.capacity.id)
    if flavour.capacity is None and len({i.efa_interfaces for i in spec.instances()}) > 1 and spec.distributed.efa:
        yield spec.fault(
            "distributed.efa",
            "asks for types with as many adapters each: one launch template attaches them",
            "Allow types with the same number of adapters.",
        )
    smallest = smallest_of(spec)
    for name, program in flavour.programs.items():
        path = f"flavour.programs.{name}"
        if program.nodes > spec.distributed.most_instances:
            yield spec.fault(
                f"{path}.nodes",
                f"is more than distributed.most_instances, {spec.distributed.most_instances}",
                f"Use {spec.distributed.most_instances} or fewer, or raise that.",
                program.nodes,
            )
        if smallest is None:
            continue
        for field, asked, has in (
            ("gpus", program.gpus, smallest[0]),
            ("vcpus", program.vcpus, smallest[1]),
            ("memory_gib", program.memory_gib, smallest[2]),
        ):
            if asked is not None and asked > has:
                yield spec.fault(f"{path}.{field}", f"is more than an allowed type has, {has}", "Use fewer.", asked)
        fits = max_vcpus(spec) // smallest[1]
        if program.nodes > fits:
            yield spec.fault(
                f"{path}.nodes",
                f"is more than the quota lets run, {fits}",
                "Raise the quota, or use fewer.",
                program.nodes,
            )


def smallest_of(spec: TrainingSpec) -> tuple[int, int, int] | None:
    """GPUs, vCPUs and GiB of memory that every allowed type has; None where no type is known.

    An agent and the system need a tenth of the memory.
    """
    known = spec.instances()
    if not known:
        return None
    memory = int(min(instance.memory_gib for instance in known) * 0.9)
    return min(i.gpus for i in known), min(i.vcpus for i in known), max(memory, 1)


def max_vcpus(spec: TrainingSpec) -> int:
    """vCPUs of the quota; without one, of the largest program on the largest type."""
    catalogue = InstanceCatalogue.shipped()
    if spec.quota is not None:
        return sum(catalogue[n].vcpus * count for n, count in spec.quota.instances.items() if n in catalogue)
    assert isinstance(spec.flavour, BatchTraining)
    nodes = max(program.nodes for program in spec.flavour.programs.values())
    return nodes * max((instance.vcpus for instance in spec.instances()), default=1)


def places_that_fail(spec: TrainingSpec, zones: Collection[str]) -> Iterator[Fault]:
    """Places in zones that the lake hasn't."""
    for field, place in (("output", spec.output), ("checkpoints", spec.checkpoints)):
        if place is not None and place.zone not in zones:
            has = ", ".join(zones)
            yield spec.fault(f"{field}.zone", "is no zone of the team's lake", f"It has {has}.", place.zone)


def _on_a_volume(spec: TrainingSpec) -> bool:
    flavour = spec.flavour
    return isinstance(flavour, KubernetesTraining) and any(v.checkpoints for v in flavour.volumes.values())
