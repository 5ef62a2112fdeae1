"""SQS queues and their policies through their whole life."""

from __future__ import annotations

import json
from typing import Any

QUEUE = "aws:sqs/queue:Queue"
POLICY = "aws:sqs/queuePolicy:QueuePolicy"
ARN = "arn:aws:sqs:eu-west-1:123456789012:events"


def letting_in(service: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": ARN,
        "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_queue_lives_and_dies(cloud: Any) -> None:
    queue = cloud.make(QUEUE, name="events", messageRetentionSeconds=1_209_600, tags={"team": "fraud"})
    assert queue["arn"] == ARN
    assert queue.id == queue["url"]
    queue.update(visibilityTimeoutSeconds=60)
    queue.update(messageRetentionSeconds=None)
    queue.update(tags={"team": "churn"})
    assert queue.forecast(name="others").replaces == {"name"}
    assert queue.forecast(name="events.fifo", fifoQueue=True).replaces == {"name", "fifoQueue"}
    assert queue.imported(queue.id).inputs["visibilityTimeoutSeconds"] == 60
    queue.delete()


def test_a_queue_under_a_key_sends_what_fails_elsewhere(cloud: Any) -> None:
    key = cloud.make("aws:kms/key:Key", description="queues")["arn"]
    dead = cloud.make(QUEUE, name="dead", kmsMasterKeyId=key)
    redrive = json.dumps({"deadLetterTargetArn": dead["arn"], "maxReceiveCount": 5})
    queue = cloud.make(QUEUE, name="events", kmsMasterKeyId=key, redrivePolicy=redrive)
    kept = cloud.client("sqs").get_queue_attributes(QueueUrl=queue.id, AttributeNames=["All"])["Attributes"]
    assert kept["KmsMasterKeyId"] == key
    assert json.loads(kept["RedrivePolicy"])["maxReceiveCount"] == 5
    queue.update(redrivePolicy=json.dumps({"deadLetterTargetArn": dead["arn"], "maxReceiveCount": 3}))


def test_what_drifted_on_a_queue_is_found(cloud: Any) -> None:
    queue = cloud.make(QUEUE, name="events")
    cloud.client("sqs").set_queue_attributes(QueueUrl=queue.id, Attributes={"VisibilityTimeout": "5"})
    assert queue.read().state["visibilityTimeoutSeconds"] == 5


def test_a_queue_lets_in_whom_its_policy_names(cloud: Any) -> None:
    queue = cloud.make(QUEUE, name="events")
    policy = cloud.make(POLICY, queueUrl=queue.id, policy=letting_in("events.amazonaws.com"))
    assert not queue.forecast().changed, "the queue leaves its policy to the other resource"
    policy.update(policy=letting_in("scheduler.amazonaws.com"))
    assert policy.forecast(queueUrl="https://other").replaces == {"queueUrl"}
    assert "policy" in policy.imported(queue.id).inputs
    policy.delete()
    assert queue.read() is not None


def test_a_first_in_first_out_queue_is_called_so(cloud: Any) -> None:
    fifo = cloud.make(QUEUE, name="events.fifo", fifoQueue=True, contentBasedDeduplication=True)
    assert fifo["fifoQueue"] is True
    _, refused = cloud.provider.check(QUEUE, "urn", {}, {"name": "events", "fifoQueue": True}, b"seed")
    assert "ends with .fifo" in str(refused)


def test_a_message_that_waits_longer_than_two_weeks_is_refused(cloud: Any) -> None:
    _, refused = cloud.provider.check(QUEUE, "urn", {}, {"name": "events", "messageRetentionSeconds": 1_300_000}, b"s")
    assert "60 to 1209600" in str(refused)
