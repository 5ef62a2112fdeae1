"""What runs a pool's jobs: SageMaker by itself or behind a queue, AWS Batch on EC2, or a cluster of Kubernetes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from modelyard.build.training.kubernetes_spec import KubernetesTraining
from modelyard.core.spec import LogDays, Name, Spec

ImageByDigest = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$"
    ),
]
"""An image of ECR, by its digest: what was checked is what runs, whatever a tag says later."""


class SageMakerQueue(Spec):
    """A queue before SageMaker: AWS Batch holds jobs back and creates them."""

    walls: Literal["convention"] = Field(
        description="Said by name: AWS Batch creates queued jobs by its own role, so that IAM can't hold network, "
        "keys, isolation and run time. `modelyard_jobs` still does; whoever writes a request by hand isn't held."
    )
    borrow: bool = Field(
        default=False,
        description="Whether a share takes what others leave idle. Its jobs are then stopped when they come back, so "
        "that it needs checkpoints.",
    )


class SageMakerTraining(Spec):
    """SageMaker training jobs."""

    kind: Literal["sagemaker"] = Field(
        default="sagemaker", description="SageMaker training jobs: nothing runs, and nothing is paid, between them."
    )
    warm_seconds: int = Field(
        default=0,
        ge=0,
        le=3600,
        description="Seconds that machines may be kept, and paid, for the next job (a warm pool). None: idling costs.",
    )
    queue: SageMakerQueue | None = Field(
        default=None,
        description="A queue that a quota needs. Absent: jobs are created at once, and nothing counts them.",
    )


class ProgramSpec(Spec):
    """What a Batch job runs: one job definition."""

    image: ImageByDigest = Field(description="The image, by digest, from the team's repositories or the pool's.")
    command: tuple[str, ...] = Field(
        default=(), max_length=100, description="What the launcher starts. Absent: the image's own command, unlaunched."
    )
    nodes: int = Field(
        default=1, ge=1, le=100, description="Instances that work on one job; more than one is a multi-node job."
    )
    gpus: int | None = Field(
        default=None, ge=0, le=64, description="GPUs of each node. Absent: all that the smallest allowed type has."
    )
    vcpus: int | None = Field(
        default=None, ge=1, description="vCPUs of each node. Absent: all that the smallest allowed type has."
    )
    memory_gib: int | None = Field(
        default=None,
        ge=1,
        description="GiB of memory of each node. Absent: nine tenths of the smallest allowed type's; the agent needs "
        "the rest.",
    )
    retries: int = Field(
        default=3,
        ge=1,
        le=10,
        description="Attempts when AWS takes the machine away; a program that fails by itself isn't run again.",
    )


class ReservedCapacity(Spec):
    """A capacity reservation."""

    kind: Literal["reservation"] = Field(description="An on-demand capacity reservation, targeted by its id.")
    id: Annotated[str, StringConstraints(pattern=r"^cr-[0-9a-f]{17}$")] = Field(
        description="The reservation's id. It is paid by the hour whether jobs use it or not."
    )


class CapacityBlock(Spec):
    """A capacity block."""

    kind: Literal["block"] = Field(description="GPU instances for days that were bought in advance.")
    id: Annotated[str, StringConstraints(pattern=r"^cr-[0-9a-f]{17}$")] = Field(
        description="The block's reservation id. Jobs wait until it begins, and end half an hour before it does."
    )


class BatchTraining(Spec):
    """AWS Batch on EC2 instances."""

    kind: Literal["batch"] = Field(
        description="AWS Batch on EC2: no surcharge on the instances, multi-node jobs with EFA, and none idle."
    )
    programs: dict[Name, ProgramSpec] = Field(
        min_length=1, max_length=20, description="What may run: one job definition each, which alone may be submitted."
    )
    capacity: Annotated[ReservedCapacity | CapacityBlock, Field(discriminator="kind")] | None = Field(
        default=None, description="Where instances come from: kind reservation or block. Absent: whatever AWS has."
    )
    log_days: LogDays = Field(default=90, description="Days that the log of a job is kept.")


def _with_kind(value: Any) -> Any:
    """SageMaker where the file doesn't say."""
    return {"kind": "sagemaker", **value} if isinstance(value, Mapping) else value


Flavour = Annotated[
    Annotated[SageMakerTraining | BatchTraining | KubernetesTraining, Field(discriminator="kind")],
    BeforeValidator(_with_kind),
]
"""What runs jobs."""
