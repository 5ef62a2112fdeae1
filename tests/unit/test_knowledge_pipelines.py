"""What the sandbox refuses of image repositories and pipelines: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.rule_cases import rules_without_a_case

from modelyard_sandbox.knowledge import UNKNOWN, check
from modelyard_sandbox.knowledge.rules import pipelines

REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
CACHE = "aws:ecr/pullThroughCacheRule:PullThroughCacheRule"
PIPELINE = "aws:sagemaker/pipeline:Pipeline"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
ROLE = "arn:aws:iam::123456789012:role/trains"


def kept(*selected: tuple[int, str]) -> str:
    count = {"countType": "imageCountMoreThan", "countNumber": 5}
    listed = [
        {"rulePriority": priority, "selection": {"tagStatus": status, **count}, "action": {"type": "expire"}}
        for priority, status in selected
    ]
    return json.dumps({"rules": listed})


def steps(*listed: Mapping[str, Any], version: str = "2020-12-01") -> dict[str, str]:
    return {"pipelineDefinition": json.dumps({"Version": version, "Steps": listed})}


TRAIN = {"Name": "train", "Type": "Training", "Arguments": {}}
ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    REPOSITORY: {"name": "ml-dev-fraud-images-train"},
    LIFECYCLE: {"repository": "ml-dev-fraud-images-train", "policy": kept((1, "untagged"), (2, "any"))},
    CACHE: {"ecrRepositoryPrefix": "ml-dev-quay", "upstreamRegistryUrl": "quay.io"},
    PIPELINE: {"pipelineName": "scores", "pipelineDisplayName": "scores", "roleArn": ROLE, **steps(TRAIN)},
}
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "a key is for KMS",
        REPOSITORY,
        {"encryptionConfigurations": [{"encryptionType": "AES256", "kmsKey": KEY}]},
        {"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": KEY}]},
    ),
    ("priorities differ", LIFECYCLE, {"policy": kept((1, "untagged"), (1, "any"))}, {}),
    ("any image is looked at last", LIFECYCLE, {"policy": kept((1, "any"), (2, "untagged"))}, {}),
    ("any image is looked at once", LIFECYCLE, {"policy": kept((1, "any"), (2, "any"))}, {}),
    (
        "Docker Hub knows its users",
        CACHE,
        {"upstreamRegistryUrl": "registry-1.docker.io"},
        {"upstreamRegistryUrl": "public.ecr.aws"},
    ),
    ("a pipeline is defined once", PIPELINE, {"pipelineDefinitionS3Location": {"bucket": "b", "objectKey": "k"}}, {}),
    ("there is one version of the language", PIPELINE, steps(TRAIN, version="2021-01-01"), {}),
    ("there are steps", PIPELINE, steps(), {}),
    ("steps have a type", PIPELINE, steps({**TRAIN, "Type": "Guessing"}), {}),
    ("steps have names of their own", PIPELINE, steps(TRAIN, TRAIN), steps(TRAIN, {**TRAIN, "Name": "again"})),
    (
        "what is waited for is there",
        PIPELINE,
        steps({**TRAIN, "DependsOn": ["check"]}),
        steps({**TRAIN, "Name": "check"}, {**TRAIN, "DependsOn": ["check"]}),
    ),
    (
        "what is taken is there",
        PIPELINE,
        steps({**TRAIN, "Arguments": {"from": {"Get": "Steps.check.Output"}}}),
        steps({**TRAIN, "Name": "check"}, {**TRAIN, "Arguments": {"from": {"Get": "Steps.check.Output"}}}),
    ),
]


def refused(token: str, inputs: Mapping[str, Any]) -> list[str]:
    return [failure.reason for failure in check(token, inputs)]


@pytest.mark.parametrize(("says", "token", "wrong", "right"), CASES, ids=[case[0] for case in CASES])
def test_a_rule_refuses_its_case_and_accepts_the_neighbour(
    says: str, token: str, wrong: dict[str, Any], right: dict[str, Any]
):
    assert refused(token, {**ACCEPTED[token], **wrong}), says
    assert refused(token, {**ACCEPTED[token], **right}) == [], says


@pytest.mark.parametrize("token", ACCEPTED)
def test_ordinary_inputs_are_accepted_known_or_not(token: str):
    assert check(token, ACCEPTED[token]) == []
    assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases():
    assert rules_without_a_case(pipelines.RULES, ACCEPTED, CASES) == []
