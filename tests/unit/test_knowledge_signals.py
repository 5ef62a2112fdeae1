"""What the sandbox refuses of topics, events, alarms and trails: each rule refuses a case and accepts its neighbour."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from modelyard_sandbox.knowledge import UNKNOWN, check, rules, shapes
from modelyard_sandbox.knowledge.rules import signals

TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
BUS = "aws:cloudwatch/eventBus:EventBus"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
TRAIL = "aws:cloudtrail/trail:Trail"

ARN = "arn:aws:sns:eu-west-1:123456789012:alarms"
LOGS = {
    "cloudWatchLogsGroupArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/audit:*",
    "cloudWatchLogsRoleArn": "arn:aws:iam::123456789012:role/deliver",
}
COUNTED = {"name": "RootLogin", "namespace": "Modelyard", "value": "1"}


def pattern(**fields: Any) -> dict[str, str]:
    return {"eventPattern": json.dumps(fields)}


def selecting(*tests: dict[str, Any]) -> dict[str, Any]:
    return {"advancedEventSelectors": [{"fieldSelectors": [{"field": "eventCategory", "equals": ["Data"]}, *tests]}]}


def buckets(count: int) -> dict[str, Any]:
    watched = [f"arn:aws:s3:::lake-{number}/" for number in range(count)]
    kind = {"field": "resources.type", "equals": ["AWS::S3::Object"]}
    return selecting(kind, {"field": "resources.ARN", "startsWiths": watched})


ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    TOPIC: {"name": "alarms"},
    SUBSCRIPTION: {"topic": ARN, "protocol": "email", "endpoint": "security@example.com"},
    BUS: {"name": "ml"},
    RULE: {"name": "tampering", **pattern(source=["aws.cloudtrail"])},
    TARGET: {"rule": "tampering", "arn": ARN},
    ALARM: {
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 1,
        "metricName": "RootLogin",
        "namespace": "Modelyard",
        "period": 300,
        "statistic": "Sum",
    },
    FILTER: {"logGroupName": "/audit", "pattern": "", "metricTransformation": COUNTED},
    TRAIL: {"name": "audit", "s3BucketName": "trail"},
}
CASES = [
    ("a topic's name has an alphabet", TOPIC, {"name": "my alarms"}, {"name": "my_alarms-1"}),
    ("a first-in-first-out topic is called so", TOPIC, {"fifoTopic": True}, {"name": "a.fifo", "fifoTopic": True}),
    ("a subscription goes by a known protocol", SUBSCRIPTION, {"protocol": "pigeon"}, {"protocol": "email-json"}),
    ("a mail goes to an address", SUBSCRIPTION, {"endpoint": "security"}, {"endpoint": "a@b.example"}),
    ("the default bus is there already", BUS, {"name": "default"}, {"name": "default-2"}),
    ("a rule acts on events or at times", RULE, {"eventPattern": None}, {"description": "Somebody stops the trail"}),
    ("a rule's state is said once", RULE, {"state": "ENABLED", "isEnabled": True}, {"state": "ENABLED"}),
    ("a pattern lists its values", RULE, pattern(source="aws.cloudtrail"), pattern(source=["aws.cloudtrail"])),
    ("a pattern has values", RULE, pattern(detail={"eventName": []}), pattern(detail={"eventName": ["StopLogging"]})),
    ("a pattern is JSON", RULE, {"eventPattern": "{"}, {}),
    ("a target's input is made in one way", TARGET, {"input": "{}", "inputPath": "$.detail"}, {"input": "{}"}),
    ("an alarm on one metric names its period", ALARM, {"period": None}, {"period": 60}),
    ("an alarm has a statistic", ALARM, {"statistic": None}, {"statistic": None, "extendedStatistic": "p99"}),
    ("an alarm has one statistic", ALARM, {"extendedStatistic": "p99"}, {}),
    ("a period is a number of minutes", ALARM, {"period": 90}, {"period": 120}),
    ("missing data means one of four things", ALARM, {"treatMissingData": "good"},
     {"treatMissingData": "notBreaching"}),
    ("a default goes without dimensions", FILTER,
     {"metricTransformation": COUNTED | {"defaultValue": "0", "dimensions": {"who": "$.who"}}},
     {"metricTransformation": COUNTED | {"defaultValue": "0"}}),
    ("a trail's name has an alphabet", TRAIL, {"name": "my--trail"}, {"name": "my-trail"}),
    ("a trail selects in one way", TRAIL, buckets(1) | {"eventSelectors": [{"readWriteType": "All"}]}, buckets(1)),
    ("a log group goes with a role", TRAIL, {"cloudWatchLogsGroupArn": LOGS["cloudWatchLogsGroupArn"]}, LOGS),
    ("a log group is named with its streams", TRAIL,
     LOGS | {"cloudWatchLogsGroupArn": LOGS["cloudWatchLogsGroupArn"].removesuffix(":*")}, LOGS),
    ("a trail of every region takes what is global", TRAIL,
     {"isMultiRegionTrail": True, "includeGlobalServiceEvents": False}, {"isMultiRegionTrail": True}),
    ("a trail takes 500 values", TRAIL, buckets(499), buckets(498)),
    ("data events are of one type", TRAIL, selecting(), buckets(1)),
    ("a selector tests a field of the event", TRAIL,
     selecting({"field": "resources.type", "equals": ["AWS::S3::Object"]}, {"field": "bucket", "equals": ["lake"]}),
     buckets(1)),
]  # fmt: skip


def inputs(token: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**ACCEPTED[token], **changes}.items() if value is not None}


@pytest.mark.parametrize(("sentence", "token", "refused", "accepted"), CASES, ids=[case[0] for case in CASES])
def test_what_a_rule_refuses_is_refused_and_its_neighbour_accepted(
    sentence: str, token: str, refused: Mapping[str, Any], accepted: Mapping[str, Any]
) -> None:
    assert check(token, inputs(token, refused)), sentence
    assert check(token, inputs(token, accepted)) == []


@pytest.mark.parametrize("token", ACCEPTED)
def test_inputs_of_which_nothing_is_known_are_accepted(token: str) -> None:
    assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases() -> None:
    idle = list(signals.RULES)
    for _, token, refused, _ in CASES:
        values, _ = shapes.read(token, inputs(token, refused))
        idle = [rule for rule in idle if rule.token != token or not list(rule.failures(values))]
    assert [f"{rule.token} {rule.property}" for rule in idle] == []


def test_the_rules_are_part_of_the_list() -> None:
    assert set(signals.RULES) <= set(rules.RULES)
