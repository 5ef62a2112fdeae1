"""Budgets and their actions. Source: the AWS Budgets API reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_TIME: Final = "%Y-%m-%d_%H:%M"
_KINDS: Final = {"subscriberEmailAddresses": "EMAIL", "subscriberSnsTopicArns": "SNS"}
_KEYS: Final = ("notificationType", "comparisonOperator", "threshold", "thresholdType")
_PLURALS: Final = {
    f"{outer}{inner}": inner[0].upper() + inner[1:-1] for outer in ("", "ands.", "ors.") for inner in ("ands", "ors")
}
"""The provider's names of `And` and `Or`, two levels deep."""


def _first_of_month() -> str:
    return datetime.now(UTC).replace(day=1, hour=0, minute=0).strftime(_TIME)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


def _definition(live: Live) -> dict[str, Any]:
    wanted = live.inputs
    shape = live.client().meta.service_model.operation_model("CreateBudget").input_shape.members["Budget"]
    budget: dict[str, Any] = {
        "BudgetName": wanted["name"],
        "BudgetType": wanted["budgetType"],
        "TimeUnit": wanted["timeUnit"],
        "TimePeriod": {
            "Start": _moment(wanted.get("timePeriodStart") or live.state.get("timePeriodStart") or _first_of_month()),
            "End": _moment(wanted["timePeriodEnd"]),
        },
    }
    if wanted.get("limitAmount"):
        budget["BudgetLimit"] = {"Amount": wanted["limitAmount"], "Unit": wanted.get("limitUnit") or "USD"}
    if wanted.get("plannedLimits"):
        budget["PlannedBudgetLimits"] = {
            str(int(_moment(limit["startTime"]).timestamp())): {"Amount": limit["amount"], "Unit": limit["unit"]}
            for limit in wanted["plannedLimits"]
        }
    if wanted.get("costFilters"):
        budget["CostFilters"] = {entry["name"]: list(entry["values"]) for entry in wanted["costFilters"]}
    for prop in ("costTypes", "autoAdjustData", "filterExpression"):
        member = prop[0].upper() + prop[1:]
        if wanted.get(prop):
            budget[member] = convert.to_aws(wanted[prop], shape.members[member], _PLURALS)
    if wanted.get("metrics"):
        budget["Metrics"] = [wanted["metrics"]]
    return budget


def _notification(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key[0].upper() + key[1:]: entry[key] for key in _KEYS}


def _subscribers(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"SubscriptionType": kind, "Address": address}
        for prop, kind in _KINDS.items()
        for address in entry.get(prop) or []
    ]


def _target(live: Live) -> dict[str, Any]:
    return {"AccountId": live.get("accountId"), "BudgetName": live.get("name")}


def _create(live: Live) -> None:
    live.call(
        "create_budget",
        AccountId=live.inputs["accountId"],
        Budget=_definition(live),
        NotificationsWithSubscribers=[
            {"Notification": _notification(entry), "Subscribers": _subscribers(entry)}
            for entry in live.inputs.get("notifications") or []
        ],
    )


def _update(live: Live) -> None:
    live.call("update_budget", AccountId=live.inputs["accountId"], NewBudget=_definition(live))


def _update_notifications(live: Live) -> None:
    before, wanted = live.state.get("notifications") or [], live.inputs.get("notifications") or []
    for entry in [entry for entry in before if entry not in wanted]:
        live.call("delete_notification", **_target(live), Notification=_notification(entry))
    for entry in [entry for entry in wanted if entry not in before]:
        sent = {"Notification": _notification(entry), "Subscribers": _subscribers(entry)}
        live.call("create_notification", **_target(live), **sent)


