"""Who calls an endpoint, reads what it captured and starts its predictions, as the judge decides it."""

from __future__ import annotations

import pytest
from tests.ground import CHURN, FRAUD, OWNER, a_role, ground, recording, served
from tests.isolation.judge import Judge, Question
from tests.isolation.world import arn_of

from modelyard import BatchInference, BatchSpec
from modelyard.assess.access import Access, collect

MANY = {
    "kind": "multi_model",
    "image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-serve@sha256:{'d' * 64}",
    "artifact": "a" * 64,
    "models": {"france": {"model": "others", "version": 2, "artifact": "b" * 64}},
    "instance_type": "ml.m5.large",
}
AWS = "arn:aws:sagemaker:eu-west-1:123456789012"
ENDPOINT, OTHERS = f"{AWS}:endpoint/ml-dev-fraud-score", f"{AWS}:endpoint/ml-dev-churn-score"
STATES = "arn:aws:states:eu-west-1:123456789012"
MACHINE = f"{STATES}:stateMachine:ml-dev-fraud-nightly"
RANK, SHARED = f"{AWS}:endpoint/ml-dev-fraud-rank", f"{AWS}:endpoint/ml-dev-fraud-many"
PROMOTED = FRAUD.names.of("promoted-model", "rank", content="promoted")
STORED = "arn:aws:ssm:eu-west-1:123456789012:parameter/modelyard/ml/dev/fraud"
INVOKE, START = "sagemaker:InvokeEndpoint", "states:StartExecution"


def program() -> None:
    on = ground(FRAUD, "scores", "others")
    endpoint = on.endpoint("score", served())
    batch = {
        "model": "scores",
        "owner": OWNER,
        "release": {"kind": "declared", "version": 3},
        "vpc": False,
        "input": {"zone": "curated", "prefix": "payments"},
        "output": {"zone": "curated", "prefix": "predictions"},
    }
    nightly = BatchInference(
        "nightly",
        BatchSpec.model_validate(batch),
        context=FRAUD,
        registry=on.registry,
        lake=on.lake,
        keys=on.keys,
    )
    on.endpoint("rank", served(release={"kind": "loop"})).grant_promote(a_role("loop"))
    on.endpoint("many", served(served_by=MANY)).grant_invoke(a_role("french"), models=["france"])
    endpoint.grant_invoke(a_role("caller"))
    endpoint.grant_read_capture(a_role("monitor"))
    nightly.grant_start(a_role("starter"))
    nightly.grant_read(a_role("reader"))
    a_role("bystander")
    a_role("neighbour", CHURN)


@pytest.fixture(scope="module")
def access() -> Access:
    return collect(recording(program))


def objects(access: Access, zone: str, key: str) -> str:
    (bucket,) = [
        arn for arn in access.things if arn.startswith(f"arn:aws:s3:::ml-dev-fraud-lake-{zone}-") and "logs" not in arn
    ]
    return f"{bucket}/{key}"


CALLS = [
    ("caller", INVOKE, ENDPOINT, True),
    ("caller", INVOKE, OTHERS, False),
    ("caller", "sagemaker:UpdateEndpoint", ENDPOINT, False),
    ("bystander", INVOKE, ENDPOINT, False),
    ("monitor", INVOKE, ENDPOINT, False),
    ("neighbour", INVOKE, ENDPOINT, False),
    ("starter", START, MACHINE, True),
    ("starter", START, f"{STATES}:stateMachine:ml-dev-churn-nightly", False),
    ("reader", START, MACHINE, False),
    ("neighbour", START, MACHINE, False),
]
READS = [
    ("monitor", "capture", "calls/score/2026/11/21/a.jsonl", True),
    ("monitor", "capture", "calls/other/2026/11/21/a.jsonl", False),
    ("caller", "capture", "calls/score/2026/11/21/a.jsonl", False),
    ("neighbour", "capture", "calls/score/2026/11/21/a.jsonl", False),
    ("score-model", "capture", "calls/other/a.jsonl", False),
    ("reader", "curated", "predictions/nightly/a.csv.out", True),
    ("reader", "curated", "payments/a.csv", False),
    ("nightly-model", "curated", "payments/a.csv", True),
    ("nightly-model", "curated", "people/a.csv", False),
]


@pytest.mark.parametrize(("who", "action", "arn", "allowed"), CALLS)
def test_an_endpoint_is_called_and_predictions_are_started_by_whom_it_was_granted(
    judge: Judge, access: Access, who: str, action: str, arn: str, allowed: bool
):
    (answer,) = judge.ask(access, [Question(arn_of(access, who), action, arn)])
    assert answer.allowed is allowed, str(answer)


