"""What an identity may submit to AWS Batch, and what instances and agents of the pool may do, as IAM statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

from modelyard.build.training.queue import may_tag, only_own
from modelyard.build.training.spec import TrainingSpec
from modelyard.core.access import Statement
from modelyard.core.actions import PULL_IMAGES
from modelyard.core.context import Context

_LOG: Final = ("logs:CreateLogStream", "logs:PutLogEvents")
_READ_LOG: Final = ("logs:FilterLogEvents", "logs:GetLogEvents")
_ON_CLUSTER: Final = (
    "ecs:DeregisterContainerInstance",
    "ecs:RegisterContainerInstance",
    "ecs:SubmitAttachmentStateChanges",
    "ecs:SubmitContainerStateChange",
    "ecs:SubmitTaskStateChange",
)
_ON_INSTANCE: Final = ("ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState")
"""What the agent of a container instance asks (AmazonECS/latest/developerguide/instance_IAM_role)."""


def may_submit_jobs(
    context: Context,
    *,
    queue: str,
    definitions: Sequence[str],
    shares: Sequence[str],
    owner: Mapping[str, str],
    log_group: str,
) -> list[Statement]:
    """Lets an identity submit the pool's own definitions to its own queue, under these shares and its own tags.

    The share is told of the job, says the service authorization reference; of queue and definition, says the guide
    (batch/latest/userguide/iam-example-share-identifier): wherever it is told, it must be granted.
    No role is passed: the definition names it. A job is described by its id, which nobody guesses; IAM knows no
    resource there. Source: service-authorization/latest/reference/list_awsbatch.
    """
    place, jobs = context.arn("batch", f"job-queue/{queue}"), context.arn("batch", "job/*")
    named = [context.arn("batch", f"job-definition/{name}") for name in definitions]
    submitted = (place, *named, *(f"{arn}:*" for arn in named))
    share, own = {"batch:ShareIdentifier": list(shares)}, only_own(owner, "RequestTag")
    logs = context.arn("logs", f"log-group:{log_group}")
    return [
        Statement(("batch:SubmitJob",), submitted, {"StringEquals": own, "StringEqualsIfExists": share}),
        Statement(("batch:SubmitJob",), (jobs,), {"StringEquals": {**own, **share}}),
        may_tag(jobs, owner),
        Statement(("batch:CancelJob", "batch:TerminateJob"), (jobs,), {"StringEquals": only_own(owner, "ResourceTag")}),
        Statement(("batch:GetJobQueueSnapshot",), (place,)),
        Statement(("batch:DescribeJobs",), ("*",)),
        Statement(_READ_LOG, (logs, f"{logs}:*")),
    ]


def may_register(
    context: Context,
    spec: TrainingSpec,
    *,
    definitions: Sequence[str],
    owner: Mapping[str, str],
    log_group: str,
    roles: Sequence[pulumi.Output[str]],
) -> list[Statement]:
    """Lets an identity bring new images: revisions of the pool's definitions, by digest, from its repositories.

    IAM knows no key for an instance's disk as a volume, so that whoever registers may look into the instance.
    """
    named = tuple(context.arn("batch", f"job-definition/{name}") for name in definitions)
    conditions: dict[str, dict[str, Any]] = {
        "BoolIfExists": {"batch:AWSLogsCreateGroup": "false", "batch:Privileged": "false"},
        "StringEquals": {
            "batch:AWSLogsGroup": log_group,
            "batch:LogDriver": "awslogs",
            **only_own(owner, "RequestTag"),
        },
        "StringLike": {"batch:Image": [f"{registry}@sha256:*" for registry in _registries(context, spec)]},
    }
    passed = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    tagged = {"StringEquals": only_own(owner, "RequestTag")}
    return [
        Statement(("batch:RegisterJobDefinition",), (*named, *(f"{arn}:*" for arn in named)), conditions),
        Statement(("batch:TagResource",), tuple(f"{arn}:*" for arn in named), tagged),
        Statement(("iam:PassRole",), tuple(roles), passed),
    ]


def own_repositories(context: Context) -> str:
    """The ARN pattern of the team's repositories."""
    return context.arn("ecr", f"repository/{'-'.join((*context.names.owner, ''))}*")


def _registries(context: Context, spec: TrainingSpec) -> list[str]:
    """Where images come from, as references name it: the team's own repositories, and those that the spec names."""
    own = f"{'-'.join((*context.names.owner, ''))}*"
    places = [f"{context.account}.dkr.ecr.{context.region}.{_suffix(context)}/{own}"]
    for arn in spec.repositories:
        _, _, _, region, account, name = arn.split(":", 5)
        places.append(f"{account}.dkr.ecr.{region}.{_suffix(context)}/{name.removeprefix('repository/')}")
    return places


def _suffix(context: Context) -> str:
    return "amazonaws.com.cn" if context.partition == "aws-cn" else "amazonaws.com"


def may_start(context: Context, spec: TrainingSpec, *, log_group: str) -> list[Statement]:
    """Lets the agent start a job's container: its image and its log."""
    logs = context.arn("logs", f"log-group:{log_group}")
    return [
        Statement(("ecr:GetAuthorizationToken",), ("*",)),
        Statement(PULL_IMAGES, (own_repositories(context), *spec.repositories)),
        Statement(_LOG, (logs, f"{logs}:*")),
    ]


def may_be_an_instance(context: Context, *, environment: str, log_group: str) -> list[Statement]:
    """Lets an instance join the cluster that Batch makes for the compute environment, and write the jobs' log.

    Batch names the cluster after the environment.
    """
    clusters = (f"AWSBatch-{environment}-*", f"{environment}_Batch_*")
    logs = context.arn("logs", f"log-group:{log_group}")
    return [
        Statement(("ecs:DiscoverPollEndpoint",), ("*",)),
        Statement(_ON_CLUSTER, tuple(context.arn("ecs", f"cluster/{name}") for name in clusters)),
        Statement(_ON_INSTANCE, tuple(context.arn("ecs", f"container-instance/{name}") for name in clusters)),
        Statement(_LOG, (logs, f"{logs}:*")),
    ]
