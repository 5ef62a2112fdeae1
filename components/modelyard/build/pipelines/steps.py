"""The steps of a training pipeline: what runs, on what, from which inputs to which outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.build.pipelines.images import Image, image_faults
from modelyard.core.errors import Fault
from modelyard.core.spec import Name, Spec

InstanceType = Annotated[str, StringConstraints(pattern=r"^(ml\.)?[a-z0-9-]+\.[a-z0-9]+$")]
"""As the pool's flavour writes it: `ml.g5.xlarge` of SageMaker, `g5.xlarge` on Kubernetes."""

ParameterName = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9_]*[a-z0-9])?$", max_length=32)]
ParameterText = Annotated[str, StringConstraints(max_length=256)]
OutputReference = Annotated[
    str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?\.[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=49)
]
"""`step.output`: what a step leaves."""

MODEL: Final = "model"
"""What a train step leaves: the archive that SageMaker makes of the container's model folder."""


class DatasetInput(Spec):
    """What lies in a dataset when the step begins."""

    kind: Literal["dataset"] = Field(description="A dataset of the team's lake.")
    name: Name = Field(description="The dataset.")


class ViewInput(Spec):
    """The history of a feature view; the step's code queries it by the address that it finds."""

    kind: Literal["view"] = Field(description="A feature view of the team's store.")
    name: Name = Field(description="The view.")
    version: int = Field(ge=1, le=9999, description="Its version: a pipeline never changes it by itself.")

    @property
    def key(self) -> str:
        """The version, as `customer-v2`."""
        return f"{self.name}-v{self.version}"


class OutputInput(Spec):
    """What another step of the same run left."""

    kind: Literal["output"] = Field(description="The output of a step.")
    of: OutputReference = Field(description="Step and output, as `train.model`.")


InputSpec = Annotated[DatasetInput | ViewInput | OutputInput, Field(discriminator="kind")]


class OutputSpec(Spec):
    """What a step leaves for others."""

    dataset: Name | None = Field(
        default=None, description="The dataset that it adds to. Absent: a place of this run's own, which nobody shares."
    )


class RunParameter(Spec):
    """A parameter whose value the run has."""

    of: ParameterName = Field(description="The pipeline's parameter, or author, commit, snapshot.")


ParameterValue = ParameterText | RunParameter


class ResourcesSpec(Spec):
    """On what a step runs, within what the team's pool allows."""

    instance_type: InstanceType | None = Field(default=None, description="Absent: the pool's first type.")
    instances: int | None = Field(default=None, ge=1, le=100, description="Absent: one, or the pool's for train.")
    volume_gib: int | None = Field(default=None, ge=1, le=16_384, description="GiB of disk. Absent: the pool's.")


class _Step(Spec):
    image: Image = Field(description="By digest: a whole reference, or repository and digest of an own image.")
    after: tuple[Name, ...] = Field(
        default=(), max_length=20, description="Steps that must have ended well, beside those it takes outputs of."
    )

    @property
    def produced(self) -> tuple[str, ...]:
        """The names of its outputs."""
        return ()

    @property
    def taken(self) -> dict[str, str]:
        """The outputs that it takes, as `step.output`, by the path where it says so."""
        return {}

    def check(self) -> Iterator[Fault]:
        """An image is named by its digest."""
        yield from image_faults(self, "image", self.image)


class _Job(_Step):
    command: tuple[Annotated[str, StringConstraints(max_length=256)], ...] = Field(
        default=(), max_length=100, description="The container's entry point. Absent: the image's own."
    )
    arguments: tuple[Annotated[str, StringConstraints(max_length=256)], ...] = Field(
        default=(), max_length=100, description="Arguments of the entry point."
    )
    inputs: dict[Name, InputSpec] = Field(
        default_factory=dict, max_length=10, description="What it takes, by the name of its folder in the container."
    )
    parameters: dict[ParameterName, ParameterValue] = Field(
        default_factory=dict, max_length=40, description="Settings by name: texts, or parameters of the run."
    )
    resources: ResourcesSpec = Field(default_factory=ResourcesSpec, description="On what it runs.")
    retries: int = Field(
        default=1, ge=0, le=5, description="How often it is tried again. Once: a machine may fail, twice it's the code."
    )
    timeout_minutes: int | None = Field(
        default=None, ge=1, le=40_320, description="Minutes that it may run. Absent: what the pool allows."
    )

    @property
    def taken(self) -> dict[str, str]:
        """The outputs that it takes, as `step.output`, by the path where it says so."""
        return {f"inputs.{name}.of": found.of for name, found in self.inputs.items() if isinstance(found, OutputInput)}

    @property
    def datasets(self) -> dict[str, str]:
        """The datasets that it takes, by the path where it says so."""
        found = self.inputs.items()
        return {f"inputs.{name}.name": each.name for name, each in found if isinstance(each, DatasetInput)}

    @property
    def views(self) -> dict[str, ViewInput]:
        """The feature views that it takes, by the path where it says so."""
        found = self.inputs.items()
        return {f"inputs.{name}": each for name, each in found if isinstance(each, ViewInput)}

    def _without(self, what: str, remedy: str) -> Iterator[Fault]:
        if not self.inputs:
            yield self.fault("inputs", f"are missing: {what}", remedy)


