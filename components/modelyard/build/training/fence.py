"""What an identity that submits jobs may ask SageMaker for, and what the jobs themselves may do, as IAM statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

from modelyard.build.training.flavours import SageMakerTraining
from modelyard.build.training.spec import MINUTE, TrainingSpec
from modelyard.core.access import Statement
from modelyard.core.actions import FOR_SERVICES, JOB_IN_A_VPC, PULL_IMAGES, WRITE_LOGS
from modelyard.core.context import Context

CREATE: Final = (
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
)
FOLLOW: Final = (
    "sagemaker:DescribeHyperParameterTuningJob",
    "sagemaker:DescribeProcessingJob",
    "sagemaker:DescribeTrainingJob",
    "sagemaker:ListTags",
    "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
    "sagemaker:StopHyperParameterTuningJob",
    "sagemaker:StopProcessingJob",
    "sagemaker:StopTrainingJob",
)
JOB_KINDS: Final = ("hyper-parameter-tuning-job", "processing-job", "training-job")
KEY_SPELLINGS: Final = (
    ("sagemaker:OutputKmsKey", "sagemaker:VolumeKmsKey"),
    ("sagemaker:OutputKmsKeyArn", "sagemaker:VolumeKmsKeyArn"),
)
"""AWS's guides and its service reference spell these two keys differently. One statement for each spelling: a key that
a request doesn't carry matches nothing, so the wrong one allows nothing."""

_METRICS: Final = ("/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs")


def keyed(spec: TrainingSpec) -> tuple[list[str], list[str]]:
    """The allowed types whose disk takes a key, and those with local disks, encrypted by hardware, that take none.

    Source: sagemaker/latest/APIReference/API_ResourceConfig, VolumeKmsKeyId.
    """
    known = spec.instances()
    return (
        [instance.sagemaker for instance in known if not instance.local_nvme_gb],
        [instance.sagemaker for instance in known if instance.local_nvme_gb],
    )


def may_submit(
    context: Context,
    spec: TrainingSpec,
    *,
    job_name: str,
    role_arn: pulumi.Output[str],
    key_arn: pulumi.Output[str],
    subnets: Sequence[pulumi.Output[str]],
    groups: Sequence[pulumi.Output[str]],
    file_system: pulumi.Output[str] | None = None,
) -> list[Statement]:
    """Lets an identity submit what the pool allows, under names that begin with `job_name`, follow it and stop it.

    Source of the keys: service-authorization/latest/reference/list_amazonsagemakerai.
    """
    jobs = tuple(context.arn("sagemaker", f"{kind}/{job_name}-*") for kind in JOB_KINDS)
    statements: list[Statement] = []
    with_key, without_key = keyed(spec)
    for output_key, volume_key in KEY_SPELLINGS:
        for types, takes_key in ((with_key, True), (without_key, False)):
            if not types:
                continue
            conditions = _conditions(spec, types, subnets, groups, file_system)
            conditions["ArnEquals"] = {output_key: key_arn}
            if takes_key:
                conditions["ArnEquals"][volume_key] = key_arn
            else:
                conditions["Null"] |= {volume: "true" for _, volume in KEY_SPELLINGS}
            statements.append(Statement(CREATE, jobs, conditions))
    created_by = {"StringEquals": {"sagemaker:TaggingAction": [action.partition(":")[2] for action in CREATE]}}
    return [
        *statements,
        Statement(FOLLOW, jobs),
        Statement(("sagemaker:AddTags",), jobs, created_by),
        Statement(("iam:PassRole",), (role_arn,), {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}),
        Statement(("kms:CreateGrant",), (key_arn,), FOR_SERVICES),
        Statement(("kms:DescribeKey",), (key_arn,)),
    ]


def _conditions(
    spec: TrainingSpec,
    types: Sequence[str],
    subnets: Sequence[pulumi.Output[str]],
    groups: Sequence[pulumi.Output[str]],
    file_system: pulumi.Output[str] | None,
) -> dict[str, dict[str, Any]]:
    """Every list is non-empty and within what is allowed: `ForAllValues` alone holds of an absent key, too."""
    within: dict[str, Any] = {"sagemaker:InstanceTypes": list(types)}
    if spec.vpc:
        within |= {"sagemaker:VpcSecurityGroupIds": list(groups), "sagemaker:VpcSubnets": list(subnets)}
    conditions: dict[str, dict[str, Any]] = {
        "BoolIfExists": {"sagemaker:EnableRemoteDebug": "false"},
        "ForAllValues:StringEquals": within,
        "Null": dict.fromkeys(within, "false"),
        "NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": str(spec.max_runtime_minutes * MINUTE)},
    }
    if file_system is None:
        conditions["Null"]["sagemaker:FileSystemId"] = "true"
    else:
        only = {"sagemaker:FileSystemAccessMode": "ro", "sagemaker:FileSystemId": file_system}
        conditions["StringEqualsIfExists"] = only
    walls = {
        "sagemaker:InterContainerTrafficEncryption": spec.inter_container_encryption,
        "sagemaker:NetworkIsolation": spec.network_isolation,
    }
    if any(walls.values()):
        conditions["Bool"] = {key: "true" for key, wanted in walls.items() if wanted}
    warm = spec.flavour.warm_seconds if isinstance(spec.flavour, SageMakerTraining) else 0
    if warm:
        conditions["NumericLessThanEqualsIfExists"] = {"sagemaker:KeepAlivePeriod": str(warm)}
    else:
        conditions["Null"]["sagemaker:KeepAlivePeriod"] = "true"
    return conditions


def may_run(context: Context, spec: TrainingSpec, *, key_arn: pulumi.Output[str]) -> list[Statement]:
    """Lets a job start: its image, its log, its metrics, its disks, its network interfaces.

    Source: sagemaker/latest/dg/sagemaker-roles, "CreateTrainingJob API".
    """
    own = context.arn("ecr", f"repository/{'-'.join((*context.names.owner, ''))}*")
    logs = tuple(context.arn("logs", f"log-group:{group}*") for group in _METRICS)
    statements = [
        Statement(("cloudwatch:PutMetricData",), ("*",), {"StringEquals": {"cloudwatch:namespace": list(_METRICS)}}),
        Statement(("ecr:GetAuthorizationToken",), ("*",)),
        Statement(PULL_IMAGES, (own, *spec.repositories)),
        Statement(WRITE_LOGS, logs),
        Statement(("kms:CreateGrant",), (key_arn,), FOR_SERVICES),
        Statement(("kms:DescribeKey",), (key_arn,)),
    ]
    if spec.vpc:
        statements.append(Statement(JOB_IN_A_VPC, ("*",)))
    return statements


def settings(values: Mapping[str, object]) -> dict[str, str]:
    """Values of an address as text."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}
