"""How GPUs are shared on a node, and what they divide into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.instances import Instance
from modelyard.core.kubernetes import GPU
from modelyard.core.spec import Spec

PRESENT: Final = "nvidia.com/gpu.present"
"""The label of machines that have some (docs.nvidia.com, GPU feature discovery)."""


@dataclass(frozen=True, slots=True)
class Divisible:
    """What one model of GPU divides into: how many of each profile, and what Bottlerocket calls the model."""

    model: str
    profiles: Mapping[str, int]


def _seven(*memory: str) -> dict[str, int]:
    """Profiles of a GPU with seven slices, by the memory of each."""
    names = ("1g", "1g", "2g", "3g", "4g", "7g")
    return {f"{name}.{gb}gb": count for name, gb, count in zip(names, memory, (7, 4, 3, 2, 1, 1), strict=True)}


DIVISIBLE: Final[Mapping[tuple[str, int], Divisible]] = {
    ("NVIDIA A100", 40): Divisible("a100.40gb", _seven("5", "10", "10", "20", "20", "40")),
    ("NVIDIA A100", 80): Divisible("a100.80gb", _seven("10", "20", "20", "40", "40", "80")),
    ("NVIDIA H100", 80): Divisible("h100.80gb", _seven("10", "20", "20", "40", "40", "80")),
    ("NVIDIA H200", 141): Divisible("h200.141gb", _seven("18", "35", "35", "71", "71", "141")),
}
"""By accelerator and its GB (docs.nvidia.com/datacenter/tesla/mig-user-guide; bottlerocket.dev, NVIDIA MIG)."""


def divisible(instance: Instance) -> Divisible | None:
    """What the GPUs of a type divide into. `None`: they don't, or it isn't known here."""
    if not instance.mig or not instance.gpus:
        return None
    return DIVISIBLE.get((instance.accelerator, round(instance.accelerator_memory_gib / instance.gpus)))


class WholeGpus(Spec):
    """Each GPU is one pod's alone."""

    kind: Literal["whole"] = Field(default="whole", description="Each GPU is one pod's alone.")


class MigGpus(Spec):
    """Each GPU is divided in hardware: its parts have memory and compute of their own (Multi-Instance GPU)."""

    kind: Literal["mig"] = Field(description="Each GPU is divided in hardware.")
    profile: Annotated[str, StringConstraints(pattern=r"^[1-7]g\.[0-9]{1,3}gb$")] = Field(
        description="What each GPU is divided into, such as 1g.10gb: seven parts of an H100."
    )


class TimeSlicedGpus(Spec):
    """Pods take turns on each GPU; nothing keeps one from using all its memory. Fit for notebooks, not for training."""

    kind: Literal["time-slicing"] = Field(description="Pods take turns on each GPU.")
    replicas: int = Field(ge=2, le=48, description="Pods at a time on each GPU.")


Sharing = Annotated[WholeGpus | MigGpus | TimeSlicedGpus, Field(discriminator="kind")]


def parts(sharing: WholeGpus | MigGpus | TimeSlicedGpus, instance: Instance) -> int:
    """How many of the resource each GPU of a type shows to Kubernetes."""
    if isinstance(sharing, TimeSlicedGpus):
        return sharing.replicas
    found = divisible(instance)
    return found.profiles.get(sharing.profile, 1) if isinstance(sharing, MigGpus) and found else 1


def bottlerocket_settings(sharing: WholeGpus | MigGpus | TimeSlicedGpus, models: list[str]) -> str:
    """The user data with which Bottlerocket's own device plugin shares GPUs; empty for whole ones.

    Source: bottlerocket.dev, settings.kubelet-device-plugins.
    """
    table = "settings.kubelet-device-plugins.nvidia"
    if isinstance(sharing, MigGpus):
        profiles = [f'"{model}" = "{sharing.profile}"' for model in models]
        lines = [f"[{table}]", 'device-partitioning-strategy = "mig"', "", f"[{table}.mig.profile]", *profiles]
    elif isinstance(sharing, TimeSlicedGpus):
        lines = [
            f"[{table}]",
            'device-sharing-strategy = "time-slicing"',
            "",
            f"[{table}.time-slicing]",
            f"replicas = {sharing.replicas}",
            "fail-requests-greater-than-one = true",
        ]
    else:
        return ""
    return "\n".join([*lines, ""])


def plugin_settings(sharing: WholeGpus | MigGpus | TimeSlicedGpus) -> dict[str, object]:
    """The same for NVIDIA's device plugin, which isn't part of Amazon Linux: its configuration file as data."""
    found: dict[str, object] = {"version": "v1", "flags": {"migStrategy": "none"}}
    if isinstance(sharing, TimeSlicedGpus):
        resources = [{"name": GPU, "replicas": sharing.replicas}]
        found["sharing"] = {"timeSlicing": {"failRequestsGreaterThanOne": True, "resources": resources}}
    return found
