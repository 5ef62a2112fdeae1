"""SageMaker's inference components: several models on one endpoint's instances, each with copies of its own.

They stand on a variant without a model. Nothing takes time here, and nothing is placed.
Sources: the API reference of CreateInferenceComponent, UpdateInferenceComponent and DescribeInferenceComponent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.sagemaker.exceptions import ResourceInUseException, ValidationError
from moto.sagemaker.responses import SageMakerResponse

from modelyard_sandbox.moto_extensions import appautoscaling, sagemaker_serving
from modelyard_sandbox.moto_extensions.sagemaker_serving import arn, endpoint_of
from modelyard_sandbox.moto_extensions.sagemaker_tags import tagged

_KIND: Final = "inference-component"


@dataclass
class InferenceComponent:
    """A component as it was asked for, and how many copies it has."""

    name: str
    arn: str
    endpoint: Any
    variant: str
    specification: dict[str, Any]
    specifications: list[dict[str, Any]]
    copies: int
    tags: list[dict[str, str]]
    deployment: dict[str, Any] | None = None
    failure: str | None = None
    created: datetime = field(default_factory=utcnow)
    modified: datetime = field(default_factory=utcnow)

    def on(self, endpoint: str) -> bool:
        """Whether it stands on the endpoint called so."""
        return self.endpoint.endpoint_name == endpoint

    def shown(self) -> dict[str, Any]:
        """What the Describe operation answers."""
        told = {
            "InferenceComponentName": self.name,
            "InferenceComponentArn": self.arn,
            "EndpointName": self.endpoint.endpoint_name,
            "EndpointArn": self.endpoint.arn,
            "VariantName": self.variant,
            "Specification": _described(self.specification) if self.specification else None,
            "Specifications": [_described(each) for each in self.specifications] or None,
            "RuntimeConfig": {"DesiredCopyCount": self.copies, "CurrentCopyCount": self.copies},
            "InferenceComponentStatus": "InService",
            "LastDeploymentConfig": self.deployment,
            "FailureReason": self.failure,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }
        return {key: value for key, value in told.items() if value is not None}


def _described(specification: dict[str, Any]) -> dict[str, Any]:
    """A specification as it is told: an image is shown as what was deployed."""
    container = dict(specification.get("Container") or {})
    shown = {key: value for key, value in specification.items() if key not in ("Container", "DataCacheConfig")}
    if image := container.pop("Image", None):
        container["DeployedImage"] = {"SpecifiedImage": image, "ResolvedImage": image}
    return shown | ({"Container": container} if container else {})


def components(backend: Any) -> dict[str, InferenceComponent]:
    """What a backend has of them, by name; a reset of the backend takes them away."""
    return backend.__dict__.setdefault("inference_components", {})


def component_of(backend: Any, name: str) -> InferenceComponent:
    """The component called so. Raises ValidationError."""
    if name not in components(backend):
        raise ValidationError(f'Could not find inference component "{arn(backend, _KIND, name)}".')
    return components(backend)[name]


def _judge(backend: Any, specification: dict[str, Any], endpoint: Any) -> None:
    """What a specification must say, and what it must find."""
    model, base = specification.get("ModelName"), specification.get("BaseInferenceComponentName")
    if bool(model) == bool((specification.get("Container") or {}).get("Image")) and not base:
        raise ValidationError("A specification names either a ModelName or a Container with an Image.")
    if model and model not in backend._models:
        raise ValidationError(f'Could not find model "{arn(backend, "model", model)}".')
    if base and not component_of(backend, base).on(endpoint.endpoint_name):
        raise ValidationError(f"{base} is on another endpoint.")
    needs = specification.get("ComputeResourceRequirements")
    if not base and not (needs and needs.get("MinMemoryRequiredInMb")):
        raise ValidationError("ComputeResourceRequirements with MinMemoryRequiredInMb is required.")
    if base and needs:
        raise ValidationError("An adapter uses the compute resources of its base inference component.")


def create_inference_component(self: Any) -> ActionResult:
    """CreateInferenceComponent."""
    backend, name = self.sagemaker_backend, self._get_param("InferenceComponentName")
    if name in components(backend):
        raise ValidationError(f'Cannot create already existing inference component "{arn(backend, _KIND, name)}".')
    endpoint = endpoint_of(backend, self._get_param("EndpointName"))
    one, several = self._get_param("Specification"), self._get_param("Specifications")
    if bool(one) == bool(several):
        raise ValidationError("Give either Specification or Specifications.")
    for each in several or [one]:
        _judge(backend, each, endpoint)
    base = one and one.get("BaseInferenceComponentName")
    variant = component_of(backend, base).variant if base else self._get_param("VariantName")
    hosts = {each["VariantName"]: each for each in endpoint.asked["ProductionVariants"]}
    if variant not in hosts:
        raise ValidationError(f'Endpoint "{endpoint.arn}" has no variant "{variant}".')
    if hosts[variant].get("ModelName"):
        raise ValidationError(f'Variant "{variant}" has a model of its own, and hosts no inference components.')
    runtime = self._get_param("RuntimeConfig")
    if not base and not runtime:
        raise ValidationError("RuntimeConfig is required.")
    made = InferenceComponent(
        name=name,
        arn=arn(backend, _KIND, name),
        endpoint=endpoint,
        variant=variant,
        specification=one or {},
        specifications=several or [],
        copies=(runtime or {}).get("CopyCount", 1),
        tags=list(self._get_param("Tags") or []),
    )
    components(backend)[name] = made
    return ActionResult({"InferenceComponentArn": made.arn})


def describe_inference_component(self: Any) -> ActionResult:
    """DescribeInferenceComponent."""
    return ActionResult(component_of(self.sagemaker_backend, self._get_param("InferenceComponentName")).shown())


def list_inference_components(self: Any) -> ActionResult:
    """ListInferenceComponents, of an endpoint, a variant, or by a part of the name."""
    endpoint, variant = self._get_param("EndpointNameEquals"), self._get_param("VariantNameEquals")
    part = self._get_param("NameContains") or ""
    told = ("InferenceComponentName", "InferenceComponentArn", "EndpointName", "EndpointArn", "VariantName")
    found = [
        {key: each.shown()[key] for key in (*told, "InferenceComponentStatus", "CreationTime", "LastModifiedTime")}
        for each in components(self.sagemaker_backend).values()
        if part in each.name and endpoint in (None, each.endpoint.endpoint_name) and variant in (None, each.variant)
    ]
    return ActionResult({"InferenceComponents": found})


def update_inference_component(self: Any) -> ActionResult:
    """UpdateInferenceComponent: copies, and what they run, unless an alarm of the rollback is in ALARM."""
    backend = self.sagemaker_backend
    found = component_of(backend, self._get_param("InferenceComponentName"))
    one, runtime = self._get_param("Specification"), self._get_param("RuntimeConfig")
    deployment = self._get_param("DeploymentConfig") or {}
    names = [each["AlarmName"] for each in (deployment.get("AutoRollbackConfiguration") or {}).get("Alarms") or ()]
    states = sagemaker_serving.alarm_states(backend, names) if names else {}
    if missing := [name for name in names if name not in states]:
        raise ValidationError(f"Could not find alarm(s) {', '.join(missing)} of AutoRollbackConfiguration.")
    if one:
        _judge(backend, one, found.endpoint)
    found.deployment, found.failure, found.modified = deployment or found.deployment, None, utcnow()
    if tripped := [name for name in names if states[name] == "ALARM"]:
        found.failure = f"Deployment was rolled back: alarm(s) {', '.join(tripped)} in ALARM."
        return ActionResult({"InferenceComponentArn": found.arn})
    found.specification = one or found.specification
    found.specifications = self._get_param("Specifications") or found.specifications
    found.copies = (runtime or {}).get("CopyCount", found.copies)
    return ActionResult({"InferenceComponentArn": found.arn})


def update_inference_component_runtime_config(self: Any) -> ActionResult:
    """UpdateInferenceComponentRuntimeConfig: how many copies."""
    found = component_of(self.sagemaker_backend, self._get_param("InferenceComponentName"))
    found.copies, found.modified = self._get_param("DesiredRuntimeConfig")["CopyCount"], utcnow()
    return ActionResult({"InferenceComponentArn": found.arn})


def delete_inference_component(self: Any) -> EmptyResult:
    """DeleteInferenceComponent; one that carries adapters stays."""
    backend = self.sagemaker_backend
    found = component_of(backend, self._get_param("InferenceComponentName"))
    others = components(backend).values()
    if carried := [each.name for each in others if each.specification.get("BaseInferenceComponentName") == found.name]:
        raise ResourceInUseException(f"{found.arn} carries the adapters {', '.join(carried)}")
    del components(backend)[found.name]
    appautoscaling.forget(backend.account_id, backend.region_name, f"{_KIND}/{found.name}")
    return EmptyResult()


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    tagged(f":{_KIND}/", lambda backend, arn: component_of(backend, arn.rpartition("/")[2]))
    for operation in (
        create_inference_component,
        describe_inference_component,
        list_inference_components,
        update_inference_component,
        update_inference_component_runtime_config,
        delete_inference_component,
    ):
        setattr(SageMakerResponse, operation.__name__, operation)
