"""Who may put what on the platform's bus, and lead it where, as the judge sees grants and the bus's policy together."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.isolation.judge import Judge, Question

from modelyard import AuditSpec, AuditTrail, Context, Keys, KeysSpec, Role, trust_service
from modelyard.assess.access import Access, collect
from modelyard.assess.graph import record
from modelyard.foundation.audit import key_statements

CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
HERE = "arn:aws:events:eu-west-1:123456789012"
BUS = f"{HERE}:event-bus/ml-dev-platform-audit"
RULES = f"{HERE}:rule/ml-dev-platform-audit"
QUEUES = "arn:aws:sqs:eu-west-1:123456789012"


def role(team: str, name: str) -> Role:
    context = CONTEXT.for_team(team)
    trusted = [trust_service("lambda.amazonaws.com", context=context)]
    return Role(name, context=context, trusted=trusted, description="Acts")


def arn(team: str, name: str) -> str:
    return f"arn:aws:iam::123456789012:role/modelyard/ml/dev/{team}/ml-dev-{team}-{name}"


@pytest.fixture(scope="module")
def access() -> Access:
    """Two teams and an audit: `forger` holds a grant for another team than its own, `stranger` holds none."""

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT, services=key_statements(CONTEXT))
        audit = AuditTrail("audit", AuditSpec(), context=CONTEXT, keys=keys)
        audit.grant_publish(role("fraud", "approver"), team="fraud")
        audit.grant_publish(role("churn", "forger"), team="fraud")
        audit.grant_subscribe(role("fraud", "listener"), team="fraud")
        role("fraud", "stranger")

    return collect(record(program, project="p", stack="s", region=CONTEXT.region))


def puts(team: str, name: str, source: str, kind: str = "modelyard.approval") -> Question:
    return Question(arn(team, name), "events:PutEvents", BUS, {"events:source": [source], "events:detail-type": [kind]})


def rules(rule: str, sources: Sequence[str]) -> Question:
    context = {"events:source": sources} if sources else {}
    return Question(arn("fraud", "listener"), "events:PutRule", f"{RULES}/{rule}", context)


def leads_to(queue: str) -> Question:
    target = {"events:TargetArn": [f"{QUEUES}:{queue}"]}
    return Question(arn("fraud", "listener"), "events:PutTargets", f"{RULES}/ml-dev-fraud-drift", target)


ALLOWED = [
    pytest.param(puts("fraud", "approver", "modelyard.fraud"), id="a team speaks in its own name"),
    pytest.param(rules("ml-dev-fraud-drift", ["modelyard.fraud"]), id="a team listens to itself"),
    pytest.param(leads_to("ml-dev-fraud-retrain"), id="a team leads its events to its own queue"),
]
REFUSED = [
    pytest.param(puts("fraud", "approver", "modelyard.churn"), id="in another team's name"),
    pytest.param(puts("fraud", "approver", "aws.ec2"), id="in the name of a service"),
    pytest.param(puts("fraud", "approver", "modelyard.fraud", "gossip"), id="a kind that the platform doesn't know"),
    pytest.param(puts("churn", "forger", "modelyard.fraud"), id="in a name that a wrong grant gave"),
    pytest.param(puts("fraud", "stranger", "modelyard.fraud"), id="without a grant"),
    pytest.param(rules("ml-dev-fraud-drift", ["modelyard.churn"]), id="listening to another team"),
    pytest.param(rules("ml-dev-fraud-drift", ["modelyard.fraud", "modelyard.churn"]), id="listening to both"),
    pytest.param(rules("ml-dev-fraud-drift", []), id="listening to everybody"),
    pytest.param(rules("ml-dev-churn-drift", ["modelyard.fraud"]), id="by a rule of another team's name"),
    pytest.param(leads_to("ml-dev-churn-retrain"), id="leading events to another team's queue"),
]


@pytest.mark.parametrize("question", ALLOWED)
def test_what_was_granted_is_allowed(judge: Judge, access: Access, question: Question):
    (verdict,) = judge.ask(access, [question])
    assert verdict.allowed, verdict


@pytest.mark.parametrize("question", REFUSED)
def test_what_was_not_granted_is_refused(judge: Judge, access: Access, question: Question):
    (verdict,) = judge.ask(access, [question])
    assert not verdict.allowed, verdict


def test_the_bus_itself_refuses_a_forged_name(judge: Judge, access: Access):
    (verdict,) = judge.ask(access, [puts("churn", "forger", "modelyard.fraud")])
    assert verdict.explicit and "EachTeamInItsOwnName" in str(verdict)
