"""Budgets: updates, subscribers and tags."""

from __future__ import annotations

import json
from typing import Any

from moto.budgets.exceptions import NotFoundException
from moto.budgets.responses import BudgetsResponse
from moto.core.utils import unix_time

from modelyard_sandbox.moto_extensions.budget_actions import actions_of

_create_budget = BudgetsResponse.create_budget


def _budget(response: Any, name: str) -> Any:
    budgets = response.backend.budgets[response._get_param("AccountId") or response.current_account]
    if name not in budgets:
        raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
    return budgets[name]


def _tagged(response: Any) -> Any:
    """The budget that the request's ARN names, or the action of a budget."""
    name, _, action = response._get_param("ResourceARN").partition("/")[2].partition("/action/")
    budget = _budget(response, name)
    if not action:
        return budget
    found = actions_of(response.backend).get((name, action))
    if found is None:
        raise NotFoundException(f"Unable to get action: {action} of budget {name}")
    return found


def create_budget(self: Any) -> str:
    """CreateBudget, tags included."""
    answer = _create_budget(self)
    given = self._get_param("ResourceTags") or []
    _budget(self, self._get_param("Budget")["BudgetName"]).tags = {tag["Key"]: tag["Value"] for tag in given}
    return answer


def update_budget(self: Any) -> str:
    """UpdateBudget: the new definition takes the place of the old one; notifications stay."""
    new = self._get_param("NewBudget")
    budget = _budget(self, new["BudgetName"])
    budget.budget = {"TimePeriod": budget.budget["TimePeriod"], **new, "LastUpdatedTime": unix_time()}
    return json.dumps({})


def describe_subscribers_for_notification(self: Any) -> str:
    """DescribeSubscribersForNotification."""
    budget = _budget(self, self._get_param("BudgetName"))
    wanted = self._get_param("Notification")
    for notification in budget.notifications:
        if notification.details == wanted:
            return json.dumps({"Subscribers": notification.subscribers})
    raise NotFoundException("The notification doesn't exist.")


def list_tags_for_resource(self: Any) -> str:
    """ListTagsForResource."""
    tags = _tagged(self).tags
    return json.dumps({"ResourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]})


def tag_resource(self: Any) -> str:
    """TagResource."""
    _tagged(self).tags.update({tag["Key"]: tag["Value"] for tag in self._get_param("ResourceTags")})
    return json.dumps({})


def untag_resource(self: Any) -> str:
    """UntagResource."""
    tags = _tagged(self).tags
    for key in self._get_param("ResourceTagKeys"):
        tags.pop(key, None)
    return json.dumps({})


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for operation in (
        create_budget,
        update_budget,
        describe_subscribers_for_notification,
        list_tags_for_resource,
        tag_resource,
        untag_resource,
    ):
        setattr(BudgetsResponse, operation.__name__, operation)
