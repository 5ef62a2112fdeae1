"""Cost Explorer: anomaly monitors and subscriptions. Source: the Cost Explorer API reference."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Answer, Call, Name, Step, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_EMPTY: Final = dict.fromkeys(("And", "CostCategories", "Dimensions", "Not", "Or", "Tags"))
_TAGS: Final = Tags(
    "list_tags_for_resource",
    "tag_resource",
    "untag_resource",
    {"ResourceArn": "arn"},
    at="ResourceTags",
    keys="ResourceTagKeys",
    on_create="ResourceTags",
)


def _create_monitor(live: Live) -> dict[str, Any]:
    wanted = {
        "MonitorName": live.inputs["name"],
        "MonitorType": live.inputs["monitorType"],
        "MonitorDimension": live.inputs.get("monitorDimension"),
        "MonitorSpecification": _without_nulls(json.loads(live.inputs.get("monitorSpecification") or "null")),
    }
    sent = {member: value for member, value in wanted.items() if value is not None}
    return live.call("create_anomaly_monitor", AnomalyMonitor=sent, ResourceTags=_tags(live))


def _tags(live: Live) -> list[dict[str, str]] | None:
    return [{"Key": key, "Value": value} for key, value in live.tags.items()] or None


def _without_nulls(expression: Any) -> Any:
    if isinstance(expression, dict):
        return {key: _without_nulls(value) for key, value in expression.items() if value is not None}
    return [_without_nulls(item) for item in expression] if isinstance(expression, list) else expression


def _with_nulls(expression: Any) -> Any:
    """An expression as the provider writes it into its state: every member of a level, empty ones as null."""
    shown = _EMPTY | expression
    for kind in ("CostCategories", "Dimensions", "Tags"):
        if shown[kind]:
            shown[kind] = dict.fromkeys(("Key", "MatchOptions", "Values")) | shown[kind]
    return shown


def _read_monitor(live: Live) -> dict[str, Any]:
    (monitor,) = live.call("get_anomaly_monitors", MonitorArnList=[live.id])["AnomalyMonitors"]
    specification = monitor.get("MonitorSpecification")
    return {
        "arn": monitor["MonitorArn"],
        "name": monitor["MonitorName"],
        "monitorType": monitor["MonitorType"],
        "monitorDimension": monitor.get("MonitorDimension"),
        "monitorSpecification": json.dumps(_with_nulls(specification)) if specification else None,
    }


MONITOR = Type(
    "aws:costexplorer/anomalyMonitor:AnomalyMonitor",
    "ce",
    id=Answer("MonitorArn"),
    gone=("UnknownMonitorException",),
    name=Name("name", limit=1024),
    computed=("arn",),
    create=_create_monitor,
    read=_read_monitor,
    update=Call("update_anomaly_monitor", {"MonitorArn": "id", "MonitorName": "name"}, on=("name",)),
    delete=Call("delete_anomaly_monitor", {"MonitorArn": "id"}),
    json=("monitorSpecification",),
    tags=_TAGS,
)


def _create_subscription(live: Live) -> dict[str, Any]:
    return live.call(
        "create_anomaly_subscription",
        AnomalySubscription={"SubscriptionName": live.inputs["name"], **_wanted(live)},
        ResourceTags=_tags(live),
    )


def _update_subscription(live: Live) -> None:
    live.call("update_anomaly_subscription", SubscriptionArn=live.id, **_wanted(live))


def _wanted(live: Live) -> dict[str, Any]:
    threshold = live.inputs.get("thresholdExpression")
    sent = {
        "Frequency": live.inputs["frequency"],
        "MonitorArnList": live.inputs["monitorArnLists"],
        "Subscribers": [{"Type": entry["type"], "Address": entry["address"]} for entry in live.inputs["subscribers"]],
    }
    return sent | ({"ThresholdExpression": _expression(threshold)} if threshold else {})


def _expression(threshold: dict[str, Any]) -> dict[str, Any]:
    sent: dict[str, Any] = {}
    if threshold.get("dimension"):
        sent["Dimensions"] = {key[0].upper() + key[1:]: value for key, value in threshold["dimension"].items()}
    for prop, member in (("ands", "And"), ("ors", "Or")):
        if threshold.get(prop):
            sent[member] = [_expression(part) for part in threshold[prop]]
    return sent


def _threshold(expression: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if expression.get("Dimensions"):
        shown["dimension"] = {key[0].lower() + key[1:]: value for key, value in expression["Dimensions"].items()}
    for prop, member in (("ands", "And"), ("ors", "Or")):
        if expression.get(member):
            shown[prop] = [_threshold(part) for part in expression[member]]
    return shown


def _read_subscription(live: Live) -> dict[str, Any]:
    asked = live.call("get_anomaly_subscriptions", SubscriptionArnList=[live.id])
    (subscription,) = asked["AnomalySubscriptions"]
    threshold = subscription.get("ThresholdExpression")
    return {
        "arn": subscription["SubscriptionArn"],
        "accountId": subscription["AccountId"],
        "name": subscription["SubscriptionName"],
        "frequency": subscription["Frequency"],
        "monitorArnLists": subscription["MonitorArnList"],
        "subscribers": [{"type": entry["Type"], "address": entry["Address"]} for entry in subscription["Subscribers"]],
        "thresholdExpression": _threshold(threshold) if threshold else None,
    }


SUBSCRIPTION = Type(
    "aws:costexplorer/anomalySubscription:AnomalySubscription",
    "ce",
    fields=fields("frequency", "subscribers", "thresholdExpression"),
    id=Answer("SubscriptionArn"),
    gone=("UnknownSubscriptionException",),
    name=Name("name", limit=1024),
    defaults={"accountId": lambda live: live.account},
    computed=("arn",),
    create=_create_subscription,
    read=_read_subscription,
    update=Step(_update_subscription, on=("frequency", "monitorArnLists", "subscribers", "thresholdExpression")),
    delete=Call("delete_anomaly_subscription", {"SubscriptionArn": "id"}),
    sets=("monitorArnLists", "subscribers"),
    tags=_TAGS,
)

TYPES = (MONITOR, SUBSCRIPTION)
