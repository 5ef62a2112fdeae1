"""The outputs that a resource type always gives, taken from the SDK's own classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from modelyard.core.sdk import Shape, UnknownTypeError, resource_type


@dataclass(frozen=True, slots=True)
class Computed:
    """An output that is always there; `decided` when no input of that name exists, so the provider decides it."""

    shape: Shape
    decided: bool


@cache
def computed_outputs(token: str) -> Mapping[str, Computed]:
    """The outputs by wire name; none for a type that no installed SDK knows."""
    try:
        known = resource_type(token)
    except UnknownTypeError:
        return {}
    return {
        name: Computed(output.shape, name not in known.inputs)
        for name, output in known.outputs.items()
        if output.required
    }
