"""The controller of a cluster's machines rules over those machines, and over nothing else in the account."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.gpus import recorded
from tests.isolation.judge import Judge, Question

from modelyard.assess.access import Access, collect
from modelyard.assess.graph import Graph

EC2 = "arn:aws:ec2:eu-west-1:123456789012:"
CLUSTER = "ml-prod-platform-cluster"
OURS = {
    f"aws:ResourceTag/kubernetes.io/cluster/{CLUSTER}": "owned",
    "aws:ResourceTag/karpenter.sh/nodepool": "ml-prod-platform-pools-a100",
}
THEIRS = {
    "aws:ResourceTag/kubernetes.io/cluster/another": "owned",
    "aws:ResourceTag/karpenter.sh/nodepool": "a100",
}
BECOMES_OURS = {
    f"aws:RequestTag/kubernetes.io/cluster/{CLUSTER}": "owned",
    "aws:RequestTag/eks:eks-cluster-name": CLUSTER,
    "aws:RequestTag/karpenter.sh/nodepool": "ml-prod-platform-pools-a100",
}
TO_EC2 = {"iam:PassedToService": "ec2.amazonaws.com"}
BY_EC2 = {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"}
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:"


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded()


@pytest.fixture(scope="module")
def access(graph: Graph) -> Access:
    return collect(graph)


def role(access: Access, name: str) -> str:
    (found,) = [identity for identity in access.identities if identity.endswith(name)]
    return found


@pytest.mark.parametrize(
    ("action", "resource", "context", "allowed"),
    [
        ("ec2:TerminateInstances", f"{EC2}instance/i-0", OURS, True),
        ("ec2:TerminateInstances", f"{EC2}instance/i-0", THEIRS, False),
        ("ec2:TerminateInstances", f"{EC2}instance/i-0", {}, False),
        ("ec2:DeleteLaunchTemplate", f"{EC2}launch-template/lt-0", OURS, True),
        ("ec2:DeleteLaunchTemplate", f"{EC2}launch-template/lt-0", {}, False),
        ("ec2:RunInstances", f"{EC2}instance/*", BECOMES_OURS, True),
        ("ec2:RunInstances", f"{EC2}instance/*", {}, False),
        ("ec2:RunInstances", f"{EC2}launch-template/lt-0", THEIRS, False),
        ("ec2:RunInstances", f"{EC2}subnet/subnet-ffffffffffffffff0", {}, False),
        ("ec2:RunInstances", f"{EC2}security-group/sg-ffffffffffffffff0", {}, False),
        ("ec2:CreateTags", f"{EC2}instance/i-0", {**BECOMES_OURS, "ec2:CreateAction": "RunInstances"}, True),
        ("ec2:CreateTags", f"{EC2}instance/i-0", BECOMES_OURS, False),
        ("ec2:CreateTags", f"{EC2}subnet/subnet-0", BECOMES_OURS, False),
        ("iam:CreateInstanceProfile", "arn:aws:iam::123456789012:instance-profile/any", {}, False),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/administrator", TO_EC2, False),
        ("sqs:ReceiveMessage", f"{QUEUE}another", {}, False),
        ("pricing:GetProducts", "*", {}, False),
        ("ec2:DescribeInstances", "*", {"aws:RequestedRegion": "eu-west-1"}, True),
        ("ec2:DescribeInstances", "*", {"aws:RequestedRegion": "us-east-1"}, False),
    ],
)
def test_the_controller_starts_and_ends_what_is_its_clusters_and_nothing_else(
    judge: Judge, access: Access, action: str, resource: str, context: Mapping[str, str], allowed: bool
):
    question = Question(role(access, "-karpenter-controller"), action, resource, dict(context))
    (verdict,) = judge.ask(access, [question])
    assert verdict.allowed is allowed, verdict


def test_it_hands_out_the_machines_role_to_ec2_alone_and_no_other_role(judge: Judge, access: Access):
    controller, machine = role(access, "-karpenter-controller"), role(access, "-karpenter-machine")
    asked = [
        Question(controller, "iam:PassRole", machine, TO_EC2),
        Question(controller, "iam:PassRole", machine, {"iam:PassedToService": "lambda.amazonaws.com"}),
        Question(controller, "iam:PassRole", controller, TO_EC2),
    ]
    assert [verdict.allowed for verdict in judge.ask(access, asked)] == [True, False, False]


def test_it_starts_machines_in_the_networks_private_subnets(judge: Judge, graph: Graph, access: Access):
    private = [node for node in graph.of_type("aws:ec2/subnet:Subnet") if "private" in node.name]
    other = [node for node in graph.of_type("aws:ec2/subnet:Subnet") if "private" not in node.name]
    controller = role(access, "-karpenter-controller")
    asked = [
        Question(controller, "ec2:RunInstances", f"{EC2}subnet/{node.outputs['id']}") for node in (*private, *other)
    ]
    allowed = [verdict.allowed for verdict in judge.ask(access, asked)]
    assert allowed == [True] * len(private) + [False] * len(other) and private


def test_it_hears_its_own_queue_and_machines_may_neither_hear_nor_start_anything(judge: Judge, access: Access):
    controller, machine = role(access, "-karpenter-controller"), role(access, "-karpenter-machine")
    queue = f"{QUEUE}ml-prod-platform-karpenter-interruptions"
    asked = [
        Question(controller, "sqs:ReceiveMessage", queue, {"aws:SecureTransport": "true"}),
        Question(controller, "sqs:ReceiveMessage", queue, {"aws:SecureTransport": "false"}),
        Question(controller, "sqs:SendMessage", queue, {"aws:SecureTransport": "true"}),
        Question(machine, "sqs:ReceiveMessage", queue, {"aws:SecureTransport": "true"}),
        Question(machine, "ec2:RunInstances", f"{EC2}instance/*", BECOMES_OURS),
    ]
    assert [verdict.allowed for verdict in judge.ask(access, asked)] == [True, False, False, False, False]
