"""What a team's file says about training: on which machines, for how long, behind which walls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.build.data import ZoneName
from modelyard.build.training.catalogue import Instance, InstanceCatalogue
from modelyard.core.errors import Fault
from modelyard.core.spec import Spec

InstanceType = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
"""As SageMaker writes it: `ml.g5.xlarge`."""

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


class TrainingSpec(Spec):
    """A pool: what a training job may be, enforced where it is submitted."""

    flavour: SageMakerTraining = Field(
        default_factory=SageMakerTraining, description="What runs the jobs: kind sagemaker."
    )
    instance_types: tuple[InstanceType, ...] = Field(
        min_length=1, max_length=20, description="Types that a job may use, as ml.g5.xlarge; any other is refused."
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

    def instances(self) -> list[Instance]:
        """What is known of the allowed types."""
        catalogue = InstanceCatalogue.shipped()
        return [catalogue[name] for name in self.instance_types if name.removeprefix("ml.") in catalogue]

    def check(self) -> Iterator[Fault]:
        """Types that don't exist or lack what is required, and spot without checkpoints or with a warm pool."""
        for index, name in enumerate(self.instance_types):
            yield from self._check_type(f"instance_types[{index}]", name, index)
        if self.spot is None:
            return
        if self.checkpoints is None:
            yield self.fault(
                "spot",
                "without checkpoints loses all work whenever the capacity is taken back",
                'Add "checkpoints: {prefix: checkpoints}", or remove "spot".',
            )
        if self.flavour.warm_seconds:
            yield self.fault(
                "flavour.warm_seconds",
                "can't be used with spot: machines of a warm pool are kept on demand",
                'Remove it, or remove "spot".',
                self.flavour.warm_seconds,
            )
        if self.spot.max_wait_minutes < self.max_runtime_minutes:
            yield self.fault(
                "spot.max_wait_minutes",
                f"is less than max_runtime_minutes, {self.max_runtime_minutes}",
                f"Use {self.max_runtime_minutes} or more.",
                self.spot.max_wait_minutes,
            )

    def not_offered(self, region: str) -> Iterator[Fault]:
        """Types that `region` isn't known to sell."""
        catalogue = InstanceCatalogue.shipped()
        instead = catalogue.with_gpu_in(region)
        for index, name in enumerate(self.instance_types):
            known = catalogue.get(name)
            if known is None or not known.trains or known.offered_in(region) or name in self.offered_anyway:
                continue
            enough = [i for i in instead if i.accelerator_memory_gib >= known.accelerator_memory_gib] or instead[-1:]
            hint = f"{region} has {enough[0].sagemaker}; or" if known.gpus and enough else "Use another type, or"
            yield self.fault(
                f"instance_types[{index}]",
                f"isn't offered in {region}, as far as is known (as of {known.as_of})",
                f'{hint} add it to "offered_anyway" if AWS has brought it there since.',
                name,
            )

    def _check_type(self, path: str, name: str, index: int) -> Iterator[Fault]:
        if name in self.instance_types[:index]:
            yield self.fault(path, "is listed twice", "Remove one.", name)
            return
        catalogue = InstanceCatalogue.shipped()
        known = catalogue.get(name)
        if known is None or not known.trains:
            close = catalogue.closest(name)
            problem = "is no instance type that is known" if known is None else "is no type that SageMaker trains on"
            hint = f'Did you mean "{close}"?' if close and close != name else "Use one such as ml.g5.xlarge."
            yield self.fault(path, problem, hint, name)
            return
        if self.gpu == "required" and not known.gpus:
            yield self.fault(
                path, "has no GPU, and gpu is required", 'Use one such as ml.g5.xlarge, or "gpu: optional".', name
            )
        if self.distributed.efa and not known.efa:
            yield self.fault(
                path,
                "has no Elastic Fabric Adapter, and distributed.efa asks for it",
                'Use one such as ml.g5.48xlarge or ml.p4d.24xlarge, or "efa: false".',
                name,
            )
