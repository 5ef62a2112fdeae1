"""CloudWatch: dashboards and composite alarms, which look at metrics and alarms that others make.

Source: the CloudWatch API reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Call, Type, fields
from modelyard_sandbox.aws.tables.cloudwatch import ACTIONS, TAGS
from modelyard_sandbox.plugins.values import Properties

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_PUT_DASHBOARD: Final = Call("put_dashboard")
DASHBOARD = Type(
    "aws:cloudwatch/dashboard:Dashboard",
    "cloudwatch",
    fields=fields("dashboardBody", "dashboardName", "dashboardArn"),
    id="dashboardName",
    computed=("dashboardArn",),
    create=_PUT_DASHBOARD,
    read=Call("get_dashboard", {"DashboardName": "id"}, fill=False),
    update=Call("put_dashboard", on=("dashboardBody",)),
    delete=Call("delete_dashboards", {"DashboardNames": lambda live: [live.id]}, fill=False),
    json=("dashboardBody",),
)

_SUPPRESSOR: Final = "actionsSuppressor"
_SILENCING: Final = {
    "alarm": "ActionsSuppressor",
    "extensionPeriod": "ActionsSuppressorExtensionPeriod",
    "waitPeriod": "ActionsSuppressorWaitPeriod",
}


def _silencing(prop: str) -> Callable[[Live], Any]:
    return lambda live: (live.inputs.get(_SUPPRESSOR) or {}).get(prop)


def _read_suppressor(live: Live) -> Properties:
    (found,) = live.call("describe_alarms", AlarmNames=[live.id], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    if not found.get("ActionsSuppressor"):
        return {}
    return {_SUPPRESSOR: {prop: found[member] for prop, member in _SILENCING.items()}}


_PUT: Final = {member: _silencing(prop) for prop, member in _SILENCING.items()}
COMPOSITE = Type(
    "aws:cloudwatch/compositeAlarm:CompositeAlarm",
    "cloudwatch",
    fields=ACTIONS | fields("alarmName", "alarmRule", arn="AlarmArn"),
    id="alarmName",
    defaults={"actionsEnabled": True},
    computed=("arn",),
    create=Call("put_composite_alarm", _PUT),
    read=(
        Call(
            "describe_alarms",
            {"AlarmNames": lambda live: [live.id], "AlarmTypes": lambda _: ["CompositeAlarm"]},
            take="CompositeAlarms.0",
            fill=False,
        ),
        _read_suppressor,
    ),
    update=Call("put_composite_alarm", _PUT, on=(*ACTIONS, "alarmRule", _SUPPRESSOR)),
    delete=lambda live: live.call("delete_alarms", AlarmNames=[live.id]),
    replace=("actionsEnabled", "alarmName"),
    sets=("alarmActions", "insufficientDataActions", "okActions"),
    tags=TAGS,
)

TYPES = (DASHBOARD, COMPOSITE)
