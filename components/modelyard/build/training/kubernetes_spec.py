"""What a team's file says of training on Kubernetes: which pool of machines, through which queue, and what may run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import Name, Spec

PinnedImage = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9]+([._/-][a-z0-9]+)*@sha256:[0-9a-f]{64}$", max_length=512
    ),
]
"""An image of any registry, by its digest: what was checked is what runs, whatever a tag says later."""

ObjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)]
MountPath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$", max_length=128)]

DATASETS: Final = "/datasets"
"""Where programs find datasets as files, each below its name."""
TAKEN: Final = (DATASETS, "/dev", "/etc", "/opt/ml", "/proc", "/sys", "/tmp", "/usr", "/var")
"""Where a container has something already."""


class TrainerRuntime(Spec):
    """A TrainingRuntime of Kubeflow Trainer, which jobs name."""

    kind: Literal["trainer"] = Field(
        default="trainer", description="Kubeflow Trainer: a TrainingRuntime that jobs name, and nothing to write twice."
    )
    launcher: Literal["torchrun", "mpi", "deepspeed"] = Field(
        default="torchrun",
        description="What starts the command on every node. `mpi` and `deepspeed` reach nodes by SSH: their image has "
        "`sshd` for user 1000, `mpiuser`.",
    )


class RayRuntime(Spec):
    """A RayJob of KubeRay, whose cluster comes and goes with it."""

    kind: Literal["ray"] = Field(description="KubeRay: a Ray cluster for each job, gone when it ends.")
    version: Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")] = Field(
        description="Ray's version in the image, as 2.49.2; the operator can't know it."
    )
    head_vcpus: int = Field(
        default=2, ge=1, le=64, description="vCPUs of the head, which runs on a machine without GPUs."
    )
    head_memory_gib: int = Field(default=8, ge=2, le=512, description="GiB of memory of the head.")


class JobSetRuntime(Spec):
    """A JobSet: the same command on each node, which find each other by themselves."""

    kind: Literal["jobset"] = Field(
        description="A JobSet: the command on each node as it is. Nodes find their place in JOB_COMPLETION_INDEX, and "
        "the first in MODELYARD_MAIN_NODE."
    )


Runtime = Annotated[TrainerRuntime | RayRuntime | JobSetRuntime, Field(discriminator="kind")]


class ClusterProgramSpec(Spec):
    """What a job on Kubernetes runs."""

    image: PinnedImage = Field(description="The image, by digest; its user isn't root.")
    command: tuple[str, ...] = Field(
        min_length=1, max_length=100, description="What the launcher starts, as [train.py]; of Ray, its entry point."
    )
    runtime: Runtime = Field(
        default_factory=TrainerRuntime, description="What spreads it over nodes: kind trainer, ray or jobset."
    )
    nodes: int = Field(default=1, ge=1, le=1000, description="Machines that work on one job; of Ray, its workers.")
    gpus: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="GPUs of each node. Absent: all that the smallest allowed type has; of a pool of slices, one.",
    )
    vcpus: int | None = Field(
        default=None, ge=1, description="vCPUs of each node. Absent: what the system leaves of the smallest type's."
    )
    memory_gib: int | None = Field(
        default=None,
        ge=1,
        description="GiB of memory of each node. Absent: what the system leaves of the smallest type's.",
    )
    retries: int = Field(
        default=3,
        ge=1,
        le=10,
        description="Attempts of a job on several nodes, which a lost machine ends for all. A job on one node goes on "
        "whenever its machine was taken, and isn't run again where it fails by itself.",
    )
    user: int = Field(
        default=1000, ge=1, le=65_534, description="The user that it runs as, by number; root isn't let in."
    )
    datasets: tuple[Name, ...] = Field(
        default=(),
        max_length=10,
        description="Datasets that it finds as files below /datasets, each by its name: those before which the "
        "platform's file has put a file system (dataset_files). Absent: it reads the lake.",
    )
    writable_image: bool = Field(
        default=False,
        description="Whether it may write beside /tmp, /opt/ml and its volumes. Not: what a program changes of its own "
        "image is found by nobody.",
    )


class VolumeSpec(Spec):
    """A volume that jobs share."""

    storage_class: ObjectName = Field(
        description="The class of the cluster that makes it, such as one of FSx for Lustre."
    )
    size_gib: int = Field(ge=1, le=1_000_000, description="GiB.")
    path: MountPath = Field(description="Where jobs find it.")
    shared: bool = Field(
        default=True, description="Whether several machines mount it at a time. A disk of EBS is one machine's."
    )
    checkpoints: bool = Field(
        default=False, description="Whether jobs keep their checkpoints on it rather than on S3: fast, and not copied."
    )


class KubernetesTraining(Spec):
    """Jobs on a cluster of Kubernetes."""

    kind: Literal["kubernetes"] = Field(
        description="Pods of a cluster, let in by Kueue: many nodes, any framework, and GPUs shared between teams."
    )
    pool: Name = Field(description="The cluster's pool of machines.")
    queue: ObjectName | None = Field(
        default=None, description="The LocalQueue of the team's namespace. Absent: `default`, which the platform makes."
    )
    programs: dict[Name, ClusterProgramSpec] = Field(
        min_length=1, max_length=20, description="What may run, by name; a job names one."
    )
    volumes: dict[Name, VolumeSpec] = Field(
        default_factory=dict[str, VolumeSpec], max_length=10, description="Volumes that every job mounts, by name."
    )
    keep_hours: int = Field(
        default=24, ge=1, le=720, description="Hours that a JobSet that ended stays to be looked at; others stay."
    )

    def check(self) -> Iterator[Fault]:
        """Volumes at one path, over what a container has, or two for checkpoints."""
        seen: dict[str, str] = {}
        for name, volume in self.volumes.items():
            path = f"volumes.{name}.path"
            if any(volume.path == taken or volume.path.startswith(f"{taken}/") for taken in TAKEN):
                yield self.fault(path, "is the container's own", "Use another, such as /data.", volume.path)
            elif volume.path in seen:
                yield self.fault(path, f"is that of {seen[volume.path]}", "Use another.", volume.path)
            seen.setdefault(volume.path, name)
        keeping = [name for name, volume in self.volumes.items() if volume.checkpoints]
        for name in keeping[1:]:
            yield self.fault(
                f"volumes.{name}.checkpoints", f"is said of {keeping[0]} already", "Say it of one of them.", True
            )
