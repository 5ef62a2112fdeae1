"""What alone approves: a function that judges and signs, and a state machine that sets the status and tells of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.registry.shipped import shipped
from modelyard.core.access import Statement
from modelyard.core.component import Component
from modelyard.core.events import Approved, source_of
from modelyard.core.functions import function_arn
from modelyard.core.releasing import APPROVED
from modelyard.core.service_role import ServiceRole
from modelyard.foundation.audit import AuditLike
from modelyard.foundation.keys import ENCRYPT_AND_DECRYPT, through_service

_SECONDS: Final = 900
_MEMORY_MIB: Final = 1024
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
        topics: Sequence[str],
        key_arn: pulumi.Output[str],
        audit: AuditLike,
    ) -> None:
        context = registry.context
        self.arn = context.arn("states", f"stateMachine:{machine_name(registry)}")
        promoter = shipped(
            registry,
            "promoter",
            file="function.py",
            says="judges and signs releases of models",
            settings=settings,
            declared=declared,
            statements=statements,
            key_arn=key_arn,
            seconds=_SECONDS,
            memory_mib=_MEMORY_MIB,
        )
        self.signer = promoter.role
        mails = [
            Statement(("sns:Publish",), tuple(topics)),
            through_service(context, "sns", ENCRYPT_AND_DECRYPT, key_arn),
        ]
        conductor = ServiceRole(
            registry,
            "promotion",
            "states",
            source_arn=self.arn,
            statements=[
                Statement(("lambda:InvokeFunction",), (function_arn(registry, "promoter"),)),
                *(mails if topics else []),
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
            definition=pulumi.Output.all(promoter.function.arn, audit.bus_name).apply(
                lambda known: json.dumps(definition(known[0], known[1], context.owner))
            ),
            opts=registry.options(depends_on=[conductor.may_work]),
        )


def definition(function: str, bus: str, team: str) -> dict[str, Any]:
    """The machine: judge and sign, set the status, tell of it; a refusal ends it with every reason.

    A decision stands on the bus whether its mail to the owner goes through or not.
    """
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
                "Next": "TellOwner",
            },
            "TellOwner": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sns:publish",
                "Parameters": {
                    "TopicArn.$": "$.said.topic",
                    "Subject.$": "$.said.subject",
                    "Message.$": "$.said.message",
                },
                "Retry": [
                    {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 5, "MaxAttempts": 4, "BackoffRate": 2}
                ],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Done"}],
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
