"""Secrets Manager, and the functions that rotate what it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelyard_sandbox.knowledge.rules.rule import Rule, avoids, exactly_one, known, matches, size
from modelyard_sandbox.knowledge.values import contains_unknown

_SECRET = "aws:secretsmanager/secret:Secret"
_VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
_ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
_FUNCTION = "aws:lambda/function:Function"
_PERMISSION = "aws:lambda/permission:Permission"

_CREATE_SECRET = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"
_DELETE_SECRET = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html"
_PUT_VALUE = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html"
_RULES = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotationRulesType.html"
_SCHEDULES = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html"
_CREATE_FUNCTION = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"
_VARIABLES = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"
_LIMITS = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_ADD_PERMISSION = "https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html"

_SHORTEST_HOURS: Final = 4
_VARIABLE_BYTES: Final = 4096
_RATE: Final = re.compile(r"rate\((\d+) (hours?|days?)\)")


def _window(days: int) -> str | None:
    return None if days == 0 or 7 <= days <= 30 else f"{days} is neither 0 (gone at once) nor 7 to 30"


def _value_and_version(values: Mapping[str, Any]) -> str | None:
    written, version = "secretStringWo" in values, "secretStringWoVersion" in values
    return "secretStringWo and secretStringWoVersion go together" if written != version else None


def _schedule(expression: str) -> str | None:
    if expression.startswith("cron("):
        return None
    found = _RATE.fullmatch(expression)
    if not found:
        return f"{expression!r}: write rate(10 days), rate(4 hours), or cron(0 8 1 * ? *)"
    if found[2].startswith("hour") and int(found[1]) < _SHORTEST_HOURS:
        return f"{expression!r}: a secret rotates every four hours at most"
    return None


def _has_rules(rotation: Mapping[str, Any]) -> str | None:
    disabled = known(rotation, "rotationEnabled") is False
    if disabled == ("rotationRules" in rotation):
        return "rotationRules are needed, unless rotationEnabled is false, and then they must not be given"
    return None


def _zip_function(function: Mapping[str, Any]) -> str | None:
    if known(function, "packageType") == "Image":
        return None
    lacking = [name for name in ("handler", "runtime") if name not in function]
    return f"a function from an archive needs {' and '.join(lacking)}" if lacking else None


def _variables(variables: Mapping[str, Any]) -> str | None:
    if contains_unknown(variables):
        return None
    count = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    return f"has {count} bytes; at most {_VARIABLE_BYTES} are allowed" if count > _VARIABLE_BYTES else None


RULES: Sequence[Rule] = (
    Rule(_SECRET, "name", matches(r"[A-Za-z0-9/_+=.@-]+", "secrets take letters, digits, /_+=.@-"), _CREATE_SECRET),
    Rule(_SECRET, "recoveryWindowInDays", _window, _DELETE_SECRET),
    Rule(_VERSION, "", exactly_one("secretString", "secretBinary", "secretStringWo"), _PUT_VALUE),
    Rule(_VERSION, "", _value_and_version, _PUT_VALUE),
    Rule(_VERSION, "secretStringWo", avoids(r"^$", "a secret's value must not be empty"), _PUT_VALUE),
    Rule(_VERSION, "secretString", avoids(r"^$", "a secret's value must not be empty"), _PUT_VALUE),
    Rule(_ROTATION, "", _has_rules, _RULES),
    Rule(_ROTATION, "rotationRules", exactly_one("automaticallyAfterDays", "scheduleExpression"), _RULES),
    Rule(_ROTATION, "rotationRules.scheduleExpression", _schedule, _SCHEDULES),
    Rule(_FUNCTION, "", exactly_one("code", "imageUri", "s3Bucket"), _CREATE_FUNCTION),
    Rule(_FUNCTION, "", _zip_function, _CREATE_FUNCTION),
    Rule(_FUNCTION, "name", matches(r"[A-Za-z0-9_-]{1,64}", "functions take letters, digits, _-"), _CREATE_FUNCTION),
    Rule(_FUNCTION, "environment.variables", _variables, _LIMITS),
    Rule(
        _FUNCTION,
        "environment.variables",
        lambda variables: (
            f"{bad[0]!r}: variables begin with a letter and take letters, digits, _"
            if (bad := [name for name in variables if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]+", name)])
            else None
        ),
        _VARIABLES,
    ),
    Rule(_FUNCTION, "layers", size(5, "layers"), _LIMITS),
    Rule(_PERMISSION, "action", matches(r"lambda:(\*|[A-Za-z]+)", "an action of Lambda is needed"), _ADD_PERMISSION),
)
