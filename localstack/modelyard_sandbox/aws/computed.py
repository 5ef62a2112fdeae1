"""Properties that the provider fills in where nobody sets them: leaving one out is no change, at any depth.

The SDK tells them: they may be given, and are always there afterwards (optional and computed, as the real provider's
schema has it). An import finds them, and a program that never spoke of them must not be told that it changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from modelyard.core import sdk
from modelyard.core.sdk import ListOf, ObjectOf, OneOf, Property, Shape

Fields = Mapping[str, Property]


def settled(token: str, prop: str, old: Any, new: Any) -> Any:
    """The `old` value of a property without what the provider filled in and `new` leaves to it."""
    try:
        known = sdk.resource_type(token)
    except sdk.UnknownTypeError:
        return old
    if prop not in known.inputs or prop not in known.outputs:
        return old
    return _settled(known.inputs[prop], known.outputs[prop], old, new)


def _settled(given: Property, found: Property, old: Any, new: Any) -> Any:
    if new is None:
        return None if found.required and not given.required else old
    return _inside(_objects(given.shape), _objects(found.shape), old, new)


def _inside(given: Fields | None, found: Fields | None, old: Any, new: Any) -> Any:
    if given is None or found is None:
        return old
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [_inside(given, found, before, after) for before, after in zip(old, new, strict=True)]
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return old
    result: dict[str, Any] = {}
    for key, value in old.items():
        kept = _settled(given[key], found[key], value, new.get(key)) if key in given and key in found else value
        if kept is not None or key in new:
            result[key] = kept
    return result


def _objects(shape: Shape) -> Fields | None:
    """The fields of the objects that a shape holds, by themselves or in a list; None where it holds none."""
    match shape:
        case ObjectOf():
            return _fields(shape.python_class)
        case ListOf(item):
            return _objects(item)
        case OneOf(options):
            return next((fields for fields in map(_objects, options) if fields is not None), None)
        case _:
            return None


@cache
def _fields(python_class: type) -> Fields:
    return ObjectOf(python_class).fields
