"""Who logs, reads and manages which team's tracking, as the judge decides it: each own thing beside another team's."""

from __future__ import annotations

import re

import pytest
from tests.ground import PLATFORM, recording
from tests.isolation.judge import Judge, Question

from modelyard import ExperimentTracking, Keys, KeysSpec, KnownNetwork, Role, TrackingSpec, trust_service
from modelyard.assess.access import Access, collect
from modelyard.core.contract import NetworkContract

TEAMS = {team: PLATFORM.for_team(team) for team in ("fraud", "churn")}
INTENTS = ("log", "read", "manage")
NETWORK = NetworkContract(
    vpc_id="vpc-12345678",
    cidr="10.0.0.0/16",
    subnets={"private": {"eu-west-1a": "subnet-12345678", "eu-west-1b": "subnet-87654321"}},
    security_groups={"workload": "sg-1", "training": "sg-2", "endpoints": "sg-3"},
)
HOSTED = {
    "kind": "self_hosted",
    "image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-mlflow@sha256:{'a' * 64}",
    "listener": {"kind": "http", "unsafe_because": "nothing is sent"},
}
IDLE = {"stop": "20:00", "start": "07:00"}


def program() -> None:
    """Two teams with both flavours each, and a role for every intent."""
    for team, context in TEAMS.items():
        keys = Keys(f"{team}-keys", KeysSpec(), context=context)
        for name, flavour in (("runs", {"kind": "managed"}), ("hosted", HOSTED)):
            spec = TrackingSpec.model_validate({"flavour": flavour, "idle": IDLE})
            tracking = ExperimentTracking(
                f"{team}-{name}", spec, context=context, keys=keys, network=KnownNetwork(NETWORK)
            )
            for intent in INTENTS:
                trusted = [trust_service("sagemaker.amazonaws.com", context=context)]
                role = Role(f"{team}-{name}-{intent}", context=context, trusted=trusted, description=intent)
                getattr(tracking, f"grant_{intent}")(role)


@pytest.fixture(scope="module")
def access() -> Access:
    return collect(recording(program))


def role(access: Access, name: str) -> str:
    team = name.partition("-")[0]
    (found,) = [
        known for known in access.identities if known.endswith(f":role/modelyard/ml/dev/{team}/ml-dev-{team}-{name}")
    ]
    return found


def thing(access: Access, pattern: str) -> str:
    (found,) = [arn for arn in access.things if re.fullmatch(pattern, arn)]
    return found


def server(team: str) -> str:
    return f"arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/ml-dev-{team}-{team}-runs"


ON_SERVERS: list[tuple[str, str, bool]] = [
    ("log", "sagemaker-mlflow:CreateRun", True),
    ("log", "sagemaker-mlflow:LogBatch", True),
    ("log", "sagemaker-mlflow:GetRun", True),
    ("log", "sagemaker-mlflow:DeleteRun", False),
    ("log", "sagemaker-mlflow:TransitionModelVersionStage", False),
    ("log", "sagemaker:CreatePresignedMlflowTrackingServerUrl", False),
    ("log", "sagemaker:DeleteMlflowTrackingServer", False),
    ("read", "sagemaker-mlflow:SearchRuns", True),
    ("read", "sagemaker-mlflow:LogMetric", False),
    ("read", "sagemaker-mlflow:SetTag", False),
    ("manage", "sagemaker-mlflow:DeleteExperiment", True),
    ("manage", "sagemaker:CreatePresignedMlflowTrackingServerUrl", True),
    ("manage", "sagemaker:StopMlflowTrackingServer", True),
    ("manage", "sagemaker:DeleteMlflowTrackingServer", False),
    ("manage", "sagemaker:UpdateMlflowTrackingServer", False),
]


@pytest.mark.parametrize(("intent", "action", "allowed"), ON_SERVERS)
def test_a_team_works_on_its_own_server_as_granted_and_on_no_others(
    judge: Judge, access: Access, intent: str, action: str, allowed: bool
):
    who = role(access, f"fraud-runs-{intent}")
    own, others = judge.ask(
        access, [Question(who, action, server("fraud"), {}), Question(who, action, server("churn"), {})]
    )
    assert own.allowed is allowed, str(own)
    assert not others.allowed, str(others)


@pytest.mark.parametrize("flavour", ["runs", "hosted"])
@pytest.mark.parametrize(
    ("intent", "action", "key", "allowed"),
    [
        ("log", "s3:PutObject", "runs/1/abc/artifacts/model.pkl", True),
        ("log", "s3:GetObject", "runs/1/abc/artifacts/model.pkl", True),
        ("log", "s3:DeleteObject", "runs/1/abc/artifacts/model.pkl", False),
        ("log", "s3:PutObject", "elsewhere/model.pkl", False),
        ("read", "s3:GetObject", "runs/1/abc/artifacts/model.pkl", True),
        ("read", "s3:PutObject", "runs/1/abc/artifacts/model.pkl", False),
        ("manage", "s3:DeleteObject", "runs/1/abc/artifacts/model.pkl", True),
    ],
)
def test_files_of_runs_are_the_teams_own(
    judge: Judge, access: Access, flavour: str, intent: str, action: str, key: str, allowed: bool
):
    who = role(access, f"fraud-{flavour}-{intent}")
    buckets = {
        team: thing(access, rf"arn:aws:s3:::ml-dev-{team}-{team}-{flavour}-(?!.*logs)[a-z0-9]+(-[a-z0-9]+)?")
        for team in TEAMS
    }
    own, others = judge.ask(
        access, [Question(who, action, f"{buckets[team]}/{key}", {}) for team in ("fraud", "churn")]
    )
    assert own.allowed is allowed, str(own)
    assert not others.allowed, str(others)


