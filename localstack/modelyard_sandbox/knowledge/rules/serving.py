"""SageMaker's hosting: models, configurations of each kind of variant, and how an endpoint goes from one to another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from modelyard_sandbox.knowledge.rules.rule import Condition, Rule, at_most_one, choice, exactly_one, known, matches

_MODEL: Final = "aws:sagemaker/model:Model"
_CONFIG: Final = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
_ENDPOINT: Final = "aws:sagemaker/endpoint:Endpoint"
_STACKED: Final = "AWS::SageMaker::Endpoint"

_API: Final = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/"
_GUIDE: Final = "https://docs.aws.amazon.com/sagemaker/latest/dg/"
_CREATE_MODEL: Final = f"{_API}API_CreateModel.html"
_CREATE_CONFIG: Final = f"{_API}API_CreateEndpointConfig.html"
_CONTAINER: Final = f"{_API}API_ContainerDefinition.html"
_MODEL_DATA: Final = f"{_API}API_S3ModelDataSource.html"
_VARIANT: Final = f"{_API}API_ProductionVariant.html"
_SERVERLESS_SIZE: Final = f"{_API}API_ProductionVariantServerlessConfig.html"
_SCALING: Final = f"{_API}API_ProductionVariantManagedInstanceScaling.html"
_TRAFFIC: Final = f"{_API}API_TrafficRoutingConfig.html"
_BLUE_GREEN: Final = f"{_API}API_BlueGreenUpdatePolicy.html"
_DEPLOYMENT: Final = f"{_API}API_DeploymentConfig.html"
_ROLLING: Final = f"{_API}API_RollingUpdatePolicy.html"
_SERVERLESS: Final = f"{_GUIDE}serverless-endpoints.html"
_SHADOW: Final = f"{_GUIDE}shadow-tests.html"
_ASYNC: Final = f"{_GUIDE}async-inference.html"
_MULTI_MODEL: Final = f"{_GUIDE}create-multi-model-endpoint.html"
_COMPONENTS: Final = f"{_GUIDE}realtime-endpoints-deploy-models.html"

_SIZES: Final = (1024, 2048, 3072, 4096, 5120, 6144)
_ON_INSTANCES: Final = (
    "acceleratorType",
    "containerStartupHealthCheckTimeoutInSeconds",
    "coreDumpConfig",
    "enableSsmAccess",
    "inferenceAmiVersion",
    "initialInstanceCount",
    "instanceType",
    "managedInstanceScaling",
    "modelDataDownloadTimeoutInSeconds",
    "routingConfigs",
    "volumeSizeInGb",
)

# --- models ---------------------------------------------------------------------------------------------------------


def _container(container: Mapping[str, Any]) -> str | None:
    if "image" not in container and "modelPackageName" not in container:
        return "a container needs an image, or a modelPackageName that has one"
    if "modelDataUrl" in container and "modelDataSource" in container:
        return "modelDataUrl and modelDataSource exclude one another"
    return None


def _many(container: Mapping[str, Any]) -> str | None:
    """A container that loads its models when they are asked for, from under a prefix."""
    data = known(container, "modelDataUrl")
    if known(container, "mode") != "MultiModel":
        return "multiModelConfig is for the mode MultiModel" if "multiModelConfig" in container else None
    if "modelDataUrl" not in container:
        return "a container of many models needs modelDataUrl, the prefix that they lie under"
    if data is not None and (not data.startswith("s3://") or data.endswith(".tar.gz")):
        return f"{data!r} is no prefix: many models lie under s3://bucket/prefix/"
    return None


def _source(source: Mapping[str, Any]) -> str | None:
    uri, kind = known(source, "s3Uri"), known(source, "s3DataType")
    if kind == "S3Prefix" and isinstance(uri, str) and not uri.endswith("/"):
        return f"{uri!r} is no prefix: it must end with a slash"
    return None


def _pipeline(model: Mapping[str, Any]) -> str | None:
    containers = known(model, "containers")
    if isinstance(containers, list) and len(containers) > 1:
        names = [each.get("containerHostname") for each in containers if isinstance(each, Mapping)]
        direct = (known(model, "inferenceExecutionConfig") or {}).get("mode") == "Direct"
        if direct and not all(names):
            return "containers that are invoked directly need a containerHostname each"
    elif "inferenceExecutionConfig" in model:
        return "inferenceExecutionConfig says how several containers run"
    return None


# --- configurations -------------------------------------------------------------------------------------------------


def _variants(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    kinds = (known(config, "productionVariants"), known(config, "shadowProductionVariants"))
    return [each for kind in kinds for each in kind or () if isinstance(each, Mapping)]


def _is_serverless(config: Mapping[str, Any]) -> bool:
    return any("serverlessConfig" in each for each in _variants(config))


def _variant(variant: Mapping[str, Any]) -> str | None:
    if "serverlessConfig" not in variant:
        if "instanceType" not in variant:
            return "a variant needs an instanceType or a serverlessConfig"
        return None if "initialInstanceCount" in variant else "a variant on instances needs initialInstanceCount"
    taken = [name for name in _ON_INSTANCES if variant.get(name) not in (None, [], {}, False)]
    if taken:
        return f"{' and '.join(taken)} {'is' if len(taken) == 1 else 'are'} for instances; serverlessConfig has none"
    return None if "modelName" in variant else "a serverless variant needs a model"


def _concurrency(size: Mapping[str, Any]) -> str | None:
    most, warm = known(size, "maxConcurrency"), known(size, "provisionedConcurrency")
    if most is not None and warm is not None and warm > most:
        return f"provisionedConcurrency {warm:g} is above maxConcurrency {most:g}"
    return None


def _names(config: Mapping[str, Any]) -> str | None:
    names = [known(each, "variantName") for each in _variants(config)]
    given = [name for name in names if name]
    return "the names of variants must differ" if len(set(given)) < len(given) else None


def _weights(config: Mapping[str, Any]) -> str | None:
    variants = known(config, "productionVariants") or ()
    given = [each.get("initialVariantWeight", 1) for each in variants if isinstance(each, Mapping)]
    return "the weights of all variants are 0: none takes traffic" if given and not any(given) else None


def _unlike_serverless(config: Mapping[str, Any]) -> str | None:
    if not _is_serverless(config):
        return None
    excluded = ("dataCaptureConfig", "asyncInferenceConfig", "shadowProductionVariants")
    taken = [name for name in excluded if config.get(name)]
    if taken:
        return f"a serverless endpoint takes no {' and no '.join(taken)}"
    return "a serverless endpoint has one variant" if len(_variants(config)) > 1 else None


def _shadow(config: Mapping[str, Any]) -> str | None:
    shadows, variants = known(config, "shadowProductionVariants"), known(config, "productionVariants")
    if not shadows:
        return None
    if len(shadows) > 1 or len(variants or ()) > 1:
        return "a shadow stands beside one production variant, and alone"
    if config.get("asyncInferenceConfig"):
        return "an asynchronous endpoint has no shadow"
    if any("modelName" not in each for each in _variants(config)):
        return "a variant of inference components has no shadow, and is none"
    return None


def _host(config: Mapping[str, Any]) -> str | None:
    without = ["modelName" not in each for each in _variants(config)]
    if any(without) and "executionRoleArn" not in config:
        return (
            "a variant without a model hosts inference components, for which the configuration needs executionRoleArn"
        )
    if any(without) and config.get("asyncInferenceConfig"):
        return "inference components are not invoked asynchronously"
    return "one variant has a model and another none" if any(without) and not all(without) else None


def _range(low: str, high: str) -> Condition:
    def refuses(values: Mapping[str, Any]) -> str | None:
        least, most = known(values, low), known(values, high)
        wrong = least is not None and most is not None and least > most
        return f"{low} {least:g} is above {high} {most:g}" if wrong else None

    return refuses


# --- endpoints ------------------------------------------------------------------------------------------------------


def _share(least: int, most: int) -> Callable[[Mapping[str, Any]], str | None]:
    def refuses(size: Mapping[str, Any]) -> str | None:
        value = known(size, "value")
        if known(size, "type") != "CAPACITY_PERCENT" or value is None or least <= value <= most:
            return None
        return f"{value:g} % is not in {least} to {most} % of the variant's capacity"

    return refuses


def _traffic(routing: Mapping[str, Any]) -> str | None:
    kind = known(routing, "type")
    wanted = {"CANARY": "canarySize", "LINEAR": "linearStepSize"}
    if kind in wanted and wanted[kind] not in routing:
        return f"{kind} needs {wanted[kind]}"
    for of_kind, size in wanted.items():
        if kind is not None and kind != of_kind and size in routing:
            return f"{size} is for {of_kind}, not for {kind}"
    return None


def _time(policy: Mapping[str, Any]) -> str | None:
    """Baking and the wait before the end fit into the whole time."""
    whole, end = known(policy, "maximumExecutionTimeoutInSeconds"), known(policy, "terminationWaitInSeconds") or 0
    routing = known(policy, "trafficRoutingConfiguration") or {}
    wait = known(routing, "waitIntervalInSeconds") or 0
    step = known(routing, "linearStepSize") or {}
    percent = known(step, "value") if known(step, "type") == "CAPACITY_PERCENT" else None
    steps = -(-100 // int(percent)) if known(routing, "type") == "LINEAR" and percent else 1
    if whole is not None and whole <= wait * steps + end:
        return (
            f"maximumExecutionTimeoutInSeconds {whole:g} is not above the waits of {wait:g} in {steps} step(s) and "
            f"of {end:g} before the end"
        )
    return None


def _cased(value: Any) -> Any:
    """CloudFormation's members as Pulumi's properties: `CanarySize` is `canarySize`."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _cased(item) for key, item in value.items()}
    return [_cased(item) for item in value] if isinstance(value, list) else value


