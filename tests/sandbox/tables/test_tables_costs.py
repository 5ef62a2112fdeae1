"""What acts on a budget, and what watches costs for anomalies, through their whole life."""

from __future__ import annotations

import json
from typing import Any

import pytest

BUDGET = "aws:budgets/budget:Budget"
ACTION = "aws:budgets/budgetAction:BudgetAction"
MONITOR = "aws:costexplorer/anomalyMonitor:AnomalyMonitor"
SUBSCRIPTION = "aws:costexplorer/anomalySubscription:AnomalySubscription"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ACCOUNT = "123456789012"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"Service": "budgets.amazonaws.com"}, "Action": "sts:AssumeRole"},
}
DENIAL = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*"}}


def filtered(**changes: Any) -> dict[str, Any]:
    """A budget of what carries two tags, credits aside."""
    tags = [{"tags": {"key": key, "values": [value]}} for key, value in (("team", "fraud"), ("environment", "dev"))]
    credits = {"not": {"dimensions": {"key": "RECORD_TYPE", "values": ["Credit", "Refund"]}}}
    return {
        "name": "ml-dev-fraud",
        "budgetType": "COST",
        "limitAmount": "500",
        "limitUnit": "USD",
        "timeUnit": "MONTHLY",
        "metrics": "UnblendedCost",
        "filterExpression": {"ands": [*tags, credits]},
        **changes,
    }


def test_a_budgets_filter_is_sent_read_and_changed(cloud: Any) -> None:
    budget = cloud.make(BUDGET, **filtered())
    kept = cloud.client("budgets").describe_budget(AccountId=ACCOUNT, BudgetName="ml-dev-fraud")["Budget"]
    assert kept["FilterExpression"]["And"][0] == {"Tags": {"Key": "team", "Values": ["fraud"]}}
    assert kept["FilterExpression"]["And"][2]["Not"]["Dimensions"]["Key"] == "RECORD_TYPE"
    assert kept["Metrics"] == ["UnblendedCost"]
    budget.update(filterExpression={"tags": {"key": "team", "values": ["fraud"]}})
    budget.update(metrics="AmortizedCost")
    budget.imported(f"{ACCOUNT}:ml-dev-fraud")


@pytest.fixture
def stopping(cloud: Any) -> dict[str, Any]:
    """The inputs of an action, with everything it refers to made."""
    cloud.make(BUDGET, **filtered())
    runner = cloud.make(ROLE, name="runner", assumeRolePolicy=json.dumps(TRUST))
    cloud.make(ROLE, name="trainer", assumeRolePolicy=json.dumps(TRUST))
    policy = cloud.make(POLICY, name="no-new-spending", policy=json.dumps(DENIAL))
    return {
        "budgetName": "ml-dev-fraud",
        "actionType": "APPLY_IAM_POLICY",
        "approvalModel": "AUTOMATIC",
        "notificationType": "ACTUAL",
        "actionThreshold": {"actionThresholdType": "PERCENTAGE", "actionThresholdValue": 100},
        "definition": {"iamActionDefinition": {"policyArn": policy["arn"], "roles": ["trainer"]}},
        "executionRoleArn": runner["arn"],
        "subscribers": [{"subscriptionType": "EMAIL", "address": "owner@example.com"}],
    }


def test_an_action_lives_and_dies(cloud: Any, stopping: dict[str, Any]) -> None:
    action = cloud.make(ACTION, **stopping, tags={"team": "fraud"})
    assert action.id == f"{ACCOUNT}:{action['actionId']}:ml-dev-fraud"
    assert action["arn"].endswith(f"budget/ml-dev-fraud/action/{action['actionId']}")
    assert action["status"] == "STANDBY"
    action.update(approvalModel="MANUAL")
    action.update(actionThreshold={"actionThresholdType": "PERCENTAGE", "actionThresholdValue": 120})
    action.update(subscribers=[{"subscriptionType": "EMAIL", "address": "cto@example.com"}])
    action.update(tags={"team": "churn"})
    assert action.forecast(budgetName="other").replaces == {"budgetName"}
    action.imported(action.id)
    action.delete()
    assert cloud.client("budgets").describe_budget_actions_for_account(AccountId=ACCOUNT)["Actions"] == []


def test_an_action_that_somebody_softened_has_drifted(cloud: Any, stopping: dict[str, Any]) -> None:
    action = cloud.make(ACTION, **stopping)
    cloud.client("budgets").update_budget_action(
        AccountId=ACCOUNT, BudgetName="ml-dev-fraud", ActionId=action["actionId"], ApprovalModel="MANUAL"
    )
    assert action.read().inputs["approvalModel"] == "MANUAL"


