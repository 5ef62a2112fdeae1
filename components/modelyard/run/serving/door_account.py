"""What an account must say once before any door can log: the role with which API Gateway writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Principal, Statement
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Source
from modelyard.core.identity import Role

_WRITES: Final = (
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:PutLogEvents",
)


class DoorAccount(Component):
    """The setting of an account and region without which no stage of API Gateway logs; the platform's, never a team's.

    There is one in each account and region, so two platforms there must leave it to one of them. The actions are those
    of the managed policy AmazonAPIGatewayPushToCloudWatchLogs, which API Gateway asks for when the role is set
    (apigateway/latest/developerguide/set-up-logging), on the account's own groups in this region.
    """

    CAPABILITY = "serving"

    def __init__(
        self,
        name: str,
        *,
        context: Context,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        written: Source | None = None,
    ) -> None:
        super().__init__(name, None, context=context, transform=transform, opts=opts, written=written)
        role = Role(
            self.named("writer"),
            context=context,
            trusted=[Statement(("sts:AssumeRole",), (), principal=Principal.service("apigateway.amazonaws.com"))],
            description="API Gateway writes the access logs of doors",
            opts=self.options(),
            written=self.written,
        )
        may_write = aws.iam.RolePolicy(
            self.named("writer-work"),
            name="work",
            role=role.role_name,
            policy=access.policy_json([Statement(_WRITES, (context.arn("logs", "log-group:*"),))]),
            opts=self.options(),
        )
        aws.apigateway.Account(
            self.named("logs"), cloudwatch_role_arn=role.arn, opts=self.options(depends_on=[may_write])
        )
        self.register_outputs({})
