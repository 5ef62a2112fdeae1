"""Budgets through their whole life."""

from __future__ import annotations

from typing import Any

BUDGET = "aws:budgets/budget:Budget"
ACCOUNT = "123456789012"


def warning(threshold: float, *addresses: str) -> dict[str, Any]:
    """A notification by mail."""
    return {
        "comparisonOperator": "GREATER_THAN",
        "notificationType": "ACTUAL",
        "threshold": threshold,
        "thresholdType": "PERCENTAGE",
        "subscriberEmailAddresses": list(addresses or ("owner@example.com",)),
    }


def fraud(**changes: Any) -> dict[str, Any]:
    """A team's monthly budget."""
    return {
        "name": "ml-dev-fraud",
        "budgetType": "COST",
        "limitAmount": "500",
        "limitUnit": "USD",
        "timeUnit": "MONTHLY",
        "costFilters": [{"name": "TagKeyValue", "values": ["user:modelyard:team$fraud"]}],
        "notifications": [warning(80), warning(100, "owner@example.com", "cto@example.com")],
        **changes,
    }


def test_a_budget_lives_and_dies(cloud: Any) -> None:
    budget = cloud.make(BUDGET, **fraud(tags={"team": "fraud"}))
    assert budget.id == f"{ACCOUNT}:ml-dev-fraud"
    assert budget["arn"] == f"arn:aws:budgets::{ACCOUNT}:budget/ml-dev-fraud"
    assert budget["limitAmount"] == "500"
    assert budget["timePeriodEnd"] == "2087-06-15_00:00"
    budget.update(limitAmount="750")
    budget.update(costFilters=[{"name": "Service", "values": ["Amazon SageMaker"]}])
    budget.update(tags={"team": "churn"})
    kept = cloud.client("budgets").describe_budget(AccountId=ACCOUNT, BudgetName="ml-dev-fraud")["Budget"]
    assert (kept["BudgetLimit"]["Amount"], kept["CostFilters"]) == ("750", {"Service": ["Amazon SageMaker"]})
    budget.delete()


def test_a_budgets_notifications_follow_what_is_wanted(cloud: Any) -> None:
    budget = cloud.make(BUDGET, **fraud())
    budget.update(notifications=[warning(50), warning(100, "cto@example.com")])
    told = cloud.client("budgets").describe_notifications_for_budget(AccountId=ACCOUNT, BudgetName="ml-dev-fraud")
    assert [entry["Threshold"] for entry in told["Notifications"]] == [50, 100]
    budget.update(notifications=None)


def test_notifications_in_another_order_are_no_change(cloud: Any) -> None:
    budget = cloud.make(BUDGET, **fraud())
    assert not budget.forecast(notifications=list(reversed(fraud()["notifications"]))).changed


def test_another_name_or_account_replaces_a_budget(cloud: Any) -> None:
    budget = cloud.make(BUDGET, **fraud())
    assert budget.forecast(name="other").replaces == {"name"}
    assert budget.forecast(accountId="210987654321").replaces == {"accountId"}


def test_a_budget_is_imported_by_account_and_name(cloud: Any) -> None:
    budget = cloud.make(BUDGET, **fraud())
    found = budget.imported(f"{ACCOUNT}:ml-dev-fraud")
    assert {**found.inputs, **fraud()} == found.inputs


def test_a_budget_with_a_period_of_its_own_keeps_it(cloud: Any) -> None:
    budget = cloud.make(BUDGET, **fraud(timePeriodStart="2026-01-01_00:00", timePeriodEnd="2027-01-01_00:00"))
    budget.update(timePeriodEnd="2028-01-01_00:00")


def test_a_budget_of_the_same_name_is_refused(cloud: Any) -> None:
    cloud.make(BUDGET, **fraud())
    assert "DuplicateRecordException" in cloud.refused(BUDGET, **fraud())
