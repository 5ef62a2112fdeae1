"""Who starts a loop, and what alone exchanges what an endpoint serves, as the judge decides it inside the fences."""

from __future__ import annotations

from typing import Any, Final

import pytest
from tests.ground import ACCOUNT, NETWORK, OWNER, PLATFORM, REGION, TRANSACTIONS, TWO, ground, served
from tests.isolation.judge import Judge, Question
from tests.isolation.world import loosely, services_of_wildcards

from modelyard import Context, Keys, KeysSpec, KnownNetwork, TeamFence, TeamHeader
from modelyard.assess.access import Access, collect
from modelyard.assess.graph import record
from modelyard.core.access import Principal as Who
from modelyard.core.access import trust_sessions_named
from modelyard.core.champions import champion_parameter, promoted_prefix, shape_parameter
from modelyard.core.contract import SignInContract
from modelyard.foundation.tenancy import Personas, Reach, persona_arn
from modelyard.run.retraining import RetrainingLoop, RetrainingSpec

TEAMS = {team: PLATFORM.for_team(team, boundary=Reach(PLATFORM.for_team(team)).boundary) for team in ("fraud", "churn")}
FRAUD, CHURN = TEAMS["fraud"], TEAMS["churn"]
PEOPLE = {"data-scientist": ["ada@acme.example"], "ml-engineer": ["lin@acme.example"]}
LOOP: dict[str, Any] = {
    "endpoint": "score",
    "pipeline": "fit",
    "owner": OWNER,
    "budget": {"usd_a_month": 100, "usd_a_run": 10},
    "triggers": {"mondays": {"kind": "schedule", "expression": "cron(0 4 ? * MON *)"}},
}


def steps(team: str) -> dict[str, Any]:
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/ml-dev-{team}-train@sha256:{'a' * 64}"
    judged = {"model": {"kind": "output", "of": "train.model"}}
    return {
        "train": {"kind": "train", "image": image, "inputs": {"data": {"kind": "dataset", "name": "transactions"}}},
        "judge": {"kind": "evaluate", "image": image, "inputs": judged},
        "keep": {"kind": "register", "image": image, "model": "scores", "artifact": "train.model", "after": ["judge"]},
    }


def team(name: str) -> None:
    """A team with a loop of each approval; its engineers may start one, its scientists may read and submit."""
    context = TEAMS[name]
    header = TeamHeader.model_validate(
        {"team": name, "owners": [{"name": "Ada", "email": "ada@acme.example"}], "people": PEOPLE}
    )
    keys = Keys("keys", KeysSpec(), context=context)
    on = ground(context, keys=keys, datasets=TRANSACTIONS)
    ci = trust_sessions_named(Who.roles(f"arn:aws:iam::{ACCOUNT}:role/ci"), ["run-1"])
    TeamFence("fence", header, context=context, keys=keys, trusted=[ci])
    personas = Personas("personas", header, context=context, sign_in=SignInContract(kind="identity-center"))
    fit = on.pipeline("fit", steps=steps(name))
    endpoint = on.endpoint(
        "score", served(release={"kind": "loop"}, served_by=TWO, vpc=None), network=KnownNetwork(NETWORK)
    )
    for loop, approval in (("weekly", "person"), ("daily", "automatic")):
        made = RetrainingLoop(
            loop,
            RetrainingSpec.model_validate({**LOOP, "approval": {"kind": approval}}),
            context=context,
            endpoints={"score": endpoint},
            pipelines={"fit": fit},
            registry=on.registry,
            lake=on.lake,
            keys=on.keys,
            audit=on.audit,
        )
        if loop == "weekly":
            made.grant_start(personas["ml-engineer"])
    for persona in personas:
        on.registry.grant_submit(personas[persona])
        on.registry.grant_pull(personas[persona])
        endpoint.grant_read(personas[persona])
        endpoint.grant_invoke(personas[persona])


@pytest.fixture(scope="module")
def access(judge: Judge) -> Access:
    """Both teams. The boundary names SageMaker's types by a wildcard, which the judge matches only written out."""
    found = collect(*(record(lambda name=name: team(name), project="p", stack=name, region=REGION) for name in TEAMS))
    forms = {
        service: [
            form for each in judge.table(service).arns.values() for form in ([each] if isinstance(each, str) else each)
        ]
        for service in services_of_wildcards(found)
    }
    return loosely(found, forms)


def who(name: Any, of: Context = FRAUD) -> str:
    if name in PEOPLE:
        return persona_arn(of, name)
    return of.arn("iam", f"role{of.names.path}{of.names.of('iam-role', name)}", regional=False)


ENDPOINT: Final = FRAUD.arn("sagemaker", "endpoint/ml-dev-fraud-score")
PREFIX: Final = promoted_prefix(FRAUD.names, "score")
CONFIGURATION: Final = FRAUD.arn("sagemaker", f"endpoint-config/{PREFIX}-v7-0123456789")
MADE: Final = FRAUD.arn("sagemaker", f"model/{PREFIX}-v7-0123456789")
OTHER: Final = FRAUD.arn("sagemaker", "model/ml-dev-fraud-rank-main")
CHAMPION: Final = FRAUD.arn("ssm", f"parameter{champion_parameter(FRAUD.names, 'score')}")
SHAPE: Final = FRAUD.arn("ssm", f"parameter{shape_parameter(FRAUD.names, 'score')}")
MACHINE: Final = FRAUD.arn("states", "stateMachine:ml-dev-fraud-weekly-loop")
DAILY: Final = FRAUD.arn("states", "stateMachine:ml-dev-fraud-daily-loop")
PIPELINE: Final = FRAUD.arn("states", "stateMachine:ml-dev-fraud-fit")
PROMOTION: Final = FRAUD.arn("states", "stateMachine:ml-dev-fraud-registry-promotion")
FUNCTION: Final = FRAUD.arn("lambda", "function:ml-dev-fraud-weekly-loop")
PACKAGE: Final = FRAUD.arn("sagemaker", "model-package/ml-dev-fraud-registry-scores/7")
UPDATE, START = "sagemaker:UpdateEndpoint", "states:StartExecution"