def secret(access: Access, team: str, entry: str) -> str:
    return thing(access, rf"arn:aws:secretsmanager:[^:]+:[^:]+:secret:ml-dev-{team}-{team}-hosted-secrets-{entry}-.*")


@pytest.mark.parametrize(
    ("who", "entry", "allowed"),
    [
        ("hosted-log", "mlflow-writer", True),
        ("hosted-log", "mlflow-admin", False),
        ("hosted-log", "mlflow-session", False),
        ("hosted-read", "mlflow-reader", True),
        ("hosted-read", "mlflow-writer", False),
        ("hosted-manage", "mlflow-admin", True),
        ("hosted-manage", "mlflow-session", False),
        ("hosted-starter", "mlflow-session", True),
        ("hosted-runner", "mlflow-admin", False),
        ("runs-log", "mlflow-writer", False),
    ],
)
def test_each_intent_opens_one_password_of_its_own_team(
    judge: Judge, access: Access, who: str, entry: str, allowed: bool
):
    identity = role(access, f"fraud-{who}")
    action = "secretsmanager:GetSecretValue"
    own, others = judge.ask(
        access, [Question(identity, action, secret(access, team, entry), {}) for team in ("fraud", "churn")]
    )
    assert own.allowed is allowed, str(own)
    assert not others.allowed, str(others)


def named_in(access: Access, who: str, pattern: str) -> str:
    """The one thing of this form that a role's policies name, such as a database's user, whose ARN holds an id."""
    (found,) = set(re.findall(pattern, str(access.identities[role(access, who)])))
    return found


def database_user(access: Access, team: str) -> str:
    return named_in(access, f"{team}-hosted-runner", r"arn:aws:rds-db:[^/']+:dbuser:db-[A-Z0-9]+/[a-z0-9-]+")


@pytest.mark.parametrize(("who", "allowed"), [("runner", True), ("starter", False), ("log", False), ("manage", False)])
def test_the_server_alone_signs_in_to_its_database(judge: Judge, access: Access, who: str, allowed: bool):
    identity = role(access, f"fraud-hosted-{who}")
    own, others = judge.ask(
        access, [Question(identity, "rds-db:connect", database_user(access, team), {}) for team in ("fraud", "churn")]
    )
    assert own.allowed is allowed, str(own)
    assert not others.allowed, str(others)


SERVICE, DATABASE, SERVER = r"arn:aws:ecs:[^']+", r"arn:aws:rds:[^']+", r"arn:aws:sagemaker:[^']+"


@pytest.mark.parametrize(
    ("who", "action", "named_by", "pattern", "allowed"),
    [
        ("hosted-schedules", "ecs:UpdateService", "hosted-schedules", SERVICE, True),
        ("hosted-schedules", "ecs:DeleteService", "hosted-schedules", SERVICE, False),
        ("hosted-schedules", "rds:StopDBInstance", "hosted-schedules", DATABASE, True),
        ("hosted-schedules", "rds:DeleteDBInstance", "hosted-schedules", DATABASE, False),
        ("hosted-log", "ecs:UpdateService", "hosted-schedules", SERVICE, False),
        ("hosted-manage", "rds:StopDBInstance", "hosted-schedules", DATABASE, False),
        ("runs-schedules", "sagemaker:StopMlflowTrackingServer", "runs-schedules", SERVER, True),
        ("runs-schedules", "sagemaker:DeleteMlflowTrackingServer", "runs-schedules", SERVER, False),
    ],
)
def test_schedules_stop_what_is_theirs_and_do_nothing_else(
    judge: Judge, access: Access, who: str, action: str, named_by: str, pattern: str, allowed: bool
):
    identity = role(access, f"fraud-{who}")
    things = [named_in(access, f"{team}-{named_by}", pattern) for team in ("fraud", "churn")]
    own, others = judge.ask(access, [Question(identity, action, arn, {}) for arn in things])
    assert own.allowed is allowed, str(own)
    assert not others.allowed, str(others)


@pytest.mark.parametrize(("intent", "allowed"), [("log", False), ("read", False), ("manage", True)])
def test_who_manages_alone_opens_the_browser(judge: Judge, access: Access, intent: str, allowed: bool):
    (verdict,) = judge.ask(
        access, [Question(role(access, f"fraud-runs-{intent}"), "sagemaker-mlflow:AccessUI", "*", {})]
    )
    assert verdict.allowed is allowed, str(verdict)
