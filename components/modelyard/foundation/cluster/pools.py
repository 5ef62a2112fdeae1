"""What a platform file says about a pool of machines with GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.instances import Instance, InstanceCatalogue
from modelyard.core.kubernetes import GPU
from modelyard.core.spec import Spec
from modelyard.foundation.cluster.gpus import MigGpus, Sharing, WholeGpus, divisible, parts

Zone = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$")]
ReservationId = Annotated[str, StringConstraints(pattern=r"^cr-[0-9a-z]{8,17}$")]
OF_THE_CLUSTER: Final = "system"
"""What the pool of the cluster's own pods is called."""
_VERSIONS: Final = {"bottlerocket": (r"v?\d+\.\d+\.\d+", "1.50.0"), "al2023": (r"v\d{8}", "v20260101")}
"""How versions of images look, and one that looks so."""

_FIRST_CARD_WITHOUT_EFA: Final = frozenset({"p6-b300.48xlarge"})


class OnDemandNodes(Spec):
    """Machines at the full price, which stay."""

    kind: Literal["on-demand"] = Field(default="on-demand", description="At the full price, and they stay.")


class SpotNodes(Spec):
    """Machines that nobody else wants now: cheap, and gone two minutes after a warning."""

    kind: Literal["spot"] = Field(description="Cheap, and gone two minutes after a warning: keep checkpoints.")
    or_on_demand: bool = Field(default=False, description="Whether it takes on-demand machines where there are none.")


class ReservedNodes(Spec):
    """Machines of On-Demand Capacity Reservations, which are paid whether they are used or not."""

    kind: Literal["reserved"] = Field(description="Of On-Demand Capacity Reservations.")
    reservations: tuple[ReservationId, ...] = Field(min_length=1, max_length=30, description="The reservations' ids.")
    or_on_demand: bool = Field(default=False, description="Whether it takes on-demand machines when they are full.")


class BlockNodes(Spec):
    """Machines of Capacity Blocks for ML: bought for a time, in one zone, and drained 40 minutes before they end."""

    kind: Literal["block"] = Field(description="Of Capacity Blocks for ML.")
    reservations: tuple[ReservationId, ...] = Field(min_length=1, max_length=30, description="The blocks' ids.")
    zone: Zone = Field(description="The zone that they lie in.")


Capacity = Annotated[OnDemandNodes | SpotNodes | ReservedNodes | BlockNodes, Field(discriminator="kind")]


class NodeImageSpec(Spec):
    """The image of the nodes, which has NVIDIA's driver."""

    family: Literal["bottlerocket", "al2023"] = Field(
        default="bottlerocket", description="Bottlerocket: no shell, read-only, and NVIDIA's device plugin in it."
    )
    version: Annotated[str, StringConstraints(max_length=20)] = Field(
        description=(
            "Its version: 1.50.0 of Bottlerocket, v20260101 of Amazon Linux. A new one replaces nodes one by one, when "
            "you say so."
        )
    )

    def check(self) -> Iterator[Fault]:
        """Versions of one family look unlike the other's."""
        form, example = _VERSIONS[self.family]
        if not re.fullmatch(form, self.version):
            yield self.fault("version", f"is no version of {self.family}", f"Say one such as {example}.", self.version)


class PoolLimitsSpec(Spec):
    """How far a pool grows, whatever waits."""

    gpus: int = Field(ge=1, le=100_000, description="GPUs at most, all its machines together.")
    monthly_usd: float | None = Field(
        default=None,
        gt=0,
        description=(
            "Dollars a month that a pool which is full all the time may cost at most, at the price table's on-demand "
            "price; what costs more is refused before it is deployed. Absent: no ceiling of its own."
        ),
    )


