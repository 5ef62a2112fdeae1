"""Who reads and writes features, as the judge decides it: each refusal beside what is allowed, in both flavours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.ground import CHURN, FRAUD, PLATFORM
from tests.isolation.judge import Judge, Question
from tests.isolation.trials import pattern
from tests.isolation.world import loosely

from modelyard import Context, DataLake, FeaturesSpec, FeatureStore, Keys, KeysSpec, LakeSpec, Role
from modelyard.assess.access import Access, collect
from modelyard.assess.graph import Graph, record, reveal
from modelyard.core.access import Statement, trust_service
from modelyard.foundation.tenancy import TeamFence, TeamHeader
from modelyard.foundation.tenancy.reach import Reach

OWNER = "ada@acme.example"
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-jobs@sha256:{'a' * 64}"
VIEW: dict[str, Any] = {
    "owner": OWNER,
    "entity": [{"name": "customer_id"}],
    "event_time": "happened_at",
    "features": [{"name": "amount", "type": "float"}],
    "dataset": "transactions",
}
COLUMNS = {"customer_id": "string", "happened_at": "timestamp", "amount": "double"}


class _Everything:
    """A policy that somebody wrote by hand, and too wide."""

    component = "by-hand"


def program(kind: str) -> None:
    keys = Keys("keys", KeysSpec(), context=FRAUD)
    header = {"team": "fraud", "owners": [{"name": "Ada", "email": OWNER}], "cost_center": "1"}
    TeamFence("fence", TeamHeader.model_validate(header), context=FRAUD, keys=keys)
    inside = PLATFORM.for_team("fraud", boundary=Reach(FRAUD).boundary)
    columns = [{"name": name, "type": type_} for name, type_ in COLUMNS.items()]
    dataset = {"classification": "internal", "owner": OWNER, "columns": columns}
    lake = DataLake("lake", LakeSpec.model_validate({"datasets": {"transactions": dataset}}), context=inside, keys=keys)
    filled = {**VIEW, "schedule": "rate(1 hour)", "consistency": {}}
    given = {"flavour": {"kind": kind}, "job": {"image": IMAGE}, "views": {"customer": filled, "card": VIEW}}
    store = FeatureStore("features", FeaturesSpec.model_validate(given), context=inside, lake=lake)

    def role(name: str, context: Context) -> Role:
        trusted = [trust_service("sagemaker.amazonaws.com", context=context)]
        return Role(name, context=context, trusted=trusted, description=name)

    store.grant_read_online(role("serves", inside), views=["customer"])
    store.grant_read_offline(role("trains", inside), views=["customer"])
    store.grant_write(role("writes", inside), views=["customer"])
    role("neighbour", inside)
    wide = ("sagemaker:*", "dynamodb:*", "s3:*", "glue:*", "athena:*", "kms:*")
    role("stranger", CHURN).allow(_Everything(), "everything", [Statement(wide, ("*",))])


def _graph(kind: str) -> Graph:
    return record(lambda: program(kind), project="p", stack="s", region="eu-west-1")


@pytest.fixture(scope="module")
def graphs() -> dict[str, Graph]:
    return {kind: _graph(kind) for kind in ("sagemaker", "feast")}


@pytest.fixture(scope="module")
def accesses(judge: Judge, graphs: Mapping[str, Graph]) -> dict[str, Access]:
    """The boundary names SageMaker's types by a wildcard, which the judge matches only where it is written out."""
    forms = {"sagemaker": tuple(pattern(arns) for arns in judge.table("sagemaker").arns.values())}
    return {kind: loosely(collect(graph), forms) for kind, graph in graphs.items()}


def role_arn(access: Access, name: str) -> str:
    (found,) = [found for found in access.identities if found.endswith(f"-{name}")]
    return found


def things(graph: Graph, view: str) -> dict[str, str]:
    """The ARNs of a view's online store, of an object of its history, and of the lake's key."""
    online = {"aws:sagemaker/featureGroup:FeatureGroup", "aws:dynamodb/table:Table"}
    (store,) = [n for n in graph.nodes if n.type in online and n.name.startswith(f"features-{view}-")]
    (bucket,) = [n for n in graph.nodes if n.type == "aws:s3/bucket:Bucket" and n.name == "lake-features"]
    (key,) = [n for n in graph.nodes if n.name == "keys-default"]
    role = store.name.removeprefix("features-")
    return {
        "store": str(reveal(store.outputs["arn"])),
        "history": f"{reveal(bucket.outputs['arn'])}/features/{role}/part-1.parquet",
        "key": str(reveal(key.outputs["arn"])),
    }


READ = {"sagemaker": "sagemaker:GetRecord", "feast": "dynamodb:GetItem"}
WRITE = {"sagemaker": "sagemaker:PutRecord", "feast": "dynamodb:PutItem"}
OBJECT = "s3:GetObject"


