"""SNS, EventBridge, alarms and CloudTrail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import Rule, at_most_one, choice, known, matches
from modelyard_sandbox.knowledge.values import UNKNOWN, contains_unknown

_TOPIC = "aws:sns/topic:Topic"
_SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
_BUS = "aws:cloudwatch/eventBus:EventBus"
_RULE = "aws:cloudwatch/eventRule:EventRule"
_TARGET = "aws:cloudwatch/eventTarget:EventTarget"
_ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
_FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
_TRAIL = "aws:cloudtrail/trail:Trail"

_CREATE_TOPIC = "https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html"
_SUBSCRIBE = "https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html"
_CREATE_BUS = "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html"
_PUT_RULE = "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html"
_TARGETS = "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html"
_PUT_ALARM = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
_TRANSFORMATION = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html"
_TRAIL_NAMES = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html"
_CREATE_TRAIL = "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html"
_SELECTORS = "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html"
_PUT_SELECTORS = "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html"

MOST_CONDITIONS = 500
_FIELDS = (
    *("eventCategory", "eventName", "eventSource", "eventType", "readOnly", "resources.ARN", "resources.type"),
    *("errorCode", "sessionCredentialFromConsole", "userIdentity.arn", "vpcEndpointId"),
)


def _topic_name(topic: Mapping[str, Any]) -> str | None:
    name = known(topic, "name")
    if name is None:
        return None
    wanted = r"[A-Za-z0-9_-]{1,256}"
    if topic.get("fifoTopic") is True:
        return matches(rf"(?=.{{1,256}}$){wanted}\.fifo", "a FIFO topic's name ends with .fifo")(name)
    return matches(wanted, "topics take 1 to 256 letters, digits, _ and -")(name)


def _endpoint(subscription: Mapping[str, Any]) -> str | None:
    protocol, endpoint = known(subscription, "protocol"), known(subscription, "endpoint")
    forms = {
        "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
        "email-json": r"[^@\s]+@[^@\s]+\.[^@\s]+",
        "https": r"https://.+",
        "http": r"http://.+",
        "lambda": r"arn:.+",
        "sqs": r"arn:.+",
        "firehose": r"arn:.+",
    }
    if protocol not in forms or endpoint is None or contains_unknown(endpoint):
        return None
    return matches(forms[protocol], f"is no endpoint of protocol {protocol}")(endpoint)


def _rule_acts(rule: Mapping[str, Any]) -> str | None:
    given = [name for name in ("eventPattern", "scheduleExpression") if rule.get(name)]
    return None if given else "a rule needs an eventPattern or a scheduleExpression"


def _pattern(text: str) -> str | None:
    if contains_unknown(text):
        return None
    try:
        pattern = json.loads(text)
    except ValueError as error:
        return f"is no JSON: {error}"
    return _lists_in(pattern) if isinstance(pattern, dict) else "must be a JSON object"


def _lists_in(pattern: Mapping[str, Any]) -> str | None:
    for key, value in pattern.items():
        if key == "$or":
            continue
        if isinstance(value, dict):
            reason = _lists_in(value)
            if reason:
                return reason
        elif not isinstance(value, list):
            return f"{key!r} must be an object or an array"
        elif not value:
            return f"{key!r} is an empty array"
    return None


def _measures(alarm: Mapping[str, Any]) -> str | None:
    if "metricQueries" in alarm or "evaluationCriteria" in alarm:
        both = [name for name in ("metricName", "namespace", "period", "statistic") if name in alarm]
        return f"{' and '.join(both)} exclude metricQueries" if both else None
    missing = [name for name in ("metricName", "namespace", "period") if name not in alarm]
    if missing:
        return f"an alarm on one metric needs {' and '.join(missing)}"
    return None if "statistic" in alarm or "extendedStatistic" in alarm else "an alarm needs a statistic"


def _period(seconds: int) -> str | None:
    if seconds in (10, 20, 30) or (seconds > 0 and seconds % 60 == 0):
        return None
    return f"{seconds} is neither 10, 20, 30 nor a multiple of 60"


def _default_without_dimensions(transformation: Mapping[str, Any]) -> str | None:
    if transformation.get("dimensions") and transformation.get("defaultValue") not in (None, ""):
        return "defaultValue and dimensions exclude one another"
    return None


def _logs_together(trail: Mapping[str, Any]) -> str | None:
    group, role = trail.get("cloudWatchLogsGroupArn"), trail.get("cloudWatchLogsRoleArn")
    return "cloudWatchLogsGroupArn and cloudWatchLogsRoleArn go together" if bool(group) != bool(role) else None


def _global_where_multi_region(trail: Mapping[str, Any]) -> str | None:
    if trail.get("isMultiRegionTrail") is True and trail.get("includeGlobalServiceEvents") is False:
        return "a multi-region trail includes global service events"
    return None


def _ends_with_star(arn: str) -> str | None:
    return None if arn == UNKNOWN or arn.endswith(":*") else "CloudTrail takes the group's ARN with :* at its end"


def _conditions(selectors: Sequence[Mapping[str, Any]]) -> str | None:
    count = sum(
        len(values)
        for selector in selectors
        if isinstance(selector, Mapping)
        for test in selector.get("fieldSelectors", [])
        if isinstance(test, Mapping)
        for values in test.values()
        if isinstance(values, list)
    )
    return f"have {count} values; a trail takes {MOST_CONDITIONS}" if count > MOST_CONDITIONS else None


def _category(tests: Sequence[Mapping[str, Any]]) -> str | None:
    fields = {known(test, "field"): test for test in tests if isinstance(test, Mapping)}
    if "eventCategory" not in fields:
        return "a selector names its eventCategory"
    if fields["eventCategory"].get("equals") == ["Data"] and "resources.type" not in fields:
        return "a selector of data events names its resources.type"
    return None


RULES: Sequence[Rule] = (
    Rule(_TOPIC, "", _topic_name, _CREATE_TOPIC),
    Rule(
        _SUBSCRIPTION,
        "protocol",
        choice("application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"),
        _SUBSCRIBE,
    ),
    Rule(_SUBSCRIPTION, "", _endpoint, _SUBSCRIBE),
    Rule(_BUS, "name", matches(r"(?!default$)[A-Za-z0-9._-]+|aws\.partner/.+", "is no name of a bus"), _CREATE_BUS),
    Rule(_RULE, "", _rule_acts, _PUT_RULE),
    Rule(_RULE, "", at_most_one("isEnabled", "state"), _PUT_RULE),
    Rule(_RULE, "eventPattern", _pattern, _PUT_RULE),
    Rule(_TARGET, "", at_most_one("input", "inputPath", "inputTransformer"), _TARGETS),
    Rule(_ALARM, "", _measures, _PUT_ALARM),
    Rule(_ALARM, "", at_most_one("statistic", "extendedStatistic"), _PUT_ALARM),
    Rule(_ALARM, "period", _period, _PUT_ALARM),
    Rule(_ALARM, "treatMissingData", choice("breaching", "notBreaching", "ignore", "missing"), _PUT_ALARM),
    Rule(_FILTER, "metricTransformation", _default_without_dimensions, _TRANSFORMATION),
    Rule(
        _TRAIL,
        "name",
        matches(r"(?!.*[._-]{2})[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]", "is no name of a trail"),
        _TRAIL_NAMES,
    ),
    Rule(_TRAIL, "", at_most_one("advancedEventSelectors", "eventSelectors"), _PUT_SELECTORS),
    Rule(_TRAIL, "", _logs_together, _CREATE_TRAIL),
    Rule(_TRAIL, "", _global_where_multi_region, _CREATE_TRAIL),
    Rule(_TRAIL, "cloudWatchLogsGroupArn", _ends_with_star, _CREATE_TRAIL),
    Rule(_TRAIL, "advancedEventSelectors", _conditions, _PUT_SELECTORS),
    Rule(_TRAIL, "advancedEventSelectors[].fieldSelectors", _category, _SELECTORS),
    Rule(_TRAIL, "advancedEventSelectors[].fieldSelectors[].field", choice(*_FIELDS), _SELECTORS),
)
