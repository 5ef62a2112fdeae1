"""The container images that a resource runs, wherever its type writes them down."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelyard.assess.graph.values import UNKNOWN, reveal
from modelyard.assess.policy.pods import PODS, STEPS, TRAIN_JOB
from modelyard.assess.policy.rule import Undecided
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import (
    BATCH_JOB,
    CONTAINERS,
    DATA_QUALITY_JOB,
    FUNCTION,
    INFERENCE_COMPONENT,
    MODEL,
    MODEL_BY_CONTROL,
    PIPELINE,
    STATE_MACHINE,
    TRAINING_JOB,
)

_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    MODEL: ("primaryContainer", "containers"),
    MODEL_BY_CONTROL: ("PrimaryContainer", "Containers"),
    INFERENCE_COMPONENT: ("Specification",),
    DATA_QUALITY_JOB: ("dataQualityAppSpecification",),
    "AWS::SageMaker::ModelQualityJobDefinition": ("ModelQualityAppSpecification",),
    "AWS::SageMaker::ModelBiasJobDefinition": ("ModelBiasAppSpecification",),
    "AWS::SageMaker::ModelExplainabilityJobDefinition": ("ModelExplainabilityAppSpecification",),
    FUNCTION: ("imageUri",),
    BATCH_JOB: ("containerProperties", "ecsProperties", "eksProperties", "nodeProperties"),
    CONTAINERS: ("containerDefinitions",),
    STATE_MACHINE: ("definition",),
    PIPELINE: ("pipelineDefinition",),
    TRAINING_JOB: ("algorithmSpecification",),
    **dict.fromkeys((*PODS, *STEPS, TRAIN_JOB), ("spec",)),
}
"""The properties below which a type names images."""
_KEYS: Final = frozenset({"image", "Image", "imageUri", "ImageUri", "trainingImage", "TrainingImage"})
_NOT_BELOW: Final = frozenset({"env", "environment", "Environment", "volumes"})

RUNS_IMAGES: Final = tuple(_PLACES)
"""The types that may run a container."""


def images(subject: Subject) -> Iterator[tuple[str, str]]:
    """Where a resource names an image, and the image. Raises `Undecided` after those that are known.

    An image that a state machine gets with its input is none of the graph's.
    """
    hidden: list[str] = []
    for place in _PLACES[subject.node.kind]:
        value = _read(reveal(subject.get(place)))
        found = [(place, value)] if isinstance(value, str) and place in _KEYS else list(_below(place, value))
        hidden += [path for path, image in found if image is UNKNOWN]
        yield from ((path, image) for path, image in found if isinstance(image, str) and not image.startswith("{%"))
    if hidden:
        raise Undecided(hidden[0])


def _read(value: Any) -> Any:
    """The document that a text is; any other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _below(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    value = reveal(value)
    if isinstance(value, Mapping):
        for key, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            if key in _KEYS and (isinstance(inner, str) or inner is UNKNOWN):
                yield f"{path}.{key}", inner
            elif key not in _NOT_BELOW:
                yield from _below(f"{path}.{key}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            yield from _below(f"{path}[{index}]", inner)
