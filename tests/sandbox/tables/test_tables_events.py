"""Event buses, their policies, rules, targets and archives through their whole life."""

from __future__ import annotations

import json
from typing import Any

BUS = "aws:cloudwatch/eventBus:EventBus"
BUS_POLICY = "aws:cloudwatch/eventBusPolicy:EventBusPolicy"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
ARCHIVE = "aws:cloudwatch/eventArchive:EventArchive"
EVENTS = "arn:aws:events:eu-west-1:123456789012"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
PATTERN = json.dumps({"source": ["aws.cloudtrail"], "detail": {"eventName": ["StopLogging"]}})


def publishers(*roles: str) -> str:
    """A bus's policy that lets roles publish under one source."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::123456789012:role/{role}" for role in roles]},
        "Action": "events:PutEvents",
        "Resource": f"{EVENTS}:event-bus/ml",
        "Condition": {"StringEquals": {"events:source": "modelyard.fraud"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Sid": "Fraud"}]})


def test_a_bus_lives_and_dies(cloud: Any) -> None:
    bus = cloud.make(BUS, name="ml", description="Approvals", tags={"team": "fraud"})
    assert (bus.id, bus["arn"]) == ("ml", f"{EVENTS}:event-bus/ml")
    bus.update(kmsKeyIdentifier="arn:aws:kms:eu-west-1:123456789012:key/1")
    bus.update(description=None)
    bus.update(tags={"team": "churn"})
    assert bus.forecast(name="other").replaces == {"name"}
    bus.imported("ml")
    bus.delete()


def test_a_buss_policy_is_replaced_as_a_whole(cloud: Any) -> None:
    cloud.make(BUS, name="ml")
    policy = cloud.make(BUS_POLICY, eventBusName="ml", policy=publishers("trainer"))
    policy.update(policy=publishers("trainer", "watcher"))
    kept = json.loads(cloud.client("events").describe_event_bus(Name="ml")["Policy"])
    assert kept == json.loads(publishers("trainer", "watcher"))
    assert policy.forecast(eventBusName="other").replaces == {"eventBusName"}
    policy.delete()


def test_a_buss_policy_without_sids_keeps_every_statement(cloud: Any) -> None:
    cloud.make(BUS, name="ml")
    two = json.loads(publishers("trainer"))
    two["Statement"] = [{key: item for key, item in two["Statement"][0].items() if key != "Sid"}] * 2
    cloud.make(BUS_POLICY, eventBusName="ml", policy=json.dumps(two))
    assert len(json.loads(cloud.client("events").describe_event_bus(Name="ml")["Policy"])["Statement"]) == 2


def test_a_rule_of_the_default_bus_lives_and_dies(cloud: Any) -> None:
    rule = cloud.make(RULE, name="tampering", eventPattern=PATTERN, tags={"team": "fraud"})
    assert (rule.id, rule["arn"]) == ("tampering", f"{EVENTS}:rule/tampering")
    rule.update(description="Somebody stops the trail")
    rule.update(state="DISABLED")
    assert cloud.client("events").describe_rule(Name="tampering")["State"] == "DISABLED"
    rule.update(state="ENABLED")
    rule.update(tags={"team": "churn"})
    assert rule.forecast(name="other").replaces == {"name"}
    rule.imported("tampering")
    rule.delete()


def test_a_rule_that_somebody_disabled_has_drifted(cloud: Any) -> None:
    rule = cloud.make(RULE, name="tampering", eventPattern=PATTERN, state="ENABLED")
    cloud.client("events").disable_rule(Name="tampering")
    assert rule.read().inputs["state"] == "DISABLED"


def test_a_rule_of_another_bus_carries_its_name(cloud: Any) -> None:
    cloud.make(BUS, name="ml")
    rule = cloud.make(RULE, name="approvals", eventBusName="ml", eventPattern=json.dumps({"source": ["modelyard"]}))
    assert (rule.id, rule["arn"]) == ("ml/approvals", f"{EVENTS}:rule/ml/approvals")
    rule.imported("ml/approvals")


def test_a_rule_with_targets_is_only_deleted_by_force(cloud: Any) -> None:
    rule = cloud.make(RULE, name="tampering", eventPattern=PATTERN)
    cloud.make(TARGET, rule="tampering", arn=TOPIC, targetId="alarms")
    assert "has targets" in cloud.refuses_to_delete(rule)
    rule.state["forceDestroy"] = True
    rule.delete()


def test_a_target_lives_and_dies(cloud: Any) -> None:
    cloud.make(RULE, name="tampering", eventPattern=PATTERN)
    target = cloud.make(TARGET, rule="tampering", arn=TOPIC, targetId="alarms")
    assert target.id == "tampering-alarms"
    target.update(
        inputTransformer={"inputPaths": {"who": "$.detail.userIdentity.arn"}, "inputTemplate": '"<who> was here"'}
    )
    target.update(retryPolicy={"maximumEventAgeInSeconds": 3600, "maximumRetryAttempts": 4})
    target.update(deadLetterConfig={"arn": "arn:aws:sqs:eu-west-1:123456789012:lost"})
    target.update(inputTransformer=None)
    assert target.forecast(targetId="other").replaces == {"targetId"}
    assert target.forecast(rule="other").replaces == {"rule"}
    target.imported("tampering/alarms")
    target.delete()


def test_every_kind_of_target_is_read_back_as_it_was_given(cloud: Any) -> None:
    cloud.make(BUS, name="ml")
    cloud.make(RULE, name="approved", eventBusName="ml", eventPattern=json.dumps({"source": ["modelyard"]}))
    common = {"rule": "approved", "eventBusName": "ml", "roleArn": "arn:aws:iam::123456789012:role/start"}
    batch = cloud.make(
        TARGET,
        targetId="job",
        arn="arn:aws:batch:eu-west-1:123456789012:job-queue/train",
        batchTarget={"jobDefinition": "train", "jobName": "retrain", "arraySize": 2, "jobAttempts": 3},
        **common,
    )
    assert batch.id == "ml-approved-job"
    pipeline = cloud.make(
        TARGET,
        targetId="pipeline",
        arn="arn:aws:sagemaker:eu-west-1:123456789012:pipeline/retrain",
        sagemakerPipelineTarget={"pipelineParameterLists": [{"name": "reason", "value": "drift"}]},
        **common,
    )
    pipeline.update(sagemakerPipelineTarget={"pipelineParameterLists": [{"name": "reason", "value": "decay"}]})
    queue = cloud.make(
        TARGET,
        targetId="queue",
        arn="arn:aws:sqs:eu-west-1:123456789012:events",
        sqsTarget={"messageGroupId": "fraud"},
        **common,
    )
    queue.imported("ml/approved/queue")
    cloud.make(
        TARGET,
        targetId="document",
        arn="arn:aws:ssm:eu-west-1:123456789012:document/restart",
        runCommandTargets=[{"key": "tag:team", "values": ["fraud"]}],
        **common,
    )


def test_an_archive_lives_and_dies(cloud: Any) -> None:
    bus = cloud.make(BUS, name="ml")
    archive = cloud.make(ARCHIVE, name="ml", eventSourceArn=bus["arn"], retentionDays=365)
    assert archive["arn"] == f"{EVENTS}:archive/ml"
    archive.update(retentionDays=400, description="Approvals")
    archive.update(eventPattern=json.dumps({"detail-type": ["modelyard.approval"]}))
    archive.update(kmsKeyIdentifier="arn:aws:kms:eu-west-1:123456789012:key/1")
    archive.update(retentionDays=None)
    assert archive.forecast(name="other").replaces == {"name"}
    archive.imported("ml")
    archive.delete()


def test_what_the_service_refuses(cloud: Any) -> None:
    cloud.make(BUS, name="ml")
    assert "ResourceAlreadyExistsException" in cloud.refused(BUS, name="ml")
    assert "ScheduleExpression is supported only" in cloud.refused(
        RULE, name="daily", eventBusName="ml", scheduleExpression="rate(1 day)"
    )
    assert "ResourceNotFoundException" in cloud.refused(TARGET, rule="nowhere", arn=TOPIC, targetId="alarms")
    assert "ResourceNotFoundException" in cloud.refused(
        ARCHIVE, name="lost", eventSourceArn=f"{EVENTS}:event-bus/nowhere"
    )


def test_a_target_whose_transformation_somebody_removed_has_drifted(cloud: Any) -> None:
    cloud.make(RULE, name="tampering", eventPattern=PATTERN)
    told = {"inputTemplate": '"Somebody was here"'}
    target = cloud.make(TARGET, rule="tampering", arn=TOPIC, targetId="alarms", inputTransformer=told)
    cloud.client("events").put_targets(Rule="tampering", Targets=[{"Id": "alarms", "Arn": TOPIC}])
    assert target.read().inputs["inputTransformer"] != told
