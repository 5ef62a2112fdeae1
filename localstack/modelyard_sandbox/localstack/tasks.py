"""Inside LocalStack: a state machine's task waits for the job that it started (`.sync`), at SageMaker and Athena.

The free edition hands such a task's request on and waits for nothing. What a finished job is, says AWS's page "Run a
job (.sync)" (https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html).
"""

# LocalStack lies in an environment of its own, which the type checker doesn't see.
# pyright: reportMissingImports=false

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Job:
    """How one kind of job is watched.

    `started` names the parameter or answer that identifies it, `asked` the operation that describes it and its
    parameter, `status` the way to the status in its answer.
    """

    started: str
    asked: tuple[str, str]
    status: tuple[str, ...]
    done: tuple[str, ...]
    failed: tuple[str, ...]


def _sagemaker(kind: str, operation: str) -> Job:
    name, status = f"{kind}Name", f"{kind}Status"
    return Job(name, (f"describe_{operation}", name), (status,), ("Completed",), ("Failed", "Stopped"))


JOBS: Final[Mapping[tuple[str, str], Job]] = {
    ("athena", "start_query_execution"): Job(
        "QueryExecutionId",
        ("get_query_execution", "QueryExecutionId"),
        ("QueryExecution", "Status", "State"),
        ("SUCCEEDED",),
        ("FAILED", "CANCELLED"),
    ),
    ("sagemaker", "create_hyper_parameter_tuning_job"): _sagemaker(
        "HyperParameterTuningJob", "hyper_parameter_tuning_job"
    ),
    ("sagemaker", "create_processing_job"): _sagemaker("ProcessingJob", "processing_job"),
    ("sagemaker", "create_training_job"): _sagemaker("TrainingJob", "training_job"),
    ("sagemaker", "create_transform_job"): _sagemaker("TransformJob", "transform_job"),
}
"""By service and operation, both as boto3 calls them."""


def install() -> None:
    """Let tasks of these services wait for their jobs."""
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service import (
        resource,
        state_task_service_unsupported,
    )

    state_task_service_unsupported._SUPPORTED_INTEGRATION_PATTERNS.add(resource.ResourceCondition.Sync)
    state_task_service_unsupported.StateTaskServiceUnsupported._build_sync_resolver = _watched


def _watched(
    self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: Mapping[str, Any], state_credentials: Any
) -> Callable[[], Any]:
    from localstack.services.stepfunctions.asl.utils.boto_client import boto_client_for

    service, action = self._get_boto_service_name(), self._get_boto_service_action()
    answer = env.stack.pop()
    job = JOBS.get((service, action))
    if job is None:
        raise RuntimeError(f"Modelyard's LocalStack doesn't wait for {self.resource.resource_arn}; leave .sync away")
    describe, parameter = job.asked
    identity = answer.get(job.started) or normalised_parameters[job.started]
    client = boto_client_for(service=service, region=resource_runtime_part.region, state_credentials=state_credentials)

    def look() -> Any:
        found = getattr(client, describe)(**{parameter: identity})
        found.pop("ResponseMetadata", None)
        status: Any = found
        for step in job.status:
            status = status[step]
        if status not in job.done + job.failed:
            return None
        self._normalise_response(response=found, service_action_name=describe)
        if status in job.failed:
            raise _failure(self, env, found)
        return found

    return look


def _failure(task: Any, env: Any, found: Mapping[str, Any]) -> Exception:
    from localstack.aws.api.stepfunctions import HistoryEventType, TaskFailedEventDetails
    from localstack.services.stepfunctions.asl.component.common.error_name import (
        failure_event,
        states_error_name,
        states_error_name_type,
    )
    from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails

    kind = states_error_name_type.StatesErrorNameType.StatesTaskFailed
    details = TaskFailedEventDetails(
        resource=task._get_sfn_resource(),
        resourceType=task._get_sfn_resource_type(),
        error=kind.to_name(),
        cause=json.dumps(found, default=str),
    )
    return failure_event.FailureEventException(
        failure_event.FailureEvent(
            env=env,
            error_name=states_error_name.StatesErrorName(typ=kind),
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),
        )
    )
