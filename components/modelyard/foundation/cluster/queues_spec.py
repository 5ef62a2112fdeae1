"""What a team may use of a cluster, and how teams share what others leave idle."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.kubernetes import GPU
from modelyard.core.spec import Name, Spec
from modelyard.foundation.cluster.charts import EXPORTER, PROMETHEUS

ImageByDigest = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9]+([._/-][a-z0-9]+)*@sha256:[0-9a-f]{64}$", max_length=512
    ),
]
"""An image that can't become another one."""

TOPOLOGY: Final = (
    "Whether runs may ask for machines behind the same switches. Off: Kueue then places runs only on machines that are "
    "there and carry EC2's labels of the network, so where one of the two lacks nothing runs."
)
"""What a pool whose machines stand says of its topology."""
_CPUS, _CPUS_OF_A_GPU = 32, 24
_MEMORY_GIB, _MEMORY_GIB_OF_A_GPU = 128, 256


@dataclass(frozen=True, slots=True)
class PoolLimit:
    """What sharing needs to know of a pool of machines: how many GPUs it ever has, and under which name."""

    gpus: int
    """GPUs at most, or slices of them where the pool hands out slices."""
    resource: str = GPU
    """What a pod asks for: `nvidia.com/gpu`, or a slice such as `nvidia.com/mig-3g.20gb`."""
    topology: bool = False
    """Whether its machines stand all the time and lie close together, so that a job may ask for neighbours."""


class PoolQuotaSpec(Spec):
    """What a team has of one pool of GPUs."""

    gpus: int = Field(
        ge=0, le=100_000, description="GPUs of the pool (or slices) that are the team's whenever it wants them."
    )
    borrow: int | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description=(
            "GPUs beyond its own that it may use while nobody else wants them. Absent: all that there are; an idle GPU "
            "costs as much as a busy one."
        ),
    )
    lend: int | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description=(
            "How many of its own others may use while it doesn't want them. Absent: all; it gets them back at once."
        ),
    )

    def check(self) -> Iterator[Fault]:
        """Nobody lends what they haven't."""
        if self.lend is not None and self.lend > self.gpus:
            yield self.fault("lend", f"is more than gpus, {self.gpus}", "Lower it, or raise gpus.", self.lend)


class ClusterQuotaSpec(Spec):
    """What a team may use of the cluster; the platform's stack enforces it."""

    pools: dict[Name, PoolQuotaSpec] = Field(
        default_factory=dict[str, PoolQuotaSpec], description="GPUs by pool. Absent for one: the team has none of it."
    )
    cpus: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description=(
            "CPUs that all its pods may ask for. Absent: 32, and 24 for each GPU that it may use, the most that a "
            "machine has for one."
        ),
    )
    memory_gib: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description=(
            "GiB of memory that all its pods may ask for. Absent: 128, and 256 for each GPU that it may use, the most "
            "that a machine has for one."
        ),
    )
    pods: int = Field(default=200, ge=1, le=100_000, description="Pods at a time; runs that are over count no more.")
    volumes: int = Field(default=20, ge=0, le=10_000, description="Volumes that it may claim.")
    storage_gib: int = Field(default=1000, ge=0, le=10_000_000, description="GiB of all its volumes together.")
    weight: int = Field(
        default=1,
        ge=1,
        le=100,
        description="Its share of what is idle, beside the others': 2 gets twice as much as 1. All are equal.",
    )

    def gpus_at_most(self, pools: Mapping[str, PoolLimit]) -> dict[str, int]:
        """How many GPUs the team ever uses, what it borrows included, by the resource that pods ask for."""
        most = {pool.resource: 0 for pool in pools.values()}
        for name, quota in self.pools.items():
            if name in pools:
                limit = pools[name]
                wanted = limit.gpus if quota.borrow is None else quota.gpus + quota.borrow
                most[limit.resource] += min(wanted, limit.gpus)
        return most

    def cpus_at_most(self, pools: Mapping[str, PoolLimit]) -> int:
        """CPUs that all its pods may ask for."""
        return _CPUS + _CPUS_OF_A_GPU * self._gpus(pools) if self.cpus is None else self.cpus

    def memory_at_most(self, pools: Mapping[str, PoolLimit]) -> int:
        """GiB of memory that all its pods may ask for."""
        return _MEMORY_GIB + _MEMORY_GIB_OF_A_GPU * self._gpus(pools) if self.memory_gib is None else self.memory_gib

    def _gpus(self, pools: Mapping[str, PoolLimit]) -> int:
        return sum(self.gpus_at_most(pools).values())


