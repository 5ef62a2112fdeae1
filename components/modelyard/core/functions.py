"""Functions from text: a role, a log group, the function, which waits for its role's policies, and what wakes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.core.access import Statement, trust_service
from modelyard.core.bundles import archive
from modelyard.core.component import Component
from modelyard.core.errors import Source
from modelyard.core.identity import Role

RUNTIME: Final = "python3.13"
LOG_DAYS: Final = 365
FOR_A_DAY: Final[aws.cloudwatch.EventTargetRetryPolicyArgsDict] = {
    "maximum_event_age_in_seconds": 24 * 3600,
    "maximum_retry_attempts": 185,
}
"""EventBridge's most: it leads an event for a day to a function that fails.

Source: eventbridge/latest/userguide/eb-rule-retry-policy.
"""


@dataclass(frozen=True, slots=True)
class Worker:
    """Who a function works as, and where it writes its log; both come before the function."""

    role: Role
    group: aws.cloudwatch.LogGroup

    @property
    def logs(self) -> Statement:
        """What its role needs to write the log."""
        writes = ("logs:CreateLogStream", "logs:PutLogEvents")
        return Statement(writes, (pulumi.Output.concat(self.group.arn, ":*"),))


def function_arn(owner: Component, part: str) -> str:
    """The ARN of the component's function `part`, known before it exists."""
    return owner.context.arn("lambda", f"function:{owner.physical('function', part)}")


def worker(
    owner: Component,
    part: str,
    *,
    says: str,
    key_arn: pulumi.Input[str],
    written: Source | None = None,
    log_days: int = LOG_DAYS,
) -> Worker:
    """The role and the log group of the component's function `part`; `says` is the role's description."""
    role = Role(
        owner.named(part),
        context=owner.context,
        trusted=[trust_service("lambda.amazonaws.com", context=owner.context)],
        description=says,
        opts=owner.options(),
        written=written or owner.written,
    )
    group = aws.cloudwatch.LogGroup(
        owner.named(f"{part}-logs"),
        name=owner.physical("log-group", part),
        retention_in_days=log_days,
        kms_key_id=key_arn,
        opts=owner.options(),
    )
    return Worker(role, group)


def function(
    owner: Component,
    part: str,
    *,
    worker: Worker,
    says: str,
    files: Mapping[str, str],
    handler: str,
    seconds: int,
    memory_mib: int,
    settings: Mapping[str, pulumi.Input[str]],
    key_arn: pulumi.Input[str],
    runtime: str = RUNTIME,
    placed: aws.lambda_.FunctionVpcConfigArgsDict | None = None,
    written: Source | None = None,
    after: Sequence[pulumi.Resource] = (),
) -> aws.lambda_.Function:
    """The function `part`, from `files` by path; its settings lie encrypted under `key_arn`.

    `placed`: subnets and groups, where it stands in a network.
    """
    return aws.lambda_.Function(
        owner.written_at(part, written) if written else owner.named(part),
        name=owner.physical("function", part),
        description=says,
        role=worker.role.arn,
        runtime=runtime,
        handler=handler,
        timeout=seconds,
        memory_size=memory_mib,
        code=archive(files),
        environment={"variables": dict(settings)},
        kms_key_arn=key_arn,
        logging_config={"log_format": "JSON", "log_group": worker.group.name},
        vpc_config=placed,
        opts=owner.options(depends_on=list(after)),
    )


def woken(
    owner: Component,
    role: str,
    rule: aws.cloudwatch.EventRule,
    function: aws.lambda_.Function,
    *,
    target_id: str,
    statement_id: str = "rule",
    bus: pulumi.Input[str] | None = None,
    given: str | None = None,
    retries: aws.cloudwatch.EventTargetRetryPolicyArgsDict | None = None,
) -> None:
    """Let EventBridge call `function` with what `rule` hears, as the children `<role>-invoke` and `<role>-target`.

    `bus` is the rule's; absent: the account's own. `given` is what the function gets instead of the event. `retries`
    absent: EventBridge's own.
    """
    invoked = aws.lambda_.Permission(
        owner.named(f"{role}-invoke"),
        statement_id=statement_id,
        action="lambda:InvokeFunction",
        function=function.name,
        principal="events.amazonaws.com",
        source_arn=rule.arn,
        opts=owner.options(),
    )
    aws.cloudwatch.EventTarget(
        owner.named(f"{role}-target"),
        rule=rule.name,
        event_bus_name=bus,
        target_id=target_id,
        arn=function.arn,
        input=given,
        retry_policy=retries,
        opts=owner.options(depends_on=[invoked]),
    )
