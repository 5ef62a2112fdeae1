"""Instance types: accelerators, their memory, MIG, EFA, local disks, and what SageMaker takes them for, and where."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

_NOT_GPUS: Final = ("AWS ", "Habana ")
"""Makers of accelerators that CUDA programs don't run on."""
_KNOWN: Final = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance type, called as EC2 calls it (`g5.xlarge`)."""

    name: str
    vcpus: int
    memory_gib: float
    accelerator: str
    accelerators: float
    accelerator_memory_gib: float
    """Of all accelerators together."""
    local_nvme_gb: int
    network_gbps: float
    efa: bool
    efa_interfaces: int
    """How many Elastic Fabric Adapters it takes at most."""
    mig: bool | None
    """Whether its GPUs divide into instances of their own (Multi-Instance GPU); `None`: not known."""
    trains: bool
    """Whether SageMaker's API takes it for training jobs, in whichever region."""
    processes: bool
    """Whether SageMaker's API takes it for processing jobs."""
    hosts: bool
    """Whether SageMaker's API takes it for endpoints."""
    regions: frozenset[str]
    """Where SageMaker sells it, as far as is known; empty: not known of any region."""
    source: str
    as_of: str
    quality: str
    """`checked` where two sources agree, `listed` where there is one."""

    @property
    def gpus(self) -> int:
        """Whole GPUs; accelerators of another kind (Trainium, Gaudi) count none."""
        return 0 if self.accelerator.startswith(_NOT_GPUS) else int(self.accelerators)

    @property
    def sagemaker(self) -> str:
        """What SageMaker calls it: `ml.g5.xlarge`."""
        return f"ml.{self.name}"

    def offered_in(self, region: str) -> bool:
        """Whether `region` sells it, or nothing is known of where it is sold."""
        return not self.regions or region in self.regions


class InstanceCatalogue(Mapping[str, Instance]):
    """The instance types that are known, by their EC2 names; `ml.` in front is taken too."""

    def __init__(self, instances: Mapping[str, Instance]) -> None:
        self._instances = dict(instances)

    @staticmethod
    @cache
    def shipped() -> InstanceCatalogue:
        """The table that comes with this version."""
        text = files("modelyard.core").joinpath("instances.csv").read_text(encoding="utf-8")
        return InstanceCatalogue({row["instance_type"]: _instance(row) for row in csv.DictReader(text.splitlines())})

    def __getitem__(self, name: str) -> Instance:
        return self._instances[name.removeprefix("ml.")]

    def __iter__(self) -> Iterator[str]:
        return iter(self._instances)

    def __len__(self) -> int:
        return len(self._instances)

    def closest(self, name: str, *, ec2: bool = False) -> str | None:
        """The training type whose name is most like `name`, as SageMaker calls it; `ec2`: any type, as EC2 does."""
        known = [instance.name for instance in self.values() if instance.trains or ec2]
        found = difflib.get_close_matches(name.removeprefix("ml."), known, n=1)
        return f"{'' if ec2 else 'ml.'}{found[0]}" if found else None

    def with_gpu_in(self, region: str | None = None) -> list[Instance]:
        """Types with GPUs that train, smallest GPU memory first; `region` leaves out what it doesn't sell."""
        found = [i for i in self.values() if i.trains and i.gpus and (region is None or region in i.regions)]
        return sorted(found, key=lambda i: (i.accelerator_memory_gib, i.vcpus, i.name))


def _instance(row: Mapping[str, str]) -> Instance:
    return Instance(
        name=row["instance_type"],
        vcpus=int(row["vcpus"]),
        memory_gib=float(row["memory_gib"]),
        accelerator=row["accelerator"],
        accelerators=float(row["accelerator_count"] or 0),
        accelerator_memory_gib=float(row["accelerator_memory_gib_total"] or 0),
        local_nvme_gb=int(row["local_nvme_gb"] or 0),
        network_gbps=float(row["network_gbps"] or 0),
        efa=row["efa_supported"] == "yes",
        efa_interfaces=int(row["efa_interfaces"] or 0),
        mig=_KNOWN.get(row["mig_capable"]),
        trains=row["sagemaker_training"] == "yes",
        processes=row["sagemaker_processing"] == "yes",
        hosts=row["sagemaker_hosting"] == "yes",
        regions=frozenset(row["sagemaker_regions"].split()),
        source=row["source"],
        as_of=row["as_of"],
        quality=row["quality"],
    )
