"""The platform's stack: network, keys, and a fence for every team; wiring only."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.blueprints.project import Project
from modelyard.blueprints.spec import PlatformSpec
from modelyard.core.access import trust_account, trust_roles
from modelyard.core.context import Context
from modelyard.core.contract import OUTPUT, VERSION
from modelyard.foundation.keys import Keys
from modelyard.foundation.network import network_from
from modelyard.foundation.tenancy import TeamFence, TeamHeader

SERVICES_OF_EVERY_TEAM = ("kms", "logs", "monitoring", "ssm", "sts")
SERVICES_OF_THE_LAKE = ("athena", "glue")
"""What the teams' work calls; without NAT it reaches them through interface endpoints."""


def platform_context(spec: PlatformSpec, environment: str) -> Context:
    """Where the platform's own components live."""
    return Context(
        organization=spec.organization,
        platform=spec.platform,
        environment=environment,
        region=spec.region,
        account=spec.account,
        production=spec.production,
        tags=spec.tags,
    )


def provider(context: Context, role_arn: str | None = None) -> pulumi.ResourceOptions:
    """Options with a provider that works in the context's account and region and nowhere else.

    `role_arn`: the role that it assumes. Absent: it works with the caller's own credentials.
    """
    roles = (
        [aws.ProviderAssumeRoleArgs(role_arn=role_arn, session_name=f"modelyard-{context.owner}")] if role_arn else None
    )
    made = aws.Provider("aws", region=context.region, allowed_account_ids=[context.account], assume_roles=roles)
    return pulumi.ResourceOptions(providers={"aws": made})


def platform(spec: PlatformSpec, teams: dict[str, TeamHeader], environment: str) -> None:
    """The platform of one environment; exports the contract that the teams' stacks read."""
    context = platform_context(spec, environment)
    opts = provider(context)
    keys = Keys("keys", spec.keys, context=context, opts=opts)
    network = network_from("network", spec.network, context=context, keys=keys, opts=opts)
    for service in SERVICES_OF_EVERY_TEAM + SERVICES_OF_THE_LAKE:
        network.use(service)
    trusted = [trust_roles(*spec.deployers) if spec.deployers else trust_account(context)]
    fences: dict[str, Any] = {}
    for team, header in teams.items():
        theirs = context.for_team(team)
        team_keys = Keys(f"{team}-keys", spec.team_keys, context=theirs, opts=opts)
        fence = TeamFence(f"{team}-fence", header, context=theirs, keys=team_keys, trusted=trusted, opts=opts)
        fences[team] = {
            "boundary_arn": fence.boundary_arn,
            "deployment_role_arn": fence.deployment_role_arn,
            "keys": team_keys.arns,
        }
    pulumi.export(
        OUTPUT,
        {
            "version": VERSION,
            "organization": spec.organization,
            "platform": spec.platform,
            "environment": environment,
            "account": spec.account,
            "region": spec.region,
            "production": spec.production,
            "sandbox": spec.sandbox,
            "network": network.contract(),
            "teams": fences,
        },
    )


def platform_of(project: Project, environment: str) -> None:
    """The platform that the project's files describe for `environment`."""
    platform(project.platform(environment), project.headers(environment), environment)
