"""What every stack can ask of the audit, whether it makes it or knows it from the platform's contract."""

from __future__ import annotations

import dataclasses
from typing import Final, Protocol

import pulumi

from modelyard.core.access import Grantee, Statement, Thing, address, identity_of
from modelyard.core.addresses import BusAddress
from modelyard.core.context import Context
from modelyard.core.events import KINDS, source_of
from modelyard.foundation.audit.places import COMPONENT, Places

_KEEP_RULES: Final = (
    "events:DeleteRule",
    "events:DescribeRule",
    "events:DisableRule",
    "events:EnableRule",
    "events:ListTagsForResource",
    "events:ListTargetsByRule",
    "events:RemoveTargets",
    "events:TagResource",
    "events:UntagResource",
)


class AuditLike(Protocol):
    """The bus and the topic of the platform, and who may use the bus."""

    @property
    def topic_arn(self) -> pulumi.Output[str]:
        """The ARN of the topic that tells the platform's people."""
        ...

    @property
    def bus_name(self) -> pulumi.Output[str]:
        """The name of the bus with the platform's own events."""
        ...

    @property
    def bus_arn(self) -> pulumi.Output[str]:
        """The ARN of that bus."""
        ...

    def grant_publish(self, grantee: Grantee, *, team: str) -> None:
        """Let `grantee` put the platform's events on the bus in the name of `team`."""
        ...

    def grant_subscribe(self, grantee: Grantee, *, team: str) -> None:
        """Let `grantee` keep rules on the bus for the events of `team`, and lead them to things of the team's."""
        ...


class KnownAudit:
    """The audit that the platform's contract tells a team's stack of.

    `context` is the team's; `account` is the platform's, where the team has one of its own; `component` is the audit's
    name in the platform's stack.
    """

    def __init__(self, context: Context, *, account: str | None = None, component: str = COMPONENT) -> None:
        platform = dataclasses.replace(context, team=None, boundary=None, account=account or context.account)
        self._places = Places(platform, component)
        self.component = component
        self.topic_arn: pulumi.Output[str] = pulumi.Output.from_input(self._places.topic)
        self.bus_name: pulumi.Output[str] = pulumi.Output.from_input(self._places.bus_name)
        self.bus_arn: pulumi.Output[str] = pulumi.Output.from_input(self._places.bus)

    def grant_publish(self, grantee: Grantee, *, team: str) -> None:
        """Let `grantee` put the platform's events on the bus in the name of `team`."""
        grant_publish(self, self._places, grantee, team)

    def grant_subscribe(self, grantee: Grantee, *, team: str) -> None:
        """Let `grantee` keep rules on the bus for the events of `team`, and lead them to things of the team's."""
        grant_subscribe(self, self._places, grantee, team)


def publishes(places: Places, team: str) -> Statement:
    """Lets an identity put the platform's kinds of events on the bus, under the source of `team` alone.

    Both condition keys may hold several values (service authorization reference of EventBridge).
    """
    return Statement(
        ("events:PutEvents",),
        (places.bus,),
        {
            "ForAllValues:StringEquals": {"events:detail-type": sorted(KINDS), "events:source": source_of(team)},
            "Null": {"events:detail-type": "false", "events:source": "false"},
        },
    )


def grant_publish(thing: Thing, places: Places, grantee: Grantee, team: str) -> None:
    """Let `grantee` put events of `team` on the bus, and tell it which bus and under which source."""
    found = address(BusAddress, name="events", bus=places.bus, source=source_of(team))
    identity_of(grantee).allow(thing, "publish", [publishes(places, team)], [found])


def grant_subscribe(thing: Thing, places: Places, grantee: Grantee, team: str) -> None:
    """Let `grantee` keep rules of the team's name on the bus, which see the team's events and lead to its things.

    Source: eventbridge/latest/userguide, "Using IAM policy conditions for access control".
    """
    context = places.context.for_team(team)
    prefix = "-".join((*context.names.owner, "*"))
    rules = (context.arn("events", f"rule/{places.bus_name}/{prefix}"),)
    targets = [
        context.arn("lambda", f"function:{prefix}"),
        context.arn("sns", prefix),
        context.arn("sqs", prefix),
        context.arn("states", f"stateMachine:{prefix}"),
        context.arn("logs", f"log-group:{context.names.path}*"),
    ]
    identity_of(grantee).allow(
        thing,
        "subscribe",
        [
            Statement(
                ("events:PutRule",),
                rules,
                {
                    "ForAllValues:StringEquals": {"events:source": source_of(team)},
                    "Null": {"events:source": "false"},
                },
            ),
            Statement(
                ("events:PutTargets",),
                rules,
                {"ForAllValues:ArnLike": {"events:TargetArn": targets}, "Null": {"events:TargetArn": "false"}},
            ),
            Statement(_KEEP_RULES, rules),
            Statement(("events:DescribeEventBus",), (places.bus,)),
        ],
    )
