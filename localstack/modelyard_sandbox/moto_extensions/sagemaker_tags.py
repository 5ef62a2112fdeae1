"""What SageMaker's tags belong to, where moto doesn't know the kind: how a resource is found, by a part of its ARN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.sagemaker.models import SageMakerModelBackend

Find = Callable[[SageMakerModelBackend, str], Any]
"""The resource of an ARN, whose `tags` are a list of keys and values; raises `ResourceNotFound`."""

_KNOWN = SageMakerModelBackend._get_resource_from_arn
_FINDS: dict[str, Find] = {}


def tagged(mark: str, find: Find) -> None:
    """Let resources with `mark` in their ARN, such as `:feature-group/`, have tags; a second time changes nothing."""
    _FINDS[mark] = find
    SageMakerModelBackend._get_resource_from_arn = _found  # type: ignore[method-assign]


def _found(self: SageMakerModelBackend, arn: str) -> Any:
    for mark, find in _FINDS.items():
        if mark in arn:
            return find(self, arn)
    return _KNOWN(self, arn)