DECIDED = [
    ("weekly-conductor", FRAUD, UPDATE, ENDPOINT, True),
    ("weekly-conductor", FRAUD, UPDATE, CONFIGURATION, True),
    ("data-scientist", FRAUD, UPDATE, ENDPOINT, False),
    ("ml-engineer", FRAUD, UPDATE, ENDPOINT, False),
    ("weekly-conductor", CHURN, UPDATE, ENDPOINT, False),
    ("weekly-starter", FRAUD, UPDATE, ENDPOINT, False),
    ("weekly-loop", FRAUD, "sagemaker:CreateModel", MADE, True),
    ("weekly-loop", FRAUD, "sagemaker:CreateModel", OTHER, False),
    ("data-scientist", FRAUD, "sagemaker:CreateModel", MADE, False),
    ("weekly-loop", FRAUD, "sagemaker:CreateEndpointConfig", CONFIGURATION, True),
    ("weekly-conductor", FRAUD, "sagemaker:DeleteModel", MADE, True),
    ("weekly-conductor", FRAUD, "sagemaker:DeleteModel", OTHER, False),
    ("weekly-conductor", FRAUD, "sagemaker:DeleteEndpoint", ENDPOINT, False),
    ("weekly-conductor", FRAUD, "ssm:PutParameter", CHAMPION, True),
    ("weekly-conductor", FRAUD, "ssm:PutParameter", SHAPE, False),
    ("data-scientist", FRAUD, "ssm:PutParameter", CHAMPION, False),
    ("ml-engineer", FRAUD, "ssm:PutParameter", CHAMPION, False),
    ("weekly-conductor", CHURN, "ssm:PutParameter", CHAMPION, False),
    ("ml-engineer", FRAUD, START, MACHINE, True),
    ("ml-engineer", FRAUD, "ssm:GetParameter", CHAMPION, True),
    ("ml-engineer", FRAUD, START, DAILY, False),
    ("ml-engineer", CHURN, START, MACHINE, False),
    ("data-scientist", FRAUD, START, MACHINE, False),
    ("weekly-starter", FRAUD, START, MACHINE, True),
    ("weekly-starter", FRAUD, START, PIPELINE, False),
    ("weekly-conductor", FRAUD, START, PIPELINE, True),
    ("weekly-conductor", CHURN, START, PIPELINE, False),
    ("weekly-loop", FRAUD, START, PROMOTION, False),
    ("daily-loop", FRAUD, START, PROMOTION, True),
    ("daily-conductor", FRAUD, START, PROMOTION, False),
    ("weekly-conductor", FRAUD, "lambda:InvokeFunction", FUNCTION, True),
    ("daily-conductor", FRAUD, "lambda:InvokeFunction", FUNCTION, False),
    ("data-scientist", FRAUD, "lambda:InvokeFunction", FUNCTION, False),
]


@pytest.mark.parametrize(("name", "of", "action", "arn", "allowed"), DECIDED)
def test_only_the_loop_exchanges_what_serves_and_only_whom_it_was_granted_starts_it(
    judge: Judge, access: Access, name: str, of: Context, action: str, arn: str, allowed: bool
):
    (verdict,) = judge.ask(access, [Question(who(name, of), action, arn)])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize("name", ["weekly-conductor", "weekly-loop", "daily-conductor", "daily-loop"])
@pytest.mark.parametrize("status", ["Approved", "Rejected"])
def test_no_loop_sets_a_versions_status_by_itself(judge: Judge, access: Access, name: str, status: str):
    given = {"sagemaker:ModelApprovalStatus": status}
    (verdict,) = judge.ask(access, [Question(who(name), "sagemaker:UpdateModelPackage", PACKAGE, given)])
    assert not verdict.allowed, str(verdict)


@pytest.mark.parametrize(("service", "allowed"), [("sagemaker.amazonaws.com", True), ("lambda.amazonaws.com", False)])
def test_the_loop_hands_the_models_role_to_sagemaker_alone(judge: Judge, access: Access, service: str, allowed: bool):
    model = who("score-model")
    (verdict,) = judge.ask(
        access, [Question(who("weekly-loop"), "iam:PassRole", model, {"iam:PassedToService": service})]
    )
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(
    ("name", "of", "key", "allowed"),
    [
        ("weekly-loop", FRAUD, "retraining/weekly/lock.json", True),
        ("daily-loop", FRAUD, "retraining/weekly/lock.json", False),
        ("weekly-loop", FRAUD, "snapshots/transactions/a.json", False),
        ("data-scientist", FRAUD, "retraining/weekly/lock.json", False),
        ("weekly-loop", CHURN, "retraining/weekly/lock.json", False),
    ],
)
def test_a_lock_is_its_loops_alone(judge: Judge, access: Access, name: str, of: Context, key: str, allowed: bool):
    (bucket,) = [arn for arn in access.things if arn.startswith("arn:aws:s3:::ml-dev-fraud-lake-artifacts")]
    (verdict,) = judge.ask(access, [Question(who(name, of), "s3:PutObject", f"{bucket}/{key}")])
    assert verdict.allowed is allowed, str(verdict)
