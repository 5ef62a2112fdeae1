"""The kinds of endpoint that a team's file may ask for, and how each scales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.build.pipelines import image_faults
from modelyard.build.training import InstanceType, PlaceSpec
from modelyard.core.errors import Fault
from modelyard.core.instances import InstanceCatalogue
from modelyard.core.releases import Digest
from modelyard.core.spec import Name, Spec
from modelyard.run.serving.shadow_spec import TolerancesSpec

ONLY: Final = "main"
"""What the variant is called where there is one."""


class InvocationsTarget(Spec):
    """Calls that each instance takes."""

    kind: Literal["invocations"] = Field(description="Calls an instance gets in a minute.")
    per_instance: float = Field(
        gt=0, description="Calls a minute that an instance is to have: what a load test showed, less a margin."
    )


class ConcurrencyTarget(Spec):
    """Calls that each instance works on at a time; reacts within ten seconds."""

    kind: Literal["concurrency"] = Field(description="Calls that an instance works on at a time.")
    per_instance: float = Field(gt=0, description="Calls at a time.")


class GpuTarget(Spec):
    """How busy the GPUs are."""

    kind: Literal["gpu"] = Field(description="Utilisation of the GPUs.")
    percent: float = Field(
        default=60.0, gt=0, le=100, description="Percent to hold. Sixty: room for the minutes that an instance takes."
    )


class BacklogTarget(Spec):
    """Calls that wait for each instance of an asynchronous endpoint."""

    kind: Literal["backlog"] = Field(description="Calls that wait.")
    per_instance: float = Field(default=5.0, gt=0, description="Waiting calls for each instance.")


Target = Annotated[InvocationsTarget | ConcurrencyTarget | GpuTarget | BacklogTarget, Field(discriminator="kind")]


class ScalingSpec(Spec):
    """How many instances there are, by load."""

    least: int = Field(ge=0, le=1000, description="Instances at least; none where the kind can scale to zero.")
    most: int = Field(ge=1, le=1000, description="Instances at most: what the endpoint costs at most.")
    target: Target = Field(description="What is held: kind invocations, concurrency, gpu, or backlog.")
    in_seconds: int = Field(
        default=300, ge=0, le=3600, description="Seconds between taking instances away. Five minutes: load comes back."
    )
    out_seconds: int = Field(
        default=60, ge=0, le=3600, description="Seconds between adding instances. A minute: callers wait meanwhile."
    )

    def check(self) -> Iterator[Fault]:
        """A least above the most is refused."""
        if self.least > self.most:
            yield self.fault("least", f"is more than most, {self.most}", f"Use {self.most} or fewer.", self.least)


class InstanceVariant(Spec):
    """A version of the model on instances of its own."""

    version: int | None = Field(
        default=None,
        ge=1,
        description="The version that it serves. Absent: the release's, which is what most variants serve.",
    )
    instance_type: InstanceType = Field(description="Such as ml.m5.large.")
    instances: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="Instances; where it scales, those of the first deployment alone. One is cheap and no reserve; "
        "production asks for two.",
    )
    initial_weight: float = Field(
        default=1.0,
        ge=0,
        le=1000,
        description="Its share of the traffic at first, beside the other variants' weights; what is shifted stays.",
    )
    scaling: ScalingSpec | None = Field(default=None, description="Absent: as many instances as `instances` says.")


class ShadowSpec(Spec):
    """A version that gets a copy of the traffic, and whose answers nobody sees."""

    version: int = Field(ge=1, description="The version that is tried.")
    instance_type: InstanceType = Field(description="Such as ml.m5.large.")
    instances: int = Field(default=1, ge=1, le=1000, description="Instances.")
    percent: float = Field(
        default=50.0, gt=0, le=100, description="Percent of the calls that it gets a copy of. Half: half the machines."
    )
    tolerances: TolerancesSpec = Field(
        default_factory=TolerancesSpec, description="What it may differ by. Absent: the same answers to 19 of 20 calls."
    )


class Instances(Spec):
    """Machines that wait for calls: the fastest answer, paid by the hour."""

    kind: Literal["instances"] = Field(description="Machines that wait for calls.")
    variants: dict[Name, InstanceVariant] = Field(
        min_length=1, max_length=10, description="Variants by name; calls go to each by its weight."
    )
    shadow: ShadowSpec | None = Field(default=None, description="A version beside, that gets copies. Absent: none.")

    def check(self) -> Iterator[Fault]:
        """Weights that give nobody traffic, and a shadow beside several variants, are refused."""
        if not sum(variant.initial_weight for variant in self.variants.values()):
            yield self.fault(
                "variants", "have weights that sum to nothing, so that no call is answered", "Give one a weight."
            )
        if self.shadow is not None and len(self.variants) > 1:
            yield self.fault(
                "shadow",
                f"stands beside {len(self.variants)} variants, and SageMaker copies the calls of one",
                "Keep one variant, or remove the shadow.",
            )
        for name, variant in self.variants.items():
            yield from _misses_target(
                variant, f"variants.{name}", variant.scaling, ("invocations", "concurrency", "gpu")
            )
            if variant.scaling is not None and not variant.scaling.least:
                yield self.fault(
                    f"variants.{name}.scaling.least",
                    "can't be 0: machines that wait for calls are at least one",
                    'Use 1, or an endpoint of kind "serverless" or "asynchronous", which scale to zero.',
                    0,
                )


class Serverless(Spec):
    """A machine while there are calls, and none otherwise: the first call of a while waits for it."""

    kind: Literal["serverless"] = Field(description="Paid by the call.")
    memory_mib: Literal[1024, 2048, 3072, 4096, 5120, 6144] = Field(
        default=2048, description="Memory; processors come in proportion."
    )
    most_concurrent: int = Field(
        default=5, ge=1, le=200, description="Calls at a time; further ones are refused. Five: what it costs at most."
    )
    ready: int = Field(
        default=0,
        ge=0,
        le=200,
        description="Calls at a time for which machines are kept ready, paid by the hour. None: it scales to zero.",
    )

    def check(self) -> Iterator[Fault]:
        """More machines ready than may work is refused."""
        if self.ready > self.most_concurrent:
            yield self.fault(
                "ready",
                f"is more than most_concurrent, {self.most_concurrent}",
                f"Use {self.most_concurrent} or fewer.",
                self.ready,
            )


class Asynchronous(Spec):
    """Calls wait in a queue, with large payloads and long answers; no call, no machine."""

    kind: Literal["asynchronous"] = Field(description="Calls wait in a queue; answers are objects.")
    instance_type: InstanceType = Field(description="Such as ml.g5.xlarge.")
    instances: int = Field(default=1, ge=1, le=1000, description="Instances of the first deployment.")
    output: PlaceSpec = Field(
        default_factory=lambda: PlaceSpec(zone="capture", prefix="answers"),
        description="Where answers lie, below the endpoint's name.",
    )
    per_instance: int = Field(
        default=4, ge=1, le=1000, description="Calls that an instance works on at a time. Four: SageMaker's own start."
    )
    scaling: ScalingSpec | None = Field(
        default_factory=lambda: ScalingSpec(least=0, most=1, target=BacklogTarget(kind="backlog")),
        description="How it scales. From none to one: cheap while nobody calls. `null`: as many as `instances` says.",
    )

    def check(self) -> Iterator[Fault]:
        """Targets that this kind doesn't measure are refused."""
        yield from _misses_target(self, "", self.scaling, ("backlog",))


