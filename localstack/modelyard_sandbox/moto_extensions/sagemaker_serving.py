"""SageMaker's hosting: models, configurations of every kind, and endpoints whose updates keep, shift or roll back.

An update begins with the new configuration's counts and weights, unless the call retains those of the endpoint, and
ends on the old configuration when an alarm of its rollback is in ALARM. Nothing takes time here. A configuration in use
may be deleted, as on AWS, which only warns of it.
Sources: the API reference of UpdateEndpoint and DescribeEndpoint; sagemaker/latest/dg/deployment-guardrails-*,
serverless-endpoints and endpoint-scaling-update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.sagemaker.exceptions import ResourceInUseException, ValidationError
from moto.sagemaker.models import FakeEndpoint, FakeEndpointConfig, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse
from moto.utilities.utils import get_partition

from modelyard_sandbox.moto_extensions import appautoscaling

COUNTS: Final = ("CurrentInstanceCount", "DesiredInstanceCount")
WEIGHTS: Final = ("CurrentWeight", "DesiredWeight")
_RETAINED: Final = {"DesiredInstanceCount": COUNTS, "DesiredWeight": WEIGHTS}
_SHOWN_CONFIG: Final = (
    "ProductionVariants",
    "ShadowProductionVariants",
    "DataCaptureConfig",
    "AsyncInferenceConfig",
    "ExecutionRoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
    "ExplainerConfig",
    "KmsKeyId",
)
_CREATE_MODEL: Final = SageMakerResponse.create_model


def arn(backend: Any, kind: str, name: str) -> str:
    """The ARN of a thing of SageMaker's."""
    place = f"{backend.region_name}:{backend.account_id}"
    return f"arn:{get_partition(backend.region_name)}:sagemaker:{place}:{kind}/{name}"


def alarm_states(backend: Any, names: Iterable[str]) -> dict[str, str]:
    """The states of those alarms that exist."""
    known = cloudwatch_backends[backend.account_id][backend.region_name].alarms
    return {name: known[name].state_value for name in names if name in known}


def endpoint_of(backend: Any, name: str) -> Any:
    """The endpoint called so. Raises ValidationError."""
    if name not in backend.endpoints:
        raise ValidationError(f'Could not find endpoint "{arn(backend, "endpoint", name)}".')
    return backend.endpoints[name]


def _config_of(backend: Any, name: str) -> Any:
    if name not in backend.endpoint_configs:
        found = arn(backend, "endpoint-config", name)
        raise ValidationError(f'Could not find endpoint configuration "{found}".')
    return backend.endpoint_configs[name]


def _given(response: Any, *names: str) -> dict[str, Any]:
    asked = {name: response._get_param(name) for name in names}
    return {name: value for name, value in asked.items() if value is not None}


def _filled(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if value not in (None, [], {})}


# --- models ---------------------------------------------------------------------------------------------------------


def create_model(self: Any) -> ActionResult:
    """CreateModel: one container or several, by an image, or by a version of the registry."""
    backend, name = self.sagemaker_backend, self._get_param("ModelName")
    if name in backend._models:
        raise ValidationError(f'Cannot create already existing model "{arn(backend, "model", name)}".')
    one, several = self._get_param("PrimaryContainer"), self._get_param("Containers")
    if bool(one) == bool(several):
        raise ValidationError("Specify either PrimaryContainer or Containers, and not both.")
    for container in several or [one]:
        if not (container.get("Image") or container.get("ModelPackageName")):
            raise ValidationError("A container needs an Image or a ModelPackageName.")
        _exists_package(backend, container.get("ModelPackageName"))
    answer = _CREATE_MODEL(self)
    made = backend._models[name]
    made.enable_network_isolation = bool(self._get_param("EnableNetworkIsolation"))
    made.inference_execution_config = self._get_param("InferenceExecutionConfig") or None
    return answer


def _exists_package(backend: Any, package: str | None) -> None:
    known = {found.arn for found in backend.model_packages.values()}
    if package and package.startswith(arn(backend, "model-package", "")) and package not in known:
        raise ValidationError(f"Could not find model package {package}")


def describe_model(self: Any) -> ActionResult:
    """DescribeModel."""
    backend, name = self.sagemaker_backend, self._get_param("ModelName")
    if name not in backend._models:
        raise ValidationError(f'Could not find model "{arn(backend, "model", name)}".')
    shown = backend._models[name].response_object
    for container in (shown.get("PrimaryContainer"), *(shown.get("Containers") or ())):
        if container:
            container.setdefault("Mode", "SingleModel")
    return ActionResult(_filled(shown) | {"EnableNetworkIsolation": shown["EnableNetworkIsolation"]})


