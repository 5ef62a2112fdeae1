"""Budget actions: what applies a policy to roles once a budget's threshold is passed.

Nothing is spent in an emulator, so no threshold is ever passed: ExecuteBudgetAction alone runs an action.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from moto.budgets.exceptions import NotFoundException
from moto.budgets.models import BudgetsBackend
from moto.budgets.responses import BudgetsResponse
from moto.core.exceptions import JsonRESTError
from moto.iam.models import iam_backends
from moto.moto_api._internal import mock_random

_GIVEN = ("NotificationType", "ActionThreshold", "Definition", "ExecutionRoleArn", "ApprovalModel", "Subscribers")
_delete_budget = BudgetsResponse.delete_budget
_ATTACHES = ("APPROVE_BUDGET_ACTION", "RETRY_BUDGET_ACTION")
_DONE = {"REVERSE_BUDGET_ACTION": "REVERSE_SUCCESS", "RESET_BUDGET_ACTION": "STANDBY"}


@dataclass(slots=True)
class Action:
    """One action of a budget: what was asked for, and its tags."""

    given: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)


def actions_of(backend: BudgetsBackend) -> dict[tuple[str, str], Action]:
    """The backend's actions, by budget and id."""
    if not hasattr(backend, "actions"):
        backend.actions = {}  # type: ignore[attr-defined]
    return backend.actions  # type: ignore[attr-defined]


def _budget(response: Any) -> str:
    account, name = response._get_param("AccountId"), response._get_param("BudgetName")
    if name not in response.backend.budgets[account]:
        raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
    return name


def _action(response: Any) -> Action:
    key = (response._get_param("BudgetName"), response._get_param("ActionId"))
    found = actions_of(response.backend).get(key)
    if found is None:
        raise NotFoundException(f"Unable to get action: {key[1]} of budget {key[0]}")
    return found


def _answer(response: Any, **others: Any) -> str:
    shown = {"AccountId": response._get_param("AccountId"), "BudgetName": response._get_param("BudgetName")}
    return json.dumps({**shown, **others})


def create_budget_action(self: Any) -> str:
    """CreateBudgetAction."""
    budget, id = _budget(self), str(mock_random.uuid4())
    action = {name: self._get_param(name) for name in (*_GIVEN, "ActionType")}
    role = action["ExecutionRoleArn"]
    if not any(known.arn == role for known in iam_backends[self.current_account][self.partition].roles.values()):
        raise JsonRESTError("InvalidParameterException", f"The execution role {role} doesn't exist.")
    action |= {"ActionId": id, "BudgetName": budget, "Status": "STANDBY"}
    tags = {tag["Key"]: tag["Value"] for tag in self._get_param("ResourceTags") or []}
    actions_of(self.backend)[budget, id] = Action(action, tags)
    return _answer(self, ActionId=id)


def update_budget_action(self: Any) -> str:
    """UpdateBudgetAction: what is given takes the place of what was."""
    action = _action(self).given
    old = dict(action)
    action |= {name: given for name in _GIVEN if (given := self._get_param(name)) is not None}
    return _answer(self, OldAction=old, NewAction=action)


def describe_budget_action(self: Any) -> str:
    """DescribeBudgetAction."""
    return _answer(self, Action=_action(self).given)


def describe_budget_actions_for_account(self: Any) -> str:
    """DescribeBudgetActionsForAccount, on one page."""
    return json.dumps({"Actions": [action.given for action in actions_of(self.backend).values()]})


def delete_budget_action(self: Any) -> str:
    """DeleteBudgetAction."""
    action = _action(self).given
    del actions_of(self.backend)[action["BudgetName"], action["ActionId"]]
    return _answer(self, Action=action)


def execute_budget_action(self: Any) -> str:
    """ExecuteBudgetAction: attaches the policy to the roles, or takes it off again."""
    action, execution = _action(self).given, self._get_param("ExecutionType")
    definition = action["Definition"]["IamActionDefinition"]
    iam = iam_backends[self.current_account][self.partition]
    for role in definition.get("Roles", []):
        attached = definition["PolicyArn"] in iam.get_role(role).managed_policies
        if execution in _ATTACHES and not attached:
            iam.attach_role_policy(definition["PolicyArn"], role)
        elif execution not in _ATTACHES and attached:
            iam.detach_role_policy(definition["PolicyArn"], role)
    action["Status"] = _DONE.get(execution, "EXECUTION_SUCCESS")
    return _answer(self, ActionId=action["ActionId"], ExecutionType=execution)


def delete_budget(self: Any) -> str:
    """DeleteBudget, with its actions."""
    answer = _delete_budget(self)
    name = self._get_param("BudgetName")
    for key in [key for key in actions_of(self.backend) if key[0] == name]:
        del actions_of(self.backend)[key]
    return answer


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for operation in (
        create_budget_action,
        update_budget_action,
        describe_budget_action,
        describe_budget_actions_for_account,
        delete_budget_action,
        execute_budget_action,
        delete_budget,
    ):
        setattr(BudgetsResponse, operation.__name__, operation)
