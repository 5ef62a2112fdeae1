"""CloudFormation: endpoints are made and updated as SageMaker's own API does it, and an update that fails rolls back.

A stack's update that fails ends in UPDATE_ROLLBACK_COMPLETE with the template of before (AWSCloudFormation/latest/
UserGuide/using-cfn-updating-stacks-update-behaviors); all properties of a resource are sent with every update.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import Stack
from moto.sagemaker.models import FakeEndpoint, sagemaker_backends

from modelyard_sandbox.moto_extensions import sagemaker_serving

_UPDATE = Stack.update


def _asking(account_id: str, region_name: str, parameters: dict[str, Any]) -> Any:
    """A request of SageMaker's API, as far as its operations look at it."""
    return SimpleNamespace(sagemaker_backend=sagemaker_backends[account_id][region_name], _get_param=parameters.get)


def _named(resource_name: str, declared: Any) -> dict[str, Any]:
    return {"EndpointName": resource_name.rpartition("/")[2], **declared["Properties"]}


def create_endpoint(
    _: type, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **__: Any
) -> FakeEndpoint:
    """Make the endpoint that a template declares."""
    asked = _named(resource_name, cloudformation_json)
    request = _asking(account_id, region_name, asked)
    sagemaker_serving.create_endpoint(request)
    return request.sagemaker_backend.endpoints[asked["EndpointName"]]


def update_endpoint(
    _: type,
    original_resource: Any,
    new_resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
) -> FakeEndpoint:
    """Update the endpoint in place; one that was rolled back fails the stack's update."""
    request = _asking(account_id, region_name, _named(original_resource.endpoint_name, cloudformation_json))
    sagemaker_serving.update_endpoint(request)
    if original_resource.failure_reason:
        raise ValidationError(message=original_resource.failure_reason)
    return original_resource


def delete_endpoint(_: type, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str) -> None:
    """Delete the endpoint."""
    sagemaker_serving.delete_endpoint(_asking(account_id, region_name, _named(resource_name, {"Properties": {}})))


def update_stack(
    self: Stack,
    template: str,
    role_arn: str | None = None,
    parameters: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    """UpdateStack; other tags are an update too."""
    before = self.template
    if template == before and (tags is None or tags == self.tags):
        raise ValidationError(message="No updates are to be performed.")
    try:
        _UPDATE(self, template, role_arn, parameters, tags)
    except Exception:
        self.template = before
        self._parse_template()
        self.status = "UPDATE_ROLLBACK_COMPLETE"
        raise


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    Stack.update = update_stack  # type: ignore[method-assign]
    instead: dict[str, Any] = {
        "create_from_cloudformation_json": create_endpoint,
        "update_from_cloudformation_json": update_endpoint,
        "delete_from_cloudformation_json": delete_endpoint,
    }
    for name, made in instead.items():
        setattr(FakeEndpoint, name, classmethod(made))
