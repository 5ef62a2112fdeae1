"""CloudWatch: composite alarms that know their children, and alarms that take their tags with them."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse

from modelyard_sandbox.grammar import alarm_rules

_delete_alarms = CloudWatchBackend.delete_alarms


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


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    CloudWatchBackend.delete_alarms = delete_alarms
    for operation in (put_composite_alarm,):
        setattr(CloudWatchResponse, operation.__name__, operation)
