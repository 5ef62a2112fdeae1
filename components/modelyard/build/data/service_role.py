"""Roles that a service of the lake works under: what they may do is known at once, and written before the work begins.

Firehose, Step Functions and Glue look at the role when they are made, so its policy can't wait for the program's end as
grants do.
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
    """A role of the lake's that one service assumes, for one thing; `may_work` is the policy that work depends on."""

    def __init__(
        self,
        lake: Component,
        role: str,
        service: str,
        *,
        source_arn: str,
        statements: Sequence[Statement],
        description: str,
        written: Source,
    ) -> None:
        self.role = Role(
            lake.named(role),
            context=lake.context,
            trusted=[trust_service(f"{service}.amazonaws.com", context=lake.context, source_arn=source_arn)],
            description=description,
            opts=pulumi.ResourceOptions(parent=lake),
            written=written,
        )
        self.arn = self.role.arn
        self.may_work = aws.iam.RolePolicy(
            lake.named(f"{role}-work"),
            name="work",
            role=self.role.role_name,
            policy=access.policy_json(statements),
            opts=lake.options(),
        )