class PoolSpec(Spec):
    """Machines with GPUs that come when pods wait for them, and go when nothing runs on them."""

    instance_types: tuple[Annotated[str, StringConstraints(max_length=32)], ...] = Field(
        min_length=1, max_length=20, description="Types as EC2 calls them; the cheapest that fits and can be had comes."
    )
    limits: PoolLimitsSpec = Field(description="How far it grows. Needed: pods that wait in a loop cost a fortune.")
    image: NodeImageSpec = Field(description="The image of its nodes.")
    capacity: Capacity = Field(
        default_factory=OnDemandNodes,
        description="What is bought (kind: on-demand, spot, reserved or block). On demand: a run isn't interrupted.",
    )
    zones: tuple[Zone, ...] = Field(
        default=(),
        max_length=6,
        description="Where they stand. Absent: wherever the network has private subnets; a block's, its own.",
    )
    sharing: Sharing = Field(
        default_factory=WholeGpus, description="How GPUs are shared (kind: whole, mig or time-slicing)."
    )
    efa: bool = Field(
        default=False, description="Whether each machine has all Elastic Fabric Adapters of its type, for many nodes."
    )
    placement_group: bool | None = Field(
        default=None,
        description="Whether machines stand close together. Absent: with EFA, unless the capacity is reserved.",
    )
    local_disks: bool | None = Field(
        default=None,
        description="Whether pods' files lie on the local NVMe disks, as one volume. Absent: if all types have them.",
    )
    volume_gib: int = Field(default=200, ge=20, le=16_000, description="GiB of each encrypted disk, for images.")
    idle_minutes: int = Field(
        default=10, ge=1, le=1_440, description="Minutes after which a machine goes that nothing runs on."
    )
    expire_days: int = Field(
        default=30,
        ge=1,
        le=365,
        description=(
            "Days after which a machine takes no more pods and goes, so that none grows old. Pods that don't want to "
            "be disturbed end first."
        ),
    )
    drain_hours: int | None = Field(
        default=None,
        ge=1,
        le=720,
        description="Hours after which pods that don't want to be disturbed are ended. Absent: never; they end alone.",
    )

    @property
    def instances(self) -> list[Instance]:
        """What the catalogue knows of its types."""
        known = InstanceCatalogue.shipped()
        return [known[name] for name in self.instance_types if name in known]

    @property
    def placed(self) -> bool:
        """Whether it has a placement group."""
        reserved = isinstance(self.capacity, ReservedNodes | BlockNodes)
        return self.efa and not reserved if self.placement_group is None else self.placement_group

    @property
    def on_local_disks(self) -> bool:
        """Whether pods' files lie on local disks."""
        has = all(instance.local_nvme_gb for instance in self.instances)
        return has if self.local_disks is None else self.local_disks

    @property
    def stands_in(self) -> tuple[str, ...]:
        """The zones that it names itself."""
        return (self.capacity.zone,) if isinstance(self.capacity, BlockNodes) else self.zones

    @property
    def most(self) -> dict[str, int]:
        """The most of each resource, as Kubernetes counts it.

        GPUs as pods see them, divided or shared; and processors, which hold whatever a GPU is called when it is
        divided.
        """
        shown = max((parts(self.sharing, instance) for instance in self.instances), default=1)
        cpus = max((-(-instance.vcpus // instance.gpus) for instance in self.instances if instance.gpus), default=1)
        return {GPU: self.limits.gpus * shown, "cpu": self.limits.gpus * cpus}

    def check(self) -> Iterator[Fault]:
        """Types that have what is asked of them, and one place for what needs one."""
        catalogue = InstanceCatalogue.shipped()
        for index, name in enumerate(self.instance_types):
            path, found = f"instance_types[{index}]", catalogue.get(name)
            if found is None or name.startswith("ml."):
                close = catalogue.closest(name, ec2=True)
                remedy = f"Did you mean {close}?" if close else "Use one that docs/gpu-pools.md lists."
                yield self.fault(path, "isn't in the catalogue of instances", remedy, name)
            elif not found.gpus:
                yield self.fault(path, "has no whole GPU of NVIDIA's", "Use a type that has, such as g6.xlarge.", name)
            else:
                yield from self._lacks(path, found)
        if self.efa and len({adapters(instance) for instance in self.instances if instance.efa}) > 1:
            problem = "have their adapters on other network cards than one another"
            yield self.fault("instance_types", problem, "Give each a pool of its own.", self.instance_types)
        smallest = min((instance.gpus for instance in self.instances if instance.gpus), default=0)
        if self.limits.gpus < smallest:
            problem = f"is less than its smallest machine has, {smallest}: none would ever come"
            yield self.fault("limits.gpus", problem, "Raise it, or use smaller machines.", self.limits.gpus)
        yield from self._misplaced()
        if isinstance(self.sharing, MigGpus) and self.image.family != "bottlerocket":
            problem = "divides no GPUs by itself"
            yield self.fault("image.family", problem, "Use bottlerocket, or share otherwise.", self.image.family)

    def _lacks(self, path: str, instance: Instance) -> Iterator[Fault]:
        if self.efa and not instance.efa:
            remedy = "Use a larger one that takes it, or remove efa."
            yield self.fault(path, "takes no Elastic Fabric Adapter", remedy, instance.name)
        if self.local_disks and not instance.local_nvme_gb:
            yield self.fault(path, "has no local disks", "Use one that has, or remove local_disks.", instance.name)
        if not isinstance(self.sharing, MigGpus):
            return
        into = divisible(instance)
        if into is None:
            problem = f"has GPUs ({instance.accelerator}) that can't be divided{'' if not instance.mig else ' here'}"
            remedy = "Use one with A100, H100 or H200, or share otherwise."
            yield self.fault(path, problem, remedy, instance.name)
        elif self.sharing.profile not in into.profiles:
            problem = f"isn't what {instance.name} divides into"
            yield self.fault("sharing.profile", problem, f"Use {', '.join(into.profiles)}.", self.sharing.profile)

    def _misplaced(self) -> Iterator[Fault]:
        if isinstance(self.capacity, BlockNodes) and self.zones and self.zones != (self.capacity.zone,):
            problem = f"isn't where the pool stands: {', '.join(self.zones)}"
            yield self.fault("capacity.zone", problem, 'Remove "zones": a block has its own.', self.capacity.zone)
        if self.placement_group and isinstance(self.capacity, ReservedNodes | BlockNodes):
            problem = "can't be had: reserved capacity has its own place"
            yield self.fault("placement_group", problem, "Remove it.", True)
        elif (self.placed or self.efa) and len(self.stands_in) != 1:
            why = "EFA reaches" if self.efa else "a placement group is"
            yield self.fault("zones", f"name {len(self.stands_in)} zones, and {why} in one", "Name one.", self.zones)

    def outside(self, zones: Iterable[str]) -> Iterator[Fault]:
        """Faults of zones that aren't among these, the network's."""
        known = sorted(zones)
        block = isinstance(self.capacity, BlockNodes)
        for index, zone in enumerate(self.stands_in):
            if zone not in known:
                path = "capacity.zone" if block else f"zones[{index}]"
                remedy = f"Use one of {', '.join(known)}, or give the network a subnet there."
                yield self.fault(path, "is no zone of the network", remedy, zone)


def adapters(instance: Instance) -> tuple[tuple[int, int], ...]:
    """Where a type takes Elastic Fabric Adapters: network card and device index of each.

    Source: AWSEC2/latest/UserGuide/efa-acc-inst-types.
    """
    first = 1 if instance.name in _FIRST_CARD_WITHOUT_EFA else 0
    return tuple((card, 0 if card else 1) for card in range(first, first + instance.efa_interfaces))


def pools_that_fail(pools: Mapping[str, PoolSpec], zones: Iterable[str]) -> Iterator[Fault]:
    """Faults of pools in a network with private subnets in these zones, beyond those that each sees itself."""
    known = list(zones)
    for name, pool in pools.items():
        if name == OF_THE_CLUSTER:
            yield pool.fault("", "is what the cluster's own nodes are called", "Call it otherwise.", name)
        yield from pool.outside(known)