@pytest.mark.parametrize("kind", ["sagemaker", "feast"])
@pytest.mark.parametrize(
    ("who", "does", "view", "allowed"),
    [
        ("serves", "read", "customer", True),
        ("writes", "write", "customer", True),
        ("trains", "history", "customer", True),
        ("serves", "write", "customer", False),
        ("serves", "history", "customer", False),
        ("serves", "read", "card", False),
        ("writes", "read", "customer", False),
        ("writes", "write", "card", False),
        ("trains", "read", "customer", False),
        ("trains", "write", "customer", False),
        ("trains", "history", "card", False),
        ("neighbour", "read", "customer", False),
        ("neighbour", "write", "customer", False),
        ("neighbour", "history", "customer", False),
        ("customer-v1-job", "write", "customer", True),
        ("customer-v1-job", "read", "customer", True),
        ("customer-v1-job", "history", "customer", True),
        ("customer-v1-job", "write", "card", False),
        ("customer-v1-job", "history", "card", False),
    ],
)
def test_features_are_read_and_written_by_whom_they_were_granted_to(
    judge: Judge,
    graphs: Mapping[str, Graph],
    accesses: Mapping[str, Access],
    kind: str,
    who: str,
    does: str,
    view: str,
    allowed: bool,
):
    found = things(graphs[kind], view)
    action = {"read": READ[kind], "write": WRITE[kind], "history": OBJECT}[does]
    resource = found["history" if does == "history" else "store"]
    (verdict,) = judge.ask(accesses[kind], [Question(role_arn(accesses[kind], who), action, resource)])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize("kind", ["sagemaker", "feast"])
@pytest.mark.parametrize(
    ("who", "service", "allowed"),
    [
        ("ml-dev-fraud-serves", {"sagemaker": "sagemaker", "feast": "dynamodb"}, True),
        ("ml-dev-fraud-trains", {"sagemaker": "s3", "feast": "s3"}, True),
        ("ml-dev-fraud-trains", {"sagemaker": "secretsmanager", "feast": "secretsmanager"}, False),
        ("ml-dev-fraud-neighbour", {"sagemaker": "sagemaker", "feast": "dynamodb"}, False),
        ("ml-dev-churn-stranger", {"sagemaker": "sagemaker", "feast": "dynamodb"}, False),
        ("ml-dev-churn-stranger", {"sagemaker": "s3", "feast": "s3"}, False),
    ],
)
def test_the_key_comes_with_the_grant_through_the_stores_service_alone(
    judge: Judge,
    graphs: Mapping[str, Graph],
    accesses: Mapping[str, Access],
    kind: str,
    who: str,
    service: Mapping[str, str],
    allowed: bool,
):
    access, key = accesses[kind], things(graphs[kind], "customer")["key"]
    (arn,) = [found for found in access.identities if found.endswith(f"/{who}")]
    via = {"kms:ViaService": f"{service[kind]}.eu-west-1.amazonaws.com"}
    (verdict,) = judge.ask(access, [Question(arn, "kms:Decrypt", key, via)])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize("kind", ["sagemaker", "feast"])
@pytest.mark.parametrize(
    ("action", "resource", "context", "allowed"),
    [
        ("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "modelyard/features"}, True),
        ("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/Billing"}, False),
        ("ecr:BatchGetImage", "arn:aws:ecr:eu-west-1:123456789012:repository/ml-dev-fraud-jobs", {}, True),
        ("ecr:BatchGetImage", "arn:aws:ecr:eu-west-1:123456789012:repository/ml-dev-fraud-other", {}, False),
        ("logs:PutLogEvents",
         "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/ProcessingJobs:log-stream:a", {}, True),
        ("dynamodb:DeleteTable", "arn:aws:dynamodb:eu-west-1:123456789012:table/ml-dev-fraud-features.a", {}, False),
        ("sagemaker:DeleteFeatureGroup", "arn:aws:sagemaker:eu-west-1:123456789012:feature-group/ml-dev-fraud-a", {},
         False),
    ],
)  # fmt: skip
def test_a_job_does_its_work_inside_the_boundary_and_nothing_else(
    judge: Judge,
    accesses: Mapping[str, Access],
    kind: str,
    action: str,
    resource: str,
    context: Mapping[str, str],
    allowed: bool,
):
    access = accesses[kind]
    (verdict,) = judge.ask(access, [Question(role_arn(access, "customer-v1-job"), action, resource, context)])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(
    ("who", "allowed"), [("writes", True), ("trains", True), ("serves", False), ("neighbour", False)]
)
def test_who_applies_or_asks_with_feast_may_look_at_its_tables(
    judge: Judge, accesses: Mapping[str, Access], who: str, allowed: bool
):
    access, catalog = accesses["feast"], "arn:aws:athena:eu-west-1:123456789012:datacatalog/AwsDataCatalog"
    (verdict,) = judge.ask(access, [Question(role_arn(access, who), "athena:GetTableMetadata", catalog)])
    assert verdict.allowed is allowed, str(verdict)


@pytest.mark.parametrize(
    ("who", "job", "passed", "allowed"),
    [
        ("features-conductor", "ml-dev-fraud-features-customer-v1-0a1b2c3d", "features-customer-v1-job", True),
        ("features-conductor", "ml-dev-fraud-other-0a1b2c3d", "serves", False),
        ("features-starter", "ml-dev-fraud-features-customer-v1-0a1b2c3d", "features-customer-v1-job", False),
    ],
)
def test_the_conductor_alone_starts_the_views_jobs_under_their_roles(
    judge: Judge, accesses: Mapping[str, Access], who: str, job: str, passed: str, allowed: bool
):
    access = accesses["sagemaker"]
    arn = f"arn:aws:sagemaker:eu-west-1:123456789012:processing-job/{job}"
    to = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    asked = [
        Question(role_arn(access, who), "sagemaker:CreateProcessingJob", arn),
        Question(role_arn(access, who), "iam:PassRole", role_arn(access, passed), to),
    ]
    assert [verdict.allowed for verdict in judge.ask(access, asked)] == [allowed, allowed]
