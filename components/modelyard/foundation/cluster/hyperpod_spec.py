"""What a platform file says about machines of SageMaker HyperPod."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.instances import Instance, InstanceCatalogue
from modelyard.core.spec import Name, Spec
from modelyard.foundation.cluster.charts import ChartVersion
from modelyard.foundation.cluster.queues_spec import TOPOLOGY, PoolLimit


class HyperPodGroupSpec(Spec):
    """Machines of one type, which are there whether anybody uses them or not."""

    instance_type: Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$", max_length=32)] = Field(
        description="Their type, as SageMaker calls it."
    )
    machines: int = Field(ge=1, le=6758, description="How many there are, all the time.")
    training_plan: (
        Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:training-plan/.*$")]
        | None
    ) = Field(default=None, description="The ARN of a training plan that pays for them. Absent: on demand.")
    volume_gib: int = Field(default=500, ge=20, le=16_384, description="GiB of each machine's encrypted disk.")
    tested: bool = Field(
        default=True,
        description="Whether GPUs and their network are tested for an hour or two before a machine takes any work.",
    )

    topology: bool = Field(default=False, description=TOPOLOGY)

    @property
    def instance(self) -> Instance | None:
        """What the catalogue knows of its type."""
        return InstanceCatalogue.shipped().get(self.instance_type)

    def check(self) -> Iterator[Fault]:
        """Types that have GPUs."""
        catalogue, found = InstanceCatalogue.shipped(), self.instance
        if found is None:
            close = catalogue.closest(self.instance_type)
            remedy = f"Did you mean {close}?" if close else "Use one that docs/gpu-pools.md tells of."
            yield self.fault("instance_type", "isn't in the catalogue of instances", remedy, self.instance_type)
        elif not found.gpus:
            remedy = "Use one that has, such as ml.p4d.24xlarge."
            yield self.fault("instance_type", "has no GPU of NVIDIA's", remedy, self.instance_type)


class HyperPodSpec(Spec):
    """Machines that SageMaker tests, watches and replaces, beside the cluster's other ones."""

    groups: dict[Name, HyperPodGroupSpec] = Field(
        min_length=1, max_length=100, description="Machines, by the name of the pool that pods choose them by."
    )
    chart: Annotated[str, StringConstraints(pattern=r"^(oci://|\./|/)\S+$", max_length=500)] = Field(
        description=(
            "Where HyperPod's own chart lies: AWS publishes it as a folder, helm_chart/HyperPodHelmChart of "
            "github.com/aws/sagemaker-hyperpod-cli. A copy of it beside the program (./…), or in a registry (oci://…)."
        )
    )
    chart_version: ChartVersion | None = Field(
        default=None, description="The chart's version in the registry. Absent for a folder, which has its own."
    )
    recovery: bool = Field(default=True, description="Whether SageMaker replaces machines that fail.")

    @property
    def limits(self) -> Mapping[str, PoolLimit]:
        """What sharing needs to know of each group: all its machines' GPUs, which are there all the time."""
        return {
            name: PoolLimit(group.machines * group.instance.gpus, topology=group.topology)
            for name, group in self.groups.items()
            if group.instance is not None
        }

    def check(self) -> Iterator[Fault]:
        """A chart in a registry has a version."""
        if self.chart.startswith("oci://") and self.chart_version is None:
            yield self.fault("chart_version", "isn't said, and a registry holds several", "Say one.")
