"""Which jobs a pool lets in, as the judge decides it from the policies in the graph: each refusal beside its twin."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ground import CHURN, FRAUD, PLATFORM, recording
from tests.isolation.judge import Judge, Question

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Network, Role, VpcSpec
from modelyard.assess.access import Access, collect
from modelyard.assess.graph import Graph
from modelyard.build.training import TrainingPool, TrainingSpec
from modelyard.core.access import Statement, trust_service

TRAIN, TUNE, PROCESS = (f"sagemaker:Create{kind}Job" for kind in ("Training", "HyperParameterTuning", "Processing"))
ABSENT = object()


def program() -> None:
    keys = {team.owner: Keys(f"{team.team}-keys", KeysSpec(), context=team) for team in (FRAUD, CHURN)}
    vpc = VpcSpec.model_validate({"kind": "vpc", "cidr": "10.20.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]})
    network = Network("network", vpc, context=PLATFORM, keys=Keys("keys", KeysSpec(), context=PLATFORM))

    def pool(name: str, context: Context, **changes: Any) -> TrainingPool:
        own = keys[context.owner]
        lake = DataLake(f"{name}-lake", LakeSpec.model_validate({"datasets": {}}), context=context, keys=own)
        spec = TrainingSpec.model_validate({"instance_types": ["ml.m5.xlarge", "ml.g5.xlarge"], **changes})
        return TrainingPool(name, spec, context=context, lake=lake, network=network)

    def role(name: str, context: Context) -> Role:
        trusted = [trust_service("states.amazonaws.com", context=context)]
        return Role(name, context=context, trusted=trusted, description=name)

    walled = pool("training", FRAUD)
    walled.grant_submit(role("submitter", FRAUD))
    pool("open", FRAUD, vpc=False, network_isolation=False, inter_container_encryption=False).grant_submit(
        role("opener", FRAUD)
    )
    pool("warm", FRAUD, flavour={"kind": "sagemaker", "warm_seconds": 600}).grant_submit(role("warmer", FRAUD))
    pool("theirs", CHURN).grant_submit(role("stranger", CHURN))
    role("neighbour", FRAUD).allow(walled, "look", [Statement(("sagemaker:DescribeTrainingJob",), ("*",))])


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recording(program)


@pytest.fixture(scope="module")
def access(graph: Graph) -> Access:
    return collect(graph)


def arn(access: Access, name: str) -> str:
    (found,) = [found for found in access.identities if found.endswith(name)]
    return found


def job(name: str = "ml-dev-fraud-training-1", kind: str = "training-job") -> str:
    return f"arn:aws:sagemaker:eu-west-1:123456789012:{kind}/{name}"


def asked(graph: Graph, **changes: Any) -> dict[str, Any]:
    """What a request that is in order carries, changed as said; `ABSENT` leaves a key out."""
    (key,) = [node for node in graph.nodes if node.name == "fraud-keys-default"]
    subnets = [
        node.outputs["id"] for node in graph.nodes if node.type == "aws:ec2/subnet:Subnet" and "-private-" in node.name
    ]
    (group,) = [node.outputs["id"] for node in graph.nodes if node.name == "network-training-group"]
    carried = {
        "InstanceTypes": ["ml.m5.xlarge"],
        "MaxRuntimeInSeconds": "3600",
        "VpcSubnets": subnets,
        "VpcSecurityGroupIds": [group],
        "VolumeKmsKeyArn": key.outputs["arn"],
        "OutputKmsKeyArn": key.outputs["arn"],
        "NetworkIsolation": "true",
        "InterContainerTrafficEncryption": "true",
        **changes,
    }
    return {f"sagemaker:{name}": value for name, value in carried.items() if value is not ABSENT}


def decided(judge: Judge, access: Access, who: str, action: str, resource: str, context: dict[str, Any]) -> bool:
    (verdict,) = judge.ask(access, [Question(arn(access, who), action, resource, context)])
    return verdict.allowed


OTHERS_KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
SUBMITTER = "ml-dev-fraud-submitter"
LOCAL = {"InstanceTypes": ["ml.g5.xlarge"], "VolumeKmsKeyArn": ABSENT}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="as the pool says"),
        pytest.param({"MaxRuntimeInSeconds": "21600"}, id="to the last second"),
        pytest.param(LOCAL, id="local disks and no volume key"),
        pytest.param({"EnableRemoteDebug": "false"}, id="remote debugging switched off by name"),
    ],
)
def test_a_job_within_the_pool_is_let_in(judge: Judge, access: Access, graph: Graph, changes: dict[str, Any]):
    assert decided(judge, access, SUBMITTER, TRAIN, job(), asked(graph, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"InstanceTypes": ["ml.p4d.24xlarge"]}, id="another type"),
        pytest.param({"InstanceTypes": ["ml.m5.xlarge", "ml.p4d.24xlarge"]}, id="another type beside an allowed one"),
        pytest.param({"InstanceTypes": ABSENT}, id="no type"),
        pytest.param({"MaxRuntimeInSeconds": "21601"}, id="a second longer"),
        pytest.param({"MaxRuntimeInSeconds": ABSENT}, id="no end"),
        pytest.param({"VpcSubnets": ["subnet-0aaaaaaaaaaaaaaaa"]}, id="a foreign subnet"),
        pytest.param({"VpcSubnets": ABSENT, "VpcSecurityGroupIds": ABSENT}, id="no VPC"),
        pytest.param({"VpcSecurityGroupIds": ["sg-0aaaaaaaaaaaaaaaa"]}, id="a foreign security group"),
        pytest.param({"VpcSecurityGroupIds": ABSENT}, id="no security group"),
        pytest.param({"VolumeKmsKeyArn": OTHERS_KEY}, id="a foreign key on the volume"),
        pytest.param({"VolumeKmsKeyArn": ABSENT}, id="no key on the volume"),
        pytest.param({**LOCAL, "VolumeKmsKeyArn": OTHERS_KEY}, id="a foreign key where none belongs"),
        pytest.param({"OutputKmsKeyArn": OTHERS_KEY}, id="a foreign key on the output"),
        pytest.param({"OutputKmsKeyArn": ABSENT}, id="no key on the output"),
        pytest.param({**LOCAL, "OutputKmsKeyArn": ABSENT}, id="local disks and no key on the output"),
        pytest.param({"NetworkIsolation": "false"}, id="a container with a network"),
        pytest.param({"NetworkIsolation": ABSENT}, id="isolation not said"),
        pytest.param({"InterContainerTrafficEncryption": "false"}, id="plain talk between instances"),
        pytest.param({"InterContainerTrafficEncryption": ABSENT}, id="encryption not said"),
        pytest.param({"KeepAlivePeriod": "60"}, id="a warm pool"),
        pytest.param({"EnableRemoteDebug": "true"}, id="a shell into the container"),
        pytest.param({"FileSystemId": "fs-0aaaaaaaaaaaaaaaa"}, id="a file system"),
    ],
)
def test_a_job_outside_the_pool_is_refused(judge: Judge, access: Access, graph: Graph, changes: dict[str, Any]):
    assert not decided(judge, access, SUBMITTER, TRAIN, job(), asked(graph, **changes))


@pytest.mark.parametrize(("action", "kind"), [(TUNE, "hyper-parameter-tuning-job"), (PROCESS, "processing-job")])
def test_searches_and_processing_stand_behind_the_same_walls(
    judge: Judge, access: Access, graph: Graph, action: str, kind: str
):
    own = job(kind=kind)
    assert decided(judge, access, SUBMITTER, action, own, asked(graph))
    for changes in ({"InstanceTypes": ["ml.p4d.24xlarge"]}, {"VpcSubnets": ABSENT}, {"VolumeKmsKeyArn": ABSENT}):
        assert not decided(judge, access, SUBMITTER, action, own, asked(graph, **changes))


@pytest.mark.parametrize(
    ("who", "name", "allowed"),
    [
        (SUBMITTER, "ml-dev-fraud-training-1", True),
        (SUBMITTER, "ml-dev-fraud-open-1", False),
        (SUBMITTER, "ml-dev-churn-theirs-1", False),
        ("ml-dev-churn-stranger", "ml-dev-fraud-training-1", False),
        ("ml-dev-fraud-neighbour", "ml-dev-fraud-training-1", False),
    ],
)
def test_jobs_are_submitted_under_the_pools_own_names_by_whom_it_was_granted_to(
    judge: Judge, access: Access, graph: Graph, who: str, name: str, allowed: bool
):
    assert decided(judge, access, who, TRAIN, job(name), asked(graph)) is allowed


def test_an_open_pool_asks_for_no_walls_and_still_for_keys(judge: Judge, access: Access, graph: Graph):
    bare = {
        key: ABSENT
        for key in ("VpcSubnets", "VpcSecurityGroupIds", "NetworkIsolation", "InterContainerTrafficEncryption")
    }
    own, opener = job("ml-dev-fraud-open-1"), "ml-dev-fraud-opener"
    assert decided(judge, access, opener, TRAIN, own, asked(graph, **bare))
    assert not decided(judge, access, opener, TRAIN, own, asked(graph, **bare, VolumeKmsKeyArn=ABSENT))


def test_machines_are_kept_warm_no_longer_than_the_pool_says(judge: Judge, access: Access, graph: Graph):
    own, warmer = job("ml-dev-fraud-warm-1"), "ml-dev-fraud-warmer"
    assert decided(judge, access, warmer, TRAIN, own, asked(graph, KeepAlivePeriod="600"))
    assert decided(judge, access, warmer, TRAIN, own, asked(graph))
    assert not decided(judge, access, warmer, TRAIN, own, asked(graph, KeepAlivePeriod="601"))


@pytest.mark.parametrize(
    ("who", "role", "service", "allowed"),
    [
        (SUBMITTER, "ml-dev-fraud-training-job", "sagemaker.amazonaws.com", True),
        (SUBMITTER, "ml-dev-fraud-training-job", "lambda.amazonaws.com", False),
        (SUBMITTER, "ml-dev-fraud-open-job", "sagemaker.amazonaws.com", False),
        (SUBMITTER, "ml-dev-churn-theirs-job", "sagemaker.amazonaws.com", False),
        ("ml-dev-churn-stranger", "ml-dev-fraud-training-job", "sagemaker.amazonaws.com", False),
    ],
)
def test_only_the_pools_role_is_handed_to_a_job(
    judge: Judge, access: Access, who: str, role: str, service: str, allowed: bool
):
    context = {"iam:PassedToService": service}
    assert decided(judge, access, who, "iam:PassRole", arn(access, role), context) is allowed


@pytest.mark.parametrize("action", ["DescribeTrainingJob", "StopTrainingJob", "ListTags"])
def test_jobs_are_followed_and_stopped_by_whoever_submits_them(judge: Judge, access: Access, action: str):
    assert decided(judge, access, SUBMITTER, f"sagemaker:{action}", job(), {})
    assert not decided(judge, access, SUBMITTER, f"sagemaker:{action}", job("ml-dev-churn-theirs-1"), {})
    assert not decided(judge, access, "ml-dev-churn-stranger", f"sagemaker:{action}", job(), {})


def test_tags_are_given_when_a_job_is_made_and_never_after(judge: Judge, access: Access):
    def tagging(**context: str) -> bool:
        return decided(judge, access, SUBMITTER, "sagemaker:AddTags", job(), context)

    assert tagging(**{"sagemaker:TaggingAction": "CreateTrainingJob"})
    assert not tagging()


@pytest.mark.parametrize(
    ("who", "allowed"), [("ml-dev-fraud-training-job", True), ("ml-dev-fraud-open-job", False), (SUBMITTER, False)]
)
def test_only_the_jobs_of_a_pool_write_below_its_prefix(
    judge: Judge, access: Access, graph: Graph, who: str, allowed: bool
):
    (bucket,) = [node.outputs["arn"] for node in graph.nodes if node.name == "training-lake-artifacts"][:1]
    assert decided(judge, access, who, "s3:PutObject", f"{bucket}/training/training/model.tar.gz", {}) is allowed
