"""Who calls a model in production, sees what was said, deploys and says yes: each refusal beside what goes through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from tests.ground import ACCOUNT, TWO, a_role, ground, served
from tests.isolation.judge import Judge, Question, Verdict
from tests.isolation.world import loosely, services_of_wildcards

from modelyard import Context, Keys, KeysSpec, TeamFence, TeamHeader
from modelyard.assess.access import Access, Identity, Policy, Used, collect, uses
from modelyard.assess.graph import Graph, record
from modelyard.core.access import Principal as Who
from modelyard.core.access import trust_sessions_named
from modelyard.core.champions import champion_parameter, shape_parameter
from modelyard.core.contract import SignInContract
from modelyard.core.releasing import PENDING, broken
from modelyard.foundation.tenancy import Personas, Reach, persona_arn

PLATFORM = Context(organization="acme", platform="ml", environment="prod", region="eu-west-1", account=ACCOUNT)
TEAMS = {team: PLATFORM.for_team(team, boundary=Reach(PLATFORM.for_team(team)).boundary) for team in ("fraud", "churn")}
FRAUD = TEAMS["fraud"]
SIGN_IN = SignInContract(kind="identity-center")
CI = f"arn:aws:iam::{ACCOUNT}:role/ci"
PEOPLE = {
    "data-scientist": ["ada@acme.example"],
    "ml-engineer": ["lin@acme.example"],
    "approver": ["grace@acme.example"],
    "auditor": ["joan@acme.example"],
}
PERSONAS: Final = tuple(PEOPLE)


def team(name: str) -> None:
    """A team that gives its people all that components can give them, and three roles of other kinds."""
    context = TEAMS[name]
    header = TeamHeader.model_validate(
        {"team": name, "owners": [{"name": "Ada", "email": "ada@acme.example"}], "people": PEOPLE}
    )
    keys = Keys("keys", KeysSpec(), context=context)
    on = ground(context, keys=keys)
    TeamFence(
        "fence",
        header,
        context=context,
        keys=keys,
        trusted=[trust_sessions_named(Who.roles(CI), ["run-1"])],
    )
    personas = Personas("personas", header, context=context, sign_in=SIGN_IN)
    endpoint = on.endpoint("score", served(served_by=TWO))
    endpoint.grant_invoke(a_role("caller", context))
    endpoint.grant_read_capture(a_role("monitor", context))
    a_role("bystander", context)
    for maker in (personas["data-scientist"], personas["ml-engineer"]):
        on.registry.grant_submit(maker, models=["scores"])
        on.registry.grant_pull(maker, models=["scores"])
        endpoint.grant_invoke(maker)
        endpoint.grant_read(maker)
        endpoint.grant_read_capture(maker)
    on.registry.grant_approve(personas["approver"], models=["scores"])
    on.registry.grant_read(personas["auditor"], models=["scores"])
    endpoint.grant_read(personas["auditor"])


@pytest.fixture(scope="module")
def graphs() -> dict[str, Graph]:
    return {
        name: record(lambda name=name: team(name), project="p", stack=name, region="eu-west-1", account=ACCOUNT)
        for name in TEAMS
    }


@pytest.fixture(scope="module")
def access(judge: Judge, graphs: dict[str, Graph]) -> Access:
    """Both teams, and CI, which is no role of theirs.

    The boundary names SageMaker's types by a wildcard, which the judge matches only where it is written out.
    """
    found = collect(*graphs.values())
    assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    may = Policy("may assume", {"Version": "2012-10-17", "Statement": [assume]})
    ci = Identity(arn=CI, name="ci", path="/", policies=(may,), trust=may)
    made = replace(found, identities={**found.identities, CI: ci})
    return loosely(made, {service: forms(judge, service) for service in services_of_wildcards(made)})


def forms(judge: Judge, service: str) -> list[str]:
    """The ARN patterns of a service's types."""
    said = judge.table(service).arns.values()
    return [form for each in said for form in ([each] if isinstance(each, str) else each)]


def role(name: str, of: str = "fraud") -> str:
    names = TEAMS[of].names
    return TEAMS[of].arn("iam", f"role{names.path}{names.of('iam-role', name)}", regional=False)


def persona(name: Any) -> str:
    return persona_arn(FRAUD, name)


def one(judge: Judge, access: Access, question: Question) -> Verdict:
    (verdict,) = judge.ask(access, [question])
    return verdict


SCORE = FRAUD.arn("sagemaker", "endpoint/ml-prod-fraud-score")
DEPLOYMENT = Reach(FRAUD).deployment_role


