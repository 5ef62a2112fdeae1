"""What the sandbox refuses of Batch, FSx and launch templates: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from modelyard_sandbox.knowledge import check, rules, shapes
from modelyard_sandbox.knowledge.rules import computing

ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"
QUEUE = "aws:batch/jobQueue:JobQueue"
POLICY = "aws:batch/schedulingPolicy:SchedulingPolicy"
DEFINITION = "aws:batch/jobDefinition:JobDefinition"
LUSTRE = "aws:fsx/lustreFileSystem:LustreFileSystem"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
RESOURCES: dict[str, Any] = {
    "type": "EC2",
    "minVcpus": 0,
    "maxVcpus": 16,
    "subnets": ["subnet-0123456789abcdef0"],
    "instanceRole": "arn:aws:iam::123456789012:instance-profile/p",
}
ONE, OTHER = {"deviceIndex": 0, "associatePublicIpAddress": "false"}, {"deviceIndex": 1}


def resources(**changes: Any) -> dict[str, Any]:
    kept = {key: value for key, value in {**RESOURCES, **changes}.items() if value is not None}
    return {"computeResources": kept}


def ends(action: str, attempts: int = 2) -> dict[str, Any]:
    return {"retryStrategy": {"attempts": attempts, "evaluateOnExits": [{"action": action, "onReason": "*"}]}}


def waits(seconds: int) -> dict[str, Any]:
    limit = {"action": "CANCEL", "maxTimeSeconds": seconds, "reason": "r", "state": "RUNNABLE"}
    return {"jobStateTimeLimitActions": [limit]}


def shared(name: str) -> dict[str, Any]:
    return {"fairSharePolicy": {"shareDistributions": [{"shareIdentifier": name, "weightFactor": 1}]}}


ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    ENVIRONMENT: {"name": "e", "type": "MANAGED", **resources()},
    QUEUE: {"name": "q", "priority": 1, "state": "ENABLED"},
    POLICY: {"name": "p", **shared("research")},
    DEFINITION: {"name": "d", "type": "container", "containerProperties": json.dumps({"image": "i"})},
    LUSTRE: {"subnetIds": "subnet-0123456789abcdef0", "deploymentType": "SCRATCH_2", "storageCapacity": 1200},
    TEMPLATE: {"name": "t", "networkInterfaces": [ONE]},
}
PERSISTENT = {"deploymentType": "PERSISTENT_2", "perUnitStorageThroughput": 125}
CASES = [
    ("a name takes no dots", ENVIRONMENT, {"name": "a.b"}, {"name": "a_b"}),
    ("a managed environment has resources", ENVIRONMENT, {"computeResources": None}, {}),
    ("no more at least than at most", ENVIRONMENT, resources(minVcpus=32), resources(minVcpus=16)),
    (
        "spot that fits best asks for a role",
        ENVIRONMENT,
        resources(type="SPOT"),
        resources(type="SPOT", allocationStrategy="SPOT_PRICE_CAPACITY_OPTIMIZED"),
    ),
    ("instances have a profile", ENVIRONMENT, resources(instanceRole=None), {}),
    ("a queue's name takes no dots", QUEUE, {"name": "a.b"}, {"name": "a-b"}),
    ("a priority has an end", QUEUE, {"priority": 1001}, {"priority": 1000}),
    ("a job waits ten minutes at least", QUEUE, waits(599), waits(600)),
    ("a policy's name takes no dots", POLICY, {"name": "a.b"}, {"name": "a-b"}),
    ("a share takes no hyphen", POLICY, shared("team-a"), shared("teama")),
    ("a definition's name takes no dots", DEFINITION, {"name": "a.b"}, {"name": "a-b"}),
    (
        "several nodes have node properties",
        DEFINITION,
        {"type": "multinode"},
        {"type": "multinode", "nodeProperties": "{}"},
    ),
    ("eleven attempts are too many", DEFINITION, ends("retry", 11), ends("retry", 10)),
    ("a job is tried again or not", DEFINITION, ends("maybe"), ends("exit")),
    (
        "a job runs a minute at least",
        DEFINITION,
        {"timeout": {"attemptDurationSeconds": 59}},
        {"timeout": {"attemptDurationSeconds": 60}},
    ),
    ("file systems have sizes", LUSTRE, {"storageCapacity": 3600}, {"storageCapacity": 4800}),
    (
        "persistent ones say how fast",
        LUSTRE,
        {"deploymentType": "PERSISTENT_2", "perUnitStorageThroughput": None},
        PERSISTENT,
    ),
    ("scratch has a speed of its own", LUSTRE, {"perUnitStorageThroughput": 125}, PERSISTENT),
    ("scratch has a key of its own", LUSTRE, {"kmsKeyId": "k"}, {**PERSISTENT, "kmsKeyId": "k"}),
    (
        "groups are on the interfaces",
        TEMPLATE,
        {"vpcSecurityGroupIds": ["sg-0123456789abcdef0"]},
        {"vpcSecurityGroupIds": ["sg-0123456789abcdef0"], "networkInterfaces": None},
    ),
    (
        "several interfaces have no public address",
        TEMPLATE,
        {"networkInterfaces": [ONE, OTHER]},
        {"networkInterfaces": [{"deviceIndex": 0}, OTHER]},
    ),
]


def inputs(token: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**ACCEPTED[token], **changes}.items() if value is not None}


@pytest.mark.parametrize("token", sorted(ACCEPTED))
def test_what_is_in_order_passes(token: str):
    assert check(token, inputs(token, {})) == []


@pytest.mark.parametrize(
    ("token", "refused", "accepted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_each_rule_refuses_a_case_and_accepts_its_neighbour(
    token: str, refused: Mapping[str, Any], accepted: Mapping[str, Any]
):
    assert len(check(token, inputs(token, refused))) == 1
    assert check(token, inputs(token, accepted)) == []


def test_every_rule_has_a_case():
    refusing = {
        (rule.token, rule.property, rule.refuses)
        for _, token, refused, _ in CASES
        for rule in computing.RULES
        if rule.token == token and list(rule.failures(shapes.read(token, inputs(token, refused))[0]))
    }
    assert {(rule.token, rule.property, rule.refuses) for rule in computing.RULES} <= refusing
    assert set(computing.RULES) <= set(rules.RULES)
