"""Teams in an account of their own, as the judge sees it: what reaches across is what was meant to, and no more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.isolation.judge import Judge, Question
from tests.isolation.world import ENVIRONMENT, project, recorded
from tests.shipped import edit

from modelyard.assess.access import Access, collect
from modelyard.assess.graph import Graph, reveal
from modelyard.blueprints.requirements import NEED_THE_BUS

PLATFORMS, OWN = "111122223333", "210987654321"
TEAMS = ("alpha", "bravo", "charlie")
"""The first lives in the platform's account, the others share one of theirs."""
NETWORK = {
    "vpc_id": "vpc-0123456789abcdef0",
    "subnets": {"private": {"eu-west-1a": "subnet-0123456789abcdef0"}},
    "security_groups": {
        "workload": "sg-0123456789abcdef0",
        "training": "sg-0123456789abcdef1",
        "endpoints": "sg-0123456789abcdef2",
    },
}
PATH = f"/modelyard/ml/{ENVIRONMENT}/bravo/"
GLUE = "arn:aws:glue:eu-west-1"
BUS = f"arn:aws:events:eu-west-1:{PLATFORMS}:event-bus/ml-{ENVIRONMENT}-platform-audit"


@dataclass(frozen=True)
class Accounts:
    """What was recorded of a project with teams in two accounts."""

    platform: Graph
    teams: dict[str, Graph]
    access: Access


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Accounts:
    root = project(tmp_path_factory.mktemp("accounts") / "project", TEAMS)

    def with_approvers_alone(document: Any) -> None:
        document["people"] = {"approver": ["grace@acme.example"]}
        document["personas"] = {"approver": {"events": True}}
        document.pop("workbench", None)

    def in_their_own_account(document: Any) -> None:
        document["account"] = OWN
        document["network"] = NETWORK
        for part in NEED_THE_BUS:
            document.pop(part, None)

    for team in TEAMS:
        path = root / "stacks" / "teams" / f"{team}.yaml"
        edit(path, with_approvers_alone)
        if team != "alpha":
            edit(path, in_their_own_account)
    edit(root / "platform" / "platform.yaml", lambda document: document.update(workbenches={}))
    platform, teams = recorded(root, TEAMS)
    return Accounts(platform, teams, collect(platform, *teams.values()))


def role(team: str, name: str) -> str:
    account = PLATFORMS if team == "alpha" else OWN
    return f"arn:aws:iam::{account}:role/modelyard/ml/{ENVIRONMENT}/{team}/ml-{ENVIRONMENT}-{team}-{name}"


def test_two_teams_share_an_account_and_it_has_what_an_account_has_once(accounts: Accounts):
    providers = [
        node for node in accounts.platform if node.type == "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
    ]
    assert sorted(str(reveal(node.outputs["arn"])).split(":")[4] for node in providers) == [PLATFORMS, OWN]
    deployment = [arn for arn in accounts.access.identities if arn.endswith("-fence-deployment")]
    assert sorted(arn.split(":")[4] for arn in deployment) == [PLATFORMS, OWN, OWN]


def test_each_speaks_on_the_platforms_bus_in_its_own_name_only(judge: Judge, accounts: Accounts):
    def puts(team: str, source: str) -> Question:
        context = {"events:source": [source], "events:detail-type": ["modelyard.approval"]}
        return Question(role(team, "persona-approver"), "events:PutEvents", BUS, context)

    own = judge.ask(accounts.access, [puts(team, f"modelyard.{team}") for team in TEAMS])
    assert [str(verdict) for verdict in own if not verdict.allowed] == []
    foreign = judge.ask(
        accounts.access, [puts(team, f"modelyard.{other}") for team in TEAMS for other in TEAMS if team != other]
    )
    assert [str(verdict) for verdict in foreign if verdict.allowed] == []


def test_its_deployment_role_works_in_its_account_and_nowhere_else(judge: Judge, accounts: Accounts):
    deployment = role("bravo", "fence-deployment")
    boundary = {"iam:PermissionsBoundary": f"arn:aws:iam::{OWN}:policy{PATH}ml-{ENVIRONMENT}-bravo-fence-boundary"}
    own = [
        Question(deployment, "iam:CreateRole", f"arn:aws:iam::{OWN}:role{PATH}ml-{ENVIRONMENT}-bravo-new", boundary),
        Question(deployment, "glue:CreateDatabase", f"{GLUE}:{OWN}:database/ml_{ENVIRONMENT}_bravo_lake"),
        Question(deployment, "sns:CreateTopic", f"arn:aws:sns:eu-west-1:{OWN}:ml-{ENVIRONMENT}-bravo-notices"),
    ]
    assert [str(verdict) for verdict in judge.ask(accounts.access, own) if not verdict.allowed] == []
    elsewhere = [replace(question, resource=question.resource.replace(OWN, PLATFORMS)) for question in own]
    assert [str(verdict) for verdict in judge.ask(accounts.access, elsewhere) if verdict.allowed] == []


def test_it_is_deployed_from_the_platforms_account(accounts: Accounts):
    trust = accounts.access.identities[role("bravo", "fence-deployment")].trust
    assert [statement["Principal"] for statement in trust.statements] == [{"AWS": f"arn:aws:iam::{PLATFORMS}:root"}]
