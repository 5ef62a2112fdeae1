"""Who is told when somebody tampers: an encrypted topic, rules on what happens here, alarms on what the trail logs."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Principal, Statement
from modelyard.core.component import Component
from modelyard.foundation.audit.places import Places
from modelyard.foundation.audit.spec import AuditSpec
from modelyard.foundation.audit.tampering import SAYS, filters, rule_patterns

_FIVE_MINUTES = 300
_SHOWN = {
    "what": "$.detail.eventName",
    "who": "$.detail.userIdentity.arn",
    "origin": "$.detail.sourceIPAddress",
    "account": "$.account",
    "region": "$.region",
    "time": "$.time",
    "event": "$.detail.eventID",
}


def topic(component: Component, places: Places, spec: AuditSpec, key_arn: pulumi.Output[str]) -> pulumi.Output[str]:
    """The topic with its subscriptions: this audit's rules and alarms publish, and nothing else does. Its ARN."""
    made = aws.sns.Topic(
        component.named("topic"),
        name=places.topic_name,
        display_name=f"Audit {places.context.environment}",
        kms_master_key_id=key_arn,
        opts=component.options(),
    )
    aws.sns.TopicPolicy(
        component.named("topic-policy"),
        arn=made.arn,
        policy=access.policy_json(_may_publish(places)),
        opts=component.options(),
    )
    for address in spec.notify:
        aws.sns.TopicSubscription(
            component.named(f"tell-{address}"),
            topic=made.arn,
            protocol="email",
            endpoint=address,
            opts=component.options(),
        )
    return made.arn


def _may_publish(places: Places) -> list[Statement]:
    return [
        *(
            Statement(
                ("sns:Publish",),
                (places.topic,),
                {
                    "ArnEquals": {"aws:SourceArn": list(sources)},
                    "StringEquals": {"aws:SourceAccount": places.context.account},
                },
                principal=Principal.service(service),
                sid=f"{'Alarms' if service.startswith('cloudwatch') else 'Rules'}Publish",
            )
            for service, sources in places.tellers.items()
        ),
        Statement(
            ("sns:Publish",),
            (places.topic,),
            {"Bool": {"aws:SecureTransport": "false"}},
            "Deny",
            Principal.everyone(),
            "OnlyByTLS",
        ),
    ]


def rules(component: Component, places: Places, topic_arn: pulumi.Output[str]) -> None:
    """The rules on the default bus, each leading to the topic with a sentence that people can read."""
    for role, pattern in rule_patterns(places).items():
        rule = aws.cloudwatch.EventRule(
            component.named(f"rule-{role}"),
            name=places.rule_name(role),
            description=SAYS[role],
            event_pattern=json.dumps(pattern, sort_keys=True, separators=(",", ":")),
            state="ENABLED",
            opts=component.options(),
        )
        told = f"{SAYS[role]}: <what> by <who> from <origin>, account <account>, <region>, <time>. Event <event>."
        aws.cloudwatch.EventTarget(
            component.named(f"rule-{role}-target"),
            rule=rule.name,
            target_id="people",
            arn=topic_arn,
            input_transformer={"input_paths": _SHOWN, "input_template": json.dumps(told)},
            opts=component.options(),
        )


def metric_alarms(
    component: Component,
    places: Places,
    spec: AuditSpec,
    log_group: aws.cloudwatch.LogGroup,
    topic_arn: pulumi.Output[str],
) -> None:
    """A metric of the trail's log group, and an alarm on it, for each filter; no match is no alarm."""
    names = places.context.names
    namespace = f"Modelyard/{names.platform}/{names.environment}"
    for role, wanted in filters(spec.denied_calls).items():
        metric = places.alarm_name(role)
        aws.cloudwatch.LogMetricFilter(
            component.named(f"filter-{role}"),
            name=metric,
            log_group_name=log_group.name,
            pattern=wanted.pattern,
            metric_transformation={"name": metric, "namespace": namespace, "value": "1", "default_value": "0"},
            opts=component.options(),
        )
        aws.cloudwatch.MetricAlarm(
            component.named(f"alarm-{role}"),
            name=metric,
            alarm_description=SAYS[role],
            namespace=namespace,
            metric_name=metric,
            statistic="Sum",
            period=_FIVE_MINUTES,
            evaluation_periods=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=wanted.threshold,
            treat_missing_data="notBreaching",
            alarm_actions=[topic_arn],
            opts=component.options(),
        )