# --- configurations -------------------------------------------------------------------------------------------------


def create_endpoint_config(self: Any) -> ActionResult:
    """CreateEndpointConfig, with shadow, serverless, asynchronous and captured variants, and some without a model."""
    backend, name = self.sagemaker_backend, self._get_param("EndpointConfigName")
    asked = _given(self, *_SHOWN_CONFIG)
    asked.setdefault("ProductionVariants", [])
    made_arn = arn(backend, "endpoint-config", name)
    if name in backend.endpoint_configs:
        raise ValidationError(f'Cannot create already existing endpoint configuration "{made_arn}".')
    variants = [*asked["ProductionVariants"], *asked.get("ShadowProductionVariants", [])]
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) < len(names):
        raise ValidationError("The names of variants must be unique within an endpoint configuration.")
    for variant in variants:
        _judge_variant(backend, variant, asked)
    config: Any = FakeEndpointConfig(
        account_id=backend.account_id,
        region_name=backend.region_name,
        endpoint_config_name=name,
        production_variants=asked["ProductionVariants"],
        async_inference_config=asked.get("AsyncInferenceConfig", {}),
        data_capture_config=asked.get("DataCaptureConfig", {}),
        tags=self._get_param("Tags"),
        kms_key_id=asked.get("KmsKeyId", ""),
    )
    config.asked = asked
    backend.endpoint_configs[name] = config
    return ActionResult({"EndpointConfigArn": made_arn})


