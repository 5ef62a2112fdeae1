"""CloudWatch: composite alarms that know their children; alarms that take their tags along, and tell EventBridge."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.events.models import events_backends

from modelyard_sandbox.grammar import alarm_events, alarm_rules

_delete_alarms = CloudWatchBackend.delete_alarms
_set_alarm_state = CloudWatchBackend.set_alarm_state


def _children(alarm: Any) -> set[str]:
    """The alarms that a composite alarm looks at, the one that silences it included."""
    if alarm.rule is None:
        return set()
    silenced = getattr(alarm, "actions_suppressor", None)
    return {*alarm_rules.alarms(alarm.rule), *([silenced.rpartition(":alarm:")[2]] if silenced else [])}


def delete_alarms(self: Any, alarm_names: list[str]) -> None:
    """DeleteAlarms, with their tags; none that another looks at. Names of no alarm are passed over."""
    for name in alarm_names:
        parents = sorted(other for other, alarm in self.alarms.items() if name in _children(alarm))
        if parents:
            raise ValidationError(f"Cannot delete {name} as there are composite alarm(s) depending on it: {parents}")
    for name in set(alarm_names) & set(self.alarms):
        self.tagger.delete_all_tags_for_resource(self.alarms[name].alarm_arn)
    _delete_alarms(self, alarm_names)


def put_composite_alarm(self: Any) -> Any:
    """PutCompositeAlarm, whose children exist; moto keeps both kinds of alarm alike."""
    backend, asked = self.cloudwatch_backend, self._get_params()
    name, silenced = asked["AlarmName"], asked.get("ActionsSuppressor")
    try:
        children = set(alarm_rules.alarms(asked["AlarmRule"]))
    except alarm_rules.RuleError as error:
        raise ValidationError(f"AlarmRule {error}") from None
    if silenced:
        children.add(silenced.rpartition(":alarm:")[2])
    missing = sorted(children - set(backend.alarms))
    if missing:
        raise ValidationError(f"Could not save the composite alarm as alarms {missing} in the alarm rule do not exist")
    answer = CloudWatchResponse.put_metric_alarm(self)
    alarm = backend.alarms[name]
    alarm.actions_suppressor = silenced
    alarm.actions_suppressor_extension_period = asked.get("ActionsSuppressorExtensionPeriod")
    alarm.actions_suppressor_wait_period = asked.get("ActionsSuppressorWaitPeriod")
    return answer


def set_alarm_state(self: Any, alarm_name: str, reason: str, reason_data: str, state_value: str) -> None:
    """SetAlarmState; a state that is another is told to the default bus."""
    alarm = self.alarms.get(alarm_name)
    before = alarm_events.state(_said(alarm)) if alarm is not None else {}
    _set_alarm_state(self, alarm_name, reason, reason_data, state_value)
    if before.get("value") != state_value:
        told = alarm_events.event(_said(alarm), before)
        events_backends[self.account_id][self.region_name].put_events([told])


def _said(alarm: Any) -> dict[str, Any]:
    """What DescribeAlarms says of an alarm, as far as events repeat it."""
    return {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.alarm_arn,
        "AlarmDescription": alarm.description or "",
        "StateValue": alarm.state_value,
        "StateReason": alarm.state_reason,
        "StateReasonData": alarm.state_reason_data,
        "StateUpdatedTimestamp": alarm.state_updated_timestamp.replace(tzinfo=UTC),
        "Namespace": alarm.namespace,
        "MetricName": alarm.metric_name,
        "Period": alarm.period,
        "Statistic": alarm.statistic,
    }


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    CloudWatchBackend.delete_alarms = delete_alarms
    CloudWatchBackend.set_alarm_state = set_alarm_state
    for operation in (put_composite_alarm,):
        setattr(CloudWatchResponse, operation.__name__, operation)
