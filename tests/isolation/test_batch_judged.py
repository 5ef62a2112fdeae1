"""What goes into a queue of AWS Batch, and before SageMaker, as the judge decides it: refusals and their twins."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ground import CHURN, FRAUD, PLATFORM, recording
from tests.isolation.judge import Judge, Question
from tests.isolation.world import arn_of

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Network, Role, VpcSpec
from modelyard.assess.access import Access, collect
from modelyard.assess.graph import Graph
from modelyard.build.training import TrainingPool, TrainingSpec
from modelyard.core.access import Statement, trust_service

DIGEST = f"@sha256:{'0' * 64}"
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/"
IMAGE = f"{REGISTRY}ml-dev-fraud-train{DIGEST}"
SHARES = {"research": 1, "release": 3}
BATCH: dict[str, Any] = {
    "flavour": {"kind": "batch", "programs": {"train": {"image": IMAGE}}},
    "instance_types": ["g5.xlarge"],
    "network_isolation": False,
    "quota": {"instances": {"g5.xlarge": 4}, "shares": SHARES},
}
QUEUED: dict[str, Any] = {
    "flavour": {"queue": {"walls": "convention"}},
    "instance_types": ["ml.g5.xlarge"],
    "quota": {"instances": {"ml.g5.xlarge": 4}, "shares": SHARES},
}
LUSTRE: dict[str, Any] = {
    "instance_types": ["ml.g5.xlarge"],
    "lustre": {"dataset": "sales", "capacity_gib": 1200, "ends": "2027-01-31"},
}
DATASETS = {
    "sales": {
        "zone": "raw",
        "columns": [{"name": "day", "type": "date"}],
        "owner": "data@acme.example",
        "description": "Sales by day",
        "classification": "internal",
    }
}
ABSENT = object()
SUBMITTER, REGISTRAR, QUEUER = "ml-dev-fraud-submitter", "ml-dev-fraud-registrar", "ml-dev-fraud-queuer"
STRANGER, NEIGHBOUR = "ml-dev-churn-stranger", "ml-dev-fraud-neighbour"


def program() -> None:
    keys = {team.owner: Keys(f"{team.team}-keys", KeysSpec(), context=team) for team in (FRAUD, CHURN)}
    vpc = VpcSpec.model_validate({"kind": "vpc", "cidr": "10.20.0.0/16", "zones": ["eu-west-1a"]})
    network = Network("network", vpc, context=PLATFORM, keys=Keys("keys", KeysSpec(), context=PLATFORM))

    def pool(name: str, context: Context, given: dict[str, Any]) -> TrainingPool:
        own = keys[context.owner]
        lake = DataLake(f"{name}-lake", LakeSpec.model_validate({"datasets": DATASETS}), context=context, keys=own)
        return TrainingPool(name, TrainingSpec.model_validate(given), context=context, lake=lake, network=network)

    def role(name: str, context: Context) -> Role:
        trusted = [trust_service("states.amazonaws.com", context=context)]
        return Role(name, context=context, trusted=trusted, description=name)

    own = pool("batch", FRAUD, BATCH)
    own.grant_submit(role("submitter", FRAUD), shares=["research"])
    own.grant_register(role("registrar", FRAUD))
    pool("theirs", CHURN, BATCH).grant_submit(role("stranger", CHURN))
    pool("queued", FRAUD, QUEUED).grant_submit(role("queuer", FRAUD), shares=["research"])
    pool("fast", FRAUD, LUSTRE).grant_submit(role("reader", FRAUD))
    role("neighbour", FRAUD).allow(own, "look", [Statement(("batch:DescribeJobQueues",), ("*",))])


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recording(program)


@pytest.fixture(scope="module")
def access(graph: Graph) -> Access:
    return collect(graph)


def place(kind: str, name: str) -> str:
    return f"arn:aws:batch:eu-west-1:123456789012:{kind}/{name}"


QUEUE, DEFINITION = place("job-queue", "ml-dev-fraud-batch"), place("job-definition", "ml-dev-fraud-batch-run-train")
JOB, SERVICE_JOB = place("job", "0bb17543"), place("service-job", "0bb17543")
WAITING = place("job-queue", "ml-dev-fraud-queued")


def context(resource: str = "", **changes: Any) -> dict[str, Any]:
    """What a submission that is in order carries, changed as said; `ABSENT` leaves a key out. A job tells its share."""
    share = {"batch:ShareIdentifier": "research"} if resource == JOB else {}
    carried = {**share, "aws:RequestTag/team": "fraud", "aws:RequestTag/component": "batch", **changes}
    return {key: value for key, value in carried.items() if value is not ABSENT}


def decided(judge: Judge, access: Access, who: str, action: str, resource: str, asked: dict[str, Any]) -> bool:
    (verdict,) = judge.ask(access, [Question(arn_of(access, who), action, resource, asked)])
    return verdict.allowed


@pytest.mark.parametrize("resource", [QUEUE, DEFINITION, f"{DEFINITION}:7", JOB])
def test_a_job_of_the_pool_goes_in_and_a_strangers_or_a_neighbours_does_not(
    judge: Judge, access: Access, resource: str
):
    assert decided(judge, access, SUBMITTER, "batch:SubmitJob", resource, context(resource))
    assert not decided(judge, access, NEIGHBOUR, "batch:SubmitJob", resource, context(resource))
    if resource != JOB:
        theirs = context(resource, **{"aws:RequestTag/team": "churn", "aws:RequestTag/component": "theirs"})
        assert not decided(judge, access, STRANGER, "batch:SubmitJob", resource, theirs)


@pytest.mark.parametrize(
    ("resource", "changes"),
    [
        pytest.param(JOB, {"batch:ShareIdentifier": "release"}, id="a share that wasn't granted"),
        pytest.param(JOB, {"batch:ShareIdentifier": ABSENT}, id="no share"),
        pytest.param(QUEUE, {"aws:RequestTag/team": "churn"}, id="another team's tag"),
        pytest.param(DEFINITION, {"aws:RequestTag/team": ABSENT}, id="nobody's cost"),
        pytest.param(JOB, {"aws:RequestTag/component": "open"}, id="another pool's tag"),
    ],
)
def test_a_job_under_another_name_is_refused(judge: Judge, access: Access, resource: str, changes: dict[str, Any]):
    assert not decided(judge, access, SUBMITTER, "batch:SubmitJob", resource, context(resource, **changes))


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param(place("job-queue", "ml-dev-churn-theirs"), id="another team's queue"),
        pytest.param(place("job-definition", "ml-dev-churn-theirs-run-train:1"), id="another team's definition"),
        pytest.param(place("job-definition", "ml-dev-fraud-batch-run-other:1"), id="a definition that nobody declared"),
        pytest.param(WAITING, id="another pool's queue"),
    ],
)
def test_another_queue_or_definition_is_refused(judge: Judge, access: Access, resource: str):
    assert not decided(judge, access, SUBMITTER, "batch:SubmitJob", resource, context())


def test_own_jobs_are_ended_and_no_others(judge: Judge, access: Access):
    own = {"aws:ResourceTag/team": "fraud", "aws:ResourceTag/component": "batch"}
    for action in ("batch:TerminateJob", "batch:CancelJob"):
        assert decided(judge, access, SUBMITTER, action, JOB, own)
        for tags in ({**own, "aws:ResourceTag/team": "churn"}, {**own, "aws:ResourceTag/component": "queued"}, {}):
            assert not decided(judge, access, SUBMITTER, action, JOB, tags)


def test_a_job_is_tagged_as_own_when_it_is_new_and_never_taken_from_others(judge: Judge, access: Access):
    def tagging(**more: str) -> bool:
        return decided(judge, access, SUBMITTER, "batch:TagResource", JOB, context(**more))

    assert tagging()
    assert not tagging(**{"aws:ResourceTag/team": "churn"}), "else it could be retagged, and then ended"
    assert not tagging(**{"aws:RequestTag/team": "churn"})


def test_whoever_submits_to_batch_passes_no_role_and_registers_nothing(judge: Judge, access: Access):
    passed = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    assert not decided(judge, access, SUBMITTER, "iam:PassRole", arn_of(access, "ml-dev-fraud-batch-job"), passed)
    assert not decided(judge, access, SUBMITTER, "batch:RegisterJobDefinition", DEFINITION, registering())


def registering(**changes: Any) -> dict[str, Any]:
    carried = {
        "batch:Image": IMAGE,
        "batch:LogDriver": "awslogs",
        "batch:AWSLogsGroup": "/modelyard/ml/dev/fraud/batch/jobs",
        "aws:RequestTag/team": "fraud",
        "aws:RequestTag/component": "batch",
        **changes,
    }
    return {key: value for key, value in carried.items() if value is not ABSENT}


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        pytest.param({}, True, id="an image of the team's by digest"),
        pytest.param({"batch:Privileged": "false"}, True, id="said not to be privileged"),
        pytest.param({"batch:Image": f"{REGISTRY}ml-dev-fraud-train:latest"}, False, id="by a tag"),
        pytest.param({"batch:Image": f"{REGISTRY}ml-dev-churn-train{DIGEST}"}, False, id="another team's image"),
        pytest.param({"batch:Image": f"docker.io/library/python{DIGEST}"}, False, id="an image from outside"),
        pytest.param({"batch:Image": ABSENT}, False, id="no image told"),
        pytest.param({"batch:Privileged": "true"}, False, id="a privileged container"),
        pytest.param({"batch:LogDriver": "fluentd"}, False, id="a log elsewhere"),
        pytest.param({"batch:AWSLogsGroup": "/modelyard/ml/dev/churn/theirs/jobs"}, False, id="another team's log"),
        pytest.param({"batch:AWSLogsCreateGroup": "true"}, False, id="a log group of its own"),
        pytest.param({"aws:RequestTag/team": "churn"}, False, id="another team's tag"),
    ],
)
def test_only_images_of_the_team_are_registered(judge: Judge, access: Access, changes: dict[str, Any], allowed: bool):
    asked = registering(**changes)
    assert decided(judge, access, REGISTRAR, "batch:RegisterJobDefinition", DEFINITION, asked) is allowed


@pytest.mark.parametrize(
    ("role", "service", "allowed"),
    [
        ("ml-dev-fraud-batch-job", "ecs-tasks.amazonaws.com", True),
        ("ml-dev-fraud-batch-starter", "ecs-tasks.amazonaws.com", True),
        ("ml-dev-fraud-batch-job", "lambda.amazonaws.com", False),
        ("ml-dev-fraud-batch-instance", "ecs-tasks.amazonaws.com", False),
        ("ml-dev-churn-theirs-job", "ecs-tasks.amazonaws.com", False),
    ],
)
def test_only_the_pools_roles_are_put_into_a_definition(
    judge: Judge, access: Access, role: str, service: str, allowed: bool
):
    asked = {"iam:PassedToService": service}
    assert decided(judge, access, REGISTRAR, "iam:PassRole", arn_of(access, role), asked) is allowed


def waiting(**changes: Any) -> dict[str, Any]:
    carried = {"aws:RequestTag/team": "fraud", "aws:RequestTag/component": "queued", **changes}
    return {key: value for key, value in carried.items() if value is not ABSENT}


@pytest.mark.parametrize(
    ("resource", "changes", "allowed"),
    [
        pytest.param(WAITING, {}, True, id="the own queue"),
        pytest.param(f"{WAITING}/quota-share/research", {}, True, id="the granted share"),
        pytest.param(SERVICE_JOB, {}, True, id="a job of it"),
        pytest.param(f"{WAITING}/quota-share/release", {}, False, id="another share"),
        pytest.param(place("job-queue", "ml-dev-churn-queued"), {}, False, id="another team's queue"),
        pytest.param(WAITING, {"aws:RequestTag/team": ABSENT}, False, id="nobody's cost"),
        pytest.param(WAITING, {"aws:RequestTag/team": "churn"}, False, id="another team's tag"),
    ],
)
def test_jobs_wait_in_the_own_queue_under_the_granted_share(
    judge: Judge, access: Access, resource: str, changes: dict[str, Any], allowed: bool
):
    asked = waiting(**changes)
    assert decided(judge, access, QUEUER, "batch:SubmitServiceJob", resource, asked) is allowed


@pytest.mark.parametrize("kind", ["training-job", "hyper-parameter-tuning-job", "processing-job"])
def test_nobody_goes_around_the_queue(judge: Judge, access: Access, kind: str):
    action = {
        "training-job": "CreateTrainingJob",
        "hyper-parameter-tuning-job": "CreateHyperParameterTuningJob",
        "processing-job": "CreateProcessingJob",
    }[kind]
    for name in ("ml-dev-fraud-queued-1", "AWSBatchml-dev-fraud-queued-1"):
        resource = f"arn:aws:sagemaker:eu-west-1:123456789012:{kind}/{name}"
        assert not decided(judge, access, QUEUER, f"sagemaker:{action}", resource, {})


@pytest.mark.parametrize(
    ("role", "service", "allowed"),
    [
        ("ml-dev-fraud-queued-job", "sagemaker.amazonaws.com", True),
        ("ml-dev-fraud-queued-job", "ecs-tasks.amazonaws.com", False),
        ("ml-dev-fraud-fast-job", "sagemaker.amazonaws.com", False),
        ("ml-dev-churn-theirs-job", "sagemaker.amazonaws.com", False),
    ],
)
def test_a_waiting_job_runs_as_the_pools_role_alone(
    judge: Judge, access: Access, role: str, service: str, allowed: bool
):
    asked = {"iam:PassedToService": service}
    assert decided(judge, access, QUEUER, "iam:PassRole", arn_of(access, role), asked) is allowed


def test_own_waiting_jobs_are_ended_and_no_others(judge: Judge, access: Access):
    own = {"aws:ResourceTag/team": "fraud", "aws:ResourceTag/component": "queued"}
    assert decided(judge, access, QUEUER, "batch:TerminateServiceJob", SERVICE_JOB, own)
    assert not decided(
        judge, access, QUEUER, "batch:TerminateServiceJob", SERVICE_JOB, {**own, **{"aws:ResourceTag/team": "churn"}}
    )
    assert not decided(judge, access, QUEUER, "batch:TerminateServiceJob", SERVICE_JOB, {})


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        pytest.param({}, True, id="no file system"),
        pytest.param({"FileSystemAccessMode": "ro"}, True, id="the own one, to read"),
        pytest.param({"FileSystemAccessMode": "rw"}, False, id="the own one, to write"),
        pytest.param({"FileSystemAccessMode": "ro", "FileSystemId": "fs-0aaaaaaaaaaaaaaaa"}, False, id="another's"),
    ],
)
def test_jobs_read_the_pools_own_file_system_and_write_none(
    judge: Judge, access: Access, graph: Graph, changes: dict[str, str], allowed: bool
):
    outputs = {node.name: node.outputs for node in graph.nodes}
    key = outputs["fraud-keys-default"]["arn"]
    asked: dict[str, Any] = {
        "InstanceTypes": ["ml.g5.xlarge"],
        "MaxRuntimeInSeconds": "3600",
        "VpcSubnets": [outputs["network-private-eu-west-1a"]["id"]],
        "VpcSecurityGroupIds": [outputs["network-training-group"]["id"]],
        "OutputKmsKeyArn": key,
        "NetworkIsolation": "true",
        "InterContainerTrafficEncryption": "true",
    }
    if changes:
        asked |= {"FileSystemId": outputs["fast-lustre"]["id"], **changes}
    job = "arn:aws:sagemaker:eu-west-1:123456789012:training-job/ml-dev-fraud-fast-1"
    carried = {f"sagemaker:{name}": value for name, value in asked.items()}
    assert decided(judge, access, "ml-dev-fraud-reader", "sagemaker:CreateTrainingJob", job, carried) is allowed