class _Processing(_Job):
    outputs: dict[Name, OutputSpec] = Field(
        default_factory=dict, max_length=10, description="What it leaves, by the name of its folder in the container."
    )

    @property
    def produced(self) -> tuple[str, ...]:
        """The names of its outputs."""
        return tuple(self.outputs)


class IngestStep(_Processing):
    """Brings data in."""

    kind: Literal["ingest"] = Field(description="Brings data in.")

    def check(self) -> Iterator[Fault]:
        """What brings data in leaves some."""
        yield from super().check()
        if not self.outputs:
            yield self.fault(
                "outputs", "are missing: what it brings in goes nowhere", 'Add one ("outputs: {data: {}}").'
            )


class ValidateStep(_Processing):
    """Looks whether data is fit to be trained on; it fails where it isn't, and the run ends."""

    kind: Literal["validate_data"] = Field(description="Judges data; where it is unfit, it fails and the run ends.")

    def check(self) -> Iterator[Fault]:
        """What judges data takes some."""
        yield from super().check()
        yield from self._without("it has nothing to look at", "Take a dataset, or the output of a step.")


class FeaturesStep(_Processing):
    """Makes training data out of data and features."""

    kind: Literal["build_features"] = Field(description="Makes training data out of data and features.")

    def check(self) -> Iterator[Fault]:
        """What makes training data takes some, and leaves some."""
        yield from super().check()
        yield from self._without("it has nothing to build from", "Take a dataset, a feature view, or an output.")
        if not self.outputs:
            yield self.fault("outputs", "are missing: what it builds goes nowhere", 'Add one ("outputs: {train: {}}").')


class TrainStep(_Job):
    """Trains a model; it leaves `model`."""

    kind: Literal["train"] = Field(description="Trains a model. It leaves one output, `model`.")
    launcher: Literal["torchrun", "mpi", "tf_config"] | None = Field(
        default=None,
        description="How several instances find each other in PyTorch, MPI or TensorFlow. Absent: "
        "the program starts as it is on each, which scikit-learn and everything on one instance wants.",
    )

    @property
    def produced(self) -> tuple[str, ...]:
        """The names of its outputs."""
        return (MODEL,)

    def check(self) -> Iterator[Fault]:
        """What trains takes data; a launcher needs a program to launch."""
        yield from super().check()
        yield from self._without("it has nothing to train on", "Take a dataset, a feature view, or an output.")
        if self.launcher is not None and not self.command:
            yield self.fault(
                "launcher",
                "has no program to launch: the image's own entry point is none that it knows",
                'Add "command", such as ["train.py"], or remove "launcher".',
                self.launcher,
            )


class EvaluateStep(_Processing):
    """Measures a model on data that it wasn't trained on."""

    kind: Literal["evaluate"] = Field(description="Measures a model that a train step left.")


class RegisterStep(_Step):
    """Makes the model a version of the registry that waits for approval, with where it comes from."""

    kind: Literal["register"] = Field(description="Makes a model a version of the registry; no machine is needed.")
    image: Image = Field(description="The image that serves the model, by digest.")
    model: Name = Field(description="The model of the registry.")
    artifact: OutputReference = Field(description="The output of the train step, as `train.model`.")
    report: OutputReference | None = Field(
        default=None,
        description="The output of the evaluate step that measured it; its gates.json becomes the results of the "
        "version's gates. Absent: somebody else has to report them.",
    )
    dataset: Name | None = Field(
        default=None,
        description="The dataset whose snapshot it was trained on. Absent: the only one that the run takes.",
    )
    content_types: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]+$")], ...] = Field(
        default=("text/csv", "application/json"), min_length=1, max_length=10, description="What it is asked in."
    )
    response_types: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]+$")], ...] = Field(
        default=("text/csv", "application/json"), min_length=1, max_length=10, description="What it answers in."
    )

    @property
    def taken(self) -> dict[str, str]:
        """The outputs that it takes, as `step.output`, by the path where it says so."""
        return {"artifact": self.artifact, **({"report": self.report} if self.report else {})}


JobStep = IngestStep | ValidateStep | FeaturesStep | TrainStep | EvaluateStep
Step = JobStep | RegisterStep
StepSpec = Annotated[Step, Field(discriminator="kind")]
