"""A queue before SageMaker's training jobs: AWS Batch counts instances by type, and shares them out.

Everything here goes through Cloud Control: pulumi-aws 7.51 has no service environments, no quota shares, and neither
policies nor queues that know them. Source: batch/latest/userguide/create-quota-management-resources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

from modelyard.build.training.limits import QuotaSpec
from modelyard.core.access import Statement
from modelyard.core.cloudcontrol import cloudformation
from modelyard.core.component import Component
from modelyard.core.context import Context

STUCK_SECONDS: Final = 600
"""After which a job that can never run is ended: the shortest time that Batch knows."""


_ROOM: Final = 23
"""Characters of a name that fit between `AWSBatch` and the 32 of an attempt, of 63."""


def queued_jobs(context: Context, job_name: str) -> str:
    """The ARN pattern of training jobs that Batch creates for the pool: `AWSBatch`, their name, the attempt."""
    return context.arn("sagemaker", f"training-job/AWSBatch{f'{job_name}-'[:_ROOM]}*")


def queue_name(pool: Component) -> str:
    """The physical name of the pool's queue."""
    return pool.physical("batch")


def share_queue(pool: Component, quota: QuotaSpec, *, borrow: bool) -> None:
    """The service environment, the queue before it, and the shares of the queue."""
    context, name = pool.context, queue_name(pool)

    def arn(kind: str, of: str) -> str:
        return context.arn("batch", f"{kind}/{of}")

    capacity, policy = pool.physical("batch", "capacity"), pool.physical("batch", "policy")
    environment = cloudformation(
        pool,
        "capacity",
        "AWS::Batch::ServiceEnvironment",
        {
            "ServiceEnvironmentName": capacity,
            "ServiceEnvironmentType": "SAGEMAKER_TRAINING",
            "State": "ENABLED",
            "CapacityLimits": _limits(quota.instances),
        },
    )
    scheduling = cloudformation(
        pool,
        "policy",
        "AWS::Batch::SchedulingPolicy",
        {"Name": policy, "QuotaSharePolicy": {"IdleResourceAssignmentStrategy": "FIFO"}},
    )
    queue = cloudformation(
        pool,
        "queue",
        "AWS::Batch::JobQueue",
        {
            "JobQueueName": name,
            "JobQueueType": "SAGEMAKER_TRAINING",
            "Priority": 1,
            "State": "ENABLED",
            "SchedulingPolicyArn": arn("scheduling-policy", policy),
            "ServiceEnvironmentOrder": [{"Order": 1, "ServiceEnvironment": arn("service-environment", capacity)}],
            "JobStateTimeLimitActions": [
                {
                    "Action": "TERMINATE",
                    "MaxTimeSeconds": STUCK_SECONDS,
                    "Reason": "MISCONFIGURATION:SERVICE_ENVIRONMENT_MAX_RESOURCE",
                    "State": "RUNNABLE",
                }
            ],
        },
        depends_on=[environment, scheduling],
    )
    for share, instances in quota.split().items():
        cloudformation(
            pool,
            f"share-{share}",
            "AWS::Batch::QuotaShare",
            {
                "QuotaShareName": share,
                "JobQueue": arn("job-queue", name),
                "State": "ENABLED",
                "CapacityLimits": _limits(instances),
                "ResourceSharingConfiguration": {"Strategy": "LEND_AND_BORROW" if borrow else "RESERVE"},
                "PreemptionConfiguration": {"InSharePreemption": "DISABLED"},
            },
            depends_on=[queue],
        )


def _limits(instances: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"CapacityUnit": kind, "MaxCapacity": count} for kind, count in sorted(instances.items()) if count]


def only_own(owner: Mapping[str, str], kind: str) -> dict[str, Any]:
    """The condition that a request's, or a resource's, tags name the pool: `kind` is RequestTag or ResourceTag."""
    return {f"aws:{kind}/{key}": value for key, value in owner.items()}


def may_tag(jobs: str, owner: Mapping[str, str]) -> Statement:
    """Lets an identity give the pool's own tags to new jobs, and to none that carry another's."""
    conditions = {
        "StringEquals": only_own(owner, "RequestTag"),
        "StringEqualsIfExists": only_own(owner, "ResourceTag"),
    }
    return Statement(("batch:TagResource",), (jobs,), conditions)


def may_queue(
    context: Context,
    *,
    job_name: str,
    queue: str,
    shares: Sequence[str],
    owner: Mapping[str, str],
    role_arn: pulumi.Output[str],
) -> list[Statement]:
    """Lets an identity put training jobs into the pool's queue, under these shares, follow and end them.

    It creates none by itself: the queue alone does, under names that begin with `AWSBatch`. `iam:PassRole` is asked
    of whoever submits. Source: service-authorization/latest/reference/list_awsbatch.
    """
    place, jobs = context.arn("batch", f"job-queue/{queue}"), context.arn("batch", "service-job/*")
    quota_shares = tuple(f"{place}/quota-share/{share}" for share in shares)
    return [
        Statement(
            ("batch:SubmitServiceJob",),
            (place, *quota_shares, jobs),
            {"StringEquals": only_own(owner, "RequestTag")},
        ),
        may_tag(jobs, owner),
        Statement(("batch:TerminateServiceJob",), (jobs,), {"StringEquals": only_own(owner, "ResourceTag")}),
        Statement(("batch:GetJobQueueSnapshot",), (place,)),
        Statement(("batch:DescribeServiceJob",), ("*",)),
        Statement(("sagemaker:DescribeTrainingJob", "sagemaker:ListTags"), (queued_jobs(context, job_name),)),
        Statement(("iam:PassRole",), (role_arn,), {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}),
    ]