class ServedModel(Spec):
    """One of many models behind an endpoint: a version of the registry, and its artifact."""

    model: Name | None = Field(default=None, description="The model of the registry. Absent: the endpoint's.")
    version: int = Field(ge=1, description="The number of the version, as `yard model list` shows it.")
    artifact: Digest = Field(
        description="The SHA-256 of its artifact, as `yard model show` has it: it says where in the registry it lies."
    )


class MultiModel(Spec):
    """Machines on which many models take turns: each is loaded when it is first asked for, and goes when memory ends.

    The release is one of them, under the endpoint's `model` for a name. All are served by one container.
    """

    kind: Literal["multi_model"] = Field(description="Many models share machines that wait for calls.")
    image: Annotated[str, StringConstraints(max_length=512)] = Field(
        description="The container that serves all of them, by digest. It must be one for many models; on GPUs Triton."
    )
    artifact: Digest = Field(description="The SHA-256 of the release's artifact, as `yard model show` has it.")
    models: dict[Name, ServedModel] = Field(
        min_length=1,
        max_length=30,
        description="The other models, by the name that callers use. Thirty at most: policies name each artifact.",
    )
    instance_type: InstanceType = Field(description="Such as ml.m5.large; of types with GPUs, p2, p3, g4dn and g5.")
    instances: int = Field(
        default=1, ge=1, le=1000, description="Instances; where it scales, those of the first deployment alone."
    )
    scaling: ScalingSpec | None = Field(default=None, description="Absent: as many instances as `instances` says.")
    cache: bool = Field(
        default=True,
        description="Whether a model stays in memory after a call. `false` where each is asked for once in a while.",
    )

    def check(self) -> Iterator[Fault]:
        """Machines without number, and GPUs on which no container takes many models."""
        yield from _misses_target(self, "", self.scaling, ("invocations", "concurrency", "gpu"))
        if self.scaling is not None and not self.scaling.least:
            yield self.fault("scaling.least", "can't be 0: machines that wait for calls are at least one", "Use 1.", 0)
        yield from image_faults(self, "image", self.image)
        known = InstanceCatalogue.shipped().get(self.instance_type)
        family = self.instance_type.removeprefix("ml.").partition(".")[0]
        if known is not None and known.gpus and family not in MANY_ON_GPUS:
            yield self.fault(
                "instance_type",
                "has GPUs on which SageMaker doesn't serve many models",
                f"Take one of the families {', '.join(MANY_ON_GPUS)}, or a type without GPUs.",
                self.instance_type,
            )


ServedBy = Annotated[Instances | Serverless | Asynchronous | MultiModel, Field(discriminator="kind")]

MANY_ON_GPUS: Final = ("p2", "p3", "g4dn", "g5")
"""Families with GPUs for many models behind an endpoint (sagemaker/latest/dg/multi-model-support)."""

MEASURES: Final[Mapping[str, str]] = {
    "invocations": "calls a minute",
    "concurrency": "calls at a time",
    "gpu": "GPU utilisation",
    "backlog": "waiting calls",
}


def _misses_target(spec: Spec, path: str, scaling: ScalingSpec | None, measured: tuple[str, ...]) -> Iterator[Fault]:
    if scaling is not None and scaling.target.kind not in measured:
        place = (
            f"{path}.scaling.target.kind" if path and not isinstance(spec, InstanceVariant) else "scaling.target.kind"
        )
        yield spec.fault(
            place,
            f"is {MEASURES[scaling.target.kind]}, which this kind of endpoint doesn't measure",
            f"Use one of: {', '.join(measured)}.",
            scaling.target.kind,
        )
