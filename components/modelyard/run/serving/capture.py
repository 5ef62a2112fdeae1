"""Where an endpoint's captured calls go, who puts them there, and what takes the sensitive out of them.

Without redaction SageMaker writes to where calls are kept. With redaction it writes below `unredacted/`, which expires
in a day, and a function brings calls over every few minutes. Our own container redacts before it writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data import CALLS, UNREDACTED, DataLake
from modelyard.core import redaction
from modelyard.core.access import Statement
from modelyard.core.bundles import bundle
from modelyard.core.component import Component
from modelyard.core.errors import Fault
from modelyard.core.functions import function, function_arn, worker
from modelyard.core.identity import Role
from modelyard.core.schedules import Schedules
from modelyard.foundation.secrets import Secrets
from modelyard.run.serving.kinds import ONLY
from modelyard.run.serving.spec import EndpointSpec

EVERY_MINUTES: Final = 15
"""How often calls are brought over: readable for a quarter of an hour, at three thousand runs a month."""
_PART: Final = "redactor"
_SECONDS: Final = 600
_MEMORY_MIB: Final = 512
_FILE: Final = "redaction_function.py"


class Capture:
    """The captured calls of one endpoint; `kept` is where they lie in the capture zone for whoever may read them."""

    def __init__(self, endpoint: Component, spec: EndpointSpec, *, lake: DataLake, secrets: Secrets | None) -> None:
        self._endpoint, self._spec, self._lake, self._secrets = endpoint, spec, lake, secrets
        captured = spec.captured
        self.redact = captured.redact if captured else None
        self.by_container = captured is not None and captured.by == "container"
        self.kept = f"{CALLS}/{endpoint.component}"
        swept = self.redact is not None and not self.by_container
        self.written = f"{UNREDACTED}/{endpoint.component}" if swept else self.kept

    def may_write(self) -> list[Statement]:
        """What lets the containers' role, which SageMaker captures under as well, put calls down."""
        return self._lake.zone("capture").may_write(self.written) if self._spec.captured else []

    def uri(self, prefix: str) -> pulumi.Output[str]:
        """A place of the capture zone."""
        return pulumi.Output.concat("s3://", self._lake.zone("capture").bucket.bucket, f"/{prefix}")

    def environment(self, endpoint_name: str) -> dict[str, pulumi.Input[str]]:
        """What our container is told of capture; nothing where SageMaker keeps the calls."""
        captured = self._spec.captured
        if captured is None or not self.by_container:
            return {}
        fields, columns = self._rules()
        found: dict[str, pulumi.Input[str]] = {
            "MODELYARD_CAPTURE_AS": f"{endpoint_name}/{ONLY}",
            "MODELYARD_CAPTURE_PERCENT": str(captured.percent),
            "MODELYARD_CAPTURE_URI": self.uri(self.kept),
        }
        if fields:
            found |= {"MODELYARD_REDACT_FIELDS": fields, "MODELYARD_REDACT_COLUMNS": columns}
        if self.redact is not None and self.redact.secret is not None:
            assert self._secrets is not None
            found["MODELYARD_REDACT_SECRET"] = self._secrets.arns[self.redact.secret]
            found["MODELYARD_REDACT_BY"] = self.redact.secret
        return found

    def start(
        self, identity: Role, *, endpoint_name: str, key_arn: pulumi.Output[str], topic: pulumi.Input[str]
    ) -> None:
        """Let what redacts read its key; where SageMaker keeps the calls, make what brings them over."""
        redact, endpoint = self.redact, self._endpoint
        if redact is None:
            return
        if self.by_container:
            self._let_read(identity)
            return
        says = f"{endpoint.component}: takes what is sensitive out of captured calls"
        written = redact.source()
        made = worker(endpoint, _PART, says=says, key_arn=key_arn, written=written)
        zone = self._lake.zone("capture")
        removes = Statement(("s3:DeleteObjectVersion",), zone.objects(self.written))
        made.role.allow(
            endpoint,
            "redact",
            [*zone.may_read(self.written), *zone.may_write(self.written, self.kept), removes, made.logs],
        )
        self._let_read(made.role)
        fields, columns = self._rules()
        secret = self._secrets.arns[redact.secret] if self._secrets is not None and redact.secret is not None else ""
        here = Path(__file__).with_name(_FILE).read_text("utf-8")
        function(
            endpoint,
            _PART,
            worker=made,
            says=says,
            files=bundle({"function.py": here}, redaction),
            handler="function.handler",
            seconds=_SECONDS,
            memory_mib=_MEMORY_MIB,
            settings={
                "BUCKET": zone.bucket.bucket,
                "COLUMNS": columns,
                "ENDPOINT": endpoint_name,
                "FIELDS": fields,
                "KEPT": f"{self.kept}/",
                "RAW": f"{self.written}/",
                "SECONDS": str(_SECONDS),
                "SECRET": secret,
            },
            key_arn=key_arn,
            written=written,
            after=[made.role],
        )
        arn = function_arn(endpoint, _PART)
        Schedules(
            endpoint,
            statements=[Statement(("lambda:InvokeFunction",), (arn,))],
            description=f"Starts the redaction of {endpoint.component}'s captured calls",
            written=written,
        ).add("redacts", f"rate({EVERY_MINUTES} minutes)", arn, given="{}", written=written)
        aws.cloudwatch.MetricAlarm(
            endpoint.named("unredacted"),
            name=endpoint.physical("alarm", "unredacted"),
            alarm_description=f"Captured calls of {endpoint_name} could not be redacted; they expire unseen in a day",
            namespace="AWS/Lambda",
            metric_name="Errors",
            dimensions={"FunctionName": endpoint.physical("function", _PART)},
            statistic="Sum",
            period=60 * EVERY_MINUTES,
            evaluation_periods=4,
            datapoints_to_alarm=3,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            treat_missing_data="notBreaching",
            alarm_actions=[topic],
            ok_actions=[topic],
            opts=endpoint.options(),
        )

    def _let_read(self, role: Role) -> None:
        if self._secrets is not None and self.redact is not None and self.redact.secret is not None:
            self._secrets.grant_read(role, secrets=[self.redact.secret])

    def _rules(self) -> tuple[str, str]:
        """Fields and columns as JSON."""
        if self.redact is None:
            return "", ""
        fields, columns = self.redact.rules(self._lake.spec.datasets)
        return json.dumps(fields, sort_keys=True), json.dumps(columns)


def unredactable(spec: EndpointSpec, lake: DataLake, secrets: Secrets | None) -> Iterator[Fault]:
    """A dataset or a secret that redaction names, and that isn't there."""
    if spec.captured is not None and spec.captured.redact is not None:
        yield from spec.captured.redact.unknown(lake.spec.datasets, secrets.arns if secrets is not None else None)
