"""A team's budget in the emulator: made, unchanged, changed, gone; and what its denial refuses and leaves alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import settings as moto_settings
from moto.core.authorization import ActionAuthenticatorMixin
from tests.sandbox.lives import changed

from modelyard import Budget, BudgetSpec, Context, Keys, KeysSpec, Role, TeamFence, TeamHeader, trust_service
from modelyard.core.access import Statement
from modelyard.testing import Deployment, deploy
from modelyard_sandbox.accounting import counted

ACCOUNT = "123456789012"
CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account=ACCOUNT)
FRAUD = CONTEXT.for_team("fraud")
HEADER = {"team": "fraud", "owners": [{"name": "Ada", "email": "ada@acme.example"}]}
BUDGET = {
    "monthly_usd": 500,
    "anomalies": {"kind": "tag"},
    "deny_spending": {"approval": "automatic"},
}
Program = Callable[[], None]


def a_budget(**changes: Any) -> Program:
    """A team's fence and its budget, as the platform's stack makes them, and a role that may do all of SageMaker."""

    def program() -> None:
        trusted = [trust_service("sagemaker.amazonaws.com", context=FRAUD)]
        scientist = Role("scientist", context=FRAUD, trusted=trusted, description="works")
        scientist.allow(scientist, "work", [Statement(("sagemaker:*",), ("*",))])
        header = TeamHeader.model_validate(HEADER)
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        fence = TeamFence("fence", header, context=FRAUD, keys=keys)
        Budget(
            "fraud-budget",
            BudgetSpec.model_validate({**BUDGET, **changes}),
            context=FRAUD,
            owners=[owner.email for owner in header.owners],
            roles=[fence.deployment_role_arn, scientist.arn],
        )

    return program


CHANGES = [
    ({"monthly_usd": 750}, {"fraud-budget-budget": "update"}),
    ({"alerts": {"actual": [90]}}, {"fraud-budget-budget": "update"}),
    ({"deny_spending": {"approval": "manual", "at_percent": 120}}, {"fraud-budget-deny-spending": "update"}),
    ({"anomalies": {"kind": "tag", "threshold_usd": 20}}, {"fraud-budget-anomalies-mails": "update"}),
]


def test_a_budget_is_made_stays_as_it_is_changes_where_it_is_told_and_goes(emulator: str):
    with deploy(lambda: None, region="eu-west-1", emulator=emulator) as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(a_budget())
        assert set(stack.operations.values()) <= {"create", "same"}
        stack.update(a_budget())
        assert changed(stack) == {}
        for change, expected in CHANGES:
            stack.update(a_budget(**change))
            assert changed(stack) == expected
            stack.update(a_budget())
        stack.destroy()
        assert counted(stack.client, "eu-west-1") == before


def test_a_budget_loses_its_brake_when_the_file_does():
    with deploy(a_budget(), region="eu-west-1") as stack:
        stack.update(a_budget(deny_spending=None, anomalies=None))
        gone = {name for name, done in changed(stack).items() if done == "delete"}
        assert gone >= {"fraud-budget-deny-spending", "fraud-budget-no-new-spending", "fraud-budget-runner-role"}
        assert not [name for name in gone if not name.startswith("fraud-budget")]
        assert stack.client("budgets").describe_budget_actions_for_account(AccountId=ACCOUNT)["Actions"] == []


def run_action(stack: Deployment, execution: str) -> None:
    action = stack.resource("fraud-budget-deny-spending").properties
    stack.client("budgets").execute_budget_action(
        AccountId=ACCOUNT,
        BudgetName=action["budgetName"],
        ActionId=action["actionId"],
        ExecutionType=execution,
    )


@contextmanager
def judged() -> Iterator[None]:
    """IAM decides from here on; what happened before was done by an administrator."""
    before = moto_settings.INITIAL_NO_AUTH_ACTION_COUNT
    moto_settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    ActionAuthenticatorMixin.request_count = 0
    try:
        yield
    finally:
        moto_settings.INITIAL_NO_AUTH_ACTION_COUNT = before


def as_scientist(stack: Deployment) -> Any:
    """A SageMaker client of the role that may do all of it."""
    role = stack.resource("scientist-role").properties["arn"]
    got = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(
        "sagemaker",
        region_name="eu-west-1",
        aws_access_key_id=got["AccessKeyId"],
        aws_secret_access_key=got["SecretAccessKey"],
        aws_session_token=got["SessionToken"],
    )


def create_notebook(sagemaker: Any, number: int) -> Any:
    return sagemaker.create_notebook_instance(
        NotebookInstanceName=f"ml-dev-fraud-{number}",
        InstanceType="ml.t3.medium",
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/modelyard/ml/dev/fraud/notebook",
    )


def test_a_denial_in_force_stops_new_spending_and_nothing_that_runs():
    with deploy(a_budget(), region="eu-west-1") as stack:
        sagemaker = as_scientist(stack)
        with judged():
            create_notebook(sagemaker, 1)
        run_action(stack, "APPROVE_BUDGET_ACTION")
        with judged(), pytest.raises(ClientError) as refusal:
            create_notebook(sagemaker, 2)
        assert "denied" in str(refusal.value).lower() or "not authorized" in str(refusal.value)
        with judged():
            assert sagemaker.describe_notebook_instance(NotebookInstanceName="ml-dev-fraud-1")
            sagemaker.stop_notebook_instance(NotebookInstanceName="ml-dev-fraud-1")
        run_action(stack, "REVERSE_BUDGET_ACTION")
        with judged():
            create_notebook(sagemaker, 3)


def test_a_deployment_leaves_a_denial_in_force():
    with deploy(a_budget(), region="eu-west-1") as stack:
        run_action(stack, "APPROVE_BUDGET_ACTION")
        stack.update(a_budget())
        assert changed(stack) == {}
        for name in ("fence-deployment-role", "scientist-role"):
            role = stack.resource(name).properties["name"]
            found = stack.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
            denial = stack.resource("fraud-budget-no-new-spending").properties["arn"]
            assert denial in [policy["PolicyArn"] for policy in found]
        run_action(stack, "REVERSE_BUDGET_ACTION")
