"""Watching an endpoint beside its model's data: a probe, request patterns, cost, and the page where people look."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data import DataLake
from modelyard.core import captured, monitored
from modelyard.core.access import Statement
from modelyard.core.bundles import bundle
from modelyard.core.champions import champion_parameter
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, SpecError
from modelyard.core.functions import Worker, function, function_arn, worker
from modelyard.core.schedules import Schedules
from modelyard.core.settle import at_program_end
from modelyard.foundation.keys import KeysLike
from modelyard.run.monitoring import metrics, patterns, prices, publishing
from modelyard.run.monitoring.alarms import Teller
from modelyard.run.monitoring.dashboards import Line, Page, endpoint_page
from modelyard.run.monitoring.metrics import OURS
from modelyard.run.monitoring.watch_spec import CostSpec, PatternsSpec, ProbeSpec, WatchSpec
from modelyard.run.monitoring.watchable import known_prices, unwatched
from modelyard.run.serving import Asynchronous, DeclaredRelease, InferenceEndpoint, Instances, Serverless

_SMALL_MIB: Final = 128
_READER_MIB: Final = 512
_READER_SECONDS: Final = 600
_HOURS: Final = 730
_DAY: Final = 86_400
_MEASURED: Final = (
    ("sweeps", "lie on lines, as the inputs of a search for the decision's boundary do"),
    ("distances", "are at distances that ordinary inputs aren't at"),
    ("steps", "are one step of the same size from another"),
    ("outside", "have values beyond their ranges"),
    ("boundary", "are answered next to the threshold"),
    ("share_of_one", "come from one caller"),
)


class EndpointWatch(Component):
    """What watches one endpoint: functions by the clock, their alarms, and a dashboard.

    Before the loop's first release there is nothing to watch and nothing is made; `unwatched` says what isn't watched,
    and why. Raises `SpecError` with all faults, such as a probe of an endpoint that answers later.
    """

    CAPABILITY = "monitoring"

    def __init__(
        self,
        name: str,
        spec: WatchSpec,
        *,
        context: Context,
        endpoint: InferenceEndpoint,
        lake: DataLake,
        keys: KeysLike,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self._prices = known_prices(spec.cost, endpoint, context.region)
        faults = [*spec.all_faults(), *self._unfit(spec, endpoint)]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec, self.endpoint = spec, endpoint
        self._lake, self._key = lake, keys.arn("models")
        self._teller = Teller(self, endpoint.spec.owner, spec.told, endpoint.topic)
        self.alarms: list[str] = [context.arn("cloudwatch", f"alarm:{each}") for each in endpoint.alarm_names]
        """The ARNs of the alarms that its page shows."""
        self.dashboard_name = self.physical("dashboard") if spec.dashboard else ""
        self.unwatched = dict(unwatched(spec, endpoint, self._prices))
        if endpoint.exists:
            self._watches()
        if spec.dashboard:
            at_program_end(self._shows)
        self.register_outputs({"dashboard": self.dashboard_name, "unwatched": self.unwatched})

    def show(self, *alarms: str) -> None:
        """Let the page show these alarms, by ARN, such as those of the endpoint's monitors."""
        self.alarms += [arn for arn in alarms if arn not in self.alarms]

    @property
    def page(self) -> Page:
        """The endpoint, as pages name it."""
        variants = tuple(self.endpoint.spec.variants)
        return Page(self.endpoint.component, self.endpoint.endpoint_name, variants, self.context.region)

    def cost_lines(self, mark: str = "") -> list[Line]:
        """The lines of what the endpoint costs, for a chart; none where that isn't measured. `mark` tells charts'
        expressions apart."""
        if self.spec.cost is None or self._prices is None:
            return []
        name = self.endpoint.component
        if self._is_serverless:
            latency = self.page.service("latency", "ModelLatency", stat="Sum")
            latency[-1] = {"stat": "Sum", "id": f"latency{mark}", "visible": False, "period": _DAY}
            month = {"expression": f"latency{mark} * {self._month_factor:.10g}", "label": name, "id": f"month{mark}"}
            return [[month], latency]
        return [self.page.ours("cost", "cost_month", label=name, period=3600)]

    @property
    def facts(self) -> dict[str, Any]:
        """What an incident says of the endpoint."""
        spec, release = self.endpoint.spec, self.endpoint.spec.release
        declared = isinstance(release, DeclaredRelease)
        served = spec.served_by
        shadow = served.shadow.version if isinstance(served, Instances) and served.shadow else None
        return {
            "endpoint": self.endpoint.endpoint_name,
            "model": spec.model,
            "owner": spec.owner,
            "runbook": self.spec.told,
            "dashboard": self.dashboard_name,
            "version": release.version if declared else None,
            "champion": "" if declared else champion_parameter(self.context.names, self.endpoint.component),
            "shadow": shadow,
        }

    def _watches(self) -> None:
        spec = self.spec
        statements = [Statement(("lambda:InvokeFunction",), tuple(function_arn(self, part) for part in self._parts()))]
        clock = Schedules(
            self,
            statements=statements,
            description=f"{self.context.owner}: starts what watches {self.endpoint.component}",
            written=spec.source(),
        )
        if spec.probe is not None:
            self._probes(spec.probe, clock)
        if spec.patterns is not None and "patterns" not in self.unwatched:
            self._looks(spec.patterns, clock)
        self._counts(spec.cost, clock)

    def _parts(self) -> Iterator[str]:
        if self.spec.probe is not None:
            yield "probe"
        if self.spec.patterns is not None and "patterns" not in self.unwatched:
            yield "patterns"
        yield "cost"

    def _worker(self, part: str, says: str) -> Worker:
        """Who one function works as: it writes its log, and metrics into our namespace."""
        made = worker(
            self, part, says=f"{self.context.owner}: {says}", key_arn=self._key, written=self.spec.source(part)
        )
        namespace = {"StringEquals": {"cloudwatch:namespace": OURS}}
        made.role.allow(self, part, [made.logs, Statement(("cloudwatch:PutMetricData",), ("*",), namespace)])
        return made

    def _function(
        self,
        part: str,
        made: Worker,
        says: str,
        *,
        files: Mapping[str, str],
        modules: tuple[ModuleType, ...],
        settings: Mapping[str, pulumi.Input[str]],
        seconds: int,
        memory_mib: int = _SMALL_MIB,
    ) -> aws.lambda_.Function:
        code = Path(__file__).with_name(f"{part}_function.py").read_text("utf-8")
        return function(
            self,
            part,
            worker=made,
            says=f"{self.context.owner}: {says}",
            files=bundle({"function.py": code, **files}, captured, monitored, metrics, publishing, *modules),
            handler="function.handler",
            seconds=seconds,
            memory_mib=memory_mib,
            settings={"ENDPOINT": self.endpoint.endpoint_name, **settings},
            key_arn=self._key,
            written=self.spec.source(part),
        )

    def _probes(self, spec: ProbeSpec, clock: Schedules) -> None:
        says = f"probes {self.endpoint.component}"
        made = self._worker("probe", says)
        asked = self.endpoint.targets.get(self.endpoint.spec.model)
        self.endpoint.grant_invoke(made.role, models=[self.endpoint.spec.model] if asked else None)
        probe = self._function(
            "probe",
            made,
            says,
            files={"payload.txt": spec.payload},
            modules=(),
            settings={
                "ACCEPT": spec.accept,
                "CONTENT_TYPE": spec.content_type,
                "EXPECTS": spec.expects,
                "SECONDS": f"{spec.timeout_seconds:g}",
                "TARGET_MODEL": asked.called if asked else "",
            },
            seconds=int(spec.timeout_seconds) * 2 + 10,
        )
        minutes = spec.every_minutes
        clock.add("probe-clock", f"rate({minutes} minute{'s' if minutes > 1 else ''})", probe.arn, sharp=True)
        name, kept = self.endpoint.component, spec.sustained
        limits = [("up", "uptime_answered", 1.0, f"{name} doesn't answer its probe", True)]
        if spec.latency_ms is not None:
            says = f"{name} answers its probe later than in {spec.latency_ms:g} ms"
            limits.append(("late", "uptime_latency", spec.latency_ms, says, False))
        for role, metric, limit, says, silence in limits:
            self._alarm(role, "uptime", metric, limit, says, minutes * 60, kept.bad, kept.of, silence=silence)

    def _looks(self, spec: PatternsSpec, clock: Schedules) -> None:
        says = f"reads the captured calls of {self.endpoint.component} for what looks like an attack"
        made = self._worker("patterns", says)
        self.endpoint.grant_read_capture(made.role)
        reader = self._function(
            "patterns",
            made,
            says,
            files={},
            modules=(patterns,),
            settings={
                "BUCKET": self._lake.zone("capture").bucket.bucket,
                "HOURS": str(spec.every_hours),
                "LOOK": spec.look(),
                "PREFIX": self.endpoint.capture_prefix,
                "VARIANTS": ",".join(self.endpoint.spec.variants),
            },
            seconds=_READER_SECONDS,
            memory_mib=_READER_MIB,
        )
        hours = {1: "*", 24: "0"}.get(spec.every_hours, f"0/{spec.every_hours}")
        clock.add("patterns-clock", f"cron(40 {hours} * * ? *)", reader.arn)
        limits: dict[str, float | None] = {
            "sweeps": spec.sweeps,
            "distances": spec.distances,
            "steps": spec.steps,
            "outside": spec.outside if spec.ranges else None,
            "boundary": spec.boundary.share if spec.boundary else None,
            "share_of_one": spec.share_of_one,
        }
        kept = spec.sustained
        for what, means in _MEASURED:
            limit = limits[what]
            if limit is not None:
                says = f"Too many calls of {self.endpoint.component} {means}"
                role, period = what.replace("_", "-"), spec.every_hours * 3600
                self._alarm(role, "patterns", f"patterns_{what}", limit, says, period, kept.bad, kept.of)
        self._fails("patterns", reader)

    def _counts(self, spec: CostSpec | None, clock: Schedules) -> None:
        says = f"measures the size, version and cost of {self.endpoint.component}"
        made, facts = self._worker("cost", says), self.facts
        self.endpoint.grant_read(made.role)
        if facts["champion"]:
            where = self.context.arn("ssm", f"parameter{facts['champion']}")
            made.role.allow(self, "cost", [Statement(("ssm:GetParameter",), (where,))])
        measured = self._prices if spec is not None and not self._is_serverless else None
        reader = self._function(
            "cost",
            made,
            says,
            files={"prices.json": json.dumps(measured, sort_keys=True)},
            modules=(),
            settings={"CHAMPION": facts["champion"], "VERSION": str(facts["version"] or "")},
            seconds=60,
        )
        clock.add("cost-clock", "cron(25 * * * ? *)", reader.arn)
        self._fails("cost", reader)
        if spec is None or spec.monthly_ceiling_usd is None or self._prices is None:
            return
        says = f"{self.endpoint.component} costs more than {spec.monthly_ceiling_usd:g} dollars a month at this pace"
        if self._is_serverless:
            watched = {"metric_queries": self._serverless_queries()}
            self._teller.on("ceiling", watched, below=False, limit=spec.monthly_ceiling_usd, says=says, bad=1, of=1)
            self.show(self._arn("ceiling"))
        else:
            self._alarm("ceiling", "cost", "cost_month", spec.monthly_ceiling_usd, says, _DAY, 1, 1)

    @property
    def _is_serverless(self) -> bool:
        return isinstance(self.endpoint.spec.served_by, Serverless)

    @property
    def _month_factor(self) -> float:
        """Dollars of a month for each microsecond of work in a day: gigabytes, their price, and days."""
        served = self.endpoint.spec.served_by
        assert isinstance(served, Serverless) and self._prices is not None
        return served.memory_mib / 1024 * self._prices[prices.SERVERLESS] * _HOURS / 24 / 1_000_000

    def _serverless_queries(self) -> list[dict[str, Any]]:
        """A month at the pace of the last day."""
        about = metrics.dimensions("latency", self.endpoint.endpoint_name, variant=self.page.variants[0])
        metric = {
            "namespace": metrics.SERVICE,
            "metric_name": "ModelLatency",
            "dimensions": about,
            "period": _DAY,
            "stat": "Sum",
        }
        month = f"latency * {self._month_factor:.10g}"
        return [
            {"id": "month", "expression": month, "label": "dollars a month", "return_data": True},
            {"id": "latency", "metric": metric},
        ]

    def _alarm(
        self,
        role: str,
        kind: metrics.MonitorKind,
        metric: str,
        limit: float,
        says: str,
        period: int,
        bad: int,
        of: int,
        silence: bool = False,
    ) -> None:
        self._teller.alarm(
            role,
            kind,
            metric,
            self.endpoint.endpoint_name,
            limit=limit,
            says=says,
            period=period,
            bad=bad,
            of=of,
            silence=silence,
        )
        self.show(self._arn(role))

    def _fails(self, part: str, made: aws.lambda_.Function) -> None:
        role = f"{part}-fails"
        self._teller.errors(role, made.name, f"What reads {part} of {self.endpoint.component} fails")
        self.show(self._arn(role))

    def _arn(self, role: str) -> str:
        return self.context.arn("cloudwatch", f"alarm:{self.physical('alarm', role)}")

    def _shows(self) -> None:
        spec, served = self.spec, self.endpoint.spec.served_by
        ceiling = spec.cost.monthly_ceiling_usd if spec.cost else None
        body = endpoint_page(
            self.page,
            says=self._heading(),
            alarms=self.alarms,
            cost=self.cost_lines(),
            ceiling=ceiling,
            probed=spec.probe is not None,
            patterns=spec.patterns is not None and "patterns" not in self.unwatched,
            machines=not isinstance(served, Serverless),
        )
        aws.cloudwatch.Dashboard(
            self.written_at("dashboard", spec.source("dashboard")),
            dashboard_name=self.dashboard_name,
            dashboard_body=json.dumps(body, sort_keys=True, separators=(",", ":")),
            opts=self.options(),
        )

    def _heading(self) -> str:
        facts = self.facts
        version = f"version {facts['version']}" if facts["version"] else "the version that the loop released last"
        lines = [
            f"# {self.endpoint.component} of {self.context.owner} in {self.context.environment}",
            f"Serves **{facts['model']}**, {version}"
            + (f"; {facts['shadow']} is tried beside it." if facts["shadow"] else "."),
            f"Owner: {facts['owner']}. Runbook: {facts['runbook']}",
            *(f"Not watched: {part}, since {why}." for part, why in self.unwatched.items()),
        ]
        return "\n\n".join(lines)

    def _unfit(self, spec: WatchSpec, endpoint: InferenceEndpoint) -> Iterator[Fault]:
        """What is asked for and can't be had of this endpoint."""
        if spec.probe is not None and isinstance(endpoint.spec.served_by, Asynchronous):
            remedy = "Remove it; the age of what waits tells whether anything is answered."
            yield spec.fault("probe", "asks an asynchronous endpoint, which answers into the lake, later", remedy)
        missing = unwatched(spec, endpoint, self._prices)
        if "patterns" in missing and "patterns" in spec.model_fields_set:
            remedy = 'Keep some calls (serving\'s "capture"), or remove it.'
            yield spec.fault("patterns", "looks at captured calls, and none are", remedy)
        if "cost" in missing and spec.cost is not None and spec.cost.monthly_ceiling_usd is not None:
            what = "gb_second_usd" if isinstance(endpoint.spec.served_by, Serverless) else "prices"
            yield spec.fault("cost", missing["cost"], f'Say it under "{what}".', spec.cost.monthly_ceiling_usd)
