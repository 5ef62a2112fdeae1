"""Step Functions: a name is taken once; only the very same request is answered with what exists."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.stepfunctions.models import StepFunctionBackend

_create_state_machine = StepFunctionBackend.create_state_machine


def _create_once(self: Any, name: str, definition: str, roleArn: str, *rest: Any, **more: Any) -> Any:  # noqa: N803
    for machine in self.state_machines:
        if machine.name == name and (machine.definition, machine.roleArn) != (definition, roleArn):
            raise JsonRESTError("StateMachineAlreadyExists", f"State Machine Already Exists: '{machine.arn}'")
    return _create_state_machine(self, name, definition, roleArn, *rest, **more)


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    StepFunctionBackend.create_state_machine = _create_once  # type: ignore[method-assign]
