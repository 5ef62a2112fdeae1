"""What the sandbox refuses of secrets, their rotations and its functions: a refused case and its accepted neighbour."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard_sandbox.knowledge import UNKNOWN, check, shapes
from modelyard_sandbox.knowledge.rules import secrets

SECRET = "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
FUNCTION = "aws:lambda/function:Function"
PERMISSION = "aws:lambda/permission:Permission"
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:tools:1"
ROLE = "arn:aws:iam::123456789012:role/rotator"
ACCEPTED: dict[str, dict[str, Any]] = {
    SECRET: {"name": "team/db"},
    VERSION: {"secretId": "db", "secretStringWo": "x", "secretStringWoVersion": 1.0},
    ROTATION: {"secretId": "db", "rotationRules": {"automaticallyAfterDays": 30.0}},
    FUNCTION: {"name": "f", "role": ROLE, "runtime": "python3.13", "handler": "m.h", "s3Bucket": "b", "s3Key": "k"},
    PERMISSION: {"function": "f", "action": "lambda:InvokeFunction", "principal": "secretsmanager.amazonaws.com"},
}
WO = {"secretStringWo": None, "secretStringWoVersion": None}


def rules(**given: Any) -> dict[str, Any]:
    return {"rotationRules": given}


CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("a secret's name has an alphabet", SECRET, {"name": "team:db"}, {"name": "team/db_1+=.@-"}),
    ("a window is 0 or 7 to 30 days", SECRET, {"recoveryWindowInDays": 6.0}, {"recoveryWindowInDays": 0.0}),
    ("a value is given once", VERSION, {"secretString": "y"}, {"secretString": "y", **WO}),
    ("a written value has a version", VERSION, {"secretStringWoVersion": None}, {}),
    ("a written value isn't empty", VERSION, {"secretStringWo": ""}, {}),
    ("a value isn't empty", VERSION, {"secretString": "", **WO}, {"secretString": " ", **WO}),
    ("a rotation has rules", ROTATION, {"rotationRules": None}, {"rotationRules": None, "rotationEnabled": False}),
    (
        "rules say days or a schedule",
        ROTATION,
        rules(automaticallyAfterDays=1.0, scheduleExpression="rate(1 day)"),
        rules(scheduleExpression="rate(1 day)"),
    ),
    (
        "a secret rotates every four hours at most",
        ROTATION,
        rules(scheduleExpression="rate(3 hours)"),
        rules(scheduleExpression="rate(4 hours)"),
    ),
    (
        "a schedule is a rate or a cron expression",
        ROTATION,
        rules(scheduleExpression="daily"),
        rules(scheduleExpression="cron(0 8 1 * ? *)"),
    ),
    ("a function has code", FUNCTION, {"s3Bucket": None}, {}),
    ("a function from an archive has a handler", FUNCTION, {"handler": None}, {"handler": "n.h"}),
    ("a function's name has an alphabet", FUNCTION, {"name": "a.b"}, {"name": "a_b-1"}),
    (
        "variables have 4 KB together",
        FUNCTION,
        {"environment": {"variables": {"AB": "x" * 4095}}},
        {"environment": {"variables": {"AB": "x" * 4094}}},
    ),
    (
        "a variable begins with a letter",
        FUNCTION,
        {"environment": {"variables": {"_AB": "x"}}},
        {"environment": {"variables": {"A_B": "x"}}},
    ),
    ("a function has five layers at most", FUNCTION, {"layers": [LAYER] * 6}, {"layers": [LAYER] * 5}),
    ("an action is Lambda's", PERMISSION, {"action": "s3:GetObject"}, {"action": "lambda:*"}),
]


def inputs(token: str, change: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**ACCEPTED[token], **change}.items() if value is not None}


@pytest.mark.parametrize(("sentence", "token", "refused", "accepted"), CASES, ids=[case[0] for case in CASES])
def test_what_a_rule_refuses_is_refused_and_its_neighbour_accepted(sentence, token, refused, accepted):
    assert check(token, inputs(token, refused))
    assert check(token, inputs(token, accepted)) == []


@pytest.mark.parametrize("token", ACCEPTED)
def test_ordinary_and_unknown_inputs_are_accepted(token):
    assert check(token, ACCEPTED[token]) == []
    assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases():
    idle = list(secrets.RULES)
    for _, token, refused, _ in CASES:
        values, _ = shapes.read(token, inputs(token, refused))
        idle = [rule for rule in idle if rule.token != token or not list(rule.failures(values))]
    assert [f"{rule.token} {rule.property}" for rule in idle] == []


def test_a_rotation_of_more_than_a_thousand_days_is_refused():
    assert check(ROTATION, inputs(ROTATION, rules(automaticallyAfterDays=1001.0)))
    assert not check(ROTATION, inputs(ROTATION, rules(automaticallyAfterDays=1000.0)))
