"""Requests for training jobs and searches that the pool lets in; what it wouldn't is refused here, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from modelyard.core.addresses import TrainingPoolAddress

_LONGEST_NAME: Final = 63
_LONGEST_SEARCH_NAME: Final = 32
_OF_EACH_JOB: Final = (
    "CheckpointConfig",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "EnableNetworkIsolation",
    "Environment",
    "InputDataConfig",
    "OutputDataConfig",
    "RoleArn",
    "StoppingCondition",
    "VpcConfig",
)


class RefusedError(ValueError):
    """The pool doesn't allow such a job; the message says everything that it doesn't allow."""


def training_job(
    pool: TrainingPoolAddress,
    name: str,
    *,
    image: str,
    instance_type: str | None = None,
    instances: int | None = None,
    channels: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    max_runtime_seconds: int | None = None,
    input_mode: Literal["File", "FastFile", "Pipe"] = "FastFile",
) -> dict[str, Any]:
    """What boto3's `create_training_job` takes for a job of `pool` whose name ends in `name`.

    `channels`: S3 URIs by channel. Absent `instance_type`: the pool's first; absent `instances` and
    `max_runtime_seconds`: the pool's default and its limit. Raises `RefusedError` with all that the pool doesn't allow.
    Source: sagemaker/latest/APIReference/API_CreateTrainingJob.
    """
    allowed = (*pool.instance_types, *pool.local_disk_types)
    wanted = allowed[0] if instance_type is None else instance_type
    count = pool.instances if instances is None else instances
    seconds = pool.max_runtime_seconds if max_runtime_seconds is None else max_runtime_seconds
    full_name = f"{pool.job_name}-{name}"
    _refuse(pool, full_name, wanted, count, seconds)
    resources: dict[str, Any] = {
        "InstanceType": wanted,
        "InstanceCount": count,
        "VolumeSizeInGB": pool.volume_gib,
    }
    if wanted in pool.instance_types:
        resources["VolumeKmsKeyId"] = pool.key_arn
    if pool.warm_seconds:
        resources["KeepAlivePeriodInSeconds"] = pool.warm_seconds
    stopping = {"MaxRuntimeInSeconds": seconds}
    if pool.max_wait_seconds:
        stopping["MaxWaitTimeInSeconds"] = pool.max_wait_seconds
    request: dict[str, Any] = {
        "TrainingJobName": full_name,
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": input_mode},
        "RoleArn": pool.role_arn,
        "OutputDataConfig": {"S3OutputPath": pool.output, "KmsKeyId": pool.key_arn},
        "ResourceConfig": resources,
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": pool.max_wait_seconds > 0,
        "EnableNetworkIsolation": pool.network_isolation,
        "EnableInterContainerTrafficEncryption": pool.inter_container_encryption,
        "HyperParameters": dict(parameters or {}),
        "Environment": dict(environment or {}),
        "Tags": [{"Key": key, "Value": value} for key, _, value in (tag.partition("=") for tag in pool.tags)],
    }
    if channels:
        request["InputDataConfig"] = [_channel(channel, uri) for channel, uri in channels.items()]
    if pool.checkpoints:
        request["CheckpointConfig"] = {"S3Uri": f"{pool.checkpoints}{full_name}/"}
    if pool.subnets:
        request["VpcConfig"] = {"Subnets": list(pool.subnets), "SecurityGroupIds": list(pool.security_groups)}
    return request


def tuning_job(
    pool: TrainingPoolAddress,
    name: str,
    *,
    metric: str,
    pattern: str,
    ranges: Mapping[str, tuple[float, float]],
    goal: Literal["Maximize", "Minimize"] = "Maximize",
    **job: Any,
) -> dict[str, Any]:
    """What boto3's `create_hyper_parameter_tuning_job` takes for a search whose jobs `training_job` would build.

    `pattern` finds the value of `metric` in a job's log; `ranges`: least and most of each continuous parameter; `job`:
    what `training_job` takes beside the name. Raises `RefusedError` as that does, and for a name that is too long.
    Source: sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.
    """
    full_name = f"{pool.job_name}-{name}"
    if len(full_name) > _LONGEST_SEARCH_NAME:
        raise RefusedError(
            f"{full_name}: a search's name has at most {_LONGEST_SEARCH_NAME} characters, "
            f"{len(pool.job_name) + 1} of which are the pool's; use a shorter one, or a pool with a shorter name"
        )
    each = training_job(pool, name, **job)
    resources = {key: value for key, value in each["ResourceConfig"].items() if key != "KeepAlivePeriodInSeconds"}
    definition = {
        **{key: each[key] for key in _OF_EACH_JOB if key in each},
        "AlgorithmSpecification": {
            **each["AlgorithmSpecification"],
            "MetricDefinitions": [{"Name": metric, "Regex": pattern}],
        },
        "ResourceConfig": resources,
        "StaticHyperParameters": each["HyperParameters"],
    }
    continuous = [{"Name": key, "MinValue": str(least), "MaxValue": str(most)} for key, (least, most) in ranges.items()]
    return {
        "HyperParameterTuningJobName": full_name,
        "HyperParameterTuningJobConfig": {
            "Strategy": pool.tuning_strategy,
            "HyperParameterTuningJobObjective": {"Type": goal, "MetricName": metric},
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": pool.tuning_jobs,
                "MaxParallelTrainingJobs": pool.tuning_parallel,
            },
            "ParameterRanges": {"ContinuousParameterRanges": continuous},
            "TrainingJobEarlyStoppingType": "Auto" if pool.tuning_early_stopping else "Off",
        },
        "TrainingJobDefinition": definition,
        "Tags": each["Tags"],
    }


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _refuse(pool: TrainingPoolAddress, name: str, instance_type: str, instances: int, seconds: int) -> None:
    allowed = (*pool.instance_types, *pool.local_disk_types)
    faults: list[str] = []
    if len(name) > _LONGEST_NAME:
        room = _LONGEST_NAME - len(pool.job_name) - 1
        faults.append(f"{name}: a job's name has at most {_LONGEST_NAME} characters; {room} are left for yours")
    if instance_type not in allowed:
        faults.append(f"{instance_type}: the pool {pool.name} allows {', '.join(allowed)}")
    if not 1 <= instances <= pool.most_instances:
        faults.append(f"{instances} instances: the pool {pool.name} allows 1 to {pool.most_instances}")
    if not 1 <= seconds <= pool.max_runtime_seconds:
        faults.append(f"{seconds} seconds: the pool {pool.name} allows 1 to {pool.max_runtime_seconds}")
    if faults:
        raise RefusedError("; ".join(faults))
