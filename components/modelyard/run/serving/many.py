"""Many models behind one endpoint: which there are, where each lies, and who may call or read which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from modelyard.build.registry import ModelRegistry
from modelyard.core.access import Statement
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.provenance import artifact_key
from modelyard.run.serving.kinds import MultiModel
from modelyard.run.serving.spec import DeclaredRelease, EndpointSpec

PLACE: Final = "models/"
"""Below which the registry's artifacts lie; what callers name as `TargetModel` begins there."""


@dataclass(frozen=True, slots=True)
class Target:
    """A model that callers may name: a version of the registry, its artifact's SHA-256, and where the file says so."""

    model: str
    version: int
    artifact: str
    written: Source

    @property
    def key(self) -> str:
        """The key of the artifact in the registry's bucket."""
        return artifact_key(self.model, self.artifact)

    @property
    def called(self) -> str:
        """What a call names as `TargetModel`."""
        return self.key.removeprefix(PLACE)


def targets(spec: EndpointSpec) -> dict[str, Target]:
    """The models that callers may name, by name: the release first. Empty for endpoints of one model."""
    served, release = spec.served_by, spec.release
    if not isinstance(served, MultiModel) or not isinstance(release, DeclaredRelease):
        return {}
    return {
        spec.model: Target(spec.model, release.version, served.artifact, spec.source("release.version")),
        **{
            name: Target(each.model or spec.model, each.version, each.artifact, each.source("version"))
            for name, each in served.models.items()
        },
    }


def unknown_models(spec: EndpointSpec, models: Sequence[str]) -> Iterator[Fault]:
    """Models of an endpoint of many that the registry hasn't."""
    if isinstance(spec.served_by, MultiModel):
        for name, each in spec.served_by.models.items():
            if each.model is not None and each.model not in models:
                has = ", ".join(models) or "none"
                problem = "is no model of the registry"
                yield spec.fault(f"served_by.models.{name}.model", problem, f"It has: {has}.", each.model)


def container(served: MultiModel, registry: ModelRegistry) -> dict[str, Any]:
    """The members of a container of many models, but for its environment."""
    return {
        "Image": served.image,
        "Mode": "MultiModel",
        "ModelDataUrl": pulumi.Output.concat("s3://", registry.bucket.bucket, f"/{PLACE}"),
        "MultiModelConfig": {"ModelCacheSetting": "Enabled" if served.cache else "Disabled"},
    }


def nothing_else(found: Mapping[str, Target], registry: ModelRegistry) -> Statement:
    """Keeps the container from every object but the artifacts that the file lists, whatever a call names.

    Source: sagemaker/latest/dg/multi-model-endpoint-security.
    """
    bucket = registry.bucket.arn
    return Statement(
        ("s3:GetObject", "s3:GetObjectVersion"),
        tuple(pulumi.Output.concat(bucket, f"/{target.key}") for target in _by_key(found)),
        effect="Deny",
        sid="OnlyTheListedModels",
        except_resources=True,
    )


def chosen(spec: EndpointSpec, models: Sequence[str] | None) -> dict[str, Target]:
    """Some of the models that callers may name. Absent: all. Raises `InputError` for names that there aren't."""
    found = targets(spec)
    unknown = [name for name in models or () if name not in found]
    if unknown:
        has = ", ".join(found) or "one model, which calls don't name"
        where = spec.source("served_by.models")
        raise InputError(*(Fault("is no model of the endpoint", f"There are: {has}.", where, name) for name in unknown))
    return {name: target for name, target in found.items() if models is None or name in models}


def may_call(endpoint: str, found: Mapping[str, Target]) -> Statement:
    """Lets a caller name these models and no others; `endpoint` is its ARN."""
    names = [target.called for target in _by_key(found)]
    return Statement(("sagemaker:InvokeEndpoint",), (endpoint,), {"StringEquals": {"sagemaker:TargetModel": names}})


def _by_key(found: Mapping[str, Target]) -> list[Target]:
    """Each artifact once; two names may stand for the same."""
    return [target for _, target in sorted({target.key: target for target in found.values()}.items())]
