"""EventBridge Scheduler: a schedule needs its group, and an update may say what happens after the last run."""

from __future__ import annotations

from typing import Any

from moto.scheduler.exceptions import ScheduleGroupNotFound
from moto.scheduler.models import EventBridgeSchedulerBackend
from moto.scheduler.responses import EventBridgeSchedulerResponse

_create_schedule = EventBridgeSchedulerBackend.create_schedule
_update_schedule = EventBridgeSchedulerResponse.update_schedule


def _create_in_group(self: Any, **wanted: Any) -> Any:
    if (wanted.get("group_name") or "default") not in self.schedule_groups:
        raise ScheduleGroupNotFound(wanted["group_name"])
    return _create_schedule(self, **wanted)


def update_schedule(self: Any) -> str:
    """UpdateSchedule, ActionAfterCompletion included."""
    answer = _update_schedule(self)
    name = self.uri.split("?")[0].split("/")[-1]
    schedule = self.scheduler_backend.get_schedule(self._get_param("GroupName"), name)
    schedule.action_after_completion = self._get_param("ActionAfterCompletion") or "NONE"
    return answer


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    EventBridgeSchedulerBackend.create_schedule = _create_in_group  # type: ignore[method-assign]
    EventBridgeSchedulerResponse.update_schedule = update_schedule  # type: ignore[method-assign]
