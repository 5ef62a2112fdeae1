"""What the audit takes for tampering: events that its rules and filters see, and whom they tell."""

from __future__ import annotations

import dataclasses
import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from moto.events.models import EventPattern
from tests.unit.audits import ACCOUNT, CONTEXT, PRODUCTION, TOLD, audited, properties, statements

from modelyard.foundation.audit.places import Places
from modelyard.foundation.audit.tampering import filters, rule_patterns
from modelyard.foundation.tenancy.reach import Reach


def test_the_topic_is_encrypted_and_admits_this_audits_rules_and_alarms_alone():
    graph = audited(**TOLD)
    assert properties(graph, "audit-topic")["kmsMasterKeyId"]
    policy = statements(graph, "audit-topic-policy")
    assert set(policy) == {"AlarmsPublish", "RulesPublish", "OnlyByTLS"}
    rules = policy["RulesPublish"]["Condition"]
    assert rules["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    made = {node.outputs["arn"] for node in graph.nodes if node.type == "aws:cloudwatch/eventRule:EventRule"}
    assert set(rules["ArnEquals"]["aws:SourceArn"]) == made
    alarms = {node.outputs["arn"] for node in graph.nodes if node.type == "aws:cloudwatch/metricAlarm:MetricAlarm"}
    assert set(policy["AlarmsPublish"]["Condition"]["ArnEquals"]["aws:SourceArn"]) == alarms


def test_who_may_tell_the_topic_may_use_its_key():
    graph = audited()
    keyed, told = statements(graph, "keys-default"), statements(graph, "audit-topic-policy")
    for kind in ("Alarms", "Rules"):
        assert keyed[f"{kind}TellPeople"]["Condition"] == told[f"{kind}Publish"]["Condition"]


def test_everybody_who_is_named_is_told():
    graph = audited(notify=["security@acme.example", "ciso@acme.example"])
    told = [node.properties for node in graph.nodes if node.type == "aws:sns/topicSubscription:TopicSubscription"]
    assert {(it["protocol"], it["endpoint"]) for it in told} == {
        ("email", "security@acme.example"),
        ("email", "ciso@acme.example"),
    }


def call(service: str, called: str, /, **parameters: Any) -> dict[str, Any]:
    return {
        "source": f"aws.{service}",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": called,
            "requestParameters": parameters,
        },
    }


PLACES = Places(CONTEXT)
SEEN = [
    ("trail", call("cloudtrail", "StopLogging", name=PLACES.trail)),
    ("trail", call("cloudtrail", "DeleteTrail", name=PLACES.trail_name)),
    ("trail", call("cloudtrail", "UpdateTrail", name=PLACES.trail)),
    ("trail", call("cloudtrail", "PutEventSelectors", trailName=PLACES.trail)),
    ("bucket", call("s3", "DeleteBucketPolicy", bucketName=PLACES.bucket_name)),
    ("bucket", call("s3", "PutBucketPolicy", bucketName=PLACES.bucket_name)),
    ("bucket", call("s3", "PutBucketObjectLockConfiguration", bucketName=PLACES.bucket_name)),
    ("keys", call("kms", "PutKeyPolicy", keyId="1")),
    ("keys", call("kms", "ScheduleKeyDeletion", keyId="1")),
    ("keys", call("kms", "DisableKey", keyId="1")),
    ("telling", call("events", "DeleteRule", name=PLACES.rule_name("trail"))),
    ("telling", call("events", "DisableRule", name=PLACES.rule_name("keys"))),
    ("telling", call("events", "RemoveTargets", rule=PLACES.rule_name("bucket"))),
    ("telling", call("events", "DeleteEventBus", name=PLACES.bus_name)),
    ("telling", call("monitoring", "DeleteAlarms", alarmNames=[PLACES.alarm_name("root")])),
    ("telling", call("sns", "Unsubscribe", subscriptionArn=f"{PLACES.topic}:1")),
    ("telling", call("logs", "DeleteMetricFilter", logGroupName=PLACES.log_group_name)),
]
UNSEEN = [
    call("cloudtrail", "StopLogging", name="somebody-elses"),
    call("cloudtrail", "GetTrailStatus", name=PLACES.trail),
    call("s3", "PutBucketPolicy", bucketName="ml-dev-fraud-lake-raw"),
    call("kms", "CreateKey"),
    call("events", "DeleteRule", name="ml-dev-fraud-retrain"),
    call("monitoring", "DeleteAlarms", alarmNames=["ml-dev-fraud-latency"]),
    call("sns", "Unsubscribe", subscriptionArn="arn:aws:sns:eu-west-1:1:ml-dev-fraud-alarms:1"),
]


def alternatives(pattern: dict[str, Any]) -> list[EventPattern]:
    """The pattern without `$or`, which the emulator's matcher doesn't know."""
    several = pattern["detail"].get("$or", [pattern["detail"]])
    return [EventPattern.load(json.dumps({**pattern, "detail": detail})) for detail in several]


def rules_that_see(event: Any) -> set[str]:
    return {
        role
        for role, pattern in rule_patterns(PLACES).items()
        if any(alternative.matches_event(event) for alternative in alternatives(pattern))
    }


@pytest.mark.parametrize(
    ("role", "event"), SEEN, ids=lambda it: it if isinstance(it, str) else it["detail"]["eventName"]
)
def test_tampering_is_seen_by_its_rule(role: str, event: dict[str, Any]):
    assert rules_that_see(event) == {role}


@pytest.mark.parametrize("event", UNSEEN, ids=lambda it: it["detail"]["eventName"])
def test_the_everyday_is_not_taken_for_tampering(event: dict[str, Any]):
    assert rules_that_see(event) == set()


def test_patterns_and_filters_fit_whatever_things_are_called():
    longest = dataclasses.replace(CONTEXT, platform="p" * 10, environment="e" * 24)
    places = Places(longest, "a" * 24)
    for pattern in rule_patterns(places).values():
        assert len(json.dumps(pattern, separators=(",", ":"))) <= 4096, "events/latest/APIReference/API_PutRule"
    for wanted in filters(50).values():
        assert len(wanted.pattern) <= 1024, "AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter"


def test_what_happens_in_other_regions_is_found_in_the_trail():
    graph = audited(denied_calls=7)
    patterns = {role: properties(graph, f"audit-filter-{role}")["pattern"] for role in ("boundary", "denied", "root")}
    assert "DeleteRolePermissionsBoundary" in patterns["boundary"]
    assert "*-fence-boundary*" in patterns["boundary"]
    assert "AccessDenied*" in patterns["denied"] and '$.userIdentity.type = "Root"' in patterns["root"]
    thresholds = {role: properties(graph, f"audit-alarm-{role}")["threshold"] for role in patterns}
    assert thresholds == {"boundary": 1, "denied": 7, "root": 1}
    for role in patterns:
        metric, alarm = (properties(graph, f"audit-{kind}-{role}") for kind in ("filter", "alarm"))
        told = metric["metricTransformation"]
        assert (told["namespace"], told["name"]) == (alarm["namespace"], alarm["metricName"])
        assert alarm["alarmActions"] == [Places(CONTEXT).topic]


def test_the_filter_looks_for_boundaries_as_they_are_called():
    names = Reach(CONTEXT.for_team("fraud")).boundary_name, Reach(PRODUCTION.for_team("f" * 24)).boundary_name
    assert all(fnmatchcase(name, "*-fence-boundary*") for name in names)
    assert "*-fence-boundary*" in filters(50)["boundary"].pattern
