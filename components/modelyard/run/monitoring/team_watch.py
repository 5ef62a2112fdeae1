"""What a team has once for all of its endpoints: the function that keeps incidents, and a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data import DataLake
from modelyard.core import evidence as evidence_form
from modelyard.core import incidents, releasing
from modelyard.core.access import Grantee, Statement, address, identity_of
from modelyard.core.addresses import BucketAddress
from modelyard.core.bundles import bundle
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.functions import FOR_A_DAY, Worker, function, woken, worker
from modelyard.core.incidents import CLOSED, place
from modelyard.core.notices import Notices
from modelyard.core.settle import at_program_end
from modelyard.foundation.keys import ENCRYPT_AND_DECRYPT, KeysLike, through_service
from modelyard.run.governance import EvidenceStore
from modelyard.run.monitoring.dashboards import team_page
from modelyard.run.monitoring.watch import EndpointWatch

_SECONDS: Final = 60
_MEMORY_MIB: Final = 256
_ZONE: Final = "capture"
"""Where incidents lie in the lake of a team that keeps no evidence; they go with the zone's other objects."""


class TeamWatch(Component):
    """Incidents of all endpoints that are watched, and one page with all of them.

    Incidents lie in the bucket of `evidence`, locked as it is; absent: in the capture zone of `lake`. `dashboard`:
    whether there is a page.
    """

    CAPABILITY = "monitoring"

    def __init__(
        self,
        name: str,
        *,
        context: Context,
        watched: Sequence[EndpointWatch],
        lake: DataLake,
        keys: KeysLike,
        evidence: EvidenceStore | None = None,
        dashboard: bool = True,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        written: Source | None = None,
    ) -> None:
        super().__init__(name, None, context=context, transform=transform, opts=opts, written=written)
        self._watched = {watch.endpoint.component: watch for watch in watched}
        self._lake, self._evidence, self._key = lake, evidence, keys.arn("models")
        kept = evidence.bucket if evidence is not None else lake.zone(_ZONE).bucket
        self.bucket = kept.bucket
        """The name of the bucket in which incidents lie."""
        self.kept = {name: watch for name, watch in self._watched.items() if watch.spec.incidents}
        """The endpoints whose alarms open incidents."""
        if self.kept:
            self._keeper = self._acts()
            at_program_end(self._keeps)
        self.dashboard_name = self.physical("dashboard") if dashboard and watched else ""
        if self.dashboard_name:
            at_program_end(self._shows)
        self.register_outputs({"dashboard": self.dashboard_name, "incidents": self.bucket})

    def grant_read_incidents(self, grantee: Grantee, *, endpoints: Sequence[str] | None = None) -> None:
        """Let `grantee` list and read incidents. Absent: of all endpoints."""
        chosen = self._chosen(endpoints)
        self._grant(grantee, "read incidents", self._may_read(f"{place(name)}*" for name in chosen))

    def grant_close_incidents(self, grantee: Grantee, *, endpoints: Sequence[str] | None = None) -> None:
        """Let `grantee` read incidents, and say once what was done about each. Absent: of all endpoints."""
        chosen = self._chosen(endpoints)
        self.grant_read_incidents(grantee, endpoints=chosen)
        closed = self._may_keep(*(f"{place(name)}*/{CLOSED}" for name in chosen))
        self._grant(grantee, "close incidents", closed)

    def facts(self) -> dict[str, Any]:
        """What the function knows of the team and its endpoints."""
        context = self.context
        return {
            "team": context.owner,
            "environment": context.environment,
            "region": context.region,
            "endpoints": {
                name: {
                    **watch.facts,
                    "alarms": sorted(arn.rpartition(":alarm:")[2] for arn in watch.alarms),
                    "prefix": f"{'-'.join((*context.names.owner, name))}-",
                    "topic": Notices(watch.endpoint, self._key).known_arn(watch.endpoint.spec.owner),
                }
                for name, watch in sorted(self.kept.items())
            },
        }

    def _acts(self) -> Worker:
        """Who the function works as."""
        keeper, facts = worker(self, "incidents", says=self._says, key_arn=self._key), self.facts()
        records = [place(name) for name in facts["endpoints"]]
        known = [each["champion"] for each in facts["endpoints"].values() if each["champion"]]
        topics = sorted({each["topic"] for each in facts["endpoints"].values()})
        statements = [
            keeper.logs,
            *self._may_keep(*(f"{record}*" for record in records)),
            *(self._evidence.may_look_up() if self._evidence is not None else ()),
            Statement(("sns:Publish",), tuple(topics)),
            through_service(self.context, "sns", ENCRYPT_AND_DECRYPT, self._key),
        ]
        if known:
            parameters = tuple(self.context.arn("ssm", f"parameter{name}") for name in known)
            statements.append(Statement(("ssm:GetParameter",), parameters))
        keeper.role.allow(self, "keep", statements)
        return keeper

    @property
    def _says(self) -> str:
        return f"{self.context.owner}: keeps incidents"

    def _keeps(self) -> None:
        """The function, when every endpoint's alarms are known, and the rule that wakes it."""
        code = Path(__file__).with_name("incidents_function.py").read_text("utf-8")
        self.function = function(
            self,
            "incidents",
            worker=self._keeper,
            says=self._says,
            files=bundle(
                {"function.py": code, "facts.json": json.dumps(self.facts(), sort_keys=True)},
                incidents,
                releasing,
                evidence_form,
            ),
            handler="function.handler",
            seconds=_SECONDS,
            memory_mib=_MEMORY_MIB,
            settings={
                "BUCKET": self.bucket,
                "EVIDENCE": self._evidence.bucket.bucket if self._evidence is not None else "",
            },
            key_arn=self._key,
        )
        self._hears()
        aws.cloudwatch.MetricAlarm(
            self.named("unwritten"),
            name=self.physical("alarm", "unwritten"),
            alarm_description=f"An incident of {self.context.owner} could not be written",
            namespace="AWS/Lambda",
            metric_name="Errors",
            dimensions={"FunctionName": self.function.name},
            statistic="Sum",
            period=300,
            evaluation_periods=1,
            datapoints_to_alarm=1,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            treat_missing_data="notBreaching",
            alarm_actions=[watch.endpoint.topic for watch in self.kept.values()],
            ok_actions=[watch.endpoint.topic for watch in self.kept.values()],
            opts=self.options(),
        )

    def _hears(self) -> None:
        """AWS tells of alarms on the account's default bus; the rule hears those that bear the team's names."""
        own = "-".join((*self.context.names.owner, ""))
        pattern = {
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change"],
            "detail": {"alarmName": [{"prefix": own}]},
        }
        rule = aws.cloudwatch.EventRule(
            self.named("alarms"),
            name=self.physical("event-rule", "alarms"),
            description=f"An alarm of {self.context.owner} changed its state",
            event_pattern=json.dumps(pattern, sort_keys=True, separators=(",", ":")),
            opts=self.options(),
        )
        woken(self, "alarms", rule, self.function, target_id="incidents", retries=FOR_A_DAY)

    def _shows(self) -> None:
        """The page, when every endpoint's alarms are known."""
        watches = list(self._watched.values())
        names = ", ".join(self._watched)
        says = (
            f"# {self.context.owner} in {self.context.environment}\n\nEndpoints: {names}. Incidents: yard incident list"
        )
        body = team_page(
            [watch.page for watch in watches],
            says=says,
            alarms=[arn for watch in watches for arn in watch.alarms],
            costs=[line for at, watch in enumerate(watches) for line in watch.cost_lines(str(at))],
            region=self.context.region,
        )
        aws.cloudwatch.Dashboard(
            self.named("dashboard"),
            dashboard_name=self.dashboard_name,
            dashboard_body=json.dumps(body, sort_keys=True, separators=(",", ":")),
            opts=self.options(),
        )

    def _may_keep(self, *keys: str) -> list[Statement]:
        """List incidents and put these objects of them down: nobody removes or rewrites them."""
        if self._evidence is not None:
            return self._evidence.may_keep_incidents(*keys)
        zone = self._lake.zone(_ZONE)
        return [
            Statement(("s3:ListBucket",), (zone.arn,), {"StringLike": {"s3:prefix": list(keys)}}),
            Statement(
                ("s3:PutObject",),
                tuple(pulumi.Output.concat(zone.arn, "/", key) for key in keys),
                {"Null": {"s3:if-none-match": "false"}},
            ),
            through_service(self.context, "s3", ENCRYPT_AND_DECRYPT, zone.key_arn),
        ]

    def _may_read(self, keys: Any) -> list[Statement]:
        if self._evidence is not None:
            return self._evidence.may_read_incidents(*keys)
        return self._lake.zone(_ZONE).may_read(*(key.removesuffix("*") for key in keys))

    def _grant(self, grantee: Grantee, intent: str, statements: Sequence[Statement]) -> None:
        zone = self._lake.zone(_ZONE)
        found = address(
            BucketAddress,
            name=f"{self.component}/incidents",
            bucket=self.bucket,
            prefix=f"{incidents.INCIDENTS}/",
            key_arn=self._key if self._evidence is not None else zone.key_arn,
        )
        identity_of(grantee).allow(self, intent, statements, [found])

    def _chosen(self, endpoints: Sequence[str] | None) -> list[str]:
        chosen = sorted(self.kept if endpoints is None else set(endpoints))
        known = ", ".join(sorted(self.kept)) or "none"
        faults = [
            Fault(f"is no endpoint with incidents; there are: {known}", "Name one of them.", self.written, name)
            for name in chosen
            if name not in self.kept
        ]
        if faults:
            raise InputError(*faults)
        return chosen
