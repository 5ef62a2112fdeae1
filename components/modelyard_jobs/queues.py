"""Requests for jobs that wait in a queue: AWS Batch's own, and SageMaker's behind Batch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelyard.core.addresses import BatchPoolAddress, TrainingPoolAddress, Words
from modelyard_jobs.submit import RefusedError, training_job


def batch_job(
    pool: BatchPoolAddress,
    name: str,
    *,
    program: str,
    share: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    max_runtime_seconds: int | None = None,
) -> dict[str, Any]:
    """What boto3's Batch `submit_job` takes for a job of `pool` that runs `program`, its name ending in `name`.

    `parameters` reach the program as JSON in `MODELYARD_PARAMETERS`. Absent `share`: the pool's only one. Raises
    `RefusedError` with all that the pool doesn't allow. Source: batch/latest/APIReference/API_SubmitJob.
    """
    definitions, nodes = _pairs(pool.definitions), _pairs(pool.nodes)
    seconds = pool.max_runtime_seconds if max_runtime_seconds is None else max_runtime_seconds
    faults = _of_share(pool.name, pool.shares, share)
    if program not in definitions:
        faults.append(f"{program}: the pool {pool.name} runs {', '.join(definitions)}")
    if not 60 <= seconds <= pool.max_runtime_seconds:
        faults.append(f"{seconds} seconds: the pool {pool.name} allows 60 to {pool.max_runtime_seconds}")
    if faults:
        raise RefusedError("; ".join(faults))
    full_name = f"{pool.job_name}-{name}"
    added = {"MODELYARD_JOB": full_name, "MODELYARD_PARAMETERS": json.dumps(dict(parameters or {}), sort_keys=True)}
    variables = [{"name": key, "value": value} for key, value in sorted({**added, **(environment or {})}.items())]
    request: dict[str, Any] = {
        "jobName": full_name,
        "jobQueue": pool.queue,
        "jobDefinition": definitions[program],
        "shareIdentifier": share or pool.shares[0],
        "timeout": {"attemptDurationSeconds": seconds},
        "propagateTags": True,
        "tags": _pairs(pool.tags),
    }
    if program in nodes:
        overrides = {"targetNodes": "0:", "containerOverrides": {"environment": variables}}
        request["nodeOverrides"] = {"nodePropertyOverrides": [overrides]}
    else:
        request["containerOverrides"] = {"environment": variables}
    return request


def queued_job(
    pool: TrainingPoolAddress, name: str, *, share: str | None = None, attempts: int = 1, **job: Any
) -> dict[str, Any]:
    """What boto3's Batch `submit_service_job` takes for the job that `training_job` builds from `name` and `job`.

    Absent `share`: the pool's only one. `attempts`: in all, 1 to 10. Raises `RefusedError` as `training_job` does, and
    where the pool has no queue. Source: batch/latest/APIReference/API_SubmitServiceJob.
    """
    if not pool.queue:
        raise RefusedError(f"the pool {pool.name} has no queue; create the job itself")
    faults = _of_share(pool.name, pool.shares, share)
    if faults:
        raise RefusedError("; ".join(faults))
    request = training_job(pool, name, **job)
    return {
        "jobName": request["TrainingJobName"],
        "jobQueue": pool.queue,
        "quotaShareName": share or pool.shares[0],
        "retryStrategy": {"attempts": attempts},
        "serviceJobType": "SAGEMAKER_TRAINING",
        "serviceRequestPayload": json.dumps(request, sort_keys=True),
        "timeoutConfig": {"attemptDurationSeconds": request["StoppingCondition"]["MaxRuntimeInSeconds"]},
        "tags": _pairs(pool.tags),
    }


def _pairs(words: Words) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words)


def _of_share(pool: str, shares: Words, share: str | None) -> list[str]:
    has = ", ".join(shares)
    if share is None:
        return [] if len(shares) == 1 else [f"name a share: the pool {pool} gives you {has}"]
    return [] if share in shares else [f"{share}: the pool {pool} gives you {has}"]
