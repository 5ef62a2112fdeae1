"""The bus of the platform's own events: encrypted, archived, and each team heard under its own name alone."""

from __future__ import annotations

from collections.abc import Collection

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Principal, Statement
from modelyard.core.component import Component
from modelyard.core.events import SOURCE
from modelyard.foundation.audit.places import Places
from modelyard.foundation.audit.spec import AuditSpec


def event_bus(
    component: Component, places: Places, spec: AuditSpec, key_arn: pulumi.Output[str]
) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    """The bus with its archive; its ARN and name."""
    bus = aws.cloudwatch.EventBus(
        component.named("bus"),
        name=places.bus_name,
        description=f"Events of {places.context.platform} {places.context.environment}",
        kms_key_identifier=key_arn,
        opts=component.options(),
    )
    aws.cloudwatch.EventArchive(
        component.named("archive"),
        name=places.archive_name,
        description="What was approved, promoted, found drifting, or judged at a gate",
        event_source_arn=bus.arn,
        retention_days=spec.event_days,
        kms_key_identifier=key_arn,
        opts=component.options(protect=places.context.production),
    )
    return bus.arn, bus.name


def bus_policy(component: Component, places: Places, bus_name: pulumi.Output[str], accounts: Collection[str]) -> None:
    """The policy of the bus; `accounts` are those of teams that have one of their own."""
    aws.cloudwatch.EventBusPolicy(
        component.named("bus-policy"),
        event_bus_name=bus_name,
        policy=access.policy_json(fence(places, accounts)),
        opts=component.options(),
    )


def fence(places: Places, accounts: Collection[str] = ()) -> list[Statement]:
    """Who isn't a role of the platform's or its teams', or speaks for another team, is refused.

    In the platform's own account these are denials alone, so that the grants of roles decide; roles of another account
    need the bus to let them in as well. The `team` tag of a role is its own: nobody but the platform sets it. A role
    without it is refused, since a value that can't be filled in equals nothing
    (IAM/latest/UserGuide/reference_policies_variables).
    """
    context = places.context
    path = f"role/modelyard/{context.platform}/{context.environment}/*"
    theirs = {account: f"arn:{context.partition}:iam::{account}:{path}" for account in sorted(accounts)}
    own = f"arn:{context.partition}:iam::{context.account}:{path}"
    put, bus = ("events:PutEvents",), (places.bus,)
    return [
        *(
            Statement(
                put,
                bus,
                {"ArnLike": {"aws:PrincipalArn": roles}},
                principal=Principal.account(account, context.partition),
                sid=f"Account{account}",
            )
            for account, roles in theirs.items()
        ),
        Statement(
            put,
            bus,
            {"ArnNotLike": {"aws:PrincipalArn": [own, *theirs.values()]}},
            "Deny",
            Principal.everyone(),
            "OnlyRolesOfThePlatform",
        ),
        Statement(
            put,
            bus,
            {"ForAnyValue:StringNotEquals": {"events:source": f"{SOURCE}.${{aws:PrincipalTag/team}}"}},
            "Deny",
            Principal.everyone(),
            "EachTeamInItsOwnName",
        ),
    ]
