"""CloudWatch: composite alarms, and alarms that take their tags with them."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse

_delete_alarms = CloudWatchBackend.delete_alarms


def delete_alarms(self: Any, alarm_names: list[str]) -> None:
    """DeleteAlarms, with their tags."""
    for name in alarm_names:
        if name in self.alarms:
            self.tagger.delete_all_tags_for_resource(self.alarms[name].alarm_arn)
    _delete_alarms(self, alarm_names)


def put_composite_alarm(self: Any) -> Any:
    """PutCompositeAlarm: moto keeps both kinds of alarm alike."""
    return CloudWatchResponse.put_metric_alarm(self)


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    CloudWatchBackend.delete_alarms = delete_alarms
    for operation in (put_composite_alarm,):
        setattr(CloudWatchResponse, operation.__name__, operation)
