"""The platform's auditors: one role outside of all teams, who becomes it, and through which door."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.assess.graph import Graph, record
from modelyard.core.context import Context
from modelyard.core.contract import SignInContract
from modelyard.core.errors import AccessError
from modelyard.foundation.tenancy import Auditors, IdentityCenterDoors, IdentityCenterSpec, sign_in_contract

ACCOUNT = "123456789012"
PLATFORM = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account=ACCOUNT)
OLGA, PETE = "olga@acme.example", "pete@acme.example"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/modelyard/ml/dev/platform/ml-dev-platform-persona-auditor"
CENTER = IdentityCenterSpec.model_validate(
    {
        "kind": "identity-center",
        "instance_arn": "arn:aws:sso:::instance/ssoins-1234567890abcdef",
        "identity_store_id": "d-1234567890",
        "region": "eu-west-1",
    }
)


def recorded(people: tuple[str, ...] = (OLGA, PETE), leavers: dict[str, str] | None = None, **changes: Any) -> Graph:
    def program() -> None:
        given: dict[str, Any] = {"context": PLATFORM, "sign_in": sign_in_contract(CENTER), "leavers": leavers}
        Auditors("auditors", people, **{**given, **changes})
        IdentityCenterDoors("doors", CENTER, context=PLATFORM, people={"auditor": people}, leavers=leavers)

    return record(program, project="p", stack="s", region="eu-west-1", account=ACCOUNT)


def properties(graph: Graph, name: str) -> dict[str, Any]:
    (node,) = graph.named(name)
    return dict(node.properties)


def trust(graph: Graph) -> dict[str, Any]:
    (statement,) = json.loads(properties(graph, "persona-auditor-role")["assumeRolePolicy"])["Statement"]
    return statement


def test_the_role_is_the_platforms_and_can_do_nothing_by_itself():
    graph = recorded()
    role = properties(graph, "persona-auditor-role")
    assert (role["path"], role["name"]) == ("/modelyard/ml/dev/platform/", "ml-dev-platform-persona-auditor")
    assert role["tags"]["team"] == "platform"
    assert graph.of_type("aws:iam/rolePolicy:RolePolicy") == ()


def test_auditors_come_through_the_platforms_own_door_under_their_own_names():
    said = trust(recorded())["Condition"]
    assert said["StringEquals"] == {"sts:RoleSessionName": [OLGA, PETE]}
    assert said["ArnLike"]["aws:PrincipalArn"].endswith("*AWSReservedSSO_ml-dev-platform-auditor_*")


def test_the_door_opens_that_role_and_nothing_else():
    graph = recorded()
    (statement,) = json.loads(properties(graph, "doors-auditor-access")["inlinePolicy"])["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("sts:AssumeRole", ROLE)
    assert properties(graph, "doors-auditor")["name"] == "ml-dev-platform-auditor"
    assert not graph.named("doors-auditor-boundary"), "the platform's own things have none"


def test_who_left_is_in_no_trust_and_no_group_and_open_sessions_end():
    graph = recorded(leavers={"Pete@acme.example": "2026-11-20"})
    assert trust(graph)["Condition"]["StringEquals"] == {"sts:RoleSessionName": [OLGA]}
    members = [node.name for node in graph.of_type("aws:identitystore/groupMembership:GroupMembership")]
    assert members == [f"doors-auditor-{OLGA}"]
    (ended,) = json.loads(properties(graph, "persona-auditor-auditors-access")["policy"])["Statement"]
    assert (ended["Effect"], ended["Action"]) == ("Deny", "*")
    assert ended["Condition"] == {"DateLessThan": {"aws:TokenIssueTime": "2026-11-20T00:00:00Z"}}


def test_where_all_have_left_nobody_is_trusted():
    assert trust(recorded((OLGA,), {OLGA: "2026-11-20"}))["Effect"] == "Deny"


def test_people_of_a_saml_provider_are_named_by_it():
    sign_in = SignInContract(kind="saml", provider="okta", audience="https://a")
    assert trust(recorded(sign_in=sign_in))["Action"] == "sts:AssumeRoleWithSAML"


def test_more_auditors_than_a_trust_takes_are_refused():
    many = tuple(f"{'a' * 40}{index}@acme.example" for index in range(40))
    with pytest.raises(AccessError, match=r"trust policy of \d+ characters, and IAM takes 2048. Name fewer."):
        recorded(many)
