"""What the sandbox refuses of Studio: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.rule_cases import rules_without_a_case

from modelyard_sandbox.knowledge import UNKNOWN, check
from modelyard_sandbox.knowledge.rules import studio

DOMAIN = "aws:sagemaker/domain:Domain"
PROFILE = "aws:sagemaker/userProfile:UserProfile"
SPACE = "aws:sagemaker/space:Space"
SCRIPT = "aws:sagemaker/studioLifecycleConfig:StudioLifecycleConfig"
ROLE = "arn:aws:iam::123456789012:role/work"
OWNED = {"ownershipSettings": {"ownerUserProfileName": "ada"}}
PRIVATE = {"spaceSharingSettings": {"sharingType": "Private"}}


def user(**settings: Any) -> dict[str, Any]:
    return {"defaultUserSettings": {"executionRole": ROLE, **settings}}


def idle(editor: str, **minutes: int) -> dict[str, Any]:
    return user(**{editor: {"appLifecycleManagement": {"idleSettings": minutes}}})


def disk(usual: int, most: int) -> dict[str, Any]:
    sizes = {"defaultEbsVolumeSizeInGb": usual, "maximumEbsVolumeSizeInGb": most}
    return user(spaceStorageSettings={"defaultEbsStorageSettings": sizes})


ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    DOMAIN: {
        "domainName": "fraud",
        "authMode": "IAM",
        "vpcId": "vpc-12345678",
        "subnetIds": ["subnet-12345678"],
        **user(),
    },
    PROFILE: {"domainId": "d-0a1b2c3d4e5f", "userProfileName": "ada"},
    SPACE: {"domainId": "d-0a1b2c3d4e5f", "spaceName": "ada-lab"},
    SCRIPT: {
        "studioLifecycleConfigName": "start",
        "studioLifecycleConfigAppType": "JupyterLab",
        "studioLifecycleConfigContent": base64.b64encode(b"true").decode(),
    },
}
CASES = [
    ("an hour is not more than the most", DOMAIN,
     idle("jupyterLabAppSettings", idleTimeoutInMinutes=120, maxIdleTimeoutInMinutes=60),
     idle("jupyterLabAppSettings", idleTimeoutInMinutes=60, maxIdleTimeoutInMinutes=60)),
    ("the least is not more than what is set", DOMAIN,
     idle("codeEditorAppSettings", minIdleTimeoutInMinutes=90, idleTimeoutInMinutes=60),
     idle("codeEditorAppSettings", minIdleTimeoutInMinutes=60, idleTimeoutInMinutes=90)),
    ("a disk is not more than the largest", DOMAIN, disk(50, 20), disk(20, 20)),
    ("a person is named by kind and value", PROFILE, {"singleSignOnUserValue": "ada"},
     {"singleSignOnUserValue": "ada", "singleSignOnUserIdentifier": "UserName"}),
    ("an owner says how the space is shared", SPACE, {**OWNED, "spaceSettings": {"appType": "JupyterLab"}},
     {**OWNED, **PRIVATE, "spaceSettings": {"appType": "JupyterLab"}}),
    ("an owned space is of one app", SPACE, {**OWNED, **PRIVATE, "spaceSettings": {}},
     {**OWNED, **PRIVATE, "spaceSettings": {"appType": "CodeEditor"}}),
    ("a script is base64", SCRIPT, {"studioLifecycleConfigContent": "#!/bin/bash"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "token", "refused", "accepted"), CASES, ids=[case[0] for case in CASES])
def test_what_a_rule_refuses_is_refused_and_its_neighbour_accepted(
    sentence: str, token: str, refused: dict[str, Any], accepted: dict[str, Any]
):
    assert check(token, {**ACCEPTED[token], **refused}), sentence
    assert check(token, {**ACCEPTED[token], **accepted}) == []


@pytest.mark.parametrize("token", ACCEPTED)
def test_ordinary_and_unknown_inputs_are_accepted(token: str):
    assert check(token, ACCEPTED[token]) == []
    assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases():
    assert rules_without_a_case(studio.RULES, ACCEPTED, CASES) == []
