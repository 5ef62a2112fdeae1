"""What starts a loop: schedules, rules on the platform's bus, and alarms, which the account's own bus tells of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.pipelines import OnData, OnFeatures, OnPush
from modelyard.core.access import Statement
from modelyard.core.component import Component
from modelyard.core.events import CodePushed, DataChanged, FeaturesVersioned, pattern
from modelyard.core.functions import woken
from modelyard.core.schedules import Schedules
from modelyard.core.service_role import ServiceRole
from modelyard.foundation.audit import AuditLike
from modelyard.run.monitoring import AlarmFacts
from modelyard.run.retraining.alarms import calm
from modelyard.run.retraining.spec import OnThreshold, RetrainingSpec

_OLDEST_SECONDS: Final = 3600
"""An event that couldn't start a run for an hour starts none: the next one does."""
_STATE: Final = "CloudWatch Alarm State Change"


class Triggers:
    """Schedules and rules of one loop; `known_arn` is its machine's.

    Before the endpoint's first release its monitors have no alarms, and triggers that hear one wait for the next `up`.
    """

    def __init__(
        self,
        loop: Component,
        spec: RetrainingSpec,
        *,
        machine: aws.sfn.StateMachine,
        function: aws.lambda_.Function,
        known_arn: str,
        alarms: Mapping[str, AlarmFacts],
        audit: AuditLike,
    ) -> None:
        self._loop, self._machine, self._function, self._audit = loop, machine, function, audit
        starts = Statement(("states:StartExecution",), (known_arn,))
        if spec.schedules:
            schedules = Schedules(
                loop,
                statements=[starts],
                description=f"Schedules start {loop.component}",
                written=spec.source("triggers"),
            )
            for name, each in spec.schedules.items():
                given = _started(name, f"the schedule {each.expression}", "schedule")
                schedules.add(name, each.expression, machine.arn, given=json.dumps(given), written=each.source())
        heard = {name: each for name, each in spec.triggers.items() if isinstance(each, OnData | OnFeatures | OnPush)}
        armed = {name: each for name, each in spec.thresholds.items() if each.alarm in alarms}
        if not heard and not armed:
            return
        context = loop.context
        self._listener = ServiceRole(
            loop,
            "listener",
            "events",
            source_arn=context.arn("events", f"rule/*{'-'.join((*context.names.owner, ''))}*"),
            statements=[starts],
            description=f"Events start {loop.component}",
            written=spec.source("triggers"),
        )
        for name, each in heard.items():
            self._on_event(name, each)
        for name, each in armed.items():
            self._on_alarm(name, each, alarms[each.alarm], spec.owner)

    def _on_event(self, name: str, trigger: OnData | OnFeatures | OnPush) -> None:
        """A rule on the platform's bus. What the event says becomes the run's parameters."""
        team, loop = self._loop.context.owner, self._loop
        if isinstance(trigger, OnPush):
            heard = pattern([CodePushed], teams=[team], repository=[trigger.repository], branch=[trigger.branch])
            told = {"author": "$.detail.author", "commit": "$.detail.commit"}
            why = f"code was pushed to {trigger.repository}, {trigger.branch}: <commit>"
        elif isinstance(trigger, OnData):
            heard = pattern([DataChanged], teams=[team], dataset=[trigger.dataset])
            told, why = {"snapshot": "$.detail.snapshot"}, f"{trigger.dataset} has a new snapshot: <snapshot>"
        else:
            heard = pattern([FeaturesVersioned], teams=[team], view=[trigger.view])
            told, why = {}, f"{trigger.view} has a new version: <view_version>"
        paths = told if told else {"view_version": "$.detail.view_version"}
        parameters = ", ".join(f'"{key}": <{key}>' for key in told)
        template = f'{{"trigger": "{name}", "why": {json.dumps(why)}, "by": "event", "parameters": {{{parameters}}}}}'
        rule = aws.cloudwatch.EventRule(
            loop.written_at(f"on-{name}", trigger.source()),
            name=loop.physical("event-rule", f"loop-{name}"),
            description=f"Starts {loop.component}",
            event_bus_name=self._audit.bus_name,
            event_pattern=json.dumps(heard),
            opts=loop.options(),
        )
        self._leads(
            f"on-{name}",
            rule,
            bus=self._audit.bus_name,
            input_transformer={"input_paths": paths, "input_template": template},
        )

    def _on_alarm(self, name: str, trigger: OnThreshold, alarm: AlarmFacts, owner: str) -> None:
        """Two rules on the account's own bus: one alarm starts a run, the end of the other arms the trigger again."""
        loop = self._loop
        fires = self._rule(f"on-{name}", trigger, alarm.name, "ALARM", f"{alarm.name} starts {loop.component}")
        given = _started(name, f"{alarm.name} fires: {alarm.metric} is beyond {alarm.threshold:g}", "alarm")
        self._leads(f"on-{name}", fires, input=json.dumps(given))
        calmed = calm(loop, name, trigger, alarm, owner=owner)
        role = f"calm-{name}"
        ends = self._rule(role, trigger, calmed.name, "OK", f"Arms {name} of {loop.component} again")
        rearm = json.dumps({"action": "rearm", "trigger": name})
        woken(loop, role, ends, self._function, target_id="rearm", statement_id=role, given=rearm)

    def _rule(
        self, role: str, trigger: OnThreshold, alarm: pulumi.Input[str], state: str, says: str
    ) -> aws.cloudwatch.EventRule:
        heard = {"source": ["aws.cloudwatch"], "detail-type": [_STATE]}
        detail = {"alarmName": [alarm], "state": {"value": [state]}}
        return aws.cloudwatch.EventRule(
            self._loop.written_at(role, trigger.source()),
            name=self._loop.physical("event-rule", f"loop-{role}"),
            description=says,
            event_pattern=pulumi.Output.json_dumps({**heard, "detail": detail}, sort_keys=True),
            opts=self._loop.options(),
        )

    def _leads(
        self,
        role: str,
        rule: aws.cloudwatch.EventRule,
        *,
        bus: pulumi.Output[str] | None = None,
        **given: Any,
    ) -> None:
        aws.cloudwatch.EventTarget(
            self._loop.named(f"{role}-target"),
            rule=rule.name,
            event_bus_name=bus,
            arn=self._machine.arn,
            role_arn=self._listener.arn,
            retry_policy={"maximum_event_age_in_seconds": _OLDEST_SECONDS, "maximum_retry_attempts": 10},
            opts=self._loop.options(depends_on=[self._listener.may_work]),
            **given,
        )


def _started(trigger: str, why: str, by: str) -> dict[str, Any]:
    return {"trigger": trigger, "why": why, "by": by, "parameters": {}}
