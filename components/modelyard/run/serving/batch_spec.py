"""What a team's file says about predictions for a whole dataset at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from modelyard.build.features import ScheduleExpression
from modelyard.build.training import InstanceType, PlaceSpec
from modelyard.core.errors import Fault
from modelyard.core.spec import Email, Name, Spec
from modelyard.run.serving.checks import type_faults
from modelyard.run.serving.spec import DeclaredRelease

_MOST_PAYLOAD_MIB = 100


class BatchSpec(Spec):
    """A transform job: every row of a place in the lake gets a prediction, and no machine stays."""

    model: Name = Field(description="The model of the registry that predicts.")
    owner: Email = Field(description="Who hears when it fails.")
    release: DeclaredRelease = Field(description="Which version predicts: kind declared.")
    input: PlaceSpec = Field(description="Where the rows lie: every object below is read.")
    output: PlaceSpec = Field(description="Where predictions go, below the component's name.")
    schedule: ScheduleExpression | None = Field(
        default=None, description="When, in UTC, such as cron(0 5 * * ? *). Absent: whoever may start it does."
    )
    instance_type: InstanceType = Field(default="ml.m5.large", description="Such as ml.m5.large.")
    instances: int = Field(default=1, ge=1, le=100, description="Instances, among which the objects are shared out.")
    most_minutes: int = Field(
        default=360, ge=1, le=7_200, description="Minutes after which a run counts as failed. Six hours: a night."
    )
    content_type: Literal["text/csv", "application/jsonlines", "application/json"] = Field(
        default="text/csv", description="What the rows are."
    )
    split: bool = Field(default=True, description="Whether each line is a row; otherwise each object is one call.")
    several_rows: bool = Field(
        default=True, description="Whether a call may hold several rows, which is faster where the container can."
    )
    per_instance: int = Field(
        default=1, ge=1, le=100, description="Calls that an instance works on at a time. One: any container can."
    )
    payload_mib: int = Field(
        default=6, ge=1, le=_MOST_PAYLOAD_MIB, description="MiB of a call at most. Six: SageMaker's own start."
    )
    keep_input: bool = Field(
        default=True, description="Whether each prediction stands beside its row, so that both can be judged later."
    )
    network_isolation: bool = Field(default=True, description="Whether the container reaches no network at all.")
    vpc: bool = Field(default=True, description="Whether the container stands in the network's private subnets.")
    environment: dict[
        Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=1024)],
        Annotated[str, StringConstraints(max_length=1024)],
    ] = Field(default_factory=dict, max_length=100, description="Variables of the container. No secrets.")

    def check(self) -> Iterator[Fault]:
        """Loads that the service refuses, and answers that would lie among the questions."""
        if self.per_instance * self.payload_mib > _MOST_PAYLOAD_MIB:
            yield self.fault(
                "payload_mib",
                f"times per_instance is more than {_MOST_PAYLOAD_MIB} MiB",
                f"Use {_MOST_PAYLOAD_MIB // self.per_instance} or fewer.",
                self.payload_mib,
            )
        if self.several_rows and not self.split:
            yield self.fault(
                "several_rows", "needs rows, and nothing splits the objects", 'Remove "split: false".', True
            )
        same = self.input.zone == self.output.zone
        if same and (f"{self.output.prefix}/").startswith(f"{self.input.prefix}/"):
            yield self.fault(
                "output.prefix",
                "lies inside the input, so that the next run reads this one's answers",
                "Choose a prefix beside it.",
                self.output.prefix,
            )
        yield from type_faults(self, "instance_type", self.instance_type)
