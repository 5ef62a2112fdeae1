"""The monitors of an endpoint on AWS: baselines, runs by the clock, results, and alarms that name owner and runbook."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from modelyard.build.data import DataLake, Zone
from modelyard.core.access import Grantee, Statement, address, identity_of
from modelyard.core.actions import JOB_IN_A_VPC, PULL_IMAGES, WRITE_LOGS
from modelyard.core.addresses import BucketAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, SpecError
from modelyard.core.instances import InstanceCatalogue
from modelyard.core.monitored import JobKind
from modelyard.core.notices import Notices
from modelyard.core.service_role import ServiceRole
from modelyard.core.settle import at_program_end
from modelyard.foundation.keys import ENCRYPT_AND_DECRYPT, KeysLike, through_service
from modelyard.foundation.network import NetworkLike
from modelyard.run.monitoring.alarms import Teller
from modelyard.run.monitoring.conducted import Conducted, dashed
from modelyard.run.monitoring.kinds import NEEDS_LABELS, LoadMonitor, MonitorSpec
from modelyard.run.monitoring.managed import scheduled
from modelyard.run.monitoring.metrics import METRICS, MonitorKind, dimensions
from modelyard.run.monitoring.spec import MonitorsSpec
from modelyard.run.serving import InferenceEndpoint
from modelyard.run.serving.alarms import error_share

PLACE: Final = "monitors"
"""Where baselines and results lie in the capture zone, below the component's name."""
_HOUR: Final = 3600
_POINT: Final = 300
_MICROSECONDS: Final = 1000
_IMAGE: Final = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<name>[^:@]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFacts:
    """An alarm of these monitors, for what reacts to it: its physical name, and what it watches."""

    name: str
    kind: MonitorKind
    metric: str
    threshold: float
    dimensions: Mapping[str, pulumi.Input[str]]
    period_seconds: int


