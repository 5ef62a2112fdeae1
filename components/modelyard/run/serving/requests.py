"""What an endpoint asks of SageMaker: requests of its API, from which Pulumi's arguments and the loop's shape come.

One spelling for both, so that what the loop makes of a shape is what a deployment would have made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi

from modelyard.core.releasing import canonical
from modelyard.run.serving.kinds import Asynchronous, Instances, InstanceVariant, Serverless
from modelyard.run.serving.spec import EndpointSpec

SHADOW: Final = "shadow"
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_VERBATIM: Final = ("Environment",)
"""Members whose keys are the user's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where an endpoint's calls and answers lie (`s3://…`), and the keys of its disks and of those places."""

    calls: pulumi.Input[str]
    answers: pulumi.Input[str]
    """Ends with a slash. Empty where the kind leaves none."""
    disks_key: pulumi.Input[str]
    data_key: pulumi.Input[str]


def arguments(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request as Pulumi's arguments: `VolumeSizeInGB` is `volume_size_in_gb`."""
    return {
        _WORDS.sub("_", key).lower(): dict(value) if key in _VERBATIM else _inner(value)
        for key, value in request.items()
    }


def _inner(value: Any) -> Any:
    if isinstance(value, Mapping):
        return arguments(cast("Mapping[str, Any]", value))
    if isinstance(value, list | tuple):
        return [_inner(item) for item in cast("Sequence[Any]", value)]
    return value


def content(*requests: object) -> str:
    """Requests as text that names what they make; what deployment alone knows is left out."""
    return canonical(_known(requests))


def _known(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return None
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_known(item) for item in cast("Sequence[Any]", value)]
    return value


def configuration(spec: EndpointSpec, models: Mapping[str, str], places: Places) -> dict[str, Any]:
    """The request of CreateEndpointConfig without its name; `models` are names of models by part.

    Disks of types with local storage are encrypted by their hardware and take no key; serverless has none.
    """
    asked: dict[str, Any] = {
        "ProductionVariants": [_variant(spec, name, variant, models[name]) for name, variant in spec.variants.items()]
    }
    shadows = _shadows(spec, models)
    if shadows:
        asked["ShadowProductionVariants"] = shadows
    known = spec.instances()
    if known and not any(instance.local_nvme_gb for instance in known):
        asked["KmsKeyId"] = places.disks_key
    if spec.captured is not None and spec.captured.by == "service":
        asked["DataCaptureConfig"] = {
            "EnableCapture": True,
            "InitialSamplingPercentage": spec.captured.percent,
            "DestinationS3Uri": places.calls,
            "KmsKeyId": places.data_key,
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {
                "CsvContentTypes": ["text/csv"],
                "JsonContentTypes": ["application/json"],
            },
        }
    if isinstance(spec.served_by, Asynchronous):
        asked["AsyncInferenceConfig"] = {
            "OutputConfig": {
                "S3OutputPath": places.answers,
                "S3FailurePath": pulumi.Output.concat(places.answers, "failed/"),
                "KmsKeyId": places.data_key,
            },
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": spec.served_by.per_instance},
        }
    return asked


def _variant(spec: EndpointSpec, name: str, variant: InstanceVariant | None, model: str) -> dict[str, Any]:
    served: dict[str, Any] = {"VariantName": name, "ModelName": model}
    if variant is None:
        assert isinstance(spec.served_by, Serverless)
        size: dict[str, Any] = {
            "MemorySizeInMB": spec.served_by.memory_mib,
            "MaxConcurrency": spec.served_by.most_concurrent,
        }
        if spec.served_by.ready:
            size["ProvisionedConcurrency"] = spec.served_by.ready
        return {**served, "InitialVariantWeight": 1.0, "ServerlessConfig": size}
    return {
        **served,
        "InstanceType": variant.instance_type,
        "InitialInstanceCount": variant.instances,
        "InitialVariantWeight": variant.initial_weight,
        **({"VolumeSizeInGB": spec.volume_gib} if spec.volume_gib else {}),
    }


def _shadows(spec: EndpointSpec, models: Mapping[str, str]) -> list[dict[str, Any]]:
    served = spec.served_by
    if not isinstance(served, Instances) or served.shadow is None:
        return []
    (beside,) = served.variants.values()
    return [
        {
            "VariantName": SHADOW,
            "ModelName": models[SHADOW],
            "InstanceType": served.shadow.instance_type,
            "InitialInstanceCount": served.shadow.instances,
            "InitialVariantWeight": beside.initial_weight * served.shadow.percent / 100,
        }
    ]


def answered(spec: EndpointSpec) -> list[str]:
    """What its requests name by what deployment knows: zone and prefix of an asynchronous endpoint's answers, and that
    calls go aside until they are redacted."""
    captured = spec.captured
    aside = captured is not None and captured.redact is not None and captured.by == "service"
    return [
        *(
            [spec.served_by.output.zone, spec.served_by.output.prefix]
            if isinstance(spec.served_by, Asynchronous)
            else []
        ),
        *(["redacted"] if aside else []),
    ]


def not_retained(spec: EndpointSpec) -> tuple[str, ...]:
    """What of its variants an update sets anew: where nothing scales, the counts are the file's."""
    return ("DesiredInstanceCount",) if spec.instances() and not spec.scaled else ()


def own_versions(spec: EndpointSpec) -> dict[str, int]:
    """Versions of the parts that have one of their own; all others serve the release's."""
    found = {
        name: variant.version
        for name, variant in spec.variants.items()
        if variant is not None and variant.version is not None
    }
    if isinstance(spec.served_by, Instances) and spec.served_by.shadow is not None:
        found[SHADOW] = spec.served_by.shadow.version
    return found


def parts(spec: EndpointSpec) -> list[str]:
    """What has a model of its own: each variant, and the shadow."""
    shadowed = isinstance(spec.served_by, Instances) and spec.served_by.shadow is not None
    return [*spec.variants, *([SHADOW] if shadowed else [])]
