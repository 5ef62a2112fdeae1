"""Budgets' filters and actions, and Cost Explorer's anomaly monitors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelyard_sandbox.knowledge.rules.rule import Rule, at_most_one, known
from modelyard_sandbox.knowledge.values import contains_unknown

_BUDGET: Final = "aws:budgets/budget:Budget"
_ACTION: Final = "aws:budgets/budgetAction:BudgetAction"
_MONITOR: Final = "aws:costexplorer/anomalyMonitor:AnomalyMonitor"
_SUBSCRIPTION: Final = "aws:costexplorer/anomalySubscription:AnomalySubscription"

_COST_API: Final = "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference"
_CREATE_BUDGET: Final = f"{_COST_API}/API_budgets_CreateBudget.html"
_CREATE_ACTION: Final = f"{_COST_API}/API_budgets_CreateBudgetAction.html"
_NOTIFICATION: Final = f"{_COST_API}/API_budgets_Notification.html"
_ANOMALY_MONITOR: Final = f"{_COST_API}/API_AnomalyMonitor.html"
_ANOMALY_SUBSCRIPTION: Final = f"{_COST_API}/API_AnomalySubscription.html"

_DEFINITIONS: Final = {
    "APPLY_IAM_POLICY": "iamActionDefinition",
    "APPLY_SCP_POLICY": "scpActionDefinition",
    "RUN_SSM_DOCUMENTS": "ssmActionDefinition",
}
_WATCHED: Final = {"Dimensions", "Tags", "CostCategories"}
_MOST_VALUES: Final = 10
_MOST_ADDRESSES: Final = 10


def _one_form(budget: Mapping[str, Any]) -> str | None:
    new, old = (
        {name for name in names if budget.get(name)}
        for names in (("filterExpression", "metrics"), ("costFilters", "costTypes"))
    )
    if new and old:
        return "filterExpression and metrics exclude costFilters and costTypes"
    return "filterExpression needs metrics" if new == {"filterExpression"} else None


def _defined(action: Mapping[str, Any]) -> str | None:
    kind, definition = known(action, "actionType"), known(action, "definition")
    wanted = _DEFINITIONS.get(kind or "")
    if wanted is None or not isinstance(definition, Mapping):
        return None
    given = sorted(name for name in _DEFINITIONS.values() if name in definition)
    return None if given == [wanted] else f"{kind} takes {wanted} alone, not {' and '.join(given) or 'nothing'}"


def _somebody(applied: Mapping[str, Any]) -> str | None:
    named = any(applied.get(name) for name in ("roles", "groups", "users"))
    return None if named else "name the roles, groups or users that get the policy"


def _heard(subscribers: Sequence[Mapping[str, Any]]) -> str | None:
    kinds = [known(each, "subscriptionType") for each in subscribers if isinstance(each, Mapping)]
    if kinds.count("EMAIL") > _MOST_ADDRESSES:
        return f"has {kinds.count('EMAIL')} email addresses; at most {_MOST_ADDRESSES} are allowed"
    return f"has {kinds.count('SNS')} SNS topics; at most 1 is allowed" if kinds.count("SNS") > 1 else None


def _what_it_watches(monitor: Mapping[str, Any]) -> str | None:
    kind = known(monitor, "monitorType")
    wanted = {"DIMENSIONAL": "monitorDimension", "CUSTOM": "monitorSpecification"}.get(kind or "")
    return f"{kind} needs {wanted}" if wanted and wanted not in monitor else None


def _one_simple_filter(text: str) -> str | None:
    if contains_unknown(text):
        return None
    try:
        expression = json.loads(text)
    except ValueError as error:
        return f"is no JSON: {error}"
    given = {key for key, value in expression.items() if value is not None}
    if len(given) != 1 or not given <= _WATCHED:
        return f"a monitor takes one of {', '.join(sorted(_WATCHED))}, not {', '.join(sorted(given)) or 'nothing'}"
    count = len(expression[next(iter(given))].get("Values") or ())
    return f"a monitor watches 1 to {_MOST_VALUES} values, not {count}" if not 1 <= count <= _MOST_VALUES else None


def _heard_of_anomalies(subscription: Mapping[str, Any]) -> str | None:
    subscribers, frequency = known(subscription, "subscribers") or (), known(subscription, "frequency")
    kinds = [known(subscriber, "type") if isinstance(subscriber, Mapping) else None for subscriber in subscribers]
    if frequency is None or None in kinds:
        return None
    if frequency == "IMMEDIATE":
        return None if kinds == ["SNS"] else "IMMEDIATE goes to one SNS topic and to no email address"
    if "SNS" in kinds:
        return f"{frequency} goes to email addresses and to no SNS topic"
    return f"has {len(kinds)} email addresses; 10 are allowed" if len(kinds) > _MOST_ADDRESSES else None


def _impact(dimension: Mapping[str, Any]) -> str | None:
    options = known(dimension, "matchOptions")
    if options is None or options == ["GREATER_THAN_OR_EQUAL"]:
        return None
    return "a threshold's match option is GREATER_THAN_OR_EQUAL"


def _impact_key(key: str) -> str | None:
    allowed = ("ANOMALY_TOTAL_IMPACT_ABSOLUTE", "ANOMALY_TOTAL_IMPACT_PERCENTAGE")
    return None if key in allowed else f"{key!r} is none of {', '.join(allowed)}"


RULES: Sequence[Rule] = (
    Rule(_BUDGET, "", _one_form, _CREATE_BUDGET),
    Rule(_ACTION, "", _defined, _CREATE_ACTION),
    Rule(_ACTION, "definition.iamActionDefinition", _somebody, _CREATE_ACTION),
    Rule(_ACTION, "subscribers", _heard, _NOTIFICATION),
    Rule(_MONITOR, "", at_most_one("monitorDimension", "monitorSpecification"), _ANOMALY_MONITOR),
    Rule(_MONITOR, "", _what_it_watches, _ANOMALY_MONITOR),
    Rule(_MONITOR, "monitorSpecification", _one_simple_filter, _ANOMALY_MONITOR),
    Rule(_SUBSCRIPTION, "", _heard_of_anomalies, _ANOMALY_SUBSCRIPTION),
    Rule(_SUBSCRIPTION, "thresholdExpression.dimension", _impact, _ANOMALY_SUBSCRIPTION),
    Rule(_SUBSCRIPTION, "thresholdExpression.dimension.key", _impact_key, _ANOMALY_SUBSCRIPTION),
)
