"""Teams in accounts of their own: how the platform gets in, how the team does, and what stays outside."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from modelyard.core.access import Principal, Statement, trust_roles
from modelyard.core.context import Context


def provider_in(name: str, context: Context, role_arn: str | None = None) -> pulumi.ResourceOptions:
    """Options with a provider that works in the context's account and region and nowhere else.

    `role_arn`: the role that it assumes there. Absent: it works with the caller's own credentials.
    """
    session = f"modelyard-{context.owner}"
    roles = [aws.ProviderAssumeRoleArgs(role_arn=role_arn, session_name=session)] if role_arn else None
    # A mapping would arrive under its Python names: it travels as JSON, which Pulumi does not translate.
    made = aws.Provider(name, region=context.region, allowed_account_ids=[context.account], assume_roles=roles)
    return pulumi.ResourceOptions(providers={"aws": made})


def deployment_trust(
    context: Context, platform: Context, deployers: Sequence[str], runs: Sequence[Statement] = ()
) -> list[Statement]:
    """Who may assume the deployment role of a team: the platform's deployers, and runs of CI.

    `context` is the team's, `platform` the platform's: deployers come from its account, also where the team has one of
    its own. Without deployers and runs: whoever IAM lets, in the platform's account. `runs`: what `trust_runs` gives.
    """
    if deployers:
        return [trust_roles(*deployers), *runs]
    if runs:
        return list(runs)
    return [Statement(("sts:AssumeRole",), (), principal=Principal.account(platform.account, context.partition))]