@pytest.mark.parametrize(("who", "zone", "key", "allowed"), READS)
def test_what_was_captured_and_predicted_is_read_by_whom_it_was_granted(
    judge: Judge, access: Access, who: str, zone: str, key: str, allowed: bool
):
    (answer,) = judge.ask(access, [Question(arn_of(access, who), "s3:GetObject", objects(access, zone, key))])
    assert answer.allowed is allowed, str(answer)


def test_batch_jobs_run_this_model_alone(judge: Judge, access: Access):
    conductor, job = arn_of(access, "conductor"), f"{AWS}:transform-job/ml-dev-fraud-nightly-0a1b2c3d"
    (own,) = [
        value
        for policy in access.identities[conductor].policies
        for statement in policy.document["Statement"]
        for value in statement.get("Condition", {}).get("ForAnyValue:ArnEquals", {}).values()
    ]
    asked = [
        Question(conductor, "sagemaker:CreateTransformJob", job, {"sagemaker:ModelArn": model})
        for model in (own, f"{AWS}:model/ml-dev-fraud-other", f"{AWS}:model/ml-dev-churn-score")
    ]
    assert [answer.allowed for answer in judge.ask(access, asked)] == [True, False, False]


PROMOTIONS = [
    ("loop", "sagemaker:UpdateEndpoint", RANK, True),
    ("loop", "sagemaker:UpdateEndpoint", ENDPOINT, False),
    ("loop", "sagemaker:UpdateEndpoint", f"{AWS}:endpoint-config/{PROMOTED}-v2-0a1b2c3d4e", True),
    ("loop", "sagemaker:UpdateEndpoint", f"{AWS}:endpoint-config/ml-dev-fraud-rank-by-hand", False),
    ("loop", "sagemaker:CreateModel", f"{AWS}:model/{PROMOTED}-v2-0a1b2c3d4e", True),
    ("loop", "sagemaker:CreateModel", f"{AWS}:model/ml-dev-fraud-other", False),
    ("loop", "sagemaker:DeleteEndpointConfig", f"{AWS}:endpoint-config/{PROMOTED}-v1-0a1b2c3d4e", True),
    ("loop", "sagemaker:DeleteEndpoint", RANK, False),
    ("loop", INVOKE, RANK, False),
    ("loop", "ssm:PutParameter", f"{STORED}/shapes/rank", False),
    ("loop", "ssm:PutParameter", f"{STORED}/champions/score", False),
    ("loop", "ssm:GetParameter", f"{STORED}/shapes/rank", True),
    ("caller", "ssm:PutParameter", f"{STORED}/champions/rank", False),
    ("caller", "sagemaker:CreateModel", f"{AWS}:model/{PROMOTED}-v2-0a1b2c3d4e", False),
]


@pytest.mark.parametrize(("who", "action", "arn", "allowed"), PROMOTIONS)
def test_versions_are_brought_by_whom_it_was_granted_to_that_endpoint_alone(
    judge: Judge, access: Access, who: str, action: str, arn: str, allowed: bool
):
    (answer,) = judge.ask(access, [Question(arn_of(access, who), action, arn)])
    assert answer.allowed is allowed, str(answer)


def test_whoever_promotes_writes_its_champion(judge: Judge, access: Access):
    (answer,) = judge.ask(access, [Question(arn_of(access, "loop"), "ssm:PutParameter", f"{STORED}/champions/rank")])
    assert answer.allowed, str(answer)


@pytest.mark.parametrize(
    ("target", "allowed"),
    [(f"others/{'b' * 64}/model.tar.gz", True), (f"scores/{'a' * 64}/model.tar.gz", False), (None, False)],
)
def test_of_many_models_a_caller_names_what_it_was_granted(
    judge: Judge, access: Access, target: str | None, allowed: bool
):
    said = {} if target is None else {"sagemaker:TargetModel": target}
    (answer,) = judge.ask(access, [Question(arn_of(access, "french"), INVOKE, SHARED, said)])
    assert answer.allowed is allowed, str(answer)


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        (f"models/others/{'b' * 64}/model.tar.gz", True),
        (f"models/scores/{'a' * 64}/model.tar.gz", True),
        (f"models/scores/{'c' * 64}/model.tar.gz", False),
    ],
)
def test_the_container_of_many_models_loads_the_listed_artifacts_alone(
    judge: Judge, access: Access, key: str, allowed: bool
):
    (bucket,) = [
        arn
        for arn in access.things
        if "fraud-registry" in arn and arn.startswith("arn:aws:s3:::") and "logs" not in arn
    ]
    (answer,) = judge.ask(access, [Question(arn_of(access, "many-model"), "s3:GetObject", f"{bucket}/{key}")])
    assert answer.allowed is allowed, str(answer)
