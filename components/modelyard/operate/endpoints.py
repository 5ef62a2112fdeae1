"""Endpoints, day two: what a shadow would have answered beside what production did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from modelyard.blueprints.flavours import only
from modelyard.blueprints.platform import platform_context
from modelyard.core.captured import Call, calls
from modelyard.core.context import Context
from modelyard.core.errors import EnvironmentFault, Fault, InputError, Source
from modelyard.operate.cloud import Cloud
from modelyard.operate.data.place import Lake, lake_of
from modelyard.operate.deployments import Place
from modelyard.operate.models.place import Client, asking, code_of
from modelyard.run.serving import EndpointSpec, Instances, ShadowSpec

if TYPE_CHECKING:
    from modelyard_jobs.shadow import Report

SHADOW: Final = "shadow"
"""What a shadow's variant is called."""
MOST_BYTES: Final = 256 * 2**20
"""Of captured calls that one comparison reads, the newest first."""
_SIGN_IN: Final = "Sign in as a persona that reads captured calls: `access` in the team's file says who."
_MICROSECONDS: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of one team in one environment; `client` asks AWS."""

    context: Context
    name: str
    spec: EndpointSpec
    lake: Lake
    client: Client

    @property
    def physical(self) -> str:
        """What SageMaker calls it."""
        return self.context.names.of("endpoint", self.name)

    def calls(self, variant: str, hours: Sequence[datetime]) -> Iterator[Call | None]:
        """What was captured of a variant in these hours, the newest first, as far as `MOST_BYTES` reach."""
        s3, bucket, room = self.client("s3"), self.lake.bucket("capture"), MOST_BYTES
        for hour in sorted(hours, reverse=True):
            prefix = f"calls/{self.name}/{self.physical}/{variant}/{hour:%Y/%m/%d/%H}/"
            with asking(f"s3://{bucket}/{prefix}", _SIGN_IN, of=self.context):
                for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                    for found in page.get("Contents", ()):
                        room -= int(found["Size"])
                        if room < 0:
                            return
                        body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
                        yield from calls(body.decode("utf-8", "replace").splitlines())

    def latency_ms(self, variant: str, since: datetime, until: datetime) -> float | None:
        """The 99th percentile of the model's time since then; None where nobody knows, or may not say."""
        from botocore.exceptions import ClientError

        named = {"EndpointName": self.physical, "VariantName": variant}
        try:
            found = self.client("cloudwatch").get_metric_statistics(
                Namespace="AWS/SageMaker",
                MetricName="ModelLatency",
                Dimensions=[{"Name": name, "Value": value} for name, value in named.items()],
                StartTime=since,
                EndTime=until,
                Period=max(60, int((until - since).total_seconds()) // 60 * 60),
                ExtendedStatistics=["p99"],
            )["Datapoints"]
        except ClientError as error:
            if code_of(error) in ("AccessDenied", "AccessDeniedException"):
                return None
            raise
        values = [float(point["ExtendedStatistics"]["p99"]) for point in found if point.get("ExtendedStatistics")]
        return max(values) / _MICROSECONDS if values else None


def endpoint_of(where: Place, name: str, team: str | None = None) -> Endpoint:
    """The endpoint called `name`, of `team` or of the one team that has it.

    Raises `InputError` where no team has it, and where several do.
    """
    platform = platform_context(where.project.platform(where.environment), where.environment)
    known: list[str] = []
    having: list[Endpoint] = []
    for each in [team] if team else [found for found in where.names if found != "platform"]:
        spec = where.project.team(each, where.environment)
        served = only(EndpointSpec, spec.serving)
        known += served
        if name in served:
            cloud = Cloud(where, account=spec.account or "")
            context = platform.for_team(each, account=spec.account)
            having.append(Endpoint(context, name, served[name], lake_of(where, each), cloud.client))
    if len(having) == 1:
        return having[0]
    source = Source("NAME")
    if having:
        teams = ", ".join(found.context.owner for found in having)
        raise InputError(Fault(f"several teams have one: {teams}", "Say whose it is: --team", source, name))
    there = ", ".join(sorted(set(known))) or "none"
    whose = f"of {team}" if team else "of any team"
    problem = f"is no endpoint {whose} in {where.environment}; there are: {there}"
    raise InputError(Fault(problem, "Name one, or declare it under serving.", source, name))


def shadow_report(endpoint: Endpoint, *, hours: int, now: datetime | None = None) -> Report:
    """What the shadow answered in the last hours beside production, and whether that is within the file's tolerances.

    Raises `InputError` for an endpoint without a shadow or without capture, and `EnvironmentFault` where no call was
    captured of both.
    """
    from modelyard_jobs.shadow import Tolerances, compare, paired

    shadow, until = _shadow(endpoint.spec), now or datetime.now(UTC)
    wanted = [until - timedelta(hours=back) for back in range(hours + 1)]
    (beside,) = endpoint.spec.variants
    found = paired(endpoint.calls(beside, wanted), endpoint.calls(SHADOW, wanted))
    if not found.pairs:
        problem = (
            f"no call of the last {hours} hours was captured of both: {found.production_alone} of production's alone, "
            f"{found.shadow_alone} of the shadow's"
        )
        where = f"{endpoint.name} of {endpoint.context.owner} in {endpoint.context.environment}"
        raise EnvironmentFault(Fault(problem, "Wait for calls, or look further back: --hours", Source(where)))
    sides = {"production": beside, "shadow": SHADOW}
    since = until - timedelta(hours=hours)
    known = {side: endpoint.latency_ms(variant, since, until) for side, variant in sides.items()}
    latency: Mapping[str, float] = {side: value for side, value in known.items() if value is not None}
    tolerances = Tolerances(**shadow.tolerances.model_dump())
    return compare(endpoint.physical, SHADOW, found, tolerances, latency)


def told(report: Report) -> list[str]:
    """The report in lines."""
    joined = ", ".join(f"{count} by {name}" for name, count in report.joined.items())
    lines = [
        f"{report.shadow} of {report.endpoint}: {report.verdict}",
        *(f"  {reason}" for reason in report.reasons),
        f"{report.pairs} calls of both ({joined}); {report.production_alone} of production alone, "
        f"{report.shadow_alone} of the shadow alone",
        f"{report.agreement:.1%} of the answers are the same",
    ]
    for column in report.columns:
        means = (
            f", means {column.production_mean:.4g} and {column.shadow_mean:.4g}"
            if column.production_mean is not None and column.shadow_mean is not None
            else ""
        )
        lines.append(f"answer {column.index}: {column.agreement:.1%} the same, shift {column.shift:.3f}{means}")
    times = ", ".join(f"{side} {value:.1f} ms" for side, value in report.latency_ms.items())
    return [*lines, f"p99 latency: {times or 'not known'}"]


def _shadow(spec: EndpointSpec) -> ShadowSpec:
    shadow: Any = spec.served_by.shadow if isinstance(spec.served_by, Instances) else None
    if shadow is None:
        problem, remedy = "has no shadow", 'Declare one ("served_by.shadow"), deploy, and wait for calls.'
        raise InputError(spec.fault("served_by", problem, remedy))
    if spec.captured is None:
        problem, remedy = "keeps no call, so that nothing can be compared", "Give a percentage."
        raise InputError(spec.fault("capture.percent", problem, remedy, 0))
    return shadow
