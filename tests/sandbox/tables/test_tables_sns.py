"""Topics, their policies and subscriptions through their whole life."""

from __future__ import annotations

import json
from typing import Any

TOPIC = "aws:sns/topic:Topic"
POLICY = "aws:sns/topicPolicy:TopicPolicy"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
ARN = "arn:aws:sns:eu-west-1:123456789012:alarms"


def admits(*services: str) -> str:
    """A topic's policy that lets services publish."""
    statement = {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sns:Publish", "Resource": ARN}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_topic_lives_and_dies(cloud: Any) -> None:
    topic = cloud.make(TOPIC, name="alarms", kmsMasterKeyId="alias/alarms", tags={"team": "fraud"})
    assert (topic.id, topic["arn"], topic["owner"]) == (ARN, ARN, "123456789012")
    topic.update(displayName="Alarms", signatureVersion=2, tracingConfig="PassThrough")
    topic.update(kmsMasterKeyId=None)
    topic.update(lambdaFailureFeedbackRoleArn="arn:aws:iam::123456789012:role/feedback")
    topic.update(tags={"team": "churn"})
    assert topic.forecast(name="other").replaces == {"name"}
    topic.imported(ARN)
    topic.delete()
    assert cloud.client("sns").list_topics()["Topics"] == []


def test_a_topic_that_loses_its_key_has_drifted(cloud: Any) -> None:
    topic = cloud.make(TOPIC, name="alarms", kmsMasterKeyId="alias/alarms")
    cloud.client("sns").set_topic_attributes(TopicArn=ARN, AttributeName="KmsMasterKeyId", AttributeValue="")
    assert topic.read().inputs["kmsMasterKeyId"] == ""


def test_a_fifo_topic_keeps_its_order_for_life(cloud: Any) -> None:
    topic = cloud.make(TOPIC, name="events.fifo", fifoTopic=True, contentBasedDeduplication=True)
    topic.update(contentBasedDeduplication=False)
    assert topic.forecast(name="events", fifoTopic=False).replaces == {"name", "fifoTopic"}


def test_a_topics_policy_leaves_the_default_behind(cloud: Any) -> None:
    topic = cloud.make(TOPIC, name="alarms")
    policy = cloud.make(POLICY, arn=ARN, policy=admits("cloudwatch.amazonaws.com"))
    topic.settled()
    policy.update(policy=admits("cloudwatch.amazonaws.com", "events.amazonaws.com"))
    assert policy.forecast(arn=ARN + "2").replaces == {"arn"}
    assert policy["owner"] == "123456789012"
    cloud.provider.delete(POLICY, policy.id, policy.urn, policy.state)
    left = cloud.client("sns").get_topic_attributes(TopicArn=ARN)["Attributes"]["Policy"]
    assert json.loads(left)["Id"] == "__default_policy_ID"


def test_a_policy_that_somebody_widened_has_drifted(cloud: Any) -> None:
    cloud.make(TOPIC, name="alarms")
    policy = cloud.make(POLICY, arn=ARN, policy=admits("cloudwatch.amazonaws.com"))
    wider = admits("cloudwatch.amazonaws.com", "s3.amazonaws.com")
    cloud.client("sns").set_topic_attributes(TopicArn=ARN, AttributeName="Policy", AttributeValue=wider)
    assert "s3" in policy.read().inputs["policy"]


def test_a_mail_subscription_waits_for_its_confirmation(cloud: Any) -> None:
    cloud.make(TOPIC, name="alarms")
    mail = cloud.make(SUBSCRIPTION, topic=ARN, protocol="email", endpoint="security@example.com")
    assert mail["pendingConfirmation"] is True
    assert mail.forecast(endpoint="other@example.com").replaces == {"endpoint"}
    mail.imported(mail.id)
    mail.delete()


def test_a_subscription_can_filter(cloud: Any) -> None:
    cloud.make(TOPIC, name="alarms")
    queue = cloud.make(SUBSCRIPTION, topic=ARN, protocol="sqs", endpoint="arn:aws:sqs:eu-west-1:123456789012:alarms")
    assert queue["pendingConfirmation"] is False
    queue.update(filterPolicy=json.dumps({"severity": ["high"]}), filterPolicyScope="MessageBody")
    queue.update(rawMessageDelivery=True)
    queue.update(filterPolicy=None)
    queue.delete()


def test_a_subscription_to_a_topic_that_is_not_there_is_refused(cloud: Any) -> None:
    assert "NotFound" in cloud.refused(SUBSCRIPTION, topic=ARN, protocol="email", endpoint="a@example.com")