@pytest.mark.parametrize(
    ("who", "of", "allowed"),
    [
        ("caller", "fraud", True),
        ("bystander", "fraud", False),
        ("monitor", "fraud", False),
        ("caller", "churn", False),
    ],
)
def test_an_endpoint_answers_to_the_role_that_was_granted_it_and_to_no_other(
    judge: Judge, access: Access, who: str, of: str, allowed: bool
):
    verdict = one(judge, access, Question(role(who, of), "sagemaker:InvokeEndpoint", SCORE))
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(
    ("who", "of", "allowed"),
    [
        ("monitor", "fraud", True),
        ("caller", "fraud", False),
        ("bystander", "fraud", False),
        ("monitor", "churn", False),
        ("caller", "churn", False),
    ],
)
def test_what_was_captured_is_read_by_the_teams_role_that_was_granted_it_and_by_no_other_team(
    judge: Judge, access: Access, who: str, of: str, allowed: bool
):
    (bucket,) = [
        arn for arn in access.things if "fraud-lake-capture" in arn and arn.startswith("arn:aws:s3:::ml-prod-fraud")
    ]
    questions = [
        Question(role(who, of), "s3:GetObject", f"{bucket}/calls/score/2026/11/21/a.jsonl"),
        Question(role(who, of), "kms:Decrypt", key(access), {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}),
    ]
    said = judge.ask(access, questions)
    assert all(verdict.allowed for verdict in said) is allowed, [str(verdict) for verdict in said]


def key(access: Access) -> str:
    """The key that encrypts the lake of fraud."""
    document = next(
        statement
        for policy in access.identities[role("monitor")].policies
        for statement in policy.statements
        if "kms:Decrypt" in statement["Action"]
    )
    found = document["Resource"]
    return found if isinstance(found, str) else found[0]


NEW = {"aws:RequestTag/team": "fraud", "aws:TagKeys": ["team"]}
OWN = {"aws:ResourceTag/team": "fraud"}
DEPLOYS: Final = {
    "sagemaker:CreateEndpoint": (SCORE, NEW),
    "sagemaker:UpdateEndpoint": (SCORE, OWN),
    "sagemaker:UpdateEndpointWeightsAndCapacities": (SCORE, OWN),
    "sagemaker:DeleteEndpoint": (SCORE, OWN),
    "sagemaker:CreateEndpointConfig": (FRAUD.arn("sagemaker", "endpoint-config/ml-prod-fraud-score-0a1b2"), NEW),
    "sagemaker:CreateModel": (FRAUD.arn("sagemaker", "model/ml-prod-fraud-score-main-0a1b2"), NEW),
    "cloudformation:UpdateStack": (
        FRAUD.arn("cloudformation", "stack/ml-prod-fraud-score-endpoint/0a1b2c3d"),
        OWN,
    ),
    "ssm:PutParameter": (FRAUD.arn("ssm", f"parameter{champion_parameter(FRAUD.names, 'score')}"), OWN),
}


@pytest.mark.parametrize("action", DEPLOYS)
def test_nobody_but_what_deploys_the_stack_deploys_to_production(judge: Judge, access: Access, action: str):
    """Every role there is of both teams is asked: people's, jobs', containers' and functions'."""
    on, carrying = DEPLOYS[action]
    asked = [Question(arn, action, on, carrying) for arn in access.identities]
    allowed = {verdict.question.principal for verdict in judge.ask(access, asked) if verdict.allowed}
    assert allowed == {DEPLOYMENT}


@pytest.mark.parametrize(
    ("job", "thing"),
    [
        ("CreateTrainingJob", "training-job/ml-prod-fraud-training-1"),
        ("CreateProcessingJob", "processing-job/ml-prod-fraud-training-1"),
        ("CreateTransformJob", "transform-job/ml-prod-fraud-training-1"),
        ("CreateHyperParameterTuningJob", "hyper-parameter-tuning-job/ml-prod-fraud-training-1"),
        ("CreateAutoMLJobV2", "automl-job/ml-prod-fraud-training-1"),
    ],
)
def test_what_deploys_starts_no_job_since_no_stack_holds_one(judge: Judge, access: Access, job: str, thing: str):
    said = one(judge, access, Question(DEPLOYMENT, f"sagemaker:{job}", FRAUD.arn("sagemaker", thing), NEW))
    assert not said.allowed and "NothingShared" in str(said)
    endpoint = one(judge, access, Question(DEPLOYMENT, "sagemaker:CreateEndpoint", SCORE, NEW))
    assert endpoint.allowed, "it makes what a stack holds"


def test_nobody_but_the_pipeline_becomes_what_deploys(judge: Judge, access: Access):
    def becomes(who: str, session: str) -> bool:
        context = {"sts:RoleSessionName": session, "aws:userid": f"AROAEXAMPLE:{session}"}
        return one(judge, access, Question(who, "sts:AssumeRole", DEPLOYMENT, context)).allowed

    assert becomes(CI, "run-1")
    assert not becomes(CI, "somebody")
    assert [name for name in PERSONAS if becomes(persona(name), "run-1")] == []


def test_a_shape_is_written_by_what_deploys_the_stack_alone(judge: Judge, access: Access):
    on = FRAUD.arn("ssm", f"parameter{shape_parameter(FRAUD.names, 'score')}")
    asked = [Question(arn, "ssm:PutParameter", on, OWN) for arn in access.identities]
    assert {one.question.principal for one in judge.ask(access, asked) if one.allowed} == {DEPLOYMENT}


DECISIONS: Final = "decisions/AROAEXAMPLE:{}/scores/3.json"


