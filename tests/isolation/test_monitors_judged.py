"""Who reads captured calls, labels and results of monitors, and starts their jobs, as the judge decides it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ground import CHURN, FRAUD, OWNER, a_role, ground, recording, served
from tests.isolation.judge import Judge, Question
from tests.isolation.world import arn_of

from modelyard import Context
from modelyard.assess.access import Access, collect
from modelyard.assess.graph import Graph
from modelyard.run.monitoring import EndpointMonitors, MonitorsSpec

REPOSITORY = "arn:aws:ecr:eu-west-1:123456789012:repository"


def told(team: str) -> dict[str, Any]:
    digest = f"@sha256:{'0' * 64}"
    return {
        "owner": OWNER,
        "image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-{team}-jobs{digest}",
        "vpc": False,
        "columns": [{"name": "amount"}],
        "reference": {"prefix": "payments", "prediction": "predicted", "label": "fraud"},
        "labels": {"prefix": "labels/score"},
        "data_drift": {},
        "model_quality": {"limits": {"accuracy": 0.9}},
    }


def program() -> None:
    def watched(context: Context, name: str, run_by: str) -> EndpointMonitors:
        team = str(context.team)
        on = ground(context, prefix=f"{team}-")
        endpoint = on.endpoint(f"{team}-score", served())
        monitors = MonitorsSpec.model_validate({**told(team), "run_by": run_by})
        return EndpointMonitors(name, monitors, context=context, endpoint=endpoint, lake=on.lake, keys=on.keys)

    own = watched(FRAUD, "watch", "scheduler")
    own.grant_read_results(a_role("reader"))
    own.grant_start(a_role("starter"))
    watched(CHURN, "theirs", "model_monitor")
    a_role("bystander")


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recording(program)


@pytest.fixture(scope="module")
def access(graph: Graph) -> Access:
    return collect(graph)


JOB, PLANNER, CONDUCTOR = "ml-dev-fraud-watch-job", "ml-dev-fraud-watch-planner", "ml-dev-fraud-watch-conductor"
THEIRS, READER, BYSTANDER = "ml-dev-churn-theirs-job", "ml-dev-fraud-reader", "ml-dev-fraud-bystander"
CALLS, LABELS, RESULTS = "calls/fraud-score/a.jsonl", "labels/score/a.jsonl", "monitors/watch/results/x/s.json"
GET, PUT = "s3:GetObject", "s3:PutObject"
OBJECTS = [
    (JOB, GET, "capture", CALLS, True),
    (JOB, GET, "capture", LABELS, True),
    (JOB, GET, "curated", "payments/a.parquet", True),
    (JOB, GET, "capture", RESULTS, True),
    (JOB, PUT, "capture", RESULTS, True),
    (JOB, PUT, "capture", CALLS, False),
    (JOB, PUT, "capture", LABELS, False),
    (JOB, GET, "capture", "calls/other/a.jsonl", False),
    (JOB, GET, "capture", "monitors/other/results/s.json", False),
    (JOB, GET, "curated", "people/a.parquet", False),
    (THEIRS, GET, "capture", CALLS, False),
    (THEIRS, GET, "capture", LABELS, False),
    (THEIRS, GET, "curated", "payments/a.parquet", False),
    (THEIRS, GET, "capture", RESULTS, False),
    (THEIRS, PUT, "capture", RESULTS, False),
    (PLANNER, GET, "capture", RESULTS, True),
    (PLANNER, PUT, "capture", "monitors/watch/plans/p.json", True),
    (PLANNER, GET, "capture", CALLS, False),
    (PLANNER, GET, "capture", LABELS, False),
    (READER, GET, "capture", RESULTS, True),
    (READER, PUT, "capture", RESULTS, False),
    (READER, GET, "capture", CALLS, False),
    (BYSTANDER, GET, "capture", RESULTS, False),
    (BYSTANDER, GET, "capture", CALLS, False),
]


def stored(access: Access, zone: str, key: str) -> str:
    (bucket,) = [
        found
        for found in access.things
        if found.startswith(f"arn:aws:s3:::ml-dev-fraud-fraud-lake-{zone}-") and "logs" not in found
    ]
    return f"{bucket}/{key}"


@pytest.mark.parametrize(("who", "action", "zone", "key", "allowed"), OBJECTS)
def test_captured_calls_labels_and_results_are_for_the_own_jobs_and_for_whom_it_was_granted(
    judge: Judge, access: Access, who: str, action: str, zone: str, key: str, allowed: bool
):
    (answer,) = judge.ask(access, [Question(arn_of(access, who), action, stored(access, zone, key))])
    assert answer.allowed is allowed, str(answer)


@pytest.mark.parametrize(
    ("who", "service", "allowed"),
    [
        (JOB, "s3.eu-west-1.amazonaws.com", True),
        (READER, "s3.eu-west-1.amazonaws.com", True),
        (JOB, "lambda.eu-west-1.amazonaws.com", False),
        (THEIRS, "s3.eu-west-1.amazonaws.com", False),
        (BYSTANDER, "s3.eu-west-1.amazonaws.com", False),
    ],
)
def test_what_is_kept_is_decrypted_by_the_own_jobs_through_s3_alone(
    judge: Judge, access: Access, graph: Graph, who: str, service: str, allowed: bool
):
    outputs = {node.name: node.outputs for node in graph.nodes}
    key = str(outputs["fraud-keys-default"]["arn"])
    asked = {"kms:ViaService": service, "kms:CallerAccount": "123456789012"}
    (answer,) = judge.ask(access, [Question(arn_of(access, who), "kms:Decrypt", key, asked)])
    assert answer.allowed is allowed, str(answer)


SAGEMAKER = "arn:aws:sagemaker:eu-west-1:123456789012"
STATES = "arn:aws:states:eu-west-1:123456789012:stateMachine"
CREATE, START, PASS, PULL = (
    "sagemaker:CreateProcessingJob",
    "states:StartExecution",
    "iam:PassRole",
    "ecr:BatchGetImage",
)
METRIC, TO_SAGEMAKER = "cloudwatch:PutMetricData", {"iam:PassedToService": "sagemaker.amazonaws.com"}
WORK = [
    (CONDUCTOR, CREATE, f"{SAGEMAKER}:processing-job/ml-dev-fraud-watch-0a1b2c3d", {}, True),
    (CONDUCTOR, CREATE, f"{SAGEMAKER}:processing-job/ml-dev-churn-theirs-0a1b2c3d", {}, False),
    (JOB, CREATE, f"{SAGEMAKER}:processing-job/ml-dev-fraud-watch-0a1b2c3d", {}, False),
    (CONDUCTOR, PASS, JOB, TO_SAGEMAKER, True),
    (CONDUCTOR, PASS, JOB, {"iam:PassedToService": "lambda.amazonaws.com"}, False),
    (CONDUCTOR, PASS, THEIRS, TO_SAGEMAKER, False),
    ("ml-dev-fraud-starter", START, f"{STATES}:ml-dev-fraud-watch", {}, True),
    ("ml-dev-fraud-starter", START, f"{STATES}:ml-dev-churn-theirs", {}, False),
    (READER, START, f"{STATES}:ml-dev-fraud-watch", {}, False),
    (JOB, PULL, f"{REPOSITORY}/ml-dev-fraud-jobs", {}, True),
    (JOB, PULL, f"{REPOSITORY}/ml-dev-churn-jobs", {}, False),
    (PLANNER, METRIC, "*", {"cloudwatch:namespace": "aws/sagemaker/Endpoints/data-metrics"}, True),
    (PLANNER, METRIC, "*", {"cloudwatch:namespace": "aws/sagemaker/Endpoints/bias-metrics"}, False),
    (JOB, METRIC, "*", {"cloudwatch:namespace": "aws/sagemaker/Endpoints/data-metrics"}, False),
    (THEIRS, METRIC, "*", {"cloudwatch:namespace": "aws/sagemaker/Endpoints/data-metrics"}, True),
    (THEIRS, METRIC, "*", {"cloudwatch:namespace": "modelyard/endpoints"}, False),
]


@pytest.mark.parametrize(("who", "action", "resource", "asked", "allowed"), WORK)
def test_jobs_are_started_and_publish_as_their_own_monitors_alone(
    judge: Judge, access: Access, who: str, action: str, resource: str, asked: dict[str, str], allowed: bool
):
    thing = arn_of(access, resource) if action == PASS else resource
    (answer,) = judge.ask(access, [Question(arn_of(access, who), action, thing, asked)])
    assert answer.allowed is allowed, str(answer)
