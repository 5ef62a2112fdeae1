"""What a pool on Kubernetes can't be: what doesn't go together, and what only shows where it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelyard.build.training.kubernetes_spec import ClusterProgramSpec, KubernetesTraining, RayRuntime, TrainerRuntime
from modelyard.core.errors import Fault
from modelyard.core.instances import Instance
from modelyard.core.kubernetes import GPU
from modelyard.foundation.cluster import ClusterQuotaSpec, PoolLimit

if TYPE_CHECKING:
    from modelyard.build.training.spec import TrainingSpec

_SYSTEM_MEMORY: Final = 0.15
"""Share of a machine's memory that the system, the kubelet and agents need; small machines need the most of it."""


@dataclass(frozen=True, slots=True)
class MachinePool:
    """What training needs to know of a pool of the cluster's."""

    limit: PoolLimit
    instance_types: tuple[str, ...]
    """The types of its machines: EC2's names, of HyperPod's machines SageMaker's."""
    efa: bool = False
    """Whether its machines hand out their Elastic Fabric Adapters."""
    spot: bool = False
    """Whether it starts machines on spare capacity."""

    def labels(self, types: Sequence[str]) -> list[str]:
        """How its machines call these types of EC2 in their labels."""
        called = {name.removeprefix("ml."): name for name in self.instance_types}
        return [called[name] for name in types if name in called]

    @property
    def sliced(self) -> bool:
        """Whether it hands out slices of GPUs."""
        return self.limit.resource != GPU


@dataclass(frozen=True, slots=True)
class Room:
    """What pods may have of every allowed type."""

    gpus: int
    vcpus: int
    memory_gib: int


