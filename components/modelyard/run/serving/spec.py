"""What a team's file says about an endpoint: which model it serves, on what, and how a new one takes over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.instances import Instance, InstanceCatalogue
from modelyard.core.spec import Email, Name, Spec
from modelyard.run.serving.abilities import can, kinds_with
from modelyard.run.serving.capture_spec import CaptureSpec
from modelyard.run.serving.checks import gpus_that_lack, types_that_fail
from modelyard.run.serving.kinds import (
    ONLY,
    Asynchronous,
    Instances,
    InstanceVariant,
    MultiModel,
    ScalingSpec,
    ServedBy,
)
from modelyard.run.serving.rollout import AllAtOnce, Canary, Rollout

Variable = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=1024)]


class DeclaredRelease(Spec):
    """The file names the version; whoever merges the file deploys it."""

    kind: Literal["declared"] = Field(description="The version that stands here.")
    version: int = Field(ge=1, description="The number of the version, as `yard model list` shows it.")


class LoopRelease(Spec):
    """The retraining loop chooses the version; the file says in which shape it serves.

    Until the loop has released one, `first` serves, or there is no endpoint; afterwards the loop exchanges versions by
    itself.
    """

    kind: Literal["loop"] = Field(description="The version that the retraining loop released last.")
    first: int | None = Field(
        default=None,
        ge=1,
        description="The version that serves until the loop has released one, such as the one that serves when an "
        "endpoint is handed to the loop. Absent: nothing serves until then, and what serves already is taken away.",
    )


Release = Annotated[DeclaredRelease | LoopRelease, Field(discriminator="kind")]
"""Which version is served."""


class EndpointSpec(Spec):
    """An endpoint: a name that stays, behind which models change."""

    flavour: Literal["sagemaker"] = Field(
        default="sagemaker", description="It is served by SageMaker, which asks for no cluster."
    )
    model: Name = Field(description="The model of the registry that it serves.")
    owner: Email = Field(description="Who hears of its alarms.")
    release: Release = Field(description="Which version it serves: kind declared, or loop.")
    served_by: ServedBy = Field(
        description="On what it runs: kind instances, serverless, asynchronous, or multi_model."
    )
    environment: dict[Variable, Annotated[str, StringConstraints(max_length=1024)]] = Field(
        default_factory=dict,
        max_length=100,
        description="Variables of the container. No secrets: whoever sees the model sees them.",
    )
    vpc: bool | None = Field(
        default=None,
        description="Whether it stands in the network's private subnets. Absent: yes, where the kind can.",
    )
    network_isolation: bool | None = Field(
        default=None,
        description="Whether its container reaches no network at all. Absent: yes, where the kind can. `false` for "
        "code that asks a feature store by itself.",
    )
    volume_gib: int | None = Field(
        default=None, ge=1, le=512, description="GiB of the disk of each instance. Absent: what the type comes with."
    )
    capture: CaptureSpec | None = Field(
        default=None, description="What is kept of the calls. Absent: a fifth of them, where the kind can."
    )
    rollout: Rollout | None = Field(
        default=None,
        description="How a new model takes over: kind all_at_once, canary, linear or rolling. Absent: a canary of a "
        "tenth; with several variants all at once.",
    )

    @property
    def in_network(self) -> bool:
        """Whether it stands in the team's network."""
        return can(self.served_by.kind, "network") if self.vpc is None else self.vpc

    @property
    def isolated(self) -> bool:
        """Whether its container reaches no network."""
        return can(self.served_by.kind, "isolation") if self.network_isolation is None else self.network_isolation

    @property
    def captured(self) -> CaptureSpec | None:
        """What is kept of the calls; None for nothing."""
        wanted = self.capture or (CaptureSpec() if can(self.served_by.kind, "capture") else None)
        return wanted if wanted and wanted.percent else None

    @property
    def guarded(self) -> Rollout | None:
        """How a new model takes over; None where the kind leaves no choice."""
        if self.rollout is not None or not can(self.served_by.kind, "guarded"):
            return self.rollout
        return Canary(kind="canary") if len(self.variants) == 1 else AllAtOnce(kind="all_at_once")

    @property
    def variants(self) -> dict[str, InstanceVariant | None]:
        """The production variants by name; None stands for one without machines of its own."""
        match self.served_by:
            case Instances(variants=variants):
                return dict(variants)
            case Asynchronous() | MultiModel() as served:
                return {ONLY: InstanceVariant(instance_type=served.instance_type, instances=served.instances)}
            case _:
                return {ONLY: None}

    @property
    def zones(self) -> dict[str, str]:
        """The zones of the lake that it needs, by the path that asks for each."""
        found = {"capture": "capture"} if self.captured else {}
        if isinstance(self.served_by, Asynchronous):
            found["served_by.output.zone"] = self.served_by.output.zone
        return found

    @property
    def scaled(self) -> dict[str, ScalingSpec]:
        """How variants scale, by name; those that don't are left out."""
        if isinstance(self.served_by, Asynchronous | MultiModel):
            return {ONLY: self.served_by.scaling} if self.served_by.scaling else {}
        return {name: variant.scaling for name, variant in self.variants.items() if variant and variant.scaling}

    def instance_types(self) -> Iterator[tuple[str, str]]:
        """Every instance type with the path at which it stands."""
        match self.served_by:
            case Instances(variants=variants, shadow=shadow):
                for name, variant in variants.items():
                    yield f"served_by.variants.{name}.instance_type", variant.instance_type
                if shadow is not None:
                    yield "served_by.shadow.instance_type", shadow.instance_type
            case Asynchronous() | MultiModel() as served:
                yield "served_by.instance_type", served.instance_type
            case _:
                return

    def instances(self) -> list[Instance]:
        """What is known of its instance types."""
        catalogue = InstanceCatalogue.shipped()
        return [catalogue[name] for _, name in self.instance_types() if name.removeprefix("ml.") in catalogue]

    def check(self) -> Iterator[Fault]:
        """What the kind can't do, and types that host nothing."""
        kind = self.served_by.kind
        for ability, path, asked in (
            ("network", "vpc", self.vpc),
            ("isolation", "network_isolation", self.network_isolation),
            *self._capturing(),
            ("guarded", "rollout", self.rollout is not None),
            ("rolling", "rollout.kind", self.rollout is not None and self.rollout.kind == "rolling"),
        ):
            if asked and not can(kind, ability) and not (ability == "rolling" and not can(kind, "guarded")):
                able = ", ".join(kinds_with(ability))
                yield self.fault(
                    path,
                    f"is nothing that an endpoint of kind {kind} can have",
                    f"Remove it, or take a kind that can: {able}.",
                )
        if self.rollout is not None and self.rollout.kind == "rolling" and len(self.variants) > 1:
            yield self.fault(
                "rollout.kind",
                "takes one variant, and there are several",
                'Use "all_at_once", or one variant.',
                "rolling",
            )
        if self.volume_gib is not None and kind == "serverless":
            yield self.fault(
                "volume_gib", "is a disk, and a serverless endpoint has none", "Remove it.", self.volume_gib
            )
        if self.release.kind == "loop" and all(each and each.version is not None for each in self.variants.values()):
            yield self.fault(
                "release.kind",
                "leaves the loop nothing to bring: every variant names a version of its own",
                "Take the version of one variant away, or declare the release.",
                "loop",
            )
        if isinstance(self.served_by, MultiModel):
            yield from self._of_many(self.served_by)
        yield from self._written_by_container()
        yield from types_that_fail(self)
        yield from gpus_that_lack(self)

    def _of_many(self, served: MultiModel) -> Iterator[Fault]:
        """A loop, which brings one model, and a name that stands for two."""
        if self.release.kind == "loop":
            remedy = "Declare the release, or give the model an endpoint of its own."
            yield self.fault("release.kind", "brings one model, and many share this endpoint", remedy, "loop")
        if self.model in served.models:
            problem = "is what callers call the release, and can't be another model's name"
            yield self.fault(f"served_by.models.{self.model}", problem, "Choose another name.", self.model)
        known = {(self.model, self.release.version): served.artifact} if self.release.kind == "declared" else {}
        for name, each in served.models.items():
            if known.setdefault((each.model or self.model, each.version), each.artifact) != each.artifact:
                problem = f"is another artifact than the one that version {each.version} has elsewhere in the file"
                remedy = "A version has one: see yard model show."
                yield self.fault(f"served_by.models.{name}.artifact", problem, remedy, each.artifact)

    def _capturing(self) -> Iterator[tuple[str, str, bool]]:
        """Which ability what is asked of capture needs."""
        if self.capture is not None and self.capture.percent:
            own = self.capture.by == "container"
            yield ("own_capture", "capture.by", True) if own else ("capture", "capture", True)

    def _written_by_container(self) -> Iterator[Fault]:
        """Our container writes by itself, and is told of one variant."""
        if self.captured is None or self.captured.by != "container":
            return
        if self.isolated:
            yield self.fault(
                "network_isolation",
                "leaves the container no way to the calls' bucket",
                'Say "network_isolation: false", or let SageMaker keep the calls ("capture.by: service").',
                self.network_isolation,
            )
        if isinstance(self.served_by, Instances) and (len(self.variants) > 1 or self.served_by.shadow is not None):
            yield self.fault(
                "capture.by", "can't tell several variants apart", 'Use "service", or keep one variant.', "container"
            )

    def unfit_for_production(self) -> Iterator[Fault]:
        """What production asks for beyond: a second instance, so that one may fail, and calls that somebody keeps."""
        if (
            self.captured is None
            and can(self.served_by.kind, "own_capture")
            and not can(self.served_by.kind, "capture")
        ):
            yield self.fault(
                "capture",
                f"keeps nothing of the calls, since SageMaker doesn't for kind {self.served_by.kind}, and this is "
                "production",
                'Serve by Modelyard\'s container and say "capture: {by: container}", or take kind instances.',
                None,
            )
        for name, variant in self.variants.items():
            scaling = self.scaled.get(name)
            least = scaling.least if scaling else variant.instances if variant else 0
            if isinstance(self.served_by, Instances | MultiModel) and least < 2:
                above = f"served_by.variants.{name}" if isinstance(self.served_by, Instances) else "served_by"
                place = f"{above}.{'scaling.least' if scaling else 'instances'}"
                yield self.fault(
                    place,
                    "leaves no instance when one fails, and this is production (Security Hub SageMaker.4)",
                    "Use 2 or more.",
                    least,
                )