def test_an_action_that_runs_attaches_its_policy_and_takes_it_off_again(cloud: Any, stopping: dict[str, Any]) -> None:
    action = cloud.make(ACTION, **stopping)
    which = {"AccountId": ACCOUNT, "BudgetName": "ml-dev-fraud", "ActionId": action["actionId"]}

    def attached() -> list[str]:
        found = cloud.client("iam").list_attached_role_policies(RoleName="trainer")["AttachedPolicies"]
        return [policy["PolicyName"] for policy in found]

    cloud.client("budgets").execute_budget_action(**which, ExecutionType="APPROVE_BUDGET_ACTION")
    assert attached() == ["no-new-spending"]
    cloud.client("budgets").execute_budget_action(**which, ExecutionType="REVERSE_BUDGET_ACTION")
    assert attached() == []


def test_an_action_needs_its_budget_and_its_role(cloud: Any, stopping: dict[str, Any]) -> None:
    assert "NotFoundException" in cloud.refused(ACTION, **{**stopping, "budgetName": "other"})
    absent = {**stopping, "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}
    assert "doesn't exist" in cloud.refused(ACTION, **absent)


def watched(team: str) -> str:
    """A monitor's specification, with the nulls that the provider writes."""
    empty = dict.fromkeys(("And", "CostCategories", "Dimensions", "Not", "Or"))
    return json.dumps({**empty, "Tags": {"Key": "team", "MatchOptions": None, "Values": [team]}})


def test_a_monitor_of_a_tag_lives_and_dies(cloud: Any) -> None:
    monitor = cloud.make(
        MONITOR, name="fraud", monitorType="CUSTOM", monitorSpecification=watched("fraud"), tags={"team": "fraud"}
    )
    assert monitor.id == monitor["arn"]
    monitor.update(name="fraud-costs")
    monitor.update(tags={"team": "churn"})
    assert monitor.forecast(monitorSpecification=watched("churn")).replaces == {"monitorSpecification"}
    monitor.imported(monitor.id)
    monitor.delete()
    assert cloud.client("ce").get_anomaly_monitors()["AnomalyMonitors"] == []


def test_a_specification_without_the_providers_nulls_never_settles(cloud: Any) -> None:
    bare = json.dumps({"Tags": {"Key": "team", "Values": ["fraud"]}})
    monitor = cloud.make(MONITOR, name="fraud", monitorType="CUSTOM", monitorSpecification=watched("fraud"))
    assert monitor.forecast(monitorSpecification=bare).replaces == {"monitorSpecification"}


def test_an_account_has_one_managed_monitor_of_services(cloud: Any) -> None:
    cloud.make(MONITOR, name="services", monitorType="DIMENSIONAL", monitorDimension="SERVICE")
    again = {"name": "more", "monitorType": "DIMENSIONAL", "monitorDimension": "SERVICE"}
    assert "Limit exceeded" in cloud.refused(MONITOR, **again)


def test_a_subscription_lives_and_dies(cloud: Any) -> None:
    monitor = cloud.make(MONITOR, name="services", monitorType="DIMENSIONAL", monitorDimension="SERVICE")

    def above(dollars: str) -> dict[str, Any]:
        key = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
        return {"dimension": {"key": key, "matchOptions": ["GREATER_THAN_OR_EQUAL"], "values": [dollars]}}

    subscription = cloud.make(
        SUBSCRIPTION,
        name="owners",
        frequency="DAILY",
        monitorArnLists=[monitor["arn"]],
        subscribers=[{"type": "EMAIL", "address": "owner@example.com"}],
        thresholdExpression=above("50"),
        tags={"team": "fraud"},
    )
    assert subscription["accountId"] == ACCOUNT
    subscription.update(frequency="WEEKLY")
    subscription.update(thresholdExpression=above("100"))
    subscription.update(
        frequency="IMMEDIATE",
        subscribers=[{"type": "SNS", "address": f"arn:aws:sns:eu-west-1:{ACCOUNT}:alarms"}],
    )
    subscription.update(tags=None)
    assert subscription.forecast(name="other").replaces == {"name"}
    subscription.imported(subscription.id)
    subscription.delete()
    assert cloud.client("ce").get_anomaly_subscriptions()["AnomalySubscriptions"] == []


def test_a_subscription_needs_its_monitor(cloud: Any) -> None:
    inputs = {
        "name": "owners",
        "frequency": "DAILY",
        "monitorArnLists": [f"arn:aws:ce::{ACCOUNT}:anomalymonitor/gone"],
        "subscribers": [{"type": "EMAIL", "address": "owner@example.com"}],
    }
    assert "UnknownMonitorException" in cloud.refused(SUBSCRIPTION, **inputs)