def room(instances: list[Instance]) -> Room | None:
    """What the smallest of these leaves to pods; None where none is known."""
    if not instances:
        return None
    vcpus = min(instance.vcpus for instance in instances)
    memory = int(min(instance.memory_gib for instance in instances) * (1 - _SYSTEM_MEMORY))
    return Room(min(i.gpus for i in instances), max(vcpus - max(1, vcpus // 16), 1), max(memory, 1))


def needs_of(program: ClusterProgramSpec, has: Room, *, sliced: bool) -> Room:
    """What each node of a program asks for; on slices of GPUs, one of them unless it says otherwise."""
    most = min(has.gpus, 1) if sliced else has.gpus
    return Room(
        most if program.gpus is None else program.gpus,
        has.vcpus if program.vcpus is None else program.vcpus,
        has.memory_gib if program.memory_gib is None else program.memory_gib,
    )


def kubernetes_that_fails(spec: TrainingSpec, flavour: KubernetesTraining) -> Iterator[Fault]:
    """What pods can't be held to, what others say here, and programs that fit no allowed type."""
    if spec.quota is not None:
        yield spec.fault(
            "quota",
            "is the cluster's to count, in GPUs of its pools",
            'Remove it: the header of the file has "quota", which Kueue holds.',
        )
    if spec.lustre is not None:
        yield spec.fault(
            "lustre",
            "mounts into no pod: only the platform makes volumes of a cluster",
            'Remove it, and claim one in "flavour.volumes" from a storage class of FSx for Lustre.',
        )
    if spec.spot is not None and "max_wait_minutes" in spec.spot.model_fields_set:
        yield spec.fault(
            "spot.max_wait_minutes",
            "is counted by nobody: jobs wait in the queue until there is room",
            'Remove it ("spot: {}").',
            spec.spot.max_wait_minutes,
        )
    if "launcher" in spec.distributed.model_fields_set:
        yield spec.fault(
            "distributed.launcher",
            "is said by each program",
            'Say it there: "runtime: {kind: trainer, launcher: …}".',
            spec.distributed.launcher,
        )
    keeping = [name for name, volume in flavour.volumes.items() if volume.checkpoints]
    if keeping and spec.checkpoints is not None:
        yield spec.fault(
            f"flavour.volumes.{keeping[0]}.checkpoints",
            'and "checkpoints" name two places',
            "Remove one of them.",
            True,
        )
    yield from _alone(spec, flavour)
    has = room(spec.instances())
    for name, program in flavour.programs.items():
        yield from _spread(spec, f"flavour.programs.{name}", program)
        if has is not None:
            yield from _fits(spec, f"flavour.programs.{name}", program, has)


def _spread(spec: TrainingSpec, path: str, program: ClusterProgramSpec) -> Iterator[Fault]:
    most, runtime = spec.distributed.most_instances, program.runtime
    if program.nodes > most:
        yield spec.fault(
            f"{path}.nodes",
            f"is more than distributed.most_instances, {most}",
            f"Use {most} or fewer, or raise that.",
            program.nodes,
        )
    if isinstance(runtime, TrainerRuntime) and runtime.launcher != "torchrun" and program.nodes == 1:
        yield spec.fault(
            f"{path}.runtime.launcher",
            "reaches other nodes, and there is one",
            'Use "launcher: torchrun", or more nodes.',
            runtime.launcher,
        )
    if isinstance(runtime, TrainerRuntime) and runtime.launcher != "torchrun" and program.user != 1000:
        yield spec.fault(
            f"{path}.user", "isn't who nodes let in by SSH, mpiuser", 'Remove it: that is "user: 1000".', program.user
        )
    if spec.distributed.efa and isinstance(runtime, RayRuntime) and program.gpus == 0:
        yield spec.fault(
            f"{path}.gpus", "leaves adapters without GPUs to feed", 'Use GPUs, or "efa: false".', program.gpus
        )


def _alone(spec: TrainingSpec, flavour: KubernetesTraining) -> Iterator[Fault]:
    """Disks of one machine under programs of several."""
    several = [
        name
        for name, program in flavour.programs.items()
        if program.nodes > 1 or isinstance(program.runtime, RayRuntime)
    ]
    for name, volume in flavour.volumes.items():
        if several and not volume.shared:
            yield spec.fault(
                f"flavour.volumes.{name}.shared",
                f"can't be false: {', '.join(several)} run on several machines, and each mounts it",
                "Remove it, and name a storage class of files, such as one of FSx for Lustre.",
                False,
            )


def _fits(spec: TrainingSpec, path: str, program: ClusterProgramSpec, has: Room) -> Iterator[Fault]:
    for field, asked, most in (
        ("gpus", program.gpus, has.gpus),
        ("vcpus", program.vcpus, has.vcpus),
        ("memory_gib", program.memory_gib, has.memory_gib),
    ):
        if asked is not None and asked > most:
            problem = f"is more than an allowed type leaves to pods, {most}"
            yield spec.fault(f"{path}.{field}", problem, "Use less, or larger types.", asked)


def misplaced(
    spec: TrainingSpec,
    flavour: KubernetesTraining,
    *,
    pools: Mapping[str, MachinePool],
    quota: ClusterQuotaSpec | None,
) -> Iterator[Fault]:
    """What the cluster hasn't: the pool, its types, adapters, capacity, and room in the team's quota."""
    pool = pools.get(flavour.pool)
    if pool is None:
        has = ", ".join(pools) or "none"
        yield spec.fault("flavour.pool", "is no pool of the cluster", f"It has {has}.", flavour.pool)
        return
    for index, name in enumerate(spec.instance_types):
        if not pool.labels([name]):
            has = ", ".join(each.removeprefix("ml.") for each in pool.instance_types)
            yield spec.fault(
                f"instance_types[{index}]", f"is no type of the pool {flavour.pool}", f"It starts {has}.", name
            )
    if spec.distributed.efa and not pool.efa:
        yield spec.fault(
            "distributed.efa",
            f"asks for adapters that the pool {flavour.pool} doesn't hand out",
            'Have the platform\'s file say "efa: true" of the pool, or remove it.',
            True,
        )
    if spec.spot is not None and not pool.spot:
        yield spec.fault(
            "spot",
            f"is no capacity of the pool {flavour.pool}, and jobs would wait for ever",
            "Name a pool on spare capacity, or remove it.",
        )
    yield from _beyond(spec, flavour, pool, quota)


def without_files(flavour: KubernetesTraining, datasets: Collection[str]) -> Iterator[Fault]:
    """Datasets that a program wants as files, and that are none."""
    for name, program in flavour.programs.items():
        for index, dataset in enumerate(program.datasets):
            if dataset not in datasets:
                has = ", ".join(datasets) or "none"
                problem = f"isn't there as files; the cluster has {has}"
                remedy = 'Have the platform\'s file put a file system before it ("dataset_files"), or read the lake.'
                yield flavour.fault(f"programs.{name}.datasets[{index}]", problem, remedy, dataset)


def _beyond(
    spec: TrainingSpec, flavour: KubernetesTraining, pool: MachinePool, quota: ClusterQuotaSpec | None
) -> Iterator[Fault]:
    """Programs that never start, since they need more GPUs than the team may ever use."""
    has = room(spec.instances())
    if has is None:
        return
    wanted = quota.pools.get(flavour.pool) if quota is not None else None
    if quota is None:
        most, whose = pool.limit.gpus, f"the pool {flavour.pool} ever has"
    elif wanted is None:
        most, whose = 0, f"the team's quota has of {flavour.pool}"
    else:
        borrowed = pool.limit.gpus if wanted.borrow is None else wanted.gpus + wanted.borrow
        most, whose = min(borrowed, pool.limit.gpus), f"the team may use of {flavour.pool}, what it borrows included"
    for name, program in flavour.programs.items():
        gpus = needs_of(program, has, sliced=pool.sliced).gpus * program.nodes
        if gpus > most:
            yield spec.fault(
                f"flavour.programs.{name}.nodes",
                f"of them need {gpus} GPUs, more than the {most} that {whose}: its jobs would wait for ever",
                'Use fewer nodes or GPUs, or raise "quota" in the header of the file.',
                program.nodes,
            )
