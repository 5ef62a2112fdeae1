"""What alone approves: a function that judges and signs, and a state machine that sets the status and tells of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.core import releasing
from modelyard.core.access import Statement, trust_service
from modelyard.core.bundles import archive, bundle
from modelyard.core.component import Component
from modelyard.core.events import Approved, source_of
from modelyard.core.identity import Role
from modelyard.core.releasing import APPROVED
from modelyard.core.service_role import ServiceRole
from modelyard.foundation.audit import AuditLike

_SECONDS: Final = 900
_MEMORY_MIB: Final = 1024
_LOG_DAYS: Final = 365
_FLAKY: Final = ("Lambda.ServiceException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException")


def machine_name(component: Component) -> str:
    """The state machine's name."""
    return component.physical("state-machine", "promotion")


class Promotion:
    """The machine that approves; `arn` is known before it exists."""

    def __init__(
        self,
        registry: Component,
        *,
        settings: Mapping[str, pulumi.Input[str]],
        declared: Mapping[str, Any],
        packages: Sequence[str],
        statements: Sequence[Statement],
        key_arn: pulumi.Output[str],
        audit: AuditLike,
    ) -> None:
        context = registry.context
        self.arn = context.arn("states", f"stateMachine:{machine_name(registry)}")
        function = _function(registry, settings, declared, statements, key_arn)
        conductor = ServiceRole(
            registry,
            "promotion",
            "states",
            source_arn=self.arn,
            statements=[
                Statement(("lambda:InvokeFunction",), (_function_arn(registry),)),
                Statement(
                    ("sagemaker:UpdateModelPackage",),
                    tuple(packages),
                    {"StringEquals": {"sagemaker:ModelApprovalStatus": [APPROVED, "Rejected"]}},
                ),
            ],
            description=f"{context.owner}: approves and rejects versions of models",
            written=registry.written,
        )
        audit.grant_publish(conductor.role, team=context.owner)
        self.role_arn = conductor.arn
        self.machine = aws.sfn.StateMachine(
            registry.named("promotion"),
            name=machine_name(registry),
            role_arn=conductor.arn,
            definition=pulumi.Output.all(function.arn, audit.bus_name).apply(
                lambda known: json.dumps(definition(known[0], known[1], context.owner))
            ),
            opts=registry.options(depends_on=[conductor.may_work]),
        )


def definition(function: str, bus: str, team: str) -> dict[str, Any]:
    """The machine: judge and sign, set the status, tell of it; a refusal ends it with every reason."""
    decided = "$.said.decision"
    return {
        "Comment": "Approves or rejects a version of a model",
        "StartAt": "Judge",
        "States": {
            "Judge": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": function, "Payload.$": "$"},
                "ResultSelector": {"said.$": "$.Payload"},
                "Retry": [{"ErrorEquals": list(_FLAKY), "IntervalSeconds": 5, "MaxAttempts": 4, "BackoffRate": 2}],
                "Next": "Decided",
            },
            "Decided": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": decided, "StringEquals": "approved", "Next": "Approve"},
                    {"Variable": decided, "StringEquals": "rejected", "Next": "Reject"},
                ],
                "Default": "Refused",
            },
            "Approve": _set(APPROVED),
            "Reject": _set("Rejected"),
            "Tell": {
                "Type": "Task",
                "Resource": "arn:aws:states:::events:putEvents",
                "Parameters": {
                    "Entries": [
                        {
                            "EventBusName": bus,
                            "Source": source_of(team),
                            "DetailType": Approved.DETAIL_TYPE,
                            "Detail.$": "$.said.event",
                        }
                    ]
                },
                "Retry": [
                    {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 5, "MaxAttempts": 4, "BackoffRate": 2}
                ],
                "ResultPath": None,
                "Next": "Done",
            },
            "Done": {"Type": "Succeed"},
            "Refused": {"Type": "Fail", "Error": "Refused", "CausePath": "$.said.reasons"},
        },
    }


def _set(status: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemaker:updateModelPackage",
        "Parameters": {
            "ModelPackageArn.$": "$.said.package",
            "ModelApprovalStatus": status,
            "ApprovalDescription.$": f"States.Format('{status} by {{}}', $.said.by)",
        },
        "Retry": [
            {
                "ErrorEquals": ["SageMaker.ConflictException", "SageMaker.SageMakerException"],
                "IntervalSeconds": 5,
                "MaxAttempts": 4,
                "BackoffRate": 2,
            }
        ],
        "ResultPath": None,
        "Next": "Tell",
    }


def sources(declared: Mapping[str, Any]) -> dict[str, str]:
    """The function's files by path: its own text, the rules' text, and the declared gates."""
    own = Path(__file__).with_name("function.py").read_text("utf-8")
    files = {
        "release.py": own,
        "models.json": json.dumps(declared, sort_keys=True),
    }
    return bundle(files, releasing)


def _function_arn(registry: Component) -> str:
    return registry.context.arn("lambda", f"function:{registry.physical('function', 'promoter')}")


def _function(
    registry: Component,
    settings: Mapping[str, pulumi.Input[str]],
    declared: Mapping[str, Any],
    statements: Sequence[Statement],
    key_arn: pulumi.Output[str],
) -> aws.lambda_.Function:
    context = registry.context
    role = Role(
        registry.named("promoter"),
        context=context,
        trusted=[trust_service("lambda.amazonaws.com", context=context)],
        description=f"{context.owner}: judges and signs releases of models",
        opts=registry.options(),
        written=registry.written,
    )
    group = aws.cloudwatch.LogGroup(
        registry.named("promoter-logs"),
        name=registry.physical("log-group", "promoter"),
        retention_in_days=_LOG_DAYS,
        kms_key_id=key_arn,
        opts=registry.options(),
    )
    logs = Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (pulumi.Output.concat(group.arn, ":*"),))
    role.allow(registry, "promote", [*statements, logs])
    return aws.lambda_.Function(
        registry.named("promoter"),
        name=registry.physical("function", "promoter"),
        description=f"Judges and signs releases of {context.owner}",
        role=role.arn,
        runtime="python3.13",
        handler="release.handler",
        timeout=_SECONDS,
        memory_size=_MEMORY_MIB,
        code=archive(sources(declared)),
        environment={"variables": dict(settings)},
        kms_key_arn=key_arn,
        logging_config={"log_format": "JSON", "log_group": group.name},
        opts=registry.options(),
    )