class IdleGpusSpec(Spec):
    """What counts as idle, and what is never stopped for it."""

    image: ImageByDigest = Field(description="The image with Modelyard's jobs, by digest; Python is enough.")
    idle_after: int = Field(
        default=60,
        ge=15,
        le=1440,
        description="Minutes in which all GPUs of a run did next to nothing. An hour: no data takes longer to load.",
    )
    below_percent: float = Field(
        default=5, gt=0, le=50, description="Per cent of its time that a GPU worked, at its busiest, and is idle."
    )
    every: Literal[5, 10, 15, 20, 30] = Field(default=10, description="Minutes between two looks.")
    exempt: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9*?-]+/[a-z0-9*?.-]+$", max_length=318)], ...] = (
        Field(
            default=(),
            max_length=100,
            description="Runs that are never stopped, as namespace/run; `*` and `?` stand for what they do elsewhere.",
        )
    )


class SharingSpec(Spec):
    """How teams share a cluster's GPUs."""

    reclaim: bool = Field(
        default=True,
        description=(
            "Whether a team gets back at once what it lent, by stopping what runs there. It does: else lending would "
            "be giving, and nobody would."
        ),
    )
    ready_minutes: int = Field(
        default=30,
        ge=5,
        le=1440,
        description=(
            "Minutes in which all pods of a run must be up, or it goes back into the queue. 30: a machine with GPUs "
            "starts in 10, and a large image takes as long."
        ),
    )
    idle: IdleGpusSpec | None = Field(
        default=None,
        description=(
            "How runs are found, and stopped, that let their GPUs idle. Absent: nobody looks. What stops people's runs "
            "is said on purpose, and needs Prometheus, which takes a machine."
        ),
    )

    def unmeasured(self, charts: Collection[str]) -> Iterator[Fault]:
        """The fault of looking for idle GPUs where nothing measures them, as these charts of the cluster don't."""
        without = [name for name in (PROMETHEUS, EXPORTER) if name not in charts]
        if self.idle is not None and without:
            problem = f"asks how busy GPUs are, and the cluster has no {' and no '.join(without)} to tell"
            yield self.fault("idle", problem, f'Add to "charts.install": [{", ".join(without)}]; or remove it.')


def quota_faults(teams: Mapping[str, ClusterQuotaSpec], pools: Mapping[str, PoolLimit]) -> Iterator[Fault]:
    """What teams ask of the cluster's pools that those haven't got: each one's fault where it was written."""
    for team, quota in teams.items():
        for name, wanted in quota.pools.items():
            path = f"pools.{name}"
            if name not in pools:
                has = ", ".join(pools) or "none"
                yield quota.fault(path, f"is no pool of the cluster; it has: {has}", "Name one of them.", name)
                continue
            limit = pools[name].gpus
            others = {
                other: spec.pools[name].gpus for other, spec in teams.items() if other != team and name in spec.pools
            }
            if wanted.gpus + sum(others.values()) > limit:
                taken = ", ".join(f"{other} {gpus}" for other, gpus in others.items() if gpus)
                problem = f"is more than the pool's {limit}" + (f", of which others have: {taken}" if taken else "")
                remedy = "Ask for less, or have the platform's file raise the pool's limit."
                yield quota.fault(f"{path}.gpus", problem, remedy, wanted.gpus)
            elif wanted.borrow is not None and wanted.gpus + wanted.borrow > limit:
                problem = f"with its own {wanted.gpus} is more than the {limit} of the pool"
                yield quota.fault(f"{path}.borrow", problem, "Borrow less, or leave it out: all.", wanted.borrow)