def decides(judge: Judge, access: Access, who: str, by: str, in_the_name_of: str) -> bool:
    """Whether `by`, in the role `who`, may put down a decision in somebody's name, and have it carried out."""
    (bucket,) = [
        arn for arn in access.things if arn.startswith("arn:aws:s3:::ml-prod-fraud-registry") and ("logs" not in arn)
    ]
    session = {"aws:userid": f"AROAEXAMPLE:{by}"}
    machine = FRAUD.arn("states", "stateMachine:ml-prod-fraud-registry-promotion")
    questions = [
        Question(who, "s3:PutObject", f"{bucket}/{DECISIONS.format(in_the_name_of)}", session),
        Question(who, "states:StartExecution", machine, session),
    ]
    return all(verdict.allowed for verdict in judge.ask(access, questions))


def refusals(approver: str, author: str, submitter: str) -> set[str]:
    """What the function that signs releases finds wrong with who approved."""
    record = {
        "package": "p",
        "approver": f"AROAEXAMPLE:{approver}",
        "author": author,
        "submitter": f"AROAOTHER:{submitter}",
        "artifact_digest": "d",
        "gates": [],
    }
    return {code for code, _ in broken(record, {}, package="p", status=PENDING, wanted=PENDING, digest="d")}


def test_an_approver_says_yes_to_anothers_model_and_never_to_their_own(judge: Judge, access: Access):
    grace, ada = "grace@acme.example", "ada@acme.example"
    approver = persona("approver")
    assert decides(judge, access, approver, grace, grace)
    assert refusals(grace, author=ada, submitter=ada) == set(), "another's"

    assert refusals(grace, author=grace, submitter=ada) == {"approver-is-author"}, "what they wrote"
    assert refusals(grace, author=ada, submitter=grace) == {"approver-is-author"}, "what they registered"
    assert refusals(grace, author=grace.upper(), submitter=ada) == {"approver-is-author"}, "in other letters"
    assert not decides(judge, access, approver, grace, ada), "nor in another's name, which would hide whose it is"


@pytest.mark.parametrize("who", [name for name in PERSONAS if name != "approver"])
def test_who_makes_models_approves_none(judge: Judge, access: Access, who: str):
    name = PEOPLE[who][0]
    assert not decides(judge, access, persona(who), name, name)


def test_an_approver_makes_none_and_makers_do(judge: Judge, access: Access):
    package = FRAUD.arn("sagemaker", "model-package/ml-prod-fraud-registry-scores/3")
    pending = {"sagemaker:ModelApprovalStatus": PENDING}
    asked = [Question(persona(who), "sagemaker:CreateModelPackage", package, pending) for who in PERSONAS]
    makers = {verdict.question.principal for verdict in judge.ask(access, asked) if verdict.allowed}
    assert makers == {persona("data-scientist"), persona("ml-engineer")}


def test_nobody_sets_the_status_of_a_version_but_the_promotion(judge: Judge, access: Access):
    package = FRAUD.arn("sagemaker", "model-package/ml-prod-fraud-registry-scores/3")
    approved = {"sagemaker:ModelApprovalStatus": "Approved"}
    asked = [Question(arn, "sagemaker:UpdateModelPackage", package, approved) for arn in access.identities]
    allowed = {verdict.question.principal for verdict in judge.ask(access, asked) if verdict.allowed}
    assert allowed == {role("registry-promotion")}


def used(access: Access, graphs: dict[str, Graph], name: str) -> Used:
    (found,) = [thing for thing in uses(access, graphs["fraud"]) if thing.name == name]
    return found


def told(thing: Used, use: str) -> set[str]:
    return {user.identity.arn for user in thing.uses[use]}


@pytest.mark.parametrize("use", ["invoke", "deploy", "read what was captured"])
def test_yard_access_tells_of_an_endpoint_what_is_so(judge: Judge, access: Access, graphs: dict[str, Graph], use: str):
    """Every identity is asked, so that nobody is left out and nobody is told of who can't."""
    (bucket,) = [arn for arn in access.things if "fraud-lake-capture" in arn]
    through_s3 = {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
    calls: dict[str, list[tuple[str, str, dict[str, str]]]] = {
        "invoke": [("sagemaker:InvokeEndpoint", SCORE, {})],
        "deploy": [("sagemaker:UpdateEndpoint", SCORE, {})],
        "read what was captured": [
            ("s3:GetObject", f"{bucket}/calls/score/2026/11/21/a.jsonl", {}),
            ("kms:Decrypt", key(access), through_s3),
        ],
    }
    able = {
        arn
        for arn in access.identities
        if all(verdict.allowed for verdict in judge.ask(access, [Question(arn, *call) for call in calls[use]]))
    }
    assert told(used(access, graphs, "score"), use) == able != set()


def test_yard_access_tells_who_approves_a_model_and_who_registers_one(access: Access, graphs: dict[str, Graph]):
    scores = used(access, graphs, "scores")
    assert told(scores, "approve") == {persona("approver"), DEPLOYMENT}
    assert told(scores, "register") == {persona("data-scientist"), persona("ml-engineer"), DEPLOYMENT}
    assert persona("approver") not in told(scores, "read the artifacts")
