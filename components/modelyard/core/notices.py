"""Where owners hear of faults: one encrypted topic per owner, with a subscription by mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Principal, Statement
from modelyard.core.component import Component
from modelyard.core.context import Context
from modelyard.core.names import short_hash

_ALARMS: Final = "cloudwatch.amazonaws.com"


def alarm_key_use(context: Context) -> list[Statement]:
    """The policy of the key that encrypts the topics: alarms of this account may encrypt what they publish.

    Whoever owns the key adds it (`Keys(..., services={"data": alarm_key_use(context)})`); without it alarms are
    silent. Source: AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes, "encrypted topics".
    """
    return [
        Statement(
            ("kms:Decrypt", "kms:GenerateDataKey*"),
            ("*",),
            {"StringEquals": {"aws:SourceAccount": context.account}},
            principal=Principal.service(_ALARMS),
            sid="AlarmsUseIt",
        )
    ]


class Notices:
    """The topics of a component, made when an owner is first named; `about` is what their messages are about."""

    def __init__(self, component: Component, key_arn: pulumi.Output[str], *, about: str = "Data") -> None:
        self._component = component
        self._about = about
        self._key = key_arn
        self._topics: dict[str, aws.sns.Topic] = {}

    @property
    def arns(self) -> Mapping[str, pulumi.Output[str]]:
        """The topic of each owner, by address."""
        return {owner: topic.arn for owner, topic in self._topics.items()}

    def known_arn(self, owner: str) -> str:
        """The ARN of the owner's topic, known before it exists."""
        return self._component.context.arn("sns", self._component.physical("sns-topic", _role(owner)))

    def of(self, owner: str) -> pulumi.Output[str]:
        """The ARN of the owner's topic. The owner confirms the subscription once, by a link in a mail."""
        if owner not in self._topics:
            self._topics[owner] = self._made(owner)
        return self._topics[owner].arn

    def alarm(
        self,
        role: str,
        owner: str,
        *,
        metric: tuple[str, str],
        dimensions: Mapping[str, pulumi.Input[str]],
        statistic: str,
        above: float,
        says: str,
        period: int = 300,
        evaluations: int = 1,
        silence: bool = False,
    ) -> None:
        """An alarm that tells the owner; `metric` is namespace and name, `period` counts seconds.

        No data is no fault: what nobody uses measures nothing. With `silence` it is one, where what measures should
        have run.
        """
        topic = self.of(owner)
        namespace, name = metric
        aws.cloudwatch.MetricAlarm(
            self._component.named(role),
            name=self._component.physical("alarm", role),
            alarm_description=says,
            namespace=namespace,
            metric_name=name,
            dimensions=dimensions,
            statistic=statistic,
            period=period,
            evaluation_periods=evaluations,
            comparison_operator="GreaterThanThreshold",
            threshold=above,
            treat_missing_data="breaching" if silence else "notBreaching",
            alarm_actions=[topic],
            ok_actions=[topic],
            opts=self._component.options(),
        )

    def _made(self, owner: str) -> aws.sns.Topic:
        component, role = self._component, _role(owner)
        context = component.context
        topic = aws.sns.Topic(
            component.named(role),
            name=component.physical("sns-topic", role),
            display_name=f"{self._about} of {context.owner} in {context.environment}",
            kms_master_key_id=self._key,
            opts=component.options(),
        )
        alarms = context.arn("cloudwatch", f"alarm:{'-'.join((*context.names.owner, ''))}*")
        publish = Statement(
            ("sns:Publish",),
            (topic.arn,),
            {"ArnLike": {"aws:SourceArn": alarms}, "StringEquals": {"aws:SourceAccount": context.account}},
            principal=Principal.service(_ALARMS),
            sid="OwnersAlarmsPublish",
        )
        tls = Statement(
            ("sns:Publish",),
            (topic.arn,),
            {"Bool": {"aws:SecureTransport": "false"}},
            "Deny",
            Principal.everyone(),
            "OnlyByTLS",
        )
        aws.sns.TopicPolicy(
            component.named(f"{role}-policy"),
            arn=topic.arn,
            policy=access.policy_json([publish, tls]),
            opts=component.options(),
        )
        aws.sns.TopicSubscription(
            component.named(f"{role}-mail"), topic=topic.arn, protocol="email", endpoint=owner, opts=component.options()
        )
        return topic


def _role(owner: str) -> str:
    return f"notices-{short_hash(owner)}"
