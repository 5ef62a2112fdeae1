"""Logs, parameters, the Glue catalogue, Athena, budgets and Cloud Control."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import (
    Rule,
    avoids,
    choice,
    exactly_one,
    known,
    length,
    matches,
    size,
)
from modelyard_sandbox.knowledge.values import contains_unknown

_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_PARAMETER = "aws:ssm/parameter:Parameter"
_DATABASE = "aws:glue/catalogDatabase:CatalogDatabase"
_TABLE = "aws:glue/catalogTable:CatalogTable"
_WORKGROUP = "aws:athena/workgroup:Workgroup"
_BUDGET = "aws:budgets/budget:Budget"
_CONTROLLED = "aws:cloudcontrol/resource:Resource"

_CREATE_GROUP = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"
_RETENTION = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"
_PARAMETER_NAMES = "https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html"
_PARAMETER_TIERS = (
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
)
_PUT_PARAMETER = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html"
_GLUE_NAMES = "https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html"
_ATHENA_RESULTS = "https://docs.aws.amazon.com/athena/latest/APIReference/API_ResultConfiguration.html"
_ATHENA_ENCRYPTION = "https://docs.aws.amazon.com/athena/latest/APIReference/API_EncryptionConfiguration.html"
_BUDGET_TYPE = "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Budget.html"
_BUDGET_LIMITS = "https://docs.aws.amazon.com/cost-management/latest/userguide/management-limits.html"
_NOTIFICATION = "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Notification.html"
_DESIRED_STATE = "https://docs.aws.amazon.com/cloudcontrolapi/latest/APIReference/API_CreateResource.html"

_RESULTS = "configuration.resultConfiguration"
_DAYS = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
_STANDARD_BYTES, _ADVANCED_BYTES = 4096, 8192
_TIME = r"\d{4}-\d\d-\d\d_\d\d:\d\d"
_says_time = "write it as 2026-01-31_00:00"
_says_no_capitals = "Glue and Athena take no capital letters in names"


def _levels(name: str) -> str | None:
    levels = len(name.strip("/").split("/"))
    return f"{name!r} has {levels} levels; parameters have at most 15" if levels > 15 else None


def _parameter_size(parameter: Mapping[str, Any]) -> str | None:
    value = known(parameter, "value") or known(parameter, "insecureValue")
    tier = parameter.get("tier", "Standard")
    limit = _STANDARD_BYTES if tier == "Standard" else _ADVANCED_BYTES
    count = len(value.encode()) if isinstance(value, str) else 0
    return f"the value has {count} bytes; tier {tier} takes at most {limit}" if count > limit else None


def _result_key(encryption: Mapping[str, Any]) -> str | None:
    option = known(encryption, "encryptionOption")
    if option in ("SSE_KMS", "CSE_KMS") and "kmsKeyArn" not in encryption:
        return f"{option} needs kmsKeyArn"
    if option == "SSE_S3" and "kmsKeyArn" in encryption:
        return "SSE_S3 takes no kmsKeyArn"
    return None


def _amount(text: str) -> str | None:
    try:
        return None if float(text) > 0 else f"{text!r}: a budget is more than nothing"
    except ValueError:
        return f"{text!r} is no amount"


def _subscribed(notification: Mapping[str, Any]) -> str | None:
    mail, topics = (notification.get(f"subscriber{kind}") for kind in ("EmailAddresses", "SnsTopicArns"))
    return None if mail or topics else "a notification needs a subscriber: an email address or an SNS topic"


def _json_object(text: str) -> str | None:
    if contains_unknown(text):
        return None
    try:
        return None if isinstance(json.loads(text), dict) else "must be a JSON object"
    except ValueError as error:
        return f"is no JSON: {error}"
    except RecursionError:
        return "is nested too deeply"


RULES: Sequence[Rule] = (
    Rule(_GROUP, "retentionInDays", choice(*_DAYS), _RETENTION),
    Rule(_GROUP, "name", avoids(r"^aws/", "names of log groups must not begin with aws/"), _CREATE_GROUP),
    Rule(_GROUP, "kmsKeyId", matches(r"arn:aws[a-z-]*:kms:.+", "the ARN of a key is needed"), _CREATE_GROUP),
    Rule(_PARAMETER, "", exactly_one("value", "insecureValue", "valueWo"), _PUT_PARAMETER),
    Rule(_PARAMETER, "", _parameter_size, _PARAMETER_TIERS),
    Rule(_PARAMETER, "name", matches(r"[A-Za-z0-9_.\-/]+", "parameters take letters, digits, _.-/"), _PARAMETER_NAMES),
    Rule(_PARAMETER, "name", matches(r"[^/]+|/.*", "a name with levels begins with /"), _PARAMETER_NAMES),
    Rule(_PARAMETER, "name", avoids(r"(?i)^/?(aws|ssm)", "the prefixes aws and ssm are reserved"), _PARAMETER_NAMES),
    Rule(_PARAMETER, "name", length(1, 1011), _PARAMETER_NAMES),
    Rule(_PARAMETER, "name", _levels, _PARAMETER_NAMES),
    Rule(_PARAMETER, "value", avoids(r"^$", "a parameter's value must not be empty"), _PUT_PARAMETER),
    Rule(_PARAMETER, "value", avoids(r"\{\{.*\}\}", "a parameter must not name another one"), _PUT_PARAMETER),
    Rule(_DATABASE, "name", avoids(r"[A-Z]", _says_no_capitals), _GLUE_NAMES),
    Rule(_TABLE, "name", avoids(r"[A-Z]", _says_no_capitals), _GLUE_NAMES),
    Rule(
        _WORKGROUP,
        f"{_RESULTS}.outputLocation",
        matches(r"s3://[^/]+/?.*", "an S3 URL is needed: s3://bucket/prefix/"),
        _ATHENA_RESULTS,
    ),
    Rule(_WORKGROUP, f"{_RESULTS}.encryptionConfiguration", _result_key, _ATHENA_ENCRYPTION),
    Rule(_BUDGET, "name", matches(r"[^:\\]{1,100}", "budgets take 1 to 100 characters without : and \\"), _BUDGET_TYPE),
    Rule(_BUDGET, "limitAmount", _amount, _BUDGET_TYPE),
    Rule(_BUDGET, "timePeriodStart", matches(_TIME, _says_time), _BUDGET_TYPE),
    Rule(_BUDGET, "timePeriodEnd", matches(_TIME, _says_time), _BUDGET_TYPE),
    Rule(_BUDGET, "notifications", size(10, "notifications"), _BUDGET_LIMITS),
    Rule(_BUDGET, "notifications[]", _subscribed, _NOTIFICATION),
    Rule(_BUDGET, "notifications[].subscriberEmailAddresses", size(10, "email addresses"), _BUDGET_LIMITS),
    Rule(_BUDGET, "notifications[].subscriberSnsTopicArns", size(1, "SNS topics"), _BUDGET_LIMITS),
    Rule(_BUDGET, "notifications[].comparisonOperator", choice("GREATER_THAN", "LESS_THAN", "EQUAL_TO"), _NOTIFICATION),
    Rule(_BUDGET, "notifications[].notificationType", choice("ACTUAL", "FORECASTED"), _NOTIFICATION),
    Rule(_BUDGET, "notifications[].thresholdType", choice("PERCENTAGE", "ABSOLUTE_VALUE"), _NOTIFICATION),
    Rule(_CONTROLLED, "desiredState", _json_object, _DESIRED_STATE),
)