def _read_notification(live: Live, notification: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {key: notification[key] for key in (name[0].upper() + name[1:] for name in _KEYS)}
    found = live.call("describe_subscribers_for_notification", **_target(live), Notification=wanted)["Subscribers"]
    entry = {key: notification[key[0].upper() + key[1:]] for key in _KEYS}
    for prop, kind in _KINDS.items():
        addresses = [subscriber["Address"] for subscriber in found if subscriber["SubscriptionType"] == kind]
        if addresses:
            entry[prop] = addresses
    return entry


def _same_amount(now: str, known: Any) -> str:
    """AWS writes 100 as 100.0; where both mean the same, the known text stays."""
    return str(known) if known and float(known) == float(now) else now


def _in_known_order(now: Iterable[dict[str, Any]], known: Any) -> list[dict[str, Any]]:
    order = list(known or [])
    return sorted(now, key=lambda entry: order.index(entry) if entry in order else len(order))


def _read(live: Live) -> dict[str, Any]:
    budget = live.call("describe_budget", **_target(live))["Budget"]
    limit = budget.get("BudgetLimit") or {}
    notes = live.call("describe_notifications_for_budget", **_target(live)).get("Notifications", [])
    costs = [{"name": name, "values": values} for name, values in budget.get("CostFilters", {}).items()]
    planned = [
        {"startTime": datetime.fromtimestamp(int(start), UTC).strftime(_TIME)}
        | {"amount": spend["Amount"], "unit": spend["Unit"]}
        for start, spend in budget.get("PlannedBudgetLimits", {}).items()
    ]
    return {
        "accountId": live.get("accountId"),
        "arn": _arn(live),
        "name": budget["BudgetName"],
        "budgetType": budget["BudgetType"],
        "timeUnit": budget["TimeUnit"],
        "limitAmount": _same_amount(limit["Amount"], live.get("limitAmount")) if limit else None,
        "limitUnit": limit.get("Unit"),
        "plannedLimits": _in_known_order(planned, live.get("plannedLimits")),
        "timePeriodStart": budget["TimePeriod"]["Start"].astimezone(UTC).strftime(_TIME),
        "timePeriodEnd": budget["TimePeriod"]["End"].astimezone(UTC).strftime(_TIME),
        "costFilters": _in_known_order(costs, live.get("costFilters")),
        "costTypes": convert.from_aws(budget.get("CostTypes"), None),
        "filterExpression": convert.from_aws(budget.get("FilterExpression"), None, _PLURALS),
        "metrics": next(iter(budget.get("Metrics") or ()), None),
        "notifications": _in_known_order(
            [_read_notification(live, notification) for notification in notes], live.get("notifications")
        ),
    }


def _arn(live: Live) -> str:
    return f"arn:{live.partition}:budgets::{live.get('accountId')}:budget/{live.get('name')}"


BUDGET = Type(
    "aws:budgets/budget:Budget",
    "budgets",
    id=lambda live: f"{live.get('accountId')}:{live.get('name')}",
    from_id=lambda id: dict(zip(("accountId", "name"), id.split(":", 1), strict=True)),
    name=Name("name", limit=100, prefix="namePrefix"),
    defaults={"accountId": lambda live: live.account, "timePeriodEnd": "2087-06-15_00:00"},
    computed=("arn",),
    create=_create,
    read=_read,
    update=(
        Step(
            _update,
            on=("autoAdjustData", "budgetType", "costFilters", "costTypes", "filterExpression", "limitAmount")
            + ("limitUnit", "metrics", "plannedLimits", "timePeriodEnd", "timePeriodStart", "timeUnit"),
        ),
        Step(_update_notifications, on=("notifications",)),
    ),
    delete=lambda live: live.call("delete_budget", **_target(live)),
    sets=("costFilters", "notifications", "plannedLimits"),
    tags=Tags(
        "list_tags_for_resource",
        "tag_resource",
        "untag_resource",
        {"ResourceARN": _arn},
        at="ResourceTags",
        keys="ResourceTagKeys",
    ),
)

_ACTION_PROPERTIES: Final = (
    "actionThreshold",
    "approvalModel",
    "definition",
    "executionRoleArn",
    "notificationType",
    "subscribers",
)


def _on_action(live: Live) -> dict[str, Any]:
    return {
        "AccountId": live.get("accountId"),
        "ActionId": live.get("actionId"),
        "BudgetName": live.get("budgetName"),
    }


def _action_arn(live: Live) -> str:
    budget = f"budget/{live.get('budgetName')}"
    return f"arn:{live.partition}:budgets::{live.get('accountId')}:{budget}/action/{live.get('actionId')}"


def _read_action(live: Live) -> dict[str, Any]:
    action = live.call("describe_budget_action", **_on_action(live))["Action"]
    shape = live.client().meta.service_model.shape_for("Action")
    found = convert.from_aws(action, shape, _ACTION_FIELDS)
    return {
        **{prop: found.get(prop) for prop in (*_ACTION_PROPERTIES, "actionId", "actionType", "budgetName", "status")},
        "accountId": live.get("accountId"),
        "arn": _action_arn(live),
    }


_ACTION_FIELDS: Final = fields("accountId", "actionType", "budgetName", *_ACTION_PROPERTIES) | {
    "actionThreshold.actionThresholdType": "ActionThresholdType",
    "actionThreshold.actionThresholdValue": "ActionThresholdValue",
}


def _start_action(live: Live) -> dict[str, Any]:
    answer = live.run(Call("create_budget_action"))
    live.state = {**live.state, "actionId": answer["ActionId"]}
    return answer


ACTION = Type(
    "aws:budgets/budgetAction:BudgetAction",
    "budgets",
    fields=_ACTION_FIELDS,
    id=lambda live: f"{live.get('accountId')}:{live.get('actionId')}:{live.get('budgetName')}",
    from_id=lambda id: dict(zip(("accountId", "actionId", "budgetName"), id.split(":", 2), strict=True)),
    defaults={"accountId": lambda live: live.account},
    computed=("actionId", "arn", "status"),
    volatile=("status",),
    create=_start_action,
    read=_read_action,
    update=Call("update_budget_action", {"ActionId": "actionId"}, on=_ACTION_PROPERTIES),
    delete=lambda live: live.call("delete_budget_action", **_on_action(live)),
    replace=("accountId", "actionType", "budgetName"),
    sets=("subscribers",),
    tags=Tags(
        "list_tags_for_resource",
        "tag_resource",
        "untag_resource",
        {"ResourceARN": _action_arn},
        at="ResourceTags",
        keys="ResourceTagKeys",
    ),
)

TYPES = (BUDGET, ACTION)
