"""Step Functions: a name is taken once and given where none was; tasks spell members of any service in Pascal case."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, StructureShape
from moto.core.exceptions import JsonRESTError
from moto.stepfunctions.models import StepFunctionBackend
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

_create_state_machine = StepFunctionBackend.create_state_machine
_start_execution = StepFunctionsParserBackend.start_execution


def _create_once(self: Any, name: str, definition: str, roleArn: str, *rest: Any, **more: Any) -> Any:  # noqa: N803
    for machine in self.state_machines:
        if machine.name == name and (machine.definition, machine.roleArn) != (definition, roleArn):
            raise JsonRESTError("StateMachineAlreadyExists", f"State Machine Already Exists: '{machine.arn}'")
    return _create_state_machine(self, name, definition, roleArn, *rest, **more)


def _start_named(self: Any, state_machine_arn: str, name: str | None = None, *rest: Any, **more: Any) -> Any:
    """StartExecution, which names an execution that nobody named."""
    return _start_execution(self, state_machine_arn, name or str(uuid.uuid4()), *rest, **more)


@functools.cache
def _operation(service: str, action: str) -> Any:
    model = botocore.session.get_session().get_service_model(service)
    return model.operation_model(action[0].upper() + action[1:])


def _turned(value: Any, shape: Any, upper: bool) -> Any:
    """A value with its structures' members as Step Functions spells them, or as the service does."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members: Mapping[str, Any] = shape.members  # pyright: ignore[reportAssignmentType]
        known = {member.lower(): member for member in members}
        turned: dict[str, Any] = {}
        for key, item in value.items():
            member = known.get(key.lower())
            inner = _turned(item, members[member], upper) if member else item
            name = member or key
            turned[name[0].upper() + name[1:] if upper else name] = inner
        return turned
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_turned(item, shape.member, upper) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _turned(item, shape.value, upper) for key, item in value.items()}
    return value


def _asked(self: Any, parameters: dict[str, Any], *_: Any, **__: Any) -> None:
    """A task's parameters as the service spells them (step-functions/latest/dg/supported-services-awssdk)."""
    operation = _operation(self._get_boto_service_name(), self.resource.api_action)
    turned = _turned(parameters, operation.input_shape, upper=False)
    parameters.clear()
    parameters.update(turned)


def _answered(self: Any, response: Any, *_: Any, **__: Any) -> None:
    """A service's answer as a task gives it."""
    if isinstance(response, dict):
        operation = _operation(self._get_boto_service_name(), self.resource.api_action)
        turned = _turned(response, operation.output_shape, upper=True)
        response.clear()
        response.update(turned)


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    StepFunctionBackend.create_state_machine = _create_once  # type: ignore[method-assign]
    StepFunctionsParserBackend.start_execution = _start_named  # type: ignore[method-assign]
    StateTaskServiceAwsSdk._normalise_parameters = _asked  # type: ignore[method-assign]
    StateTaskServiceAwsSdk._normalise_response = _answered  # type: ignore[method-assign]
