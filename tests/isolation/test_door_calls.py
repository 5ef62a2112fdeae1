"""What deploying a door asks of AWS: a role that may do this much makes it, and touches no other team's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from tests.ground import FRAUD, PLATFORM
from tests.isolation.calls import Stack
from tests.isolation.judge import Judge, Question
from tests.isolation.test_deployment_role import unique

from modelyard import Keys, KeysSpec
from modelyard.assess.access import Access, Identity, Policy
from modelyard.run.serving import DoorAccount, DoorSpec, KnownEndpoint, PublicDoor
from modelyard_sandbox.inprocess import Call, Deployed, deploy

ROLE = "arn:aws:iam::123456789012:role/modelyard-deployment/fraud"
OURS = ("apigateway", "wafv2")
APIS = "arn:aws:apigateway:eu-west-1::/restapis"
FIREWALLS = "arn:aws:wafv2:eu-west-1:123456789012:regional"
OWN = {"platform": "ml", "environment": "dev", "team": "fraud"}


def on_own(kind: str) -> dict[str, Any]:
    return {"StringEquals": {f"aws:{kind}Tag/{key}": value for key, value in OWN.items()}}


NEEDED: Sequence[Mapping[str, Any]] = [
    {"Action": "apigateway:POST", "Resource": APIS, "Condition": on_own("Request")},
    {
        "Action": [
            *(f"apigateway:{method}" for method in ("DELETE", "GET", "PATCH", "POST", "PUT")),
            "apigateway:SetWebACL",
            "apigateway:UpdateRestApiPolicy",
        ],
        "Resource": f"{APIS}/*",
        "Condition": on_own("Resource"),
    },
    {"Action": "wafv2:*", "Resource": f"{FIREWALLS}/webacl/ml-dev-fraud-*"},
    {"Action": ["wafv2:CreateWebACL", "wafv2:UpdateWebACL"], "Resource": f"{FIREWALLS}/managedruleset/*"},
    {
        "Action": ["wafv2:AssociateWebACL", "wafv2:DisassociateWebACL", "wafv2:GetWebACLForResource"],
        "Resource": f"{APIS}/*/stages/*",
    },
    {
        "Action": "iam:PassRole",
        "Resource": "arn:aws:iam::123456789012:role/modelyard/ml/dev/fraud/*",
        "Condition": {"StringEquals": {"iam:PassedToService": "apigateway.amazonaws.com"}},
    },
]
"""What a deployment role must be allowed for doors, besides what it is allowed for roles, functions and logs."""


def program(**changes: Any) -> None:
    account = DoorAccount("doors", context=PLATFORM)
    keys = Keys("keys", KeysSpec(), context=FRAUD)
    said = {"request": {"fields": {"amount": {"kind": "number"}}}, "authorization": {"kind": "iam"}, **changes}
    PublicDoor(
        "door",
        DoorSpec.model_validate(said),
        context=FRAUD,
        keys=keys,
        endpoint=KnownEndpoint.named("ml-dev-fraud-score", FRAUD),
        opts=pulumi.ResourceOptions(depends_on=[account]),
    )


@pytest.fixture(scope="module")
def asked(judge: Judge) -> list[Question]:
    """What IAM is asked from a door's creation to its end, changes of everything that changes in between."""
    with deploy(program, region="eu-west-1") as deployed:
        calls: list[Call] = [*deployed.calls]
        resources: dict[str, Deployed] = dict(deployed.resources)
        others = {
            "request": {"fields": {"amount": {"kind": "integer"}}},
            "authorization": {"kind": "iam", "callers": ["arn:aws:iam::210987654321:role/shop"]},
            "throttle": {"rate": 11},
            "firewall": {"per_address": 500},
        }
        for step in (deployed.refresh, lambda: deployed.update(lambda: program(**others)), deployed.destroy):
            step()
            calls += deployed.calls
            resources |= deployed.resources
    stack = Stack(ROLE, "123456789012", "eu-west-1", FRAUD.names.path, "", resources, judge)
    ours = [call for call in calls if call.service in OURS and not call.operation.endswith("Account")]
    assert {call.step for call in ours} >= {"create", "read", "update", "delete"}
    return unique([question for call in ours for question in stack.asked(call)])


def access(statements: Sequence[Mapping[str, Any]]) -> Access:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
    nobody = Policy("trust", {"Version": "2012-10-17", "Statement": []})
    return Access({ROLE: Identity(ROLE, "fraud", "/", (Policy("doors", document),), nobody)}, {})


def owned(question: Question) -> Question:
    """The same, of a thing with the team's tags: what lies in an API has the API's."""
    tags = {f"aws:ResourceTag/{key}": value for key, value in OWN.items()}
    in_an_api = question.action.startswith("apigateway:") and question.resource != APIS
    return replace(question, context={**question.context, **(tags if in_an_api else {})})


def refused(judge: Judge, statements: Sequence[Mapping[str, Any]], questions: Sequence[Question]) -> list[str]:
    verdicts = judge.ask(access(statements), [owned(question) for question in questions])
    return sorted(str(verdict) for verdict in verdicts if not verdict.allowed)


def test_a_role_that_may_do_this_much_makes_changes_and_removes_a_door(judge: Judge, asked: list[Question]):
    assert refused(judge, NEEDED, asked) == []
    assert {question.action for question in asked} >= {
        "apigateway:POST",
        "apigateway:PUT",
        "apigateway:PATCH",
        "apigateway:DELETE",
        "apigateway:UpdateRestApiPolicy",
        "iam:PassRole",
        "wafv2:AssociateWebACL",
        "wafv2:CreateWebACL",
    }


@pytest.mark.parametrize("index", range(len(NEEDED)))
def test_nothing_of_it_is_too_much(judge: Judge, asked: list[Question], index: int):
    fewer = [each for place, each in enumerate(NEEDED) if place != index]
    assert refused(judge, fewer, asked), json.dumps(NEEDED[index])


def test_another_teams_door_is_not_changed_by_it(judge: Judge, asked: list[Question]):
    theirs = {f"aws:ResourceTag/{key}": value for key, value in {**OWN, "team": "churn"}.items()}
    others = [
        replace(question, context={**owned(question).context, **theirs})
        for question in asked
        if question.action.startswith("apigateway:") and question.resource != APIS
    ]
    allowed = [str(verdict) for verdict in judge.ask(access(NEEDED), others) if verdict.allowed]
    assert allowed == [] and len(others) > 10
