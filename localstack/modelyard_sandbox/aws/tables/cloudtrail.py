"""CloudTrail: trails with their event selectors. Source: the CloudTrail API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Answer, Call, Name, Step, TagFunctions, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_FIELDS: Final = {
    **fields("name", "s3BucketName", "s3KeyPrefix", "snsTopicName", "includeGlobalServiceEvents", "isMultiRegionTrail"),
    **fields("enableLogFileValidation", "isOrganizationTrail", "kmsKeyId"),
    "cloudWatchLogsGroupArn": "CloudWatchLogsLogGroupArn",
    "cloudWatchLogsRoleArn": "CloudWatchLogsRoleArn",
}
_UPDATED: Final = tuple(prop for prop in _FIELDS if prop != "name")
_TESTS: Final = {
    f"{name}{'s' if name.endswith('With') else ''}": name[0].upper() + name[1:]
    for name in ("equals", "startsWith", "endsWith", "notEquals", "notStartsWith", "notEndsWith")
}
"""The SDK's plurals, and the operation's names."""

_MANAGEMENT_ONLY: Final = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]


def _advanced(wanted: Mapping[str, Any]) -> dict[str, Any]:
    tests = [
        {"Field": test["field"], **{member: test[prop] for prop, member in _TESTS.items() if test.get(prop)}}
        for test in wanted["fieldSelectors"]
    ]
    return {"FieldSelectors": tests, **({"Name": wanted["name"]} if wanted.get("name") else {})}


def _advanced_found(found: Mapping[str, Any]) -> dict[str, Any]:
    tests = [
        {"field": test["Field"], **{prop: test[member] for prop, member in _TESTS.items() if test.get(member)}}
        for test in found["FieldSelectors"]
    ]
    return {"fieldSelectors": tests, **({"name": found["Name"]} if found.get("Name") else {})}


def _basic(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ReadWriteType": wanted.get("readWriteType") or "All",
        "IncludeManagementEvents": wanted.get("includeManagementEvents") is not False,
        "DataResources": [{"Type": it["type"], "Values": it["values"]} for it in wanted.get("dataResources") or []],
        "ExcludeManagementEventSources": wanted.get("excludeManagementEventSources") or [],
    }


def _basic_found(found: Mapping[str, Any]) -> dict[str, Any]:
    kept = {"dataResources": [{"type": it["Type"], "values": it["Values"]} for it in found.get("DataResources", [])]}
    kept["excludeManagementEventSources"] = list(found.get("ExcludeManagementEventSources", []))
    known = {name: value for name, value in kept.items() if value}
    return known | {
        "readWriteType": found.get("ReadWriteType", "All"),
        "includeManagementEvents": found.get("IncludeManagementEvents", True),
    }


def _select(live: Live) -> None:
    if live.inputs.get("advancedEventSelectors"):
        chosen = {"AdvancedEventSelectors": [_advanced(it) for it in live.inputs["advancedEventSelectors"]]}
    elif live.inputs.get("eventSelectors"):
        chosen = {"EventSelectors": [_basic(it) for it in live.inputs["eventSelectors"]]}
    else:
        chosen = {"EventSelectors": _MANAGEMENT_ONLY}
    live.call("put_event_selectors", TrailName=live.id, **chosen)


def _put_insights(live: Live) -> None:
    wanted = [{"InsightType": it["insightType"]} for it in live.inputs.get("insightSelectors") or []]
    live.call("put_insight_selectors", TrailName=live.id, InsightSelectors=wanted)


def _switch(live: Live) -> None:
    live.call("start_logging" if live.inputs.get("enableLogging") is not False else "stop_logging", Name=live.id)


def _update(live: Live) -> None:
    """UpdateTrail takes a member away by an empty text."""
    empty = {prop: "" for prop in live.changed & set(_UPDATED) if live.inputs.get(prop) is None}
    given = {prop: live.inputs[prop] for prop in live.changed & set(_UPDATED) if prop not in empty}
    live.call("update_trail", Name=live.id, **{_FIELDS[prop]: value for prop, value in (given | empty).items()})


def _read(live: Live) -> dict[str, Any]:
    trail = live.call("get_trail", Name=live.id)["Trail"]
    selectors = live.call("get_event_selectors", TrailName=live.id)
    basic, advanced = selectors.get("EventSelectors") or [], selectors.get("AdvancedEventSelectors") or []
    if basic == _MANAGEMENT_ONLY and not live.get("eventSelectors"):
        basic = []
    insights = live.call("get_insight_selectors", TrailName=live.id).get("InsightSelectors", [])
    return {
        "arn": trail["TrailARN"],
        "name": trail["Name"],
        "homeRegion": trail.get("HomeRegion", live.region),
        "snsTopicArn": trail.get("SnsTopicARN", ""),
        "s3BucketName": trail["S3BucketName"],
        "s3KeyPrefix": trail.get("S3KeyPrefix") or None,
        "snsTopicName": trail.get("SnsTopicName") or None,
        "includeGlobalServiceEvents": trail["IncludeGlobalServiceEvents"],
        "isMultiRegionTrail": trail["IsMultiRegionTrail"],
        "isOrganizationTrail": trail["IsOrganizationTrail"],
        "enableLogFileValidation": trail["LogFileValidationEnabled"],
        "enableLogging": live.call("get_trail_status", Name=live.id)["IsLogging"],
        "advancedEventSelectors": [_advanced_found(it) for it in advanced],
        "eventSelectors": [_basic_found(it) for it in basic],
        "insightSelectors": [{"insightType": it["InsightType"]} for it in insights],
        **{
            prop: trail.get(_FIELDS[prop]) or ("" if live.get(prop) else None)
            for prop in ("cloudWatchLogsGroupArn", "cloudWatchLogsRoleArn", "kmsKeyId")
        },
    }


def _tags(live: Live) -> dict[str, str]:
    listed = live.call("list_tags", ResourceIdList=[live.id])["ResourceTagList"]
    return {tag["Key"]: tag.get("Value", "") for found in listed for tag in found["TagsList"]}


def _tag(live: Live, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    gone = [{"Key": key, "Value": value} for key, value in old.items() if new.get(key) != value]
    added = [{"Key": key, "Value": value} for key, value in new.items() if old.get(key) != value]
    if gone:
        live.call("remove_tags", ResourceId=live.id, TagsList=gone)
    if added:
        live.call("add_tags", ResourceId=live.id, TagsList=added)


TRAIL = Type(
    "aws:cloudtrail/trail:Trail",
    "cloudtrail",
    fields=_FIELDS,
    id=Answer("TrailARN"),
    from_id=lambda arn: {"name": arn.rpartition("/")[2]},
    name=Name("name", limit=128),
    defaults={
        "enableLogging": True,
        "includeGlobalServiceEvents": True,
        "isMultiRegionTrail": False,
        "isOrganizationTrail": False,
        "enableLogFileValidation": False,
    },
    computed=("arn", "homeRegion", "snsTopicArn"),
    create=(
        Call("create_trail"),
        Step(_select, on=("advancedEventSelectors", "eventSelectors")),
        Step(_put_insights, on=("insightSelectors",)),
        Step(_switch, on=("enableLogging",)),
    ),
    read=_read,
    update=(
        Step(_update, on=_UPDATED),
        Step(_select, on=("advancedEventSelectors", "eventSelectors")),
        Step(_put_insights, on=("insightSelectors",)),
        Step(_switch, on=("enableLogging",)),
    ),
    delete=Call("delete_trail", {"Name": "id"}, fill=False),
    sets=("insightSelectors",),
    tags=TagFunctions(_tags, _tag),
)

TYPES = (TRAIL,)
