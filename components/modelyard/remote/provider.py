"""Serves the components to the engine, and tells mistakes in their arguments as what they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

import pulumi
from pulumi.errors import InputPropertiesError, InputPropertyErrorDetails
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from modelyard.core.errors import ModelyardError
from modelyard.remote.components import DataLake, ModelRegistry

NAME: Final = "modelyard"
COMPONENTS: Final[list[type[pulumi.ComponentResource]]] = [DataLake, ModelRegistry]


class Provider(ComponentProvider):
    """Pulumi's own, whose traceback of a user's mistake becomes the mistake's path, value and remedy."""

    def __init__(self) -> None:
        super().__init__(COMPONENTS, NAME, version=version("modelyard"))

    def construct(
        self, name: str, resource_type: str, inputs: Any, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """The component, or every fault of its arguments at once."""
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if not isinstance(error.inner, ModelyardError):
                raise
            faults = [
                InputPropertyErrorDetails(
                    property_path=fault.source.path if fault.source else "", reason=f"{fault.problem}. {fault.remedy}"
                )
                for fault in error.inner.faults
            ]
            raise InputPropertiesError(f"{name} ({resource_type})", faults) from None


def schema() -> dict[str, Any]:
    """The package's schema, from which Pulumi makes its SDKs for other languages."""
    return json.loads(Provider().schema or "{}")


def serve(arguments: Sequence[str]) -> None:
    """Answer the engine until it ends this process."""
    main(Provider(), list(arguments))
