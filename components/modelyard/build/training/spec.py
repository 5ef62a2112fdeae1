"""What a team's file says about training: on which machines, for how long, behind which walls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.build.data import ZoneName
from modelyard.build.training.checks import (
    batch_that_fails,
    own_machines_that_fail,
    quota_that_fails,
    spot_that_fails,
    types_not_offered,
    types_that_fail,
)
from modelyard.build.training.flavours import BatchTraining, Flavour, KubernetesTraining, SageMakerTraining
from modelyard.build.training.kubernetes_checks import kubernetes_that_fails
from modelyard.build.training.limits import DEFAULT_SHARE, QuotaSpec
from modelyard.build.training.storage import LustreSpec
from modelyard.core.errors import Fault
from modelyard.core.instances import Instance, InstanceCatalogue
from modelyard.core.spec import Spec

InstanceType = Annotated[str, StringConstraints(pattern=r"^(ml\.)?[a-z0-9-]+\.[a-z0-9]+$")]
"""As the flavour writes it: SageMaker `ml.g5.xlarge`; EC2, and so Batch and Kubernetes, `g5.xlarge`."""

Prefix = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?(/[a-z0-9_-]+)*$", max_length=200)]
"""Below a zone's bucket, without a slash at either end."""

RepositoryArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:ecr:[a-z0-9-]+:[0-9]{12}:repository/[a-z0-9._/-]+$")
]

MINUTE: Final = 60


class PlaceSpec(Spec):
    """A place in the team's lake."""

    zone: ZoneName = Field(default="artifacts", description="The zone of the lake.")
    prefix: Prefix = Field(description="Below which jobs write, each under its own name.")


class SpotSpec(Spec):
    """Spare capacity: up to 90 percent cheaper, and taken back whenever AWS needs it."""

    max_wait_minutes: int = Field(
        default=720,
        ge=1,
        le=40_320,
        description="Minutes that a job may take in all, waiting for capacity included; at least its run time.",
    )


class DistributedSpec(Spec):
    """What a job gets that doesn't say how it is spread."""

    instances: int = Field(default=1, ge=1, le=100, description="Instances of a job that doesn't say how many.")
    most_instances: int = Field(
        default=1, ge=1, le=100, description="Instances of a job at most; a convention, since IAM has no key for it."
    )
    launcher: Literal["torchrun", "mpi"] = Field(
        default="torchrun", description="What starts the program on every instance."
    )
    efa: bool = Field(
        default=False, description="Whether every allowed type must have an Elastic Fabric Adapter, for many nodes."
    )

    def check(self) -> Iterator[Fault]:
        """A default above the limit is refused."""
        if self.instances > self.most_instances:
            yield self.fault(
                "instances",
                f"is more than most_instances, {self.most_instances}",
                f"Use {self.most_instances} or fewer, or raise most_instances.",
                self.instances,
            )


class TuningSpec(Spec):
    """What a hyper-parameter search gets that doesn't say otherwise."""

    strategy: Literal["Bayesian", "Hyperband", "Random"] = Field(
        default="Bayesian", description="How the next values are chosen; Bayesian needs the fewest jobs."
    )
    most_jobs: int = Field(default=20, ge=1, le=750, description="Jobs of a search: what it costs at most.")
    parallel_jobs: int = Field(
        default=2,
        ge=1,
        le=100,
        description="Jobs at a time; few, since a Bayesian search learns from those that ended.",
    )
    early_stopping: bool = Field(default=True, description="Whether a job that falls behind is stopped.")

    def check(self) -> Iterator[Fault]:
        """More jobs at a time than in all are refused."""
        if self.parallel_jobs > self.most_jobs:
            yield self.fault(
                "parallel_jobs",
                f"is more than most_jobs, {self.most_jobs}",
                f"Use {self.most_jobs} or fewer.",
                self.parallel_jobs,
            )


