"""What starts a pipeline: schedules, and rules on the platform's bus, each with a role of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.pipelines.spec import OnData, OnFeatures, OnPush, OnSchedule, PipelineSpec
from modelyard.core.access import Statement
from modelyard.core.component import Component
from modelyard.core.events import CodePushed, DataChanged, FeaturesVersioned, pattern
from modelyard.core.schedules import Schedules
from modelyard.core.service_role import ServiceRole
from modelyard.foundation.audit import AuditLike

_OLDEST_SECONDS: Final = 3600
"""An event that couldn't start a run for an hour starts none: by then somebody has been told."""


class Triggers:
    """Schedules and rules of one pipeline. `starts`: lets a role start it; `sagemaker`: it is SageMaker's."""

    def __init__(
        self,
        pipeline: Component,
        spec: PipelineSpec,
        *,
        arn: pulumi.Output[str],
        starts: Statement,
        sagemaker: bool,
        audit: AuditLike | None,
    ) -> None:
        self._pipeline, self._spec, self._arn, self._starts = pipeline, spec, arn, starts
        self._sagemaker = sagemaker
        clocks = {name: each for name, each in spec.triggers.items() if isinstance(each, OnSchedule)}
        events = {name: each for name, each in spec.triggers.items() if not isinstance(each, OnSchedule)}
        if clocks:
            self._schedules(clocks)
        if events and audit is not None:
            self._rules(events, audit)

    def _schedules(self, wanted: Mapping[str, OnSchedule]) -> None:
        schedules = Schedules(
            self._pipeline,
            statements=[self._starts],
            description=f"Schedules start {self._pipeline.component}",
            written=self._spec.source("triggers"),
        )
        given = None if self._sagemaker else "{}"
        for trigger, spec in wanted.items():
            schedules.add(trigger, spec.expression, self._arn, given=given, written=spec.source())

    def _rules(self, wanted: Mapping[str, OnPush | OnData | OnFeatures], audit: AuditLike) -> None:
        pipeline, context = self._pipeline, self._pipeline.context
        listener = ServiceRole(
            pipeline,
            "listener",
            "events",
            source_arn=context.arn("events", f"rule/*/{'-'.join((*context.names.owner, ''))}*"),
            statements=[self._starts],
            description=f"Events start {pipeline.component}",
            written=self._spec.source("triggers"),
        )
        for trigger, spec in wanted.items():
            heard, told = _heard(spec, context.owner)
            rule = aws.cloudwatch.EventRule(
                pipeline.written_at(trigger, spec.source()),
                name=pipeline.physical("event-rule", trigger),
                description=f"Starts {pipeline.component}",
                event_bus_name=audit.bus_name,
                event_pattern=json.dumps(heard),
                opts=pipeline.options(),
            )
            aws.cloudwatch.EventTarget(
                pipeline.named(f"{trigger}-target"),
                rule=rule.name,
                event_bus_name=audit.bus_name,
                arn=self._arn,
                role_arn=listener.arn,
                retry_policy={"maximum_event_age_in_seconds": _OLDEST_SECONDS, "maximum_retry_attempts": 10},
                opts=pipeline.options(depends_on=[listener.may_work]),
                **self._passed(told),
            )

    def _passed(self, told: Mapping[str, str]) -> dict[str, Any]:
        """How the event's fields become parameters of the run, by parameter and path."""
        if self._sagemaker:
            parameters = [{"name": name, "value": path} for name, path in told.items()]
            return {"sagemaker_pipeline_target": {"pipeline_parameter_lists": parameters}} if parameters else {}
        if not told:
            return {"input": "{}"}
        template = ", ".join(f'"{name}": <{name}>' for name in told)
        return {"input_transformer": {"input_paths": dict(told), "input_template": f"{{{template}}}"}}


def _heard(trigger: OnPush | OnData | OnFeatures, team: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The pattern of the events that a trigger waits for, and the run's parameters with their paths in the event."""
    if isinstance(trigger, OnPush):
        heard = pattern([CodePushed], teams=[team], repository=[trigger.repository], branch=[trigger.branch])
        return heard, {"author": "$.detail.author", "commit": "$.detail.commit"}
    if isinstance(trigger, OnData):
        return pattern([DataChanged], teams=[team], dataset=[trigger.dataset]), {"snapshot": "$.detail.snapshot"}
    return pattern([FeaturesVersioned], teams=[team], view=[trigger.view]), {}