def _judge_variant(backend: Any, variant: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    serverless, name = variant.get("ServerlessConfig"), variant.get("ModelName")
    if bool(serverless) == bool(variant.get("InstanceType")):
        raise ValidationError("A variant has either an InstanceType or a ServerlessConfig.")
    if name is None:
        if not config.get("ExecutionRoleArn"):
            raise ValidationError("Without a ModelName, ExecutionRoleArn of the configuration is required.")
        return
    if name not in backend._models:
        raise ValidationError(f'Could not find model "{arn(backend, "model", name)}".')
    model = backend._models[name]
    containers = model.containers or [model.primary_container]
    if serverless and (model.vpc_config or model.enable_network_isolation):
        raise ValidationError("VpcConfig and network isolation are not supported for serverless endpoints.")
    if serverless and (len(containers) > 1 or containers[0].get("Mode") == "MultiModel"):
        raise ValidationError("Several containers or models are not supported for serverless endpoints.")


def describe_endpoint_config(self: Any) -> ActionResult:
    """DescribeEndpointConfig."""
    config = _config_of(self.sagemaker_backend, self._get_param("EndpointConfigName"))
    of_variant = {"InitialVariantWeight": 1.0}
    shown = dict(config.asked)
    for kind in ("ProductionVariants", "ShadowProductionVariants"):
        shown[kind] = [of_variant | variant for variant in shown.get(kind, [])]
    return ActionResult(
        _filled(shown)
        | {
            "EndpointConfigName": config.endpoint_config_name,
            "EndpointConfigArn": config.endpoint_config_arn,
            "CreationTime": config.creation_time,
        }
    )


# --- endpoints ------------------------------------------------------------------------------------------------------


def _summary(variant: Mapping[str, Any]) -> dict[str, Any]:
    """A variant as an endpoint begins with it."""
    weight, count = variant.get("InitialVariantWeight", 1.0), variant.get("InitialInstanceCount")
    shown = {
        "VariantName": variant["VariantName"],
        **dict.fromkeys(WEIGHTS, weight),
        "ManagedInstanceScaling": variant.get("ManagedInstanceScaling"),
        "RoutingConfig": variant.get("RoutingConfig"),
    }
    if variant.get("ServerlessConfig"):
        of_serverless = dict(variant["ServerlessConfig"])
        shown |= {"CurrentServerlessConfig": of_serverless, "DesiredServerlessConfig": dict(of_serverless)}
    else:
        shown |= dict.fromkeys(COUNTS, 1 if count is None else count)
    return {key: value for key, value in shown.items() if value is not None}


def _serve(endpoint: Any, config: Any) -> None:
    """Bring an endpoint to a configuration, with its counts and weights."""
    endpoint.endpoint_config_name = config.endpoint_config_name
    endpoint.asked = config.asked
    endpoint.production_variants = [_summary(each) for each in config.asked["ProductionVariants"]]
    endpoint.shadow_variants = [_summary(each) for each in config.asked.get("ShadowProductionVariants", [])]
    endpoint.data_capture_config = config.asked.get("DataCaptureConfig", {})
    endpoint.last_modified_time = utcnow()


def create_endpoint(self: Any) -> ActionResult:
    """CreateEndpoint."""
    backend, name = self.sagemaker_backend, self._get_param("EndpointName")
    if name in backend.endpoints:
        raise ValidationError(f'Cannot create already existing endpoint "{arn(backend, "endpoint", name)}".')
    config = _config_of(backend, self._get_param("EndpointConfigName"))
    deployment = self._get_param("DeploymentConfig")
    _judge_alarms(backend, deployment)
    endpoint: Any = FakeEndpoint(
        account_id=backend.account_id,
        region_name=backend.region_name,
        endpoint_name=name,
        endpoint_config_name=config.endpoint_config_name,
        production_variants=[],
        data_capture_config={},
        tags=self._get_param("Tags"),
    )
    _serve(endpoint, config)
    endpoint.deployment = deployment
    backend.endpoints[name] = endpoint
    return ActionResult({"EndpointArn": endpoint.arn})


def describe_endpoint(self: Any) -> ActionResult:
    """DescribeEndpoint."""
    endpoint = endpoint_of(self.sagemaker_backend, self._get_param("EndpointName"))
    capture = endpoint.data_capture_config
    shown = {
        "EndpointName": endpoint.endpoint_name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.endpoint_config_name,
        "EndpointStatus": endpoint.endpoint_status,
        "FailureReason": endpoint.failure_reason,
        "ProductionVariants": endpoint.production_variants,
        "ShadowProductionVariants": endpoint.shadow_variants,
        "AsyncInferenceConfig": endpoint.asked.get("AsyncInferenceConfig"),
        "LastDeploymentConfig": endpoint.deployment,
        "CreationTime": endpoint.creation_time,
        "LastModifiedTime": endpoint.last_modified_time,
    }
    if capture:
        enabled = capture.get("EnableCapture", False)
        shown["DataCaptureConfig"] = {
            "EnableCapture": enabled,
            "CaptureStatus": "Started" if enabled else "Stopped",
            "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
            "DestinationS3Uri": capture["DestinationS3Uri"],
            "KmsKeyId": capture.get("KmsKeyId", ""),
        }
    return ActionResult(_filled(shown))


def update_endpoint(self: Any) -> ActionResult:
    """UpdateEndpoint; see the module."""
    backend = self.sagemaker_backend
    endpoint = endpoint_of(backend, self._get_param("EndpointName"))
    config = _config_of(backend, self._get_param("EndpointConfigName"))
    retains = self._get_param("RetainAllVariantProperties")
    excluded = [each["VariantPropertyType"] for each in self._get_param("ExcludeRetainedVariantProperties") or ()]
    if excluded and not retains:
        raise ValidationError("ExcludeRetainedVariantProperties needs RetainAllVariantProperties.")
    deployment = self._get_param("DeploymentConfig")
    if deployment is None and self._get_param("RetainDeploymentConfig"):
        deployment = endpoint.deployment
    tripped = _judge_alarms(backend, deployment)
    _judge_change(backend, endpoint, config, deployment)
    endpoint.deployment, endpoint.failure_reason = deployment, None
    if tripped:
        endpoint.failure_reason = f"Deployment was rolled back: alarm(s) {', '.join(tripped)} in ALARM."
        endpoint.last_modified_time = utcnow()
        return ActionResult({"EndpointArn": endpoint.arn})
    before = {variant["VariantName"]: variant for variant in endpoint.production_variants}
    _serve(endpoint, config)
    if retains:
        kept = [prop for kind, props in _RETAINED.items() if kind not in excluded for prop in props]
        for variant in endpoint.production_variants:
            old = before.get(variant["VariantName"], {})
            variant |= {prop: old[prop] for prop in kept if prop in old and prop in variant}
    return ActionResult({"EndpointArn": endpoint.arn})


def _judge_alarms(backend: Any, deployment: Mapping[str, Any] | None) -> list[str]:
    """The alarms of a rollback that are in ALARM; all of them exist."""
    asked = ((deployment or {}).get("AutoRollbackConfiguration") or {}).get("Alarms") or ()
    names = [alarm["AlarmName"] for alarm in asked]
    states = alarm_states(backend, names) if names else {}
    if missing := [name for name in names if name not in states]:
        raise ValidationError(f"Could not find alarm(s) {', '.join(missing)} of AutoRollbackConfiguration.")
    return [name for name in names if states[name] == "ALARM"]


def _judge_change(backend: Any, endpoint: Any, config: Any, deployment: Mapping[str, Any] | None) -> None:
    """What stands against going from an endpoint's configuration to another."""
    old = {each["VariantName"]: each for each in endpoint.asked["ProductionVariants"]}
    new = {each["VariantName"]: each for each in config.asked["ProductionVariants"]}
    changed = [name for name, each in old.items() if each.get("InstanceType") != new.get(name, {}).get("InstanceType")]
    scaling = applicationautoscaling_backends[backend.account_id][backend.region_name]
    registered = {resource for _, resource, _ in appautoscaling.scaled(scaling)}
    held = [name for name in changed if f"endpoint/{endpoint.endpoint_name}/variant/{name}" in registered]
    if held:
        raise ValidationError(
            f"The variant(s) {', '.join(held)} must be deregistered as scalable targets of Application Auto Scaling "
            "before they can be removed or have their instance type modified."
        )
    if deployment and set(old) != set(new):
        raise ValidationError("A deployment configuration needs the same variant names in both configurations.")
    if (deployment or {}).get("RollingUpdatePolicy") and (
        len(new) > 1 or any(each.get("ServerlessConfig") for each in new.values())
    ):
        raise ValidationError("A rolling deployment takes one variant, on instances.")


def update_endpoint_weights_and_capacities(
    self: Any, endpoint_name: str, desired_weights_and_capacities: list[dict[str, Any]]
) -> str:
    """UpdateEndpointWeightsAndCapacities: what a variant's entry doesn't speak of stays."""
    endpoint = endpoint_of(self, endpoint_name)
    known = {each["VariantName"]: each for each in (*endpoint.production_variants, *endpoint.shadow_variants)}
    names = [each["VariantName"] for each in desired_weights_and_capacities]
    if len(set(names)) < len(names):
        raise ValidationError("The variant names of a request must be unique.")
    if missing := [name for name in names if name not in known]:
        raise ValidationError(
            f'The variant name(s) "{", ".join(missing)}" is/are not present within endpoint configuration '
            f'"{endpoint.endpoint_config_name}".'
        )
    for each in desired_weights_and_capacities:
        variant, of_serverless = known[each["VariantName"]], each.get("ServerlessUpdateConfig")
        if each.get("DesiredWeight") is not None:
            variant |= dict.fromkeys(WEIGHTS, each["DesiredWeight"])
        if each.get("DesiredInstanceCount") is not None:
            if "CurrentServerlessConfig" in variant:
                raise ValidationError("A serverless variant has no instances.")
            variant |= dict.fromkeys(COUNTS, each["DesiredInstanceCount"])
        if of_serverless:
            config = {**variant.get("CurrentServerlessConfig", {}), **of_serverless}
            variant |= {"CurrentServerlessConfig": config, "DesiredServerlessConfig": dict(config)}
    endpoint.last_modified_time = utcnow()
    return endpoint.arn


def delete_endpoint(self: Any) -> EmptyResult:
    """DeleteEndpoint, whose variants are scaled no more; one with inference components stays."""
    backend, name = self.sagemaker_backend, self._get_param("EndpointName")
    endpoint = endpoint_of(backend, name)
    held = [each for each in getattr(backend, "inference_components", {}).values() if each.on(name)]
    if held:
        raise ResourceInUseException(f"{endpoint.arn} hosts {len(held)} inference components: delete them first.")
    del backend.endpoints[name]
    appautoscaling.forget(backend.account_id, backend.region_name, f"endpoint/{name}")
    return EmptyResult()


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    FakeEndpointConfig.validate_production_variants = lambda self, production_variants: None  # type: ignore[method-assign]
    SageMakerModelBackend.update_endpoint_weights_and_capacities = update_endpoint_weights_and_capacities  # type: ignore[method-assign]
    for operation in (
        create_model,
        describe_model,
        create_endpoint_config,
        describe_endpoint_config,
        create_endpoint,
        describe_endpoint,
        update_endpoint,
        delete_endpoint,
    ):
        setattr(SageMakerResponse, operation.__name__, operation)
