"""EventBridge Scheduler: schedules and their groups. Source: the EventBridge Scheduler API reference."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

DEFAULT_GROUP: Final = "default"
_OF_SCHEDULE: Final = (
    "description",
    "endDate",
    "flexibleTimeWindow",
    "kmsKeyArn",
    "scheduleExpression",
    "scheduleExpressionTimezone",
    "startDate",
    "state",
    "target",
    "actionAfterCompletion",
)
_RETRIES: Final = {"maximumEventAgeInSeconds": 86_400, "maximumRetryAttempts": 185}


def _given(live: Live) -> dict[str, Any]:
    shape = live.client().meta.service_model.operation_model("CreateSchedule").input_shape
    sent = convert.to_aws({prop: live.inputs.get(prop) for prop in _OF_SCHEDULE}, shape)
    for member in ("StartDate", "EndDate"):
        if sent.get(member):
            sent[member] = datetime.fromisoformat(sent[member])
    return {"Name": live.get("name"), "GroupName": live.get("groupName"), **sent}


def _create(live: Live) -> None:
    live.call("create_schedule", **_given(live))


def _update(live: Live) -> None:
    """An update says everything: what is left out falls back to its default."""
    live.call("update_schedule", **_given(live))


def _read(live: Live) -> dict[str, Any]:
    found = live.call("get_schedule", GroupName=live.get("groupName"), Name=live.get("name"))
    shape = live.client().meta.service_model.operation_model("GetSchedule").output_shape
    shown = {
        convert.camel(member): convert.from_aws(found.get(member), shape.members[member])
        for member in shape.members
        if found.get(member) not in (None, "")
    }
    for moment in ("creationDate", "lastModificationDate"):
        shown.pop(moment, None)
    target = shown["target"]
    wanted = (live.get("target") or {}).get("retryPolicy")
    if not wanted and (target.get("retryPolicy") or _RETRIES) == _RETRIES:
        target.pop("retryPolicy", None)
    return shown


SCHEDULE = Type(
    "aws:scheduler/schedule:Schedule",
    "scheduler",
    id=lambda live: f"{live.get('groupName')}/{live.get('name')}",
    from_id=lambda id: dict(zip(("groupName", "name"), id.split("/", 1), strict=True)),
    name=Name("name", limit=64, prefix="namePrefix"),
    defaults={"groupName": DEFAULT_GROUP, "state": "ENABLED", "scheduleExpressionTimezone": "UTC"}
    | {"actionAfterCompletion": "NONE"},
    computed=("arn",),
    create=_create,
    read=_read,
    update=Step(_update, on=_OF_SCHEDULE),
    delete=Call("delete_schedule", {"GroupName": "groupName", "Name": "name"}, fill=False),
)


def _read_group(live: Live) -> dict[str, Any]:
    found = live.call("get_schedule_group", Name=live.id)
    return {
        "arn": found["Arn"],
        "name": found["Name"],
        "state": found["State"],
        "creationDate": convert.from_aws(found["CreationDate"], None),
        "lastModificationDate": convert.from_aws(found["LastModificationDate"], None),
    }


def _group_arn(live: Live) -> str:
    return f"arn:{live.partition}:scheduler:{live.region}:{live.account}:schedule-group/{live.id}"


GROUP = Type(
    "aws:scheduler/scheduleGroup:ScheduleGroup",
    "scheduler",
    fields={"name": "Name"},
    id="name",
    name=Name("name", limit=64, prefix="namePrefix"),
    computed=("arn", "creationDate", "lastModificationDate", "state"),
    create=Call("create_schedule_group"),
    read=_read_group,
    delete=Call("delete_schedule_group", {"Name": "id"}, fill=False),
    tags=Tags("list_tags_for_resource", "tag_resource", "untag_resource", {"ResourceArn": _group_arn}),
)

TYPES = (SCHEDULE, GROUP)
