"""The names and ARNs of an audit, all known before anything exists: keys, fences and teams refer to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from modelyard.core.access import Principal, Statement
from modelyard.core.context import Context

DOMAIN: Final = "audit"
"""The domain of the key that encrypts trail, topic and bus."""
COMPONENT: Final = "audit"

RULES: Final = ("trail", "bucket", "keys", "telling")
"""The rules that watch for tampering with things of the platform's own region."""
ALARMS: Final = ("boundary", "denied", "root")
"""The alarms on what the trail logs of every region, IAM included."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the audit called `component` lies; `context` is the platform's own."""

    context: Context
    component: str = COMPONENT

    @property
    def trail_name(self) -> str:
        """The trail's name."""
        return self.context.names.of("trail", self.component)

    @property
    def trail(self) -> str:
        """The trail's ARN."""
        return self.context.arn("cloudtrail", f"trail/{self.trail_name}")

    @property
    def bucket_name(self) -> str:
        """The name of the bucket with the trail's files."""
        return self.context.names.of("s3-bucket", self.component, "trail")

    @property
    def bucket(self) -> str:
        """The ARN of the bucket with the trail's files."""
        return f"arn:{self.context.partition}:s3:::{self.bucket_name}"

    @property
    def log_group_name(self) -> str:
        """The name of the log group that the trail is searched in."""
        return self.context.names.of("log-group", self.component, "trail")

    @property
    def log_group(self) -> str:
        """The ARN of the log group, without its streams."""
        return self.context.arn("logs", f"log-group:{self.log_group_name}")

    @property
    def topic_name(self) -> str:
        """The name of the topic that tells people."""
        return self.context.names.of("sns-topic", self.component, "tampering")

    @property
    def topic(self) -> str:
        """The ARN of the topic that tells people."""
        return self.context.arn("sns", self.topic_name)

    @property
    def bus_name(self) -> str:
        """The name of the bus with the platform's own events."""
        return self.context.names.of("event-bus", self.component)

    @property
    def bus(self) -> str:
        """The ARN of the bus."""
        return self.context.arn("events", f"event-bus/{self.bus_name}")

    @property
    def archive_name(self) -> str:
        """The name of the bus's archive."""
        return self.context.names.of("event-archive", self.component)

    def rule_name(self, role: str) -> str:
        """The name of one of the rules on the default bus."""
        return self.context.names.of("event-rule", self.component, role)

    def alarm_name(self, role: str) -> str:
        """The name of one of the alarms."""
        return self.context.names.of("alarm", self.component, role)

    @property
    def rules(self) -> tuple[str, ...]:
        """The ARNs of the rules on the default bus."""
        return tuple(self.context.arn("events", f"rule/{self.rule_name(role)}") for role in RULES)

    @property
    def alarms(self) -> tuple[str, ...]:
        """The ARNs of the alarms."""
        return tuple(self.context.arn("cloudwatch", f"alarm:{self.alarm_name(role)}") for role in ALARMS)

    @property
    def tellers(self) -> Mapping[str, Sequence[str]]:
        """Who may publish to the topic: services, and the ARNs on whose behalf."""
        return {"cloudwatch.amazonaws.com": self.alarms, "events.amazonaws.com": self.rules}


def key_statements(context: Context, component: str = COMPONENT) -> dict[str, list[Statement]]:
    """What services may do with the audit's key, by the key's domain, as `Keys(services=…)` takes it.

    CloudTrail encrypts this trail's files and can't decrypt them; EventBridge and CloudWatch encrypt what this audit's
    rules and alarms tell the topic, and what lies on its bus. Sources: awscloudtrail/latest/userguide,
    "Configure AWS KMS key policies for CloudTrail"; sns/latest/dg/sns-key-management; eventbridge/latest/userguide,
    "eb-encryption-key-policy" and "encryption-archives".
    """
    places = Places(context, component)
    only_account = {"aws:SourceAccount": context.account}
    cloudtrail, events = Principal.service("cloudtrail.amazonaws.com"), Principal.service("events.amazonaws.com")
    only_trail = {"StringEquals": {"aws:SourceArn": places.trail}}
    encrypts = {
        "StringEquals": {"aws:SourceArn": places.trail, "kms:EncryptionContext:aws:cloudtrail:arn": places.trail}
    }
    tells = [
        Statement(
            ("kms:Decrypt", "kms:GenerateDataKey"),
            ("*",),
            {"StringEquals": only_account, "ArnEquals": {"aws:SourceArn": list(sources)}},
            principal=Principal.service(service),
            sid=f"{'Alarms' if service.startswith('cloudwatch') else 'Rules'}TellPeople",
        )
        for service, sources in places.tellers.items()
    ]
    return {
        DOMAIN: [
            Statement(("kms:GenerateDataKey*",), ("*",), encrypts, principal=cloudtrail, sid="TrailEncryptsItsFiles"),
            Statement(("kms:DescribeKey",), ("*",), only_trail, principal=cloudtrail, sid="TrailSeesTheKey"),
            *tells,
            Statement(
                ("kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
                ("*",),
                {"StringEquals": {**only_account, "kms:EncryptionContext:aws:events:event-bus:arn": places.bus}},
                principal=events,
                sid="BusEncryptsItsEvents",
            ),
            Statement(
                ("kms:DescribeKey",), ("*",), {"StringEquals": only_account}, principal=events, sid="BusSeesTheKey"
            ),
        ]
    }
