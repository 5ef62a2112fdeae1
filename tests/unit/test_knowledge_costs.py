"""What the sandbox refuses of budgets and monitors: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.rule_cases import rules_without_a_case

from modelyard_sandbox.knowledge import UNKNOWN, check
from modelyard_sandbox.knowledge.rules import costs

BUDGET = "aws:budgets/budget:Budget"
ACTION = "aws:budgets/budgetAction:BudgetAction"
MONITOR = "aws:costexplorer/anomalyMonitor:AnomalyMonitor"
SUBSCRIPTION = "aws:costexplorer/anomalySubscription:AnomalySubscription"
POLICY_ARN = "arn:aws:iam::123456789012:policy/no-new-spending"
APPLIED = {"policyArn": POLICY_ARN, "roles": ["trainer"]}
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
TAG = {"key": "team", "values": ["fraud"]}


def mails(count: int, kind: str = "subscriptionType") -> list[dict[str, str]]:
    return [{kind: "EMAIL", "address": f"owner{number}@example.com"} for number in range(count)]


def topics(count: int, kind: str = "subscriptionType") -> list[dict[str, str]]:
    return [{kind: "SNS", "address": f"{TOPIC}{number}"} for number in range(count)]


def spec(**expression: Any) -> str:
    return json.dumps(expression)


def above(**changes: Any) -> dict[str, Any]:
    usual = {"key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE", "matchOptions": ["GREATER_THAN_OR_EQUAL"], "values": ["50"]}
    return {"thresholdExpression": {"dimension": {**usual, **changes}}}


def values(count: int) -> dict[str, Any]:
    return {"Key": "team", "Values": [str(number) for number in range(count)]}


ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    BUDGET: {"name": "fraud", "budgetType": "COST", "timeUnit": "MONTHLY", "limitAmount": "100", "limitUnit": "USD"},
    ACTION: {
        "budgetName": "fraud",
        "actionType": "APPLY_IAM_POLICY",
        "approvalModel": "AUTOMATIC",
        "notificationType": "ACTUAL",
        "actionThreshold": {"actionThresholdType": "PERCENTAGE", "actionThresholdValue": 100.0},
        "definition": {"iamActionDefinition": APPLIED},
        "executionRoleArn": "arn:aws:iam::123456789012:role/budgets",
        "subscribers": mails(1),
    },
    MONITOR: {"name": "fraud", "monitorType": "CUSTOM", "monitorSpecification": spec(Tags=values(1), And=None)},
    SUBSCRIPTION: {
        "name": "owners",
        "frequency": "DAILY",
        "monitorArnLists": ["arn:aws:ce::123456789012:anomalymonitor/1"],
        "subscribers": mails(1, "type"),
    },
}
CASES = [
    ("a budget filters in the new form or in the old", BUDGET,
     {"filterExpression": {"tags": TAG}, "metrics": "UnblendedCost", "costTypes": {"includeTax": False}},
     {"filterExpression": {"tags": TAG}, "metrics": "UnblendedCost"}),
    ("a filter says what it measures", BUDGET, {"filterExpression": {"tags": TAG}}, {"metrics": "BlendedCost"}),
    ("an action defines what its type says", ACTION,
     {"definition": {"scpActionDefinition": {"policyId": "p-12345678", "targetIds": ["1"]}}}, {}),
    ("a policy is for somebody", ACTION, {"definition": {"iamActionDefinition": {"policyArn": POLICY_ARN}}}, {}),
    ("an action tells ten addresses at most", ACTION, {"subscribers": mails(11)}, {"subscribers": mails(10)}),
    ("an action tells one topic at most", ACTION, {"subscribers": topics(2)}, {"subscribers": mails(10) + topics(1)}),
    ("a monitor is managed or custom", MONITOR, {"monitorDimension": "SERVICE"}, {}),
    ("a managed monitor has a dimension", MONITOR, {"monitorType": "DIMENSIONAL"}, {}),
    ("a monitor's filter is JSON", MONITOR, {"monitorSpecification": "{"}, {}),
    ("a monitor's filter is simple", MONITOR,
     {"monitorSpecification": spec(And=[{"Tags": values(1)}])}, {"monitorSpecification": spec(Dimensions=values(1))}),
    ("a monitor watches ten values at most", MONITOR,
     {"monitorSpecification": spec(Tags=values(11))}, {"monitorSpecification": spec(Tags=values(10))}),
    ("what is immediate goes to a topic", SUBSCRIPTION,
     {"frequency": "IMMEDIATE"}, {"frequency": "IMMEDIATE", "subscribers": topics(1, "type")}),
    ("a topic hears at once", SUBSCRIPTION, {"subscribers": topics(1, "type")}, {"frequency": "WEEKLY"}),
    ("ten addresses hear of anomalies at most", SUBSCRIPTION,
     {"subscribers": mails(11, "type")}, {"subscribers": mails(10, "type")}),
    ("a threshold is a least impact", SUBSCRIPTION, above(matchOptions=["EQUALS"]), above()),
    ("a threshold is of an impact", SUBSCRIPTION,
     above(key="SERVICE"), above(key="ANOMALY_TOTAL_IMPACT_PERCENTAGE")),
]  # fmt: skip


@pytest.mark.parametrize(("token", "refused", "accepted"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_what_a_rule_refuses_is_refused_and_its_neighbour_accepted(
    token: str, refused: Mapping[str, Any], accepted: Mapping[str, Any]
):
    assert check(token, {**ACCEPTED[token], **refused})
    assert check(token, {**ACCEPTED[token], **accepted}) == []


@pytest.mark.parametrize("token", ACCEPTED)
def test_ordinary_inputs_are_accepted_known_or_not(token: str):
    assert check(token, ACCEPTED[token]) == []
    assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases():
    assert rules_without_a_case(costs.RULES, ACCEPTED, CASES) == []