def _same(condition: Condition) -> Condition:
    """The condition of Pulumi's properties on CloudFormation's."""
    return lambda value: condition(_cased(value))


def _retained(endpoint: Mapping[str, Any]) -> str | None:
    excluded = endpoint.get("ExcludeRetainedVariantProperties")
    if excluded and endpoint.get("RetainAllVariantProperties") is not True:
        return "ExcludeRetainedVariantProperties is for RetainAllVariantProperties: true"
    return None


_SERVERLESS_AT: Final = "productionVariants[].serverlessConfig"
_TRAFFIC_AT: Final = "deploymentConfig.blueGreenUpdatePolicy.trafficRoutingConfiguration"
_ROLLING_AT: Final = "deploymentConfig.rollingUpdatePolicy"

_DEPLOYMENTS: Final[Sequence[tuple[str, Condition, str]]] = (
    ("deploymentConfig", at_most_one("blueGreenUpdatePolicy", "rollingUpdatePolicy"), _DEPLOYMENT),
    ("deploymentConfig.blueGreenUpdatePolicy", _time, _BLUE_GREEN),
    (_TRAFFIC_AT, _traffic, _TRAFFIC),
    (f"{_TRAFFIC_AT}.canarySize", _share(1, 50), _TRAFFIC),
    (f"{_TRAFFIC_AT}.linearStepSize", _share(10, 50), _TRAFFIC),
    (f"{_ROLLING_AT}.maximumBatchSize", _share(5, 50), _ROLLING),
)
"""What holds of a deployment, whoever makes the endpoint: path, condition, page."""

