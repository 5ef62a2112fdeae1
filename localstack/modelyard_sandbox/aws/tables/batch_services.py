"""AWS Batch before SageMaker, as Cloud Control knows it: environments, policies, queues, shares.

Properties are CloudFormation's. Source: AWSCloudFormation/latest/TemplateReference/AWS_Batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Step, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_PROPERTIES: Final = (
    "CapacityLimits",
    "ComputeEnvironmentOrder",
    "FairsharePolicy",
    "JobQueueName",
    "JobQueueType",
    "JobStateTimeLimitActions",
    "Name",
    "PreemptionConfiguration",
    "Priority",
    "QuotaShareName",
    "QuotaSharePolicy",
    "ResourceSharingConfiguration",
    "SchedulingPolicyArn",
    "ServiceEnvironmentName",
    "ServiceEnvironmentOrder",
    "ServiceEnvironmentType",
    "State",
    "Tags",
)


def _lower(value: Any) -> Any:
    """CloudFormation's members as the API's: `CapacityLimits` is `capacityLimits`."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: item if key == "Tags" else _lower(item) for key, item in value.items()}
    return [_lower(item) for item in value] if isinstance(value, list) else value


def _upper(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: item if key == "tags" else _upper(item) for key, item in value.items()}
    return [_upper(item) for item in value] if isinstance(value, list) else value


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    """What the API tells, as CloudFormation does: status and ARNs of their own are none of its properties."""
    return {key: item for key, item in _upper(found).items() if key in _PROPERTIES and item not in ({}, [])}


def _create(operation: str, arn: str) -> Callable[[Live], dict[str, Any]]:
    def create(live: Live) -> dict[str, Any]:
        return {"arn": live.call(operation, **_lower(live.inputs))[arn]}

    return create


def _update(operation: str, parameter: str, *changeable: str) -> Step:
    def update(live: Live) -> None:
        changed = {prop: live.inputs[prop] for prop in changeable if prop in live.changed and prop in live.inputs}
        live.call(operation, **{parameter: live.id}, **_lower(changed))

    return Step(update, on=changeable)


def _read(operation: str, parameter: str, answer: str) -> Callable[[Live], dict[str, Any] | None]:
    def read(live: Live) -> dict[str, Any] | None:
        found = live.call(operation, **{parameter: [live.id]})[answer]
        return _shown(found[0]) if found else None

    return read


def _read_share(live: Live) -> dict[str, Any] | None:
    """A share among those of its queue; Batch says `ClientException` of whatever doesn't exist."""
    queue = live.id.partition("/quota-share/")[0]
    if not live.call("describe_job_queues", jobQueues=[queue])["jobQueues"]:
        return None
    shares = live.call("list_quota_shares", jobQueue=queue)["quotaShares"]
    if all(share["quotaShareArn"] != live.id for share in shares):
        return None
    return {**_shown(live.call("describe_quota_share", quotaShareArn=live.id)), "JobQueue": queue}


def _delete(update: str, delete: str, parameter: str) -> Callable[[Live], None]:
    """What is switched off first, as the handlers of CloudFormation do."""

    def run(live: Live) -> None:
        if update:
            live.call(update, **{parameter: live.id}, state="DISABLED")
        live.call(delete, **{parameter: live.id})

    return run


def _type(name: str, create: Callable[[Live], Any], read: Callable[[Live], Any], update: Step, delete: Any) -> Type:
    return Type(
        f"AWS::Batch::{name}",
        "batch",
        id=lambda live: live.answer["arn"],
        create=create,
        read=read,
        update=update,
        delete=delete,
    )


CLOUDFORMATION: Final = (
    _type(
        "ServiceEnvironment",
        _create("create_service_environment", "serviceEnvironmentArn"),
        _read("describe_service_environments", "serviceEnvironments", "serviceEnvironments"),
        _update("update_service_environment", "serviceEnvironment", "CapacityLimits", "State"),
        _delete("update_service_environment", "delete_service_environment", "serviceEnvironment"),
    ),
    _type(
        "SchedulingPolicy",
        _create("create_scheduling_policy", "arn"),
        _read("describe_scheduling_policies", "arns", "schedulingPolicies"),
        _update("update_scheduling_policy", "arn", "FairsharePolicy", "QuotaSharePolicy"),
        _delete("", "delete_scheduling_policy", "arn"),
    ),
    _type(
        "JobQueue",
        _create("create_job_queue", "jobQueueArn"),
        _read("describe_job_queues", "jobQueues", "jobQueues"),
        _update(
            "update_job_queue",
            "jobQueue",
            "ComputeEnvironmentOrder",
            "JobStateTimeLimitActions",
            "Priority",
            "SchedulingPolicyArn",
            "ServiceEnvironmentOrder",
            "State",
        ),
        _delete("update_job_queue", "delete_job_queue", "jobQueue"),
    ),
    _type(
        "QuotaShare",
        _create("create_quota_share", "quotaShareArn"),
        _read_share,
        _update(
            "update_quota_share",
            "quotaShareArn",
            "CapacityLimits",
            "PreemptionConfiguration",
            "ResourceSharingConfiguration",
            "State",
        ),
        _delete("update_quota_share", "delete_quota_share", "quotaShareArn"),
    ),
)