class TrainingSpec(Spec):
    """A pool: what a training job may be, enforced where it is submitted."""

    flavour: Flavour = Field(
        default_factory=SageMakerTraining, description="What runs the jobs: kind sagemaker, batch or kubernetes."
    )
    instance_types: tuple[InstanceType, ...] = Field(
        min_length=1,
        max_length=20,
        description="Types that a job may use; any other is refused. In SageMaker ml.g5.xlarge, elsewhere g5.xlarge.",
    )
    gpu: Literal["required", "optional"] = Field(
        default="optional", description="`required`: every type must have a GPU, so that no job finds none."
    )
    offered_anyway: tuple[InstanceType, ...] = Field(
        default=(),
        max_length=20,
        description="Types that the region has come to sell since this version's table was made.",
    )
    max_runtime_minutes: int = Field(
        default=360,
        ge=1,
        le=40_320,
        description="Minutes that a job may run. Six hours: what hangs overnight costs no more than that. AWS takes "
        "28 days at most.",
    )
    spot: SpotSpec | None = Field(
        default=None, description="Run on spare capacity. Absent: on demand, since spot needs code that resumes."
    )
    output: PlaceSpec = Field(
        default_factory=lambda: PlaceSpec(prefix="training"), description="Where jobs leave what they made."
    )
    checkpoints: PlaceSpec | None = Field(
        default=None, description="Where jobs keep how far they are. Absent: nowhere, and an interruption loses all."
    )
    volume_gib: int = Field(
        default=50, ge=1, le=16_384, description="GiB of the disk of each instance without local disks."
    )
    vpc: bool = Field(default=True, description="Whether jobs run in the network's private subnets, and nowhere else.")
    network_isolation: bool = Field(
        default=True,
        description="Whether a job's container reaches no network at all: SageMaker brings data in and results out. "
        "`false` for code that calls a tracking server or a feature store by itself.",
    )
    inter_container_encryption: bool = Field(
        default=True,
        description="Whether instances of one job encrypt what they tell each other; `false` may speed up many nodes.",
    )
    repositories: tuple[RepositoryArn, ...] = Field(
        default=(),
        max_length=10,
        description="ECR repositories outside the team's own from which jobs take images. Absent: the team's alone.",
    )
    distributed: DistributedSpec = Field(default_factory=DistributedSpec, description="How a job is spread.")
    tuning: TuningSpec = Field(default_factory=TuningSpec, description="How hyper-parameters are searched.")
    quota: QuotaSpec | None = Field(
        default=None,
        description="How many instances may run at a time, and who shares them. Absent: SageMaker's service quotas, "
        "which count by account; in Batch, one job of the largest program. On Kubernetes, the header's quota counts.",
    )
    lustre: LustreSpec | None = Field(
        default=None,
        description="A fast file system before a dataset. Absent: jobs read from S3; it costs by the hour.",
    )

    @property
    def shares(self) -> tuple[str, ...]:
        """Who shares the pool: the quota's shares, or one for all."""
        return tuple(self.quota.shares) if self.quota else (DEFAULT_SHARE,)

    def instances(self) -> list[Instance]:
        """What is known of the allowed types."""
        catalogue = InstanceCatalogue.shipped()
        return [catalogue[name] for name in self.instance_types if name.removeprefix("ml.") in catalogue]

    def check(self) -> Iterator[Fault]:
        """Types that don't exist or lack what is required, and what the flavour can't do."""
        yield from types_that_fail(self)
        yield from spot_that_fails(self)
        yield from quota_that_fails(self)
        if not isinstance(self.flavour, SageMakerTraining):
            yield from own_machines_that_fail(self, self.flavour)
        if isinstance(self.flavour, BatchTraining):
            yield from batch_that_fails(self, self.flavour)
        elif isinstance(self.flavour, KubernetesTraining):
            yield from kubernetes_that_fails(self, self.flavour)
        elif self.lustre is not None and not self.vpc:
            yield self.fault("lustre", "is reached in a network only", 'Remove "vpc: false", or "lustre".')

    def not_offered(self, region: str) -> Iterator[Fault]:
        """Types that `region` isn't known to sell."""
        return types_not_offered(self, region)
