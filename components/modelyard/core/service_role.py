"""Roles that a service works under: what they may do is known at once, and written before the work begins.

Firehose, Step Functions, Glue and SageMaker look at the role when their things are made, so its policy can't wait for
the program's end as grants do.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Statement, trust_service
from modelyard.core.component import Component
from modelyard.core.identity import Role
from modelyard.core.source import Source


class ServiceRole:
    """A component's role that one service assumes, for one thing; `may_work` is the policy that work depends on."""

    def __init__(
        self,
        component: Component,
        role: str,
        service: str,
        *,
        source_arn: str,
        statements: Sequence[Statement],
        description: str,
        written: Source,
    ) -> None:
        self.role = Role(
            component.named(role),
            context=component.context,
            trusted=[trust_service(f"{service}.amazonaws.com", context=component.context, source_arn=source_arn)],
            description=description,
            opts=pulumi.ResourceOptions(parent=component),
            written=written,
        )
        self.arn = self.role.arn
        self.may_work = aws.iam.RolePolicy(
            component.named(f"{role}-work"),
            name="work",
            role=self.role.role_name,
            policy=access.policy_json(statements),
            opts=component.options(),
        )
