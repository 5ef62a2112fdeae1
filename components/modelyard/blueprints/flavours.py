"""Where parts of a team's file live, as each says by its `flavour`: in AWS' services, or on the platform's cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar, cast

from pydantic import Discriminator, Field, Tag

from modelyard.build.features import FeaturesSpec, KubernetesFeaturesSpec
from modelyard.build.tracking import KubernetesTrackingSpec, TrackingSpec
from modelyard.core.spec import Spec
from modelyard.run.monitoring import KubernetesMonitorsSpec, MonitorsSpec, WatchSpec
from modelyard.run.serving import (
    EndpointSpec,
    KubernetesEndpointSpec,
    KubernetesLanguageModelSpec,
    LanguageModelSpec,
)

S = TypeVar("S", bound=Spec)
FLAVOUR: Final = "flavour"
SAGEMAKER: Final = "sagemaker"
KUBERNETES: Final = "kubernetes"
_AWS: Final = "aws"
_SERVED: Final = ("serving", "language_models")


def _flavour(value: object) -> str:
    """What decides between two specs: what the file says, or the flavour of what was made in Python."""
    if isinstance(value, Mapping):
        return str(cast(Mapping[str, Any], value).get(FLAVOUR, SAGEMAKER))
    return getattr(value, FLAVOUR, SAGEMAKER)


def _placed(value: object) -> str:
    """The same of what has flavours on AWS too, which say more than a word."""
    return KUBERNETES if _flavour(value) == KUBERNETES else _AWS


_BY_PLACE: Final = Discriminator(_placed)
_BY_FLAVOUR: Final = Discriminator(
    _flavour,
    custom_error_type="unknown_choice",
    custom_error_message="is none of the choices",
    custom_error_context={"field": FLAVOUR, "choices": f"{SAGEMAKER} or {KUBERNETES}"},
)


class MonitoringSpec(MonitorsSpec):
    """What is watched of one endpoint: its model's data and quality, and the endpoint itself."""

    flavour: Literal["sagemaker"] = Field(
        default="sagemaker", description="What is watched is an endpoint of SageMaker. A file need not say it."
    )
    watch: WatchSpec = Field(
        default_factory=WatchSpec, description="The endpoint itself: probe, request patterns, cost, page, incidents."
    )


AnyEndpoint = Annotated[
    Annotated[EndpointSpec, Tag(SAGEMAKER)] | Annotated[KubernetesEndpointSpec, Tag(KUBERNETES)], _BY_FLAVOUR
]
AnyLanguageModel = Annotated[
    Annotated[LanguageModelSpec, Tag(SAGEMAKER)] | Annotated[KubernetesLanguageModelSpec, Tag(KUBERNETES)], _BY_FLAVOUR
]
AnyMonitoring = Annotated[
    Annotated[MonitoringSpec, Tag(SAGEMAKER)] | Annotated[KubernetesMonitorsSpec, Tag(KUBERNETES)], _BY_FLAVOUR
]
AnyTracking = Annotated[
    Annotated[TrackingSpec, Tag(_AWS)] | Annotated[KubernetesTrackingSpec, Tag(KUBERNETES)], _BY_PLACE
]
AnyFeatures = Annotated[
    Annotated[FeaturesSpec, Tag(_AWS)] | Annotated[KubernetesFeaturesSpec, Tag(KUBERNETES)], _BY_PLACE
]


def only(kind: type[S], parts: Mapping[str, Spec]) -> dict[str, S]:
    """Those of `parts` that are of one kind, by name."""
    return {name: part for name, part in parts.items() if isinstance(part, kind)}


def watched_as_served(data: Any) -> Any:
    """The document of a team, each entry of `monitoring` with the flavour of what it watches, unless it says one."""
    if not isinstance(data, Mapping):
        return data
    document = cast(Mapping[str, Any], data)
    said = {name: part for field in _SERVED for name, part in _mapping(document.get(field)).items()}
    watched = {
        name: {FLAVOUR: KUBERNETES, **part}
        if isinstance(part, Mapping) and _flavour(said.get(name)) == KUBERNETES
        else part
        for name, part in _mapping(document.get("monitoring")).items()
    }
    return {**document, "monitoring": watched} if watched else document


def _mapping(value: object) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}
