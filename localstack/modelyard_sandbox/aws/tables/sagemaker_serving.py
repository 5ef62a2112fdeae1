"""SageMaker's hosting: models, endpoint configurations, endpoints, and what only Cloud Control makes of them.

A model and a configuration never change but for their tags. pulumi-aws's endpoint goes to a new configuration in
place, with that one's counts and weights; CloudFormation's may retain the endpoint's.
Sources: the SageMaker API reference, AWSCloudFormation/latest/TemplateReference/AWS_SageMaker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Call, Name, Tags, Type, fields
from modelyard_sandbox.aws.tables.handlers import called, controlled, known_to

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_TAGS: Final = Tags("list_tags", "add_tags", "delete_tags", {"ResourceArn": "arn"}, on_create="Tags")
_GONE: Final = ("ValidationException",)
_DATA: Final = ("modelDataSource", "additionalModelDataSources")
_MODEL_NAMES: Final = {
    f"{place}.{data}.s3DataSources": "S3DataSource[]" for place in ("primaryContainer", "containers") for data in _DATA
}

MODEL = Type(
    "aws:sagemaker/model:Model",
    "sagemaker",
    fields=fields("containers", "enableNetworkIsolation", "executionRoleArn", "inferenceExecutionConfig")
    | fields("primaryContainer", "vpcConfig", arn="ModelArn", name="ModelName")
    | _MODEL_NAMES,
    id="name",
    name=Name("name", limit=63),
    defaults={"enableNetworkIsolation": False},
    computed=("arn",),
    create=Call("create_model"),
    read=Call("describe_model", {"ModelName": "id"}, fill=False),
    delete=Call("delete_model", {"ModelName": "id"}, fill=False),
    kept=("inferenceExecutionConfig",),
    assumed={"primaryContainer.mode": "SingleModel"},
    gone=_GONE,
    tags=_TAGS,
)

_VARIANTS: Final = ("productionVariants", "shadowProductionVariants")
_CONFIG_NAMES: Final = {
    **{f"{variants}.serverlessConfig.memorySizeInMb": "MemorySizeInMB" for variants in _VARIANTS},
    **{f"{variants}.volumeSizeInGb": "VolumeSizeInGB" for variants in _VARIANTS},
    **{f"{variants}.routingConfigs": "RoutingConfig[]" for variants in _VARIANTS},
    **{f"{variants}.enableSsmAccess": "EnableSSMAccess" for variants in _VARIANTS},
    "asyncInferenceConfig.outputConfig.notificationConfig.includeInferenceResponseIns": "IncludeInferenceResponseIn",
}

CONFIGURATION = Type(
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
    "sagemaker",
    fields=fields("asyncInferenceConfig", "dataCaptureConfig", "executionRoleArn", *_VARIANTS)
    | {"arn": "EndpointConfigArn", "kmsKeyArn": "KmsKeyId", "name": "EndpointConfigName"}
    | _CONFIG_NAMES,
    id="name",
    name=Name("name", limit=63, prefix="namePrefix"),
    computed=("arn",),
    create=Call("create_endpoint_config"),
    read=Call("describe_endpoint_config", {"EndpointConfigName": "id"}, fill=False),
    delete=Call("delete_endpoint_config", {"EndpointConfigName": "id"}, fill=False),
    gone=_GONE,
    tags=_TAGS,
)

ENDPOINT = Type(
    "aws:sagemaker/endpoint:Endpoint",
    "sagemaker",
    fields=fields("deploymentConfig", "endpointConfigName", arn="EndpointArn", name="EndpointName"),
    id="name",
    name=Name("name", limit=63),
    computed=("arn",),
    create=Call("create_endpoint"),
    read=Call("describe_endpoint", {"EndpointName": "id"}, fill=False),
    update=Call("update_endpoint", {"EndpointName": "id"}, on=("deploymentConfig", "endpointConfigName")),
    delete=Call("delete_endpoint", {"EndpointName": "id"}, fill=False),
    gone=_GONE,
    tags=_TAGS,
)

TYPES = (MODEL, CONFIGURATION, ENDPOINT)


def _component(live: Live) -> dict[str, Any]:
    """An inference component as CloudFormation shows it."""
    found = live.call("describe_inference_component", InferenceComponentName=called(live))
    return {**found, "DeploymentConfig": found.get("LastDeploymentConfig")}


def _update_component(live: Live) -> None:
    """A new specification and new copies in one call; copies alone by the call that replaces nothing."""
    operation, changed = "update_inference_component", live.changed
    copies = {key: count for key, count in (live.inputs.get("RuntimeConfig") or {}).items() if key == "CopyCount"}
    if changed & {"Specification", "Specifications", "DeploymentConfig"}:
        parts = {**live.inputs, "InferenceComponentName": called(live), "RuntimeConfig": copies or None}
        live.call(operation, **known_to(live, operation, parts))
    elif "RuntimeConfig" in changed and copies:
        live.call(f"{operation}_runtime_config", InferenceComponentName=called(live), DesiredRuntimeConfig=copies)


CLOUDFORMATION: Final = (
    controlled(
        "AWS::SageMaker::Endpoint",
        named="EndpointName",
        create="create_endpoint",
        read="describe_endpoint",
        update="update_endpoint",
        delete="delete_endpoint",
    ),
    controlled(
        "AWS::SageMaker::EndpointConfig",
        named="EndpointConfigName",
        create="create_endpoint_config",
        read="describe_endpoint_config",
        delete="delete_endpoint_config",
    ),
    controlled(
        "AWS::SageMaker::InferenceComponent",
        named="InferenceComponentName",
        create="create_inference_component",
        read=_component,
        update=_update_component,
        delete="delete_inference_component",
    ),
)
"""CloudFormation's configuration has what pulumi-aws's lacks: a VPC and isolation for variants without a model."""
