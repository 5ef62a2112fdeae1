"""What the sandbox refuses of tasks, databases and balancers: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.rule_cases import rules_without_a_case

from modelyard_sandbox.knowledge import UNKNOWN, check
from modelyard_sandbox.knowledge.rules import servers

TASK = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE = "aws:ecs/service:Service"
INSTANCE = "aws:rds/instance:Instance"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
TARGETS = "aws:lb/targetGroup:TargetGroup"
LISTENER = "aws:lb/listener:Listener"
BALANCED = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/runs/0123456789abcdef"
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/runs/0123456789abcdef"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/0"
SERVER = {"name": "server", "image": "mlflow"}
CHECKED = {**SERVER, "name": "keeper", "healthCheck": {"command": ["CMD", "true"]}}


def held(*listed: Mapping[str, Any]) -> dict[str, Any]:
    return {"containerDefinitions": json.dumps(listed)}


def waiting(container: str, condition: str) -> dict[str, Any]:
    return {**SERVER, "dependsOn": [{"containerName": container, "condition": condition}]}


ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    TASK: {
        "family": "mlflow",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "512",
        "memory": "2048",
        **held(SERVER),
    },
    SERVICE: {"name": "server", "launchType": "FARGATE", "networkConfiguration": {"subnets": ["subnet-12345678"]}},
    INSTANCE: {
        "identifier": "runs",
        "instanceClass": "db.t4g.small",
        "engine": "postgres",
        "manageMasterUserPassword": True,
        "skipFinalSnapshot": True,
    },
    BALANCER: {"name": "runs", "subnets": ["subnet-12345678"]},
    TARGETS: {"name": "runs", "port": 5000, "protocol": "HTTP", "healthCheck": {"interval": 15, "timeout": 5}},
    LISTENER: {
        "loadBalancerArn": BALANCED,
        "port": 80,
        "protocol": "HTTP",
        "defaultActions": [{"type": "forward", "targetGroupArn": GROUP}],
    },
}
CASES = [
    ("fargate has sizes", TASK, {"memory": "8192"}, {"memory": "4096"}),
    ("fargate has one kind of network", TASK, {"networkMode": "bridge"}, {}),
    ("families have letters and digits", TASK, {"family": "ml.flow"}, {"family": "ml_flow"}),
    ("containers are JSON", TASK, {"containerDefinitions": "{"}, {}),
    ("there is a container", TASK, held(), held(SERVER)),
    ("containers have names of their own", TASK, held(SERVER, SERVER), held(SERVER, CHECKED)),
    ("something is essential", TASK, held({**SERVER, "essential": False}), {}),
    ("who is awaited is there", TASK, held(waiting("nobody", "START")), held(waiting("keeper", "START"), CHECKED)),
    (
        "who is awaited in health is looked at",
        TASK,
        held(waiting("keeper", "HEALTHY"), {**SERVER, "name": "keeper"}),
        held(waiting("keeper", "HEALTHY"), CHECKED),
    ),
    (
        "who is awaited to its end may end",
        TASK,
        held(waiting("keeper", "SUCCESS"), CHECKED),
        held(waiting("keeper", "SUCCESS"), {**CHECKED, "essential": False}),
    ),
    ("services have letters and digits", SERVICE, {"name": "a b"}, {"name": "a_b"}),
    ("identifiers have single hyphens", INSTANCE, {"identifier": "a--b"}, {"identifier": "a-b"}),
    ("database names have no hyphens", INSTANCE, {"dbName": "ml-flow"}, {"dbName": "ml_flow"}),
    ("one keeps the password", INSTANCE, {"password": "secret-secret"}, {}),
    ("a database leaves a copy or not", INSTANCE, {"skipFinalSnapshot": False}, {"finalSnapshotIdentifier": "last"}),
    (
        "a key encrypts",
        INSTANCE,
        {"kmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/0"},
        {"kmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/0", "storageEncrypted": True},
    ),
    ("balancers are not called internal-", BALANCER, {"name": "internal-runs"}, {"name": "runs-internal"}),
    ("balancers have 32 characters", BALANCER, {"name": "r" * 33}, {"name": "r" * 32}),
    (
        "a balancer has subnets in one form",
        BALANCER,
        {"subnetMappings": [{"subnetId": "subnet-12345678"}]},
        {},
    ),
    ("targets end with no hyphen", TARGETS, {"name": "runs-"}, {"name": "runs-1"}),
    (
        "a check ends before the next",
        TARGETS,
        {"healthCheck": {"interval": 5, "timeout": 5}},
        {"healthCheck": {"interval": 6, "timeout": 5}},
    ),
    (
        "https has a certificate",
        LISTENER,
        {"protocol": "HTTPS", "port": 443},
        {"protocol": "HTTPS", "port": 443, "certificateArn": CERTIFICATE},
    ),
    ("http has none", LISTENER, {"certificateArn": CERTIFICATE}, {}),
]


def refused(token: str, inputs: Mapping[str, Any]) -> list[str]:
    return [failure.reason for failure in check(token, inputs)]


@pytest.mark.parametrize(("says", "token", "wrong", "right"), CASES, ids=[case[0] for case in CASES])
def test_a_rule_refuses_its_case_and_accepts_the_neighbour(
    says: str, token: str, wrong: dict[str, Any], right: dict[str, Any]
):
    assert refused(token, {**ACCEPTED[token], **wrong}), says
    assert refused(token, {**ACCEPTED[token], **right}) == [], says


@pytest.mark.parametrize(
    ("token", "absent"),
    [(SERVICE, "networkConfiguration"), (INSTANCE, "manageMasterUserPassword"), (TASK, "memory")],
)
def test_what_a_rule_needs_may_be_unknown_but_not_absent(token: str, absent: str):
    without = {key: value for key, value in ACCEPTED[token].items() if key != absent}
    assert refused(token, without)
    assert refused(token, {**without, absent: UNKNOWN}) == []


@pytest.mark.parametrize("token", ACCEPTED)
def test_ordinary_inputs_are_accepted_known_or_not(token: str):
    assert check(token, ACCEPTED[token]) == []
    assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases():
    assert (
        rules_without_a_case(servers.RULES, ACCEPTED, (*CASES, ("", SERVICE, {"networkConfiguration": None}, {}))) == []
    )