class EndpointMonitors(Component):
    """What watches one endpoint, from one declaration.

    `lake` has captured calls, references and labels; `network` is where jobs stand, and may be absent under
    `vpc: false`. Jobs act as `identity`. Before the loop's first release nothing runs by the clock and no alarm is
    made. Raises `SpecError` with all faults.
    """

    CAPABILITY = "monitoring"

    def __init__(
        self,
        name: str,
        spec: MonitorsSpec,
        *,
        context: Context,
        endpoint: InferenceEndpoint,
        lake: DataLake,
        keys: KeysLike,
        network: NetworkLike | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [
            *spec.all_faults(),
            *spec.unfit_for(endpoint.spec),
            *spec.unplaced(lake, networked=network is not None, redacted=_redacted(endpoint, lake)),
            *_not_offered(spec, context.region),
        ]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec, self._endpoint, self._lake = spec, endpoint, lake
        self.endpoint_name = endpoint.endpoint_name
        self.variants = list(endpoint.spec.variants)
        self.key_arn, self.data_key_arn = keys.arn("models"), lake.key_arn
        self.place = f"{PLACE}/{name}"
        self.calls = endpoint.capture_prefix
        self.job_name = self.physical("processing-job")
        self.vpc: dict[str, Sequence[pulumi.Output[str]]] | None = None
        if network is not None and spec.vpc:
            group = network.security_group("workload")
            self.vpc = {"subnets": network.subnet_ids("private"), "security_groups": [group]}
        self.topic = Notices(self, self.key_arn, about="Monitors").of(spec.owner)
        self.alarms: dict[str, AlarmFacts] = {}
        """Alarms on one metric, by monitor and metric: `data_drift.data_drift_worst`."""
        self._alarm_names: list[str] = []
        self.machine_arn: str | None = None
        if spec.jobs:
            self._compute()
        if endpoint.exists:
            self._watch_jobs()
            self._watch_service()
        self.register_outputs(
            {
                "alarms": {key: alarm.name for key, alarm in self.alarms.items()},
                "machine": self.machine_arn,
                "topic": self.topic,
                "awaits": endpoint.awaits,
            }
        )

    def grant_read_results(self, grantee: Grantee) -> None:
        """Let `grantee` read baselines and the results of every run."""
        statements = self.capture.may_read(self.place)
        found = address(
            BucketAddress,
            name=self.component,
            bucket=self.capture.bucket.bucket,
            prefix=f"{self.place}/",
            key_arn=self.capture.key_arn,
        )
        identity_of(grantee).allow(self, "read the results of", statements, [found])

    def grant_start(self, grantee: Grantee) -> None:
        """Let `grantee` start a monitor now, and follow it; its input is `{"monitor": …, "judge": true, "at": ""}`."""
        statements: list[Statement] = []
        if self.machine_arn is not None:
            runs = self.machine_arn.replace(":stateMachine:", ":execution:")
            statements = [
                Statement(("states:StartExecution",), (self.machine_arn,)),
                Statement(("states:DescribeExecution", "states:StopExecution"), (f"{runs}:*",)),
            ]
        identity_of(grantee).allow(self, "start", statements)

    @property
    def capture(self) -> Zone:
        """The zone of captured calls and results."""
        return self._lake.zone("capture")

    @property
    def alarm_arns(self) -> list[str]:
        """Every alarm, by ARN, for pages and incidents."""
        return [self.context.arn("cloudwatch", f"alarm:{name}") for name in self._alarm_names]

    def uri(self, path: str) -> pulumi.Output[str]:
        """A place among baselines and results."""
        return pulumi.Output.concat("s3://", self.capture.bucket.bucket, f"/{self.place}/{path}")

    def labels_uri(self) -> pulumi.Output[str]:
        """Where labels come to. Raises `ValueError` where none do."""
        labels = self.spec.labels
        if labels is None:
            raise ValueError(f"{self.component} has no labels")
        return pulumi.Output.concat("s3://", self._lake.zone(labels.zone).bucket.bucket, f"/{labels.prefix}")

    @property
    def labels_bucket(self) -> pulumi.Input[str]:
        """The bucket of the labels; empty where none come."""
        labels = self.spec.labels
        return self._lake.zone(labels.zone).bucket.bucket if labels else ""

    @property
    def reference_bucket(self) -> pulumi.Input[str]:
        """The bucket of the reference; empty where there is none."""
        reference = self.spec.reference
        return self._lake.zone(reference.zone).bucket.bucket if reference else ""

    @property
    def placed(self) -> pulumi.Output[Any]:
        """Subnets and groups of the jobs, known together; None where they stand in no network."""
        if self.vpc is None:
            return pulumi.Output.from_input(None)
        return pulumi.Output.all(**{key: pulumi.Output.all(*values) for key, values in self.vpc.items()})

    def labels_prefixes(self) -> dict[JobKind, str]:
        """Below which prefix the labels of a monitor come, for those that need them."""
        labels = self.spec.labels
        return {kind: labels.prefix for kind in self.spec.jobs if kind in NEEDS_LABELS} if labels else {}

    def may_keep(self) -> list[Statement]:
        """Lets plans, manifests, baselines and results be written and read."""
        return [*self.capture.may_read(self.place), *self.capture.may_write(self.place)]

    def may_list_labels(self) -> list[Statement]:
        """Lets labels be listed, not read."""
        labels = self.spec.labels
        return self._lake.zone(labels.zone).may_list(labels.prefix) if labels else []

    def _compute(self) -> None:
        """The role of the jobs, and who starts them."""
        spec, context = self.spec, self.context
        managed = spec.run_by == "model_monitor"
        worker = ServiceRole(
            self,
            "job",
            "sagemaker",
            source_arn=context.arn("sagemaker", "*" if managed else f"processing-job/{self.job_name}-*"),
            statements=self._may_compute(managed),
            description=f"Jobs of {self.component} read captured calls and write what they find",
            written=spec.source(),
        )
        self.identity, self.may_work = worker.role, worker.may_work
        conducted = Conducted(self)
        self.machine_arn = conducted.machine_arn
        if self._endpoint.exists:
            conducted.schedule(judge=not managed)
            if managed:
                at_program_end(lambda: scheduled(self, after=self._endpoint))

    def _may_compute(self, managed: bool) -> list[Statement]:
        spec, context = self.spec, self.context
        found = _IMAGE.match(spec.image or "")
        assert found is not None
        place = f"arn:{context.partition}:ecr:{found['region']}:{found['account']}"
        statements = [*self.capture.may_read(self.calls), *self.may_keep()]
        for read in (spec.reference, spec.labels):
            if read is not None:
                statements += self._lake.zone(read.zone).may_read(read.prefix)
        statements += [
            through_service(context, "s3", ENCRYPT_AND_DECRYPT, self.data_key_arn),
            Statement(("ecr:GetAuthorizationToken",), ("*",)),
            Statement(PULL_IMAGES, (f"{place}:repository/{found['name']}",)),
            Statement(WRITE_LOGS, (context.arn("logs", "log-group:/aws/sagemaker/ProcessingJobs*"),)),
        ]
        if managed:
            namespaces = sorted({METRICS[kind].namespace for kind in spec.jobs})
            only = {"StringEquals": {"cloudwatch:namespace": namespaces}}
            statements.append(Statement(("cloudwatch:PutMetricData",), ("*",), only))
        if self.vpc is not None:
            statements.append(Statement(JOB_IN_A_VPC, ("*",)))
        return statements

    def _told(self, field: str, role: str, watched: Mapping[str, Any], **said: Any) -> None:
        """An alarm of the monitor that stands in `field`."""
        Teller(self, self.spec.owner, self.spec.runbook_of(field), self.topic).on(role, watched, **said)
        self._alarm_names.append(self.physical("alarm", role))

    def _watch_jobs(self) -> None:
        """An alarm on every limit of a monitor that a job computes, and one on jobs that fail."""
        for kind, monitor in self.spec.jobs.items():
            field = "concept_drift" if kind == "concept_proxy" else kind
            about = dimensions(
                kind, self.endpoint_name, schedule=self.physical("monitoring-schedule", self._schedule(kind))
            )
            for metric, limit in self.spec.bounds(kind).items():
                if metric != "tolerance":
                    self._alarm(field, kind, metric, limit, about, monitor, period=monitor.every_hours * _HOUR)
        if self.machine_arn is not None:
            watched = {
                "namespace": "AWS/States",
                "metric_name": "ExecutionsFailed",
                "dimensions": {"StateMachineArn": self.machine_arn},
                "period": _HOUR,
                "statistic": "Sum",
            }
            says = f"A monitor of {self.endpoint_name} could not run; the log of its processing job says why"
            self._told("", "failed", watched, below=False, limit=0, says=says, bad=1, of=1)

    def _schedule(self, kind: JobKind) -> str:
        """The role of the schedule whose name is a dimension of a monitor's metrics."""
        return f"{dashed(kind)}-schedule"

    def _watch_service(self) -> None:
        """Alarms on what the service measures, for each variant."""
        spec = self.spec
        for variant in self.variants:
            about = {"EndpointName": self.endpoint_name, "VariantName": variant}
            if spec.latency is not None:
                limit = spec.latency.ms * _MICROSECONDS
                self._alarm("latency", "latency", "ModelLatency", limit, about, spec.latency, variant=variant)
            if spec.errors is not None:
                self._errors(variant, about)
            for field, metric, whole in self._machines(variant):
                load: LoadMonitor = getattr(spec, field)
                self._alarm(field, field, metric, load.percent * whole, about, load, variant=variant)

    def _machines(self, variant: str) -> Iterator[tuple[Any, str, float]]:
        """The loads that are watched: the field, its metric, and what a whole machine is in its unit.

        Source: sagemaker/latest/dg/monitoring-cloudwatch: utilisation is summed over cores, and over GPUs.
        """
        found = self._endpoint.spec.variants[variant]
        known = InstanceCatalogue.shipped().get(found.instance_type) if found else None
        if known is None:
            return
        wanted = (("cpu", "CPUUtilization", known.vcpus), ("memory", "MemoryUtilization", 1))
        for field, metric, whole in (*wanted, ("gpu", "GPUUtilization", known.gpus)):
            if getattr(self.spec, field) is not None and whole:
                yield field, metric, float(whole)

    def _errors(self, variant: str, about: Mapping[str, str]) -> None:
        errors = self.spec.errors
        assert errors is not None
        self._told(
            "errors",
            f"{variant}-errors",
            {"metric_queries": error_share(about, period=_POINT, counted="failed")},
            below=False,
            limit=errors.percent,
            says=f"More than {errors.percent:g} percent of the calls of {self.endpoint_name}/{variant} fail",
            bad=errors.sustained.bad,
            of=errors.sustained.of,
        )

    def _alarm(
        self,
        field: str,
        kind: MonitorKind,
        metric: str,
        limit: float,
        about: Mapping[str, str],
        monitor: MonitorSpec,
        *,
        variant: str = "",
        period: int = _POINT,
    ) -> None:
        table = METRICS[kind]
        known = table[metric]
        percentile = known.statistic.startswith("p")
        watched: dict[str, Any] = {
            "namespace": table.namespace,
            "metric_name": known.name,
            "dimensions": dict(about),
            "period": period,
            ("extended_statistic" if percentile else "statistic"): known.statistic,
        }
        own = variant or ("" if metric.startswith(kind.partition("_")[0]) else dashed(kind))
        role = "-".join(part for part in (own, kind if variant else dashed(metric)) if part)
        side = "below" if known.worse == "below" else "above"
        self._told(
            field,
            role,
            watched,
            below=known.worse == "below",
            limit=limit,
            says=f"{self.endpoint_name}: {known.says}: {side} {limit:g}",
            bad=monitor.sustained.bad,
            of=monitor.sustained.of,
        )
        self.alarms[f"{kind}.{f'{variant}.' if variant else ''}{metric}"] = AlarmFacts(
            name=self.physical("alarm", role),
            kind=kind,
            metric=metric,
            threshold=limit,
            dimensions=dict(about),
            period_seconds=period,
        )


def _redacted(endpoint: InferenceEndpoint, lake: DataLake) -> dict[str, str]:
    """What becomes of the fields of an endpoint's captured calls, by name."""
    captured = endpoint.spec.captured
    if captured is None or captured.redact is None:
        return {}
    rules, _ = captured.redact.rules(lake.spec.datasets)
    return dict(rules)


def _not_offered(spec: MonitorsSpec, region: str) -> Iterator[Fault]:
    known = InstanceCatalogue.shipped().get(spec.instance_type) if spec.jobs else None
    if known is not None and not known.processes:
        yield spec.fault("instance_type", "runs no processing jobs", "Take another type.", spec.instance_type)
    elif known is not None and not known.offered_in(region):
        there = ", ".join(sorted(known.regions))
        yield spec.fault("instance_type", f"isn't sold in {region}", f"It is in: {there}.", spec.instance_type)
