"""Property values as the engine sends them: unknowns, secrets and assets inside plain dicts and lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from modelyard.core.wire import OUTPUT, RESOURCE, SECRET, SIGNATURE, UNKNOWN

Value: TypeAlias = Any
Properties: TypeAlias = dict[str, Value]


def is_secret(value: Value) -> bool:
    """Whether `value` is the engine's wrapper around a secret."""
    return isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET


def secret(value: Value) -> Properties:
    """`value` wrapped as the engine wraps a secret."""
    return {SIGNATURE: SECRET, "value": value}


def plain(value: Value) -> Value:
    """`value` without secret and output wrappers, and whole floats as integers; unknowns stay."""
    if isinstance(value, Mapping):
        signature = value.get(SIGNATURE)
        if signature == SECRET:
            return plain(value["value"])
        if signature == OUTPUT:
            return plain(value["value"]) if "value" in value else UNKNOWN
        if signature == RESOURCE:
            return plain(value["id"]) if value.get("id") else value["urn"]
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def has_unknown(value: Value) -> bool:
    """Whether `value` is not known, in whole or in a part."""
    return _anywhere(value, lambda item: item == UNKNOWN)


def has_secret(value: Value) -> bool:
    """Whether a secret lies anywhere in `value`."""
    return _anywhere(value, is_secret)


def _anywhere(value: Value, found: Callable[[Value], bool]) -> bool:
    if found(value):
        return True
    if isinstance(value, Mapping):
        return any(_anywhere(item, found) for item in value.values())
    return isinstance(value, list) and any(_anywhere(item, found) for item in value)


def keep_secret(outputs: Value, inputs: Value) -> Value:
    """`outputs` with everything secret that is secret in `inputs`, at the same place or, in lists, as a whole."""
    if is_secret(outputs):
        return outputs
    if is_secret(inputs):
        return secret(outputs)
    if isinstance(inputs, Mapping) and isinstance(outputs, Mapping):
        return {key: keep_secret(item, inputs.get(key)) for key, item in outputs.items()}
    return secret(outputs) if has_secret(inputs) else outputs


def same(left: Value, right: Value, *, as_json: bool = False, as_set: bool = False) -> bool:
    """Whether two plain values mean the same: JSON texts by content, sets in any order, unset like empty."""
    if as_json:
        return _canonical(left) == _canonical(right)
    if as_set and isinstance(left, list) and isinstance(right, list):
        return sorted(map(_canonical, left)) == sorted(map(_canonical, right))
    if left in (None, [], {}) and right in (None, [], {}):
        return True
    return left == right


def _canonical(value: Value) -> str:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return json.dumps(value)
    return json.dumps(value, sort_keys=True)