RULES: Sequence[Rule] = (
    Rule(_MODEL, "", exactly_one("primaryContainer", "containers"), _CREATE_MODEL),
    Rule(_MODEL, "", _pipeline, _CREATE_MODEL),
    *(
        rule
        for container in ("primaryContainer", "containers[]")
        for rule in (
            Rule(_MODEL, container, _container, _CONTAINER),
            Rule(_MODEL, container, _many, _MULTI_MODEL),
            Rule(_MODEL, f"{container}.modelDataSource.s3DataSources[]", _source, _MODEL_DATA),
        )
    ),
    Rule(_CONFIG, "productionVariants[]", _variant, _VARIANT),
    Rule(_CONFIG, "shadowProductionVariants[]", _variant, _VARIANT),
    Rule(_CONFIG, f"{_SERVERLESS_AT}.memorySizeInMb", choice(*_SIZES), _SERVERLESS_SIZE),
    Rule(_CONFIG, _SERVERLESS_AT, _concurrency, _SERVERLESS_SIZE),
    Rule(
        _CONFIG,
        "productionVariants[].managedInstanceScaling",
        _range("minInstanceCount", "maxInstanceCount"),
        _SCALING,
    ),
    Rule(_CONFIG, "", _names, _VARIANT),
    Rule(_CONFIG, "", _weights, _VARIANT),
    Rule(_CONFIG, "", _unlike_serverless, _SERVERLESS),
    Rule(_CONFIG, "", _shadow, _SHADOW),
    Rule(_CONFIG, "", _host, _COMPONENTS),
    Rule(_CONFIG, "kmsKeyArn", matches(r"arn:aws[a-z-]*:kms:.+", "the ARN of a key is needed"), _CREATE_CONFIG),
    Rule(
        _CONFIG,
        "asyncInferenceConfig.outputConfig.s3OutputPath",
        matches(r"s3://[^/]+/?.*", "the output goes to s3://bucket/prefix"),
        _ASYNC,
    ),
    *(Rule(_ENDPOINT, path, condition, source) for path, condition, source in _DEPLOYMENTS),
    *(
        Rule(_STACKED, ".".join(part[0].upper() + part[1:] for part in path.split(".")), _same(condition), source)
        for path, condition, source in _DEPLOYMENTS
    ),
    Rule(_STACKED, "", _retained, f"{_API}API_UpdateEndpoint.html"),
)
