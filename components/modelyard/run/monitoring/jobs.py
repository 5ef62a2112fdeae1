"""What a monitoring job is made of: resources, network, input, baseline, output, and what SageMaker refuses of it.

Values may be outputs of other resources; what is not known yet is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import pulumi

from modelyard.core.errors import Fault

READ_FROM: Final = "/opt/ml/processing/input"
"""Where a job finds what was captured, as SageMaker's own analyzers expect it."""
WRITTEN_TO: Final = "/opt/ml/processing/output"
LONGEST_RUN: Final = 86_400
"""Seconds (sagemaker/latest/APIReference/API_MonitoringStoppingCondition)."""
MOST_INSTANCES: Final = 100
"""Of one job (sagemaker/latest/APIReference/API_MonitoringClusterConfig)."""

ProblemType = Literal["BinaryClassification", "MulticlassClassification", "Regression"]
MonitoringType = Literal["DataQuality", "ModelQuality", "ModelBias", "ModelExplainability"]

_DIGEST: Final = re.compile(r".+@sha256:[0-9a-f]{64}")
_OFFSET: Final = re.compile(r"-?P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?)?")
"""Whole days, hours and minutes: `-PT3H`, `-P1D`, `PT0H`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResources:
    """What each run of a job gets. `volume_key` is the ARN of the KMS key of its volumes."""

    instance_type: str
    volume_key: pulumi.Input[str]
    instance_count: int = 1
    volume_gb: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNetwork:
    """Where a job runs, and whom it can reach.

    `isolated`: the container reaches nothing; SageMaker itself brings inputs, results and what it leaves of metrics in
    /opt/ml/output/metrics/cloudwatch (sagemaker/latest/dg/model-monitor-byoc-cloudwatch), so a job that only compares
    needs no more. `encrypted`: traffic between several instances is encrypted. Both are on by default, as
    FSBP SageMaker.9 to .15 ask. `subnets` and `security_groups` go together; without them a job runs in SageMaker's own
    network.
    """

    isolated: bool = True
    encrypted: bool = True
    subnets: Sequence[pulumi.Input[str]] = ()
    security_groups: Sequence[pulumi.Input[str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """S3 URIs of the files that a baseline job made; `statistics` are data quality's alone."""

    constraints: pulumi.Input[str] | None = None
    statistics: pulumi.Input[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    """What a monitor reads. The attributes are column indexes or JSON paths in what was captured.

    `start` and `end` bound the captured data of a run, as ISO 8601 durations back from its scheduled time (`-PT3H`):
    a monitor that waits for labels starts so much earlier. `threshold` turns a probability into a class.
    """

    inference: str | None = None
    probability: str | None = None
    threshold: float | None = None
    features: str | None = None
    start: str | None = None
    end: str | None = None

    def attributes(self) -> dict[str, Any]:
        """The parts that both kinds of input share, as CloudFormation has them."""
        return _given(
            InferenceAttribute=self.inference,
            ProbabilityAttribute=self.probability,
            ProbabilityThresholdAttribute=self.threshold,
            FeaturesAttribute=self.features,
            StartTimeOffset=self.start,
            EndTimeOffset=self.end,
            LocalPath=READ_FROM,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointInput(_Input):
    """What an endpoint captured. The endpoint, given by name, must exist and capture data."""

    endpoint: pulumi.Input[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformInput(_Input):
    """What batch transform jobs captured below an S3 URI. `header` and `lines` tell CSV's and JSON's form.

    No Parquet: its CloudFormation schema and the API behind it want different values.
    """

    captured: pulumi.Input[str]
    format: Literal["csv", "json"]
    header: bool = True
    lines: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutput:
    """The S3 URI that takes the results of every run, and the ARN of the KMS key that encrypts them."""

    to: pulumi.Input[str]
    key: pulumi.Input[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What a job runs: an image by digest, and its environment. `config` is the S3 URI of an analysis configuration.

    Bias and explanations need a configuration; data and model quality have none.
    """

    image: pulumi.Input[str]
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    config: pulumi.Input[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringJob:
    """What the four kinds have in common. `role_arn` is the role that the job assumes.

    `most_seconds`: SageMaker ends a longer run; an hourly schedule of model quality or bias leaves 1800, of the others
    3600 (sagemaker/latest/APIReference/API_MonitoringStoppingCondition).
    """

    role_arn: pulumi.Input[str]
    source: EndpointInput | TransformInput
    analysis: Analysis
    output: JobOutput
    resources: JobResources
    network: JobNetwork = JobNetwork()
    baseline: Baseline = Baseline()
    most_seconds: int = 1800

    def faults(self) -> Iterator[Fault]:
        """What SageMaker, or the services behind it, would refuse; one by one."""
        image = self.analysis.image
        if isinstance(image, str) and not _DIGEST.fullmatch(image):
            yield Fault("names no digest", "Name the image as repository@sha256:<64 digits>.", value=image)
        for offset in (self.source.start, self.source.end):
            if offset is not None and not _OFFSET.fullmatch(offset):
                yield Fault("is no ISO 8601 duration", "Write it as -PT3H, or -P1D.", value=offset)
        if not 1 <= self.resources.instance_count <= MOST_INSTANCES:
            problem = f"a job has 1 to {MOST_INSTANCES} instances"
            yield Fault(problem, "Ask for as many.", value=self.resources.instance_count)
        if not 1 <= self.most_seconds <= LONGEST_RUN:
            problem = f"a run takes 1 to {LONGEST_RUN} seconds"
            yield Fault(problem, "Give it as long.", value=self.most_seconds)
        if bool(self.network.subnets) != bool(self.network.security_groups):
            yield Fault("subnets and security groups go together", "Give both, or neither.")


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
